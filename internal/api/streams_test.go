package api

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/places"
)

// TestStreamsHavePlaces: a stream holds a place until its exchange ends, whichever
// way, and one more is refused before its body is read if its headers ask for one.
func TestStreamsHavePlaces(t *testing.T) {
	inside, done := make(chan struct{}), make(chan struct{})
	stream := Route{Method: http.MethodPost, Path: "/stream", Policy: AppKey, Handle: func(x *Exchange) error {
		call := x.Call()
		if _, err := x.ReadJSON(x.Context()); err != nil {
			return err
		}
		err := x.Streams(call, Queued, KeepAlive)
		if err == nil {
			err = x.enterStreams() // again: it is one place all the same
		}
		if err != nil {
			return err
		}
		if x.R.Header.Get("X-Stays") != "" {
			inside <- struct{}{}
			<-done
		}
		return &fairlead.Error{Kind: fairlead.Invalid, Code: "done", Message: "done"}
	}}
	s := newSetting(t, stream)
	s.config.Streams = places.New(1, nil)
	ask := func(header string) *httptest.ResponseRecorder {
		body := &watchedBody{Reader: strings.NewReader("{}")}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/stream", body)
		r.Header.Set("X-Api-Key", goodKey)
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		w.Header().Set("X-Read", strconv.FormatBool(body.read))
		return w
	}
	if w := ask("X-None: "); w.Code != http.StatusBadRequest {
		t.Fatalf("alone: status %d, %s", w.Code, w.Body)
	}
	go ask("X-Stays: yes")
	<-inside
	for header, read := range map[string]string{"X-None: ": "true", "Accept: text/event-stream": "false"} {
		w := ask(header)
		if got := w.Header().Get("X-Read"); got != read {
			t.Errorf("%q: the body was read: %s, want %s", header, got, read)
		}
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "too_many_streams") || w.Header().Get("Retry-After") == "" {
			t.Errorf("%q without a place: status %d, %s, headers %v", header, w.Code, w.Body, w.Header())
		}
	}
	if got, want := s.config.Streams.Stats(), (places.Stats{Limit: 1, Taken: 1, Most: 1, Refused: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	close(done)
	for end := time.Now().Add(5 * time.Second); s.config.Streams.Full() && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	if w := ask("Accept: text/event-stream"); w.Code != http.StatusBadRequest {
		t.Errorf("after it: status %d, %s", w.Code, w.Body)
	}
	if got := s.config.Streams.Stats().Taken; got != 0 {
		t.Errorf("%d places are taken at the end", got)
	}
}

// watchedBody notes whether it was read.
type watchedBody struct {
	*strings.Reader

	read bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.read = true
	return b.Reader.Read(p)
}

// TestWhenABodyIsDue: silence has its time, and a trickle has to come to something.
func TestWhenABodyIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for _, c := range []struct {
			after time.Duration
			bytes int
			want  time.Duration // since it began
		}{
			{0, 0, bodyProgress},
			{19 * time.Second, 1, bodyProgress + time.Second/bodyRate},
			{19 * time.Second, 19, bodyProgress + 19*time.Second/bodyRate},
			{time.Second, 1 << 20, time.Second + bodyProgress},
			{30 * time.Second, 10 * bodyRate, 30 * time.Second},
			{30 * time.Second, 30 * bodyRate, 50 * time.Second},
			{time.Hour, 32 << 20, time.Hour + bodyProgress},
		} {
			if rest := c.after - time.Since(began); rest > 0 {
				<-time.After(rest)
			}
			if got := due(time.Now().Add(-c.after), int64(c.bytes)).Sub(time.Now().Add(-c.after)); got != c.want {
				t.Errorf("%d bytes after %v: due after %v, want %v", c.bytes, c.after, got, c.want)
			}
		}
	})
}

// TestRefusalAtTheDoor is in the shape of the face that the path belongs to.
func TestRefusalAtTheDoor(t *testing.T) {
	s := newSetting(t)
	e := fairlead.NewBusy("too_many_connections", "full", 3*time.Second)
	for path, face := range map[string]string{"/chat/completion": "native", "/v1/models": "openai", "": "native"} {
		r := &http.Request{Method: http.MethodGet}
		if path != "" {
			r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		}
		resp := s.Refusal(r, e)
		body := make([]byte, resp.ContentLength)
		if _, err := resp.Body.Read(body); err != nil {
			t.Fatal(err)
		}
		id := resp.Header.Get("X-Request-Id")
		if want := `["` + face + `","too_many_connections","` + id + `"]`; string(body) != want || id == "" {
			t.Errorf("%s: got %s, want %s", path, body, want)
		}
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "3" || resp.Header.Get("X-Should-Retry") != "true" {
			t.Errorf("%s: %d, %v", path, resp.StatusCode, resp.Header)
		}
	}
	if len(s.refused) != 3 {
		t.Errorf("counted %q", s.refused)
	}
}
