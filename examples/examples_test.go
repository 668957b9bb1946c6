// Package examples_test runs the examples, each in its own language, against a
// service that refuses before it answers, and checks that they behave as
// docs/callers.md asks of callers.
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	question = "What is a fairlead?"
	answer   = "It guides lines past each other."
	patience = time.Minute // for one run of an example, on a busy machine
)

// step is one answer of the service.
type step struct {
	status int
	header map[string]string
	cut    bool // the answer breaks off
}

// request is what the service saw of one.
type request struct {
	at     time.Duration
	remote string
}

// service answers step by step, the last step again and again.
type service struct {
	*httptest.Server
	t     *testing.T
	steps []step
	start time.Time

	mu   sync.Mutex
	seen []request
}

func serve(t *testing.T, steps []step) *service {
	t.Helper()
	s := &service{t: t, steps: steps, start: time.Now()}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, request{time.Since(s.start), r.RemoteAddr})
	next := s.steps[min(len(s.seen), len(s.steps))-1]
	s.mu.Unlock()

	s.check(r)
	for name, value := range next.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("X-Request-Id", "req_1_1753019000")
	switch {
	case next.status != http.StatusOK:
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, `{"success":false,"error":"Not now","code":"some_code","request_id":"req_1_1753019000"}`)
	case r.Header.Get("Accept") == "text/event-stream":
		s.stream(w, next)
	default:
		body := fmt.Sprintf(`{"success":true,"message":{"role":"assistant","content":%q},"content":%q}`, answer, answer)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if next.cut {
			body = body[:20]
		}
		_, _ = io.WriteString(w, body)
	}
}

func (s *service) stream(w http.ResponseWriter, next step) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "id: 1\ndata: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", answer)
	if !next.cut {
		fmt.Fprint(w, "id: 2\ndata: [DONE]\n\n")
	}
}

func (s *service) check(r *http.Request) {
	var body struct {
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.t.Errorf("body: %v", err)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/chat/completion" || r.Header.Get("X-API-Key") != "fl_test" {
		s.t.Errorf("called %s %s with key %q", r.Method, r.URL.Path, r.Header.Get("X-API-Key"))
	}
	if len(body.Messages) != 1 || body.Messages[0].Role != "user" || body.Messages[0].Content != question {
		s.t.Errorf("messages = %+v", body.Messages)
	}
}

func (s *service) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// command makes the command line of an example; it skips the test where the
// machine lacks the language.
type command func(t *testing.T) []string

func interpreted(program, file string) command {
	return func(t *testing.T) []string {
		t.Helper()
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("SKIPPED: %s is not installed, so examples/%s was not run", program, file)
		}
		return []string{path, filepath.FromSlash(file)}
	}
}

func compiled(folder string) command {
	return func(t *testing.T) []string {
		t.Helper()
		program := filepath.Join(t.TempDir(), "example")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, folder).CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		return []string{program}
	}
}

// run runs an example against s.
func run(t *testing.T, line []string, s *service) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], append(line[1:], question)...)
	cmd.Env = append(os.Environ(), "FAIRLEAD_URL="+s.URL, "FAIRLEAD_KEY=fl_test")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("running %v: %v", line, err)
	} else if ok {
		code = exit.ExitCode()
	}
	return out.String(), errs.String(), code
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]command{
		"javascript": interpreted("node", "javascript/client.mjs"),
		"python":     interpreted("python3", "python/client.py"),
		"go":         compiled("./go"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := command(t)
			t.Run("waits as told on one connection", func(t *testing.T) { obeysWaits(t, line) })
			t.Run("stays away when told", func(t *testing.T) { staysAway(t, line) })
			t.Run("takes no part for the whole", func(t *testing.T) { noticesACut(t, line) })
		})
	}
}

func obeysWaits(t *testing.T, line []string) {
	t.Helper()
	s := serve(t, []step{
		{status: 502},
		{status: 429, header: map[string]string{"Retry-After": "1"}},
		{status: 503, header: map[string]string{"Retry-After": "1", "Retry-After-Ms": "400"}},
		{status: 200},
	})
	stdout, stderr, code := run(t, line, s)
	if code != 0 || strings.TrimSpace(stdout) != answer {
		t.Fatalf("printed %q and %q, exit code %d", stdout, stderr, code)
	}
	seen := s.requests()
	if len(seen) != 4 {
		t.Fatalf("asked %d times, want 4", len(seen))
	}
	for i, least := range []time.Duration{time.Second, 400 * time.Millisecond} {
		if waited := seen[i+2].at - seen[i+1].at; waited < least {
			t.Errorf("wait %d was %v, want at least %v", i+1, waited, least)
		}
	}
	for _, r := range seen[1:] {
		if r.remote != seen[0].remote {
			t.Errorf("a request came from %s, the first from %s: the connection was not kept", r.remote, seen[0].remote)
		}
	}
}

func staysAway(t *testing.T, line []string) {
	t.Helper()
	for name, header := range map[string]map[string]string{
		"by the header": {"Retry-After": "1", "X-Should-Retry": "false"},
		"for too long":  {"Retry-After": "300"},
	} {
		s := serve(t, []step{{status: 429, header: header}})
		_, stderr, code := run(t, line, s)
		if code != 1 || !strings.Contains(stderr, "some_code") || !strings.Contains(stderr, "req_1_1753019000") {
			t.Errorf("%s: printed %q, exit code %d", name, stderr, code)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%s: asked %d times, want once", name, n)
		}
	}
}

func noticesACut(t *testing.T, line []string) {
	t.Helper()
	s := serve(t, []step{{status: 200, cut: true}})
	_, stderr, code := run(t, line, s)
	if code != 1 || !strings.Contains(stderr, "failed") {
		t.Errorf("printed %q, exit code %d", stderr, code)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("asked %d times, want once: an answer had begun", n)
	}
}
