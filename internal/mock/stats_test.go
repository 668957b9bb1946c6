package mock_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/fairleadhq/fairlead/internal/mock"
)

func TestStatsTellWhatCame(t *testing.T) {
	m, url := serve(t, mock.Options{Key: "sesame"})
	body := `{"model":"one","max_tokens":5,` + user + `}`
	for range 2 {
		r := request(t, http.MethodPost, url+"/v1/messages?beta=true", body)
		r.Header.Set("X-Api-Key", "sesame")
		r.Header.Set("Anthropic-Beta", "new-things")
		send(t, r)
	}
	got := m.Stats()
	if got.Total != 2 || got.Paths["/v1/messages"] != 2 || got.Models["one"].Total != 2 || got.InFlight != 0 || got.MostInFlight != 1 {
		t.Errorf("got %+v", got)
	}
	if last := got.Last; string(last.Body) != body || last.Query != "beta=true" || last.Header.Get("Anthropic-Beta") != "new-things" || last.Header.Get("X-Api-Key") != "sesame" {
		t.Errorf("last call: %+v", last)
	}

	r := request(t, http.MethodGet, url+"/mock/stats", "")
	r.Header.Set("Authorization", "Bearer sesame")
	a := send(t, r)
	if at(t, a.body, "total") != 2.0 || at(t, a.body, "models", "one", "total") != 2.0 || text(t, a.body, "last_body") != body {
		t.Errorf("stats: %s", a.body)
	}
	if strings.Contains(a.body, "sesame") {
		t.Errorf("stats show the key: %s", a.body)
	}

	r = request(t, http.MethodPost, url+"/mock/reset", "")
	r.Header.Set("Authorization", "Bearer sesame")
	send(t, r)
	if got := m.Stats(); got.Total != 0 || got.MostInFlight != 0 || len(got.Models) != 0 || len(got.Paths) != 0 || got.Last.Path != "" {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestMostInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := mock.New(mock.Options{})
		var all sync.WaitGroup
		play := func(model string, n int) {
			for range n {
				all.Go(func() { timed(t.Context(), t, m, forms()[0], model) })
			}
			synctest.Wait()
		}
		play("mock+delay=10", 3)
		play("mock+delay=20", 4)
		if got := m.Stats(); got.InFlight != 7 || got.Models["mock+delay=10"].InFlight != 3 {
			t.Errorf("in flight %d, %d; want 7, 3", got.InFlight, got.Models["mock+delay=10"].InFlight)
		}
		m.Reset()
		if got := m.Stats(); got.InFlight != 7 || got.MostInFlight != 7 {
			t.Errorf("a reset leaves %d in flight, most %d; want 7, 7", got.InFlight, got.MostInFlight)
		}
		play("mock+delay=20", 1)
		all.Wait()
		got := m.Stats()
		if got.InFlight != 0 || got.MostInFlight != 8 || got.Models["mock+delay=20"].InFlight != 0 || got.Aborted != 0 {
			t.Errorf("at the end: %+v", got)
		}
	})
}

// TestOneAfterTheOtherIsOneInFlight: whoever has read the whole answer and
// then asks again is never counted twice, however the answer is given.
func TestOneAfterTheOtherIsOneInFlight(t *testing.T) {
	m := mock.New(mock.Options{})
	server := httptest.NewServer(m)
	defer server.Close()
	for range 20 {
		for _, f := range forms() {
			f.ask(t, server.URL, "mock")
			f.ask(t, server.URL, "mock+500")
		}
	}
	if got := m.Stats().MostInFlight; got != 1 {
		t.Errorf("most in flight %d, want 1", got)
	}
}

func TestLogHoldsNoPrompt(t *testing.T) {
	var logged bytes.Buffer
	m := mock.New(mock.Options{Log: slog.New(slog.NewJSONHandler(&logged, nil)), Key: "k3y"})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions",
		strings.NewReader(`{"model":"mock","messages":[{"role":"user","content":"canary"}]}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer k3y")
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	if body, _ := io.ReadAll(w.Result().Body); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, body)
	}
	if line := logged.String(); !strings.Contains(line, `"outcome":"answered"`) || strings.Contains(line, "canary") || strings.Contains(line, "k3y") {
		t.Errorf("logged %s", line)
	}
}
