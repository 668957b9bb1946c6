package responses_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/replay"
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

// TestBackgroundWithoutRoom: one whose events there is no room for is refused, and leaves
// nothing.
func TestBackgroundWithoutRoom(t *testing.T) {
	s := start(t, &speaker{words: 1})
	for range 8 << 20 / replay.MinBudget {
		log, err := s.logs.Open("b", "", replay.Options{})
		if err != nil {
			break
		}
		defer log.Close(nil)
	}
	status, text := s.do("a", http.MethodPost, path, `{"background":true,"stream":true}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, `"code":"replay_full"`) {
		t.Errorf("%d %s", status, text)
	}
	if _, left := s.store.left(t); left != 0 {
		t.Errorf("%d rows are left", left)
	}
}

// TestBackgroundFlood: who is acknowledged has a place in the queue, and who has none is
// told so and leaves nothing.
func TestBackgroundFlood(t *testing.T) {
	const slots, places, calls = 20, 50, 120
	for _, stream := range []string{"false", "true"} {
		model := &speaker{words: 1, steps: make(chan struct{})}
		s := start(t, model)
		answers := make(chan *http.Response, calls)
		for range calls {
			go func() {
				answers <- s.open(t.Context(), "a", http.MethodPost, path, `{"background":true,"stream":`+stream+`}`)
			}()
		}
		// Of the streams those in the queue are told the head now and then.
		taken := 0
		for range calls {
			answer := <-answers
			defer answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				taken++
				continue
			}
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), `"code":"queue_full`) ||
				answer.Header.Get("Retry-After") == "" {
				t.Errorf("stream %s: %d %s, %v", stream, answer.StatusCode, text, err)
			}
		}
		if put, left := s.store.left(t); taken != slots+places || put != calls || left != taken {
			t.Errorf("stream %s: %d were acknowledged, %d of %d rows are left", stream, taken, left, put)
		}
		close(model.steps)
		eventually(t, "all have ended", func() bool { return s.records.count() == calls })
		if failed := s.store.in(t, fairlead.ResponseFailed); failed != 0 {
			t.Errorf("stream %s: %d have failed", stream, failed)
		}
	}
}

// TestBackgroundRefused: what can't be begun is told as it is, and leaves nothing.
func TestBackgroundRefused(t *testing.T) {
	s := start(t, &speaker{words: 1, cannot: &fairlead.Error{Kind: fairlead.Invalid, Code: "untranslatable_field", Message: "x"}})
	for _, stream := range []string{"false", "true"} {
		status, text := s.do("a", http.MethodPost, path, `{"background":true,"stream":`+stream+`}`)
		if status != http.StatusBadRequest || !strings.Contains(text, "untranslatable_field") {
			t.Errorf("stream %s: %d %s", stream, status, text)
		}
	}
	if _, left := s.store.left(t); left != 0 {
		t.Errorf("%d rows are left", left)
	}
}

// asleep is a body that is sent when wake is closed; read is closed when the service
// has begun to read it.
type asleep struct {
	io.Reader

	once       sync.Once
	read, wake chan struct{}
}

func (a *asleep) Read(p []byte) (int, error) {
	a.once.Do(func() { close(a.read); <-a.wake })
	return a.Reader.Read(p)
}

// TestBackgroundRefusedByADrain: a call that is admitted before the drain and read in it
// does not begin, and leaves nothing.
func TestBackgroundRefusedByADrain(t *testing.T) {
	for _, stream := range []string{"false", "true"} {
		s := start(t, &speaker{words: 1})
		body := &asleep{
			Reader: strings.NewReader(`{"background":true,"stream":` + stream + `}`),
			read:   make(chan struct{}), wake: make(chan struct{}),
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer a"}, "Expect": {"100-continue"}}
		// The body is read when the service asks for it.
		client := &http.Transport{ExpectContinueTimeout: time.Minute}
		defer client.CloseIdleConnections()
		drained := make(chan struct{})
		go func() {
			<-body.read
			go func() { s.gateway.Drain(context.WithoutCancel(t.Context())); close(drained) }()
			eventually(t, "it drains", func() bool { return s.gateway.Ready() != nil })
			close(body.wake)
		}()
		answer, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		<-drained
		put, left := s.store.left(t)
		if answer.StatusCode != http.StatusServiceUnavailable || put != 1 || left != 0 {
			t.Errorf("stream %s: status %d, %d of %d rows are left", stream, answer.StatusCode, left, put)
		}
	}
}

// TestHeadOfAStream: whoever asks for the head alone is not kept until the end.
func TestHeadOfAStream(t *testing.T) {
	model := &speaker{words: 1, steps: make(chan struct{})}
	s := start(t, model)
	first := s.open(t.Context(), "a", http.MethodPost, path, `{"background":true,"stream":true}`)
	defer first.Body.Close()
	eventually(t, "it is begun", func() bool { return model.request() != nil })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	head := s.open(ctx, "a", http.MethodHead, path+"/"+model.request().AnswerID+"?stream=true", "")
	defer head.Body.Close()
	if _, err := io.ReadAll(head.Body); err != nil || head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v, %v", head.StatusCode, head.Header, err)
	}
	if stats := s.logs.Stats(); stats.Readers > 1 {
		t.Errorf("%d read the log", stats.Readers)
	}
	eventually(t, "it goes on", func() bool {
		select {
		case model.steps <- struct{}{}:
			return true
		default:
			return false
		}
	})
	if all, err := io.ReadAll(first.Body); err != nil || !strings.Contains(string(all), "response.completed") {
		t.Errorf("%s, %v", all, err)
	}
}
