package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/api/native"
)

const (
	crmKey   = "a-test-key-of-the-crm-app"
	otherKey = "a-test-key-of-the-other-app"
	twoApps  = `
limits: {max_concurrent_requests: 4, queue_heartbeat_after: 0.05, burst: {requests_per_second: 0}}
apps:
  - {name: crm, keys: [a-test-key-of-the-crm-app], rate_limit_per_minute: 1000}
  - {name: other, keys: [a-test-key-of-the-other-app], rate_limit_per_minute: 1000}`
)

// get asks for a path, with the number of the last event if there is one.
func (s *service) get(ctx context.Context, method, path, key, last string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-API-Key", key)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// resumable begins an answer that can be resumed.
func (s *service) resumable(ctx context.Context, t *testing.T, model string) *http.Response {
	t.Helper()
	resp, err := s.post(ctx, "/chat/completion", crmKey, fmt.Sprintf(
		`{"model": "%s", "stream": true, "resumable": true, "messages": [{"role": "user", "content": "hi"}]}`, model))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// events reads so many events, fewer if the stream ends before, and returns them
// joined, without comments, and the number of the last.
func events(body io.Reader, most int) (text, last string, err error) {
	var all strings.Builder
	lines := bufio.NewReader(body)
	for n := 0; n < most; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return all.String(), last, err
		}
		switch {
		case strings.HasPrefix(line, ":"):
			if _, err := lines.ReadString('\n'); err != nil {
				return all.String(), last, err
			}
			continue
		case strings.HasPrefix(line, "id: "):
			last = strings.TrimSpace(line[4:])
		case line == "\n":
			n++
		}
		all.WriteString(line)
	}
	return all.String(), last, nil
}

// TestResumeAfterCuts: many readers cut off and come back at random. What each has
// read, joined, is the same, to the byte, nothing lost and nothing doubled; and it
// was one call, with one Record and one slot.
func TestResumeAfterCuts(t *testing.T) {
	s := start(t, twoApps)
	first, readers := s.resumable(t.Context(), t, "up/mock+tokens=60+pace=5ms"), 20
	defer first.Body.Close()
	path := first.Header.Get("X-Fairlead-Resume")
	if path != "/chat/completion/"+first.Header.Get("X-Request-Id") || first.Header.Get("X-Ratelimit-Limit-Requests") != "1000" ||
		first.Header.Get("X-Fairlead-Provider") != "up" {
		t.Fatalf("head %v", first.Header)
	}
	texts, errs := make([]string, readers), make([]error, readers)
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() { texts[i], errs[i] = s.readInPieces(t.Context(), path, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	whole, _, err := events(first.Body, 1000)
	if err != io.EOF || !strings.HasSuffix(whole, "data: [DONE]\n\n") || strings.Count(whole, "id: ") < 60 { //nolint:errorlint // what a Reader returns
		t.Fatalf("%v after %s", err, whole)
	}
	wg.Wait()
	for i := range readers {
		if texts[i] != whole || errs[i] != nil {
			t.Fatalf("reader %d: %v\ngot  %s\nwant %s", i, errs[i], texts[i], whole)
		}
	}
	eventually(t, "the Record is there", func() bool { return s.telemetry.Totals().Records == 1 })
	if used := s.admission.Slots().InUse; used != 0 || s.bodies.Used() != 0 {
		t.Errorf("left: %d slots, %d bytes", used, s.bodies.Used())
	}
	if lines := s.log.lines(`"msg":"request"`, `"outcome":"ok"`); len(lines) != 1 {
		t.Errorf("the log has %d lines: %v", len(lines), s.log.lines(`"msg":"request"`))
	}
}

// readInPieces reads a whole answer over connections that break.
func (s *service) readInPieces(ctx context.Context, path string, r *rand.Rand) (string, error) {
	var all strings.Builder
	last := ""
	for !strings.HasSuffix(all.String(), "data: [DONE]\n\n") {
		attempt, cut := context.WithCancel(ctx)
		resp, err := s.get(attempt, http.MethodGet, path, crmKey, last)
		if err != nil {
			cut()
			return all.String(), err
		}
		text, seen, _ := events(resp.Body, 1+r.IntN(15))
		cut()
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return all.String(), fmt.Errorf("status %d after %s", resp.StatusCode, last)
		}
		text = text[:strings.LastIndex(text, "\n\n")+2]
		all.WriteString(text)
		if seen != "" {
			last = seen
		}
	}
	return all.String(), nil
}

// TestResumeWhatIsNotThere: another app's answer is as unknown as one that there
// never was, to the byte.
func TestResumeWhatIsNotThere(t *testing.T) {
	s := start(t, twoApps)
	first := s.resumable(t.Context(), t, "up/mock+tokens=3")
	defer first.Body.Close()
	if _, _, err := events(first.Body, 1000); err != io.EOF { //nolint:errorlint // what a Reader returns
		t.Fatal(err)
	}
	path := first.Header.Get("X-Fairlead-Resume")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		var answers []string
		for _, c := range []struct{ key, path string }{{otherKey, path}, {crmKey, "/chat/completion/req_999_1"}, {crmKey, path + "0"}} {
			answers = append(answers, s.describe(t, method, c.path, c.key, ""))
		}
		if answers[0] != answers[1] || answers[1] != answers[2] || !strings.HasPrefix(answers[0], "404") {
			t.Errorf("%s: %q", method, answers)
		}
	}
	for _, c := range []struct{ method, last, want string }{
		{http.MethodGet, "99", `400 {"success":false,"error":"The answer has no event of that number yet","code":"invalid_value","request_id":ID}`},
		{http.MethodGet, "x", "400 "},
		{http.MethodHead, "", "200 "},
		{http.MethodGet, "2", "200 id: 3\n"},
		{http.MethodDelete, "", `200 {"success":true,"request_id":ID,"canceled":false}`},
	} {
		if got := s.describe(t, c.method, path, crmKey, c.last); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s after %q: %s\nwant %s", c.method, c.last, got, c.want)
		}
	}
}

