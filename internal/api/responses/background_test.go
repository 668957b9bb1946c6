package responses_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
)

// status is how far a response of app a has come.
func (s *service) status(id string) string {
	s.t.Helper()
	_, text := s.do("a", http.MethodGet, path+"/"+id, "")
	_, after, _ := strings.Cut(text, `"status":"`)
	status, _, _ := strings.Cut(after, `"`)
	return status
}

func TestBackground(t *testing.T) {
	model := &speaker{words: 2, steps: make(chan struct{})}
	s := start(t, model)
	status, text := s.do("a", http.MethodPost, path, `{"input":"hello","background":true}`)
	id := idOf(t, text)
	if status != http.StatusOK || !strings.Contains(text, `"status":"queued"`) || !strings.Contains(text, `"background":true`) {
		t.Fatalf("%d %s", status, text)
	}
	eventually(t, "it is in progress", func() bool { return s.status(id) == "in_progress" })
	if strings.Contains(string(model.request().Body), "background") || !model.request().Envelope.Stream {
		t.Errorf("sent upstream: %s", model.request().Body)
	}
	if e := s.records.count(); e != 0 {
		t.Errorf("%d records of a call that runs", e)
	}
	model.steps <- struct{}{}
	model.steps <- struct{}{}
	eventually(t, "it is completed", func() bool { return s.status(id) == "completed" })
	if _, text = s.do("a", http.MethodGet, path+"/"+id, ""); !strings.Contains(text, strings.Repeat("word ", 2)) || !strings.Contains(text, `"background":true`) {
		t.Errorf("got %s", text)
	}
	if status, text = s.do("a", http.MethodPost, path+"/"+id+"/cancel", ""); status != http.StatusOK || !strings.Contains(text, `"status":"completed"`) {
		t.Errorf("cancelled when it had ended: %d %s", status, text)
	}
	if status, _ = s.do("a", http.MethodGet, path+"/"+id+"?stream=true", ""); status != http.StatusBadRequest {
		t.Errorf("it was no stream: %d", status)
	}
	eventually(t, "one record", func() bool { return s.records.count() == 1 })
}

// A stream in the background goes on when its client has gone, and is read on from
// any event, by several at once.
func TestBackgroundStream(t *testing.T) {
	model := &speaker{words: 3, steps: make(chan struct{})}
	s := start(t, model)
	ctx, leave := context.WithCancel(t.Context())
	answer := s.open(ctx, "a", http.MethodPost, path, `{"input":"hello","background":true,"stream":true}`)
	defer answer.Body.Close()
	reader := bufio.NewReader(answer.Body)
	for line := ""; !strings.HasPrefix(line, "data: "); {
		var err error
		if line, err = reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	model.steps <- struct{}{}
	leave()
	id := model.request().AnswerID
	read := make(chan string, 2)
	for range 2 {
		resumed := s.open(t.Context(), "a", http.MethodGet, path+"/"+id+"?stream=true&starting_after=0", "")
		go func() {
			defer resumed.Body.Close()
			all, _ := io.ReadAll(resumed.Body)
			read <- strings.ReplaceAll(string(all), ": keep-alive\n\n", "")
		}()
	}
	model.steps <- struct{}{}
	model.steps <- struct{}{}
	background := strings.NewReplacer(`}]}]}`, `}]}],"background":true}`).Replace(wantStream(id, 3))
	_, want, _ := strings.Cut(background, "\n\n")
	for range 2 {
		if got := <-read; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if model.hasLeft() {
		t.Error("its client has ended it")
	}
	for query, wantStatus := range map[string]int{
		"?stream=true&starting_after=-1": 400, "?stream=true&starting_after=x": 400, "?stream=true&starting_after=99": 400,
		"?stream=true&starting_after=3": 200, "?stream=true": 200,
	} {
		if status, text := s.do("a", http.MethodGet, path+"/"+id+query, ""); status != wantStatus {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
}

func TestBackgroundCancel(t *testing.T) {
	for _, stream := range []string{"true", "false"} {
		model := &speaker{words: 3, steps: make(chan struct{})}
		s := start(t, model)
		ctx, leave := context.WithCancel(t.Context())
		answer := s.open(ctx, "a", http.MethodPost, path, `{"background":true,"stream":`+stream+`}`)
		eventually(t, "it is begun", func() bool { return model.request() != nil })
		id := model.request().AnswerID
		for range 2 {
			if status, text := s.do("a", http.MethodPost, path+"/"+id+"/cancel", ""); status != http.StatusOK || !strings.Contains(text, `"status":"cancelled"`) {
				t.Errorf("%d %s", status, text)
			}
		}
		eventually(t, "the work ends", model.hasLeft)
		if got := s.status(id); got != "cancelled" {
			t.Errorf("status %s", got)
		}
		if status, text := s.do("a", http.MethodPost, path, `{"previous_response_id":"`+id+`"}`); status != http.StatusBadRequest {
			t.Errorf("continued: %d %s", status, text)
		}
		leave()
		answer.Body.Close()
	}
}

func TestBackgroundDelete(t *testing.T) {
	model := &speaker{words: 3, steps: make(chan struct{})}
	s := start(t, model)
	id := s.made(`{"background":true}`)
	eventually(t, "it is begun", func() bool { return model.request() != nil })
	if status, text := s.do("a", http.MethodDelete, path+"/"+id, ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	eventually(t, "the work ends", model.hasLeft)
	if status, _ := s.do("a", http.MethodGet, path+"/"+id, ""); status != http.StatusNotFound {
		t.Errorf("it is there: %d", status)
	}
}

func TestBackgroundFails(t *testing.T) {
	model := &speaker{words: 1, fails: &fairlead.Error{Kind: fairlead.Upstream, Code: "c", Message: "It broke off"}}
	s := start(t, model)
	id := s.made(`{"background":true}`)
	eventually(t, "it has failed", func() bool { return s.status(id) == "failed" })
	_, text := s.do("a", http.MethodPost, path, `{"background":true,"stream":true}`)
	if !strings.Contains(text, "event: error\n") || !strings.Contains(text, "event: response.failed\n") || strings.Count(text, "It broke off") != 3 {
		t.Errorf("got %s", text)
	}
}

// A drain waits for what is in the background, and what does not end in time has
// failed.
func TestBackgroundAndDrain(t *testing.T) {
	model := &speaker{words: 3, steps: make(chan struct{})}
	s := start(t, model)
	id := s.made(`{"background":true}`)
	eventually(t, "it is begun", func() bool { return model.request() != nil })
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() { s.gateway.Drain(ctx); close(drained) }()
	eventually(t, "it drains", func() bool { return s.gateway.Ready() != nil })
	if status, text := s.do("a", http.MethodPost, path, `{"background":true}`); status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", status, text)
	}
	select {
	case <-drained:
		t.Error("it did not wait")
	default:
	}
	cancel()
	<-drained
	if got := s.status(id); got != "failed" {
		t.Errorf("status %s", got)
	}
}