// TestResponsesAreNoNativeAnswers: the logs of both are in one table, but what is
// deleted as a response is not to be had, or stopped, under another path.
func TestResponsesAreNoNativeAnswers(t *testing.T) {
	s := start(t, twoApps)
	made, err := s.post(t.Context(), "/v1/responses", crmKey, `{"model": "up/mock+tokens=3", "input": "hi", "stream": true, "background": true}`)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(made.Body)
	if err != nil || made.Body.Close() != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(body), `"id":"`)
	id, _, _ := strings.Cut(after, `"`)
	if !strings.HasPrefix(id, "resp_") || !strings.Contains(string(body), "response.completed") {
		t.Fatalf("%d %s", made.StatusCode, body)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if got := s.describe(t, method, "/chat/completion/"+id, crmKey, ""); !strings.HasPrefix(got, "404 ") {
			t.Errorf("%s: %.200s", method, got)
		}
	}
}

// describe is the status and the body of an answer, but for what differs each time.
func (s *service) describe(t *testing.T, method, path, key, last string) string {
	t.Helper()
	resp, err := s.get(t.Context(), method, path, key, last)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for _, id := range []string{resp.Header.Get("X-Request-Id"), strings.TrimPrefix(path, "/chat/completion/")} {
		text = strings.ReplaceAll(text, `"`+id+`"`, "ID")
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, text)
}

// TestStopAResumableAnswer: whoever reads it is told, and the provider's call ends;
// so do one that waits for its slot, and one whose provider has said nothing.
func TestStopAResumableAnswer(t *testing.T) {
	s := start(t, twoApps)
	first := s.resumable(t.Context(), t, "up/mock+tokens=5000+pace=5ms")
	defer first.Body.Close()
	path := first.Header.Get("X-Fairlead-Resume")
	if _, _, err := events(first.Body, 3); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if got := s.describe(t, http.MethodDelete, path, crmKey, ""); got != `200 {"success":true,"request_id":ID,"canceled":true}`+"\n" {
		t.Error(got)
	}
	rest, _, err := events(first.Body, 10_000)
	if err != io.EOF || !strings.Contains(rest, "event: error\n") || !strings.Contains(rest, `"code":"stopped"`) || strings.Contains(rest, "[DONE]") { //nolint:errorlint // what a Reader returns
		t.Errorf("its reader was told %v after %s", err, rest)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := s.describe(t, http.MethodGet, path, crmKey, ""); !strings.HasPrefix(got, "200 id: 1\n") || !strings.Contains(got, `"code":"stopped"`) {
		t.Errorf("read again: %.300s", got)
	}
	eventually(t, "the Record says so", func() bool { return len(s.log.lines(`"outcome":"canceled"`)) == 1 })
}

// TestResumableRefusal: what is refused before the answer has an event is refused
// with its own status, and its windows.
func TestResumableRefusal(t *testing.T) {
	s := start(t, twoApps)
	for model, want := range map[string]int{"up/mock+status=400": 400, "up/mock+status=503": 503, "up/mock+html": 502} {
		resp := s.resumable(t.Context(), t, model)
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.Body.Close() != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want || resp.Header.Get("X-Ratelimit-Limit-Requests") != "1000" {
			t.Errorf("%s: %d %v %s", model, resp.StatusCode, resp.Header, body)
		}
	}
	if used := s.bodies.Used(); used != 0 {
		t.Errorf("%d bytes left", used)
	}
}

// TestSlowReaderOfAResumableAnswer holds no slot: the log takes what it does not.
func TestSlowReaderOfAResumableAnswer(t *testing.T) {
	s := start(t, twoApps)
	first := s.resumable(t.Context(), t, "up/mock+tokens=20000") // more than the sockets between take
	defer first.Body.Close()
	if _, _, err := events(first.Body, 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer is made while its client does not read", func() bool {
		return s.admission.Slots().InUse == 0 && s.telemetry.Totals().Succeeded == 1
	})
	if text, _, err := events(first.Body, 30_000); err != io.EOF || !strings.HasSuffix(text, "data: [DONE]\n\n") { //nolint:errorlint // what a Reader returns
		t.Errorf("%v after %d bytes", err, len(text))
	}
	if bytes := s.answers.Stats().Bytes; bytes < 1<<20 {
		t.Errorf("the answer is %d bytes: the test shows nothing", bytes)
	}
}

// TestResumeIsMeasured: while an answer is made and read, and after its end.
func TestResumeIsMeasured(t *testing.T) {
	s := start(t, twoApps)
	answer := s.resumable(t.Context(), t, "up/mock+hang_after=2")
	defer answer.Body.Close()
	if _, _, err := events(answer.Body, 1); err != nil {
		t.Fatal(err)
	}
	s.tellsOfResume(t, native.ResumeStatus{Logs: 1, Running: 1, Readers: 1})
	_ = answer.Body.Close()
	eventually(t, "the reader has left", func() bool { return s.answers.Stats().Readers == 0 })
	s.tellsOfResume(t, native.ResumeStatus{Logs: 1, Running: 1})
	if status, text := s.read(s.get(t.Context(), http.MethodDelete, answer.Header.Get("X-Fairlead-Resume"), crmKey, "")); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	eventually(t, "the answer has ended", func() bool { return s.answers.Stats().Running == 0 })
	s.tellsOfResume(t, native.ResumeStatus{Logs: 1})
}

// tellsOfResume holds metrics to what is wanted, and to bytes of those that there are.
func (s *service) tellsOfResume(t *testing.T, want native.ResumeStatus) {
	t.Helper()
	_, text := s.keep(t).ask(t, http.MethodGet, "/metrics", "")
	var told struct {
		Resume native.ResumeStatus `json:"resume"`
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]native.ResumeStatus{
		"JSON": told.Resume, "gauges": native.ResumeStatus(s.gauges().Resume()),
	} {
		if got.Bytes <= 0 {
			t.Errorf("%s: %d bytes are held", where, got.Bytes)
		}
		if got.Bytes = 0; got != want { // more may have come
			t.Errorf("%s: %+v, want %+v", where, got, want)
		}
	}
}
