package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/mock"
)

const (
	apps = 8 // so that both instances have some
	// drainDelay is longer than nginx keeps an idle connection.
	drainDelay = "4s"
	// startTime and stopTime are what a process may take for it.
	startTime, stopTime = time.Minute, time.Minute
)

func proof() bool { return os.Getenv("FAIRLEAD_PROOF") != "" }

// stack is nginx before two instances, before the mock.
type stack struct {
	dir, binary string
	front       string // nginx' address
	addresses   [2]string
	instances   [2]*exec.Cmd
	log         bytes.Buffer // of all, in an order of no importance
	logging     sync.Mutex
}

// Write adds to the log.
func (s *stack) Write(p []byte) (int, error) {
	s.logging.Lock()
	defer s.logging.Unlock()
	return s.log.Write(p)
}

func (s *stack) logged() string {
	s.logging.Lock()
	defer s.logging.Unlock()
	return s.log.String()
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newStack(t *testing.T) *stack {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("left out: no nginx (apt install nginx-light)")
	}
	s := &stack{dir: t.TempDir(), front: freeAddress(t), addresses: [2]string{freeAddress(t), freeAddress(t)}}
	s.build(t)
	s.configure(t)
	for i := range s.instances {
		s.start(t, i)
	}
	t.Cleanup(func() {
		for i := range s.instances {
			s.stop(t, i)
		}
		if t.Failed() {
			t.Logf("the log ends with\n%s", s.logged()[max(0, len(s.logged())-3000):])
		}
	})
	shipped, err := os.ReadFile("../../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("127.0.0.1:8080", s.front, "127.0.0.1:8081", s.addresses[0], "127.0.0.1:8082", s.addresses[1]).Replace(string(shipped))
	s.write(t, "nginx.conf", conf)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), nginx, "-p", s.dir, "-c", filepath.Join(s.dir, "nginx.conf"), "-g", "daemon off;")
	cmd.Stderr = s
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ended(t, cmd, syscall.SIGTERM) })
	s.await(t, "http://"+s.front+"/livez")
	return s
}

func (s *stack) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// build builds the program, unless FAIRLEAD_BIN names one.
func (s *stack) build(t *testing.T) {
	t.Helper()
	if s.binary = os.Getenv("FAIRLEAD_BIN"); s.binary != "" {
		return
	}
	s.binary = filepath.Join(s.dir, "fairlead")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, "./cmd/fairlead")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func key(app int) string { return fmt.Sprintf("a-test-key-of-the-app-number-%d", app) }

// configure writes the configuration of both instances, with the mock upstream.
func (s *stack) configure(t *testing.T) {
	t.Helper()
	upstream := httptest.NewServer(mock.New(mock.Options{}))
	t.Cleanup(upstream.Close)
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "server: {drain_delay: %s, drain_timeout: 30s}\n", drainDelay)
	yaml.WriteString("limits: {max_concurrent_requests: 0, rate_limit_per_minute: 0, max_queue: 0, burst: {requests_per_second: 0}}\napps:\n")
	for i := range apps {
		fmt.Fprintf(&yaml, "  - {name: app-%d, keys: [%s]}\n", i, key(i))
	}
	fmt.Fprintf(&yaml, "llm:\n  default_model: up/mock\n  providers:\n    up: {base_url: %q, models: [\"*\"], http_client: {max_connections: 0, max_keepalive: 64, concurrent_requests: 0}}\n", upstream.URL+"/v1")
	s.write(t, "fairlead.yaml", yaml.String())
}

// start starts an instance by the script and waits until it is ready.
func (s *stack) start(t *testing.T, i int) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", script, "--listen", s.addresses[i], "--data-dir", filepath.Join(s.dir, fmt.Sprint("data-", i)))
	cmd.Env = append(os.Environ(), "FAIRLEAD_BIN="+s.binary, "FAIRLEAD_CONFIG="+filepath.Join(s.dir, "fairlead.yaml"))
	cmd.Stderr = s
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.instances[i] = cmd
	s.await(t, "http://"+s.addresses[i]+"/readyz")
}

func (s *stack) stop(t *testing.T, i int) {
	t.Helper()
	if cmd := s.instances[i]; cmd != nil {
		s.instances[i] = nil
		ended(t, cmd, syscall.SIGTERM)
	}
}

// ended signals a process and waits until it has ended well.
func ended(t *testing.T, cmd *exec.Cmd, signal os.Signal) {
	t.Helper()
	_ = cmd.Process.Signal(signal) // it may have ended
	late := time.AfterFunc(stopTime, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", cmd.Path, err)
	}
}

// await waits until a GET is answered with 200.
func (s *stack) await(t *testing.T, url string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < startTime; <-tick.C {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s does not answer", url)
}

// load is calls that go on until both a number of them and the restarts are done.
type load struct {
	stack    *stack
	client   *http.Client
	over     atomic.Bool // the restarts are done
	calls    atomic.Int64
	streams  atomic.Int64
	failures atomic.Int64
}

// TestRollingRestart: while each of two instances is restarted, every call and every
// stream through nginx is answered whole.
func TestRollingRestart(t *testing.T) {
	t.Parallel() // it mostly waits
	calls, streams, callers, readers := int64(2000), int64(60), 6, 6
	if proof() {
		calls, streams, callers, readers = 50_000, 1000, 12, 40
	}
	l := &load{stack: newStack(t), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: time.Minute}}
	defer l.client.CloseIdleConnections()
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() { l.repeat(t, &l.calls, calls, func() error { return l.call(t.Context(), i%apps) }) })
	}
	for i := range readers {
		group.Go(func() { l.repeat(t, &l.streams, streams, func() error { return l.stream(t.Context(), i%apps) }) })
	}
	for i := range l.stack.instances {
		before := l.calls.Load()
		for l.calls.Load() < before+200 && l.failures.Load() == 0 {
			<-time.After(time.Millisecond)
		}
		began := time.Now()
		l.stack.stop(t, i)
		took := time.Since(began)
		l.stack.start(t, i)
		t.Logf("instance %d: %v to stop, %v in all", i, took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}
	l.over.Store(true)
	group.Wait()
	t.Logf("%d calls and %d streams, %d failed", l.calls.Load(), l.streams.Load(), l.failures.Load())
	for i := range l.stack.instances {
		if marks := strings.Count(l.stack.logged(), `"address":"`+l.stack.addresses[i]+`"`); marks != 2 {
			t.Errorf("instance %d was started %d times, want 2", i, marks)
		}
	}
}

// repeat does something until it was done as often as it must, and the restarts are
// over. It gives up after many failures.
func (l *load) repeat(t *testing.T, done *atomic.Int64, least int64, do func() error) {
	t.Helper()
	const enough = 20
	for (done.Load() < least || !l.over.Load()) && l.failures.Load() < enough {
		if err := do(); err != nil {
			l.failures.Add(1)
			t.Errorf("%v after %d calls and %d streams", err, l.calls.Load(), l.streams.Load())
		}
		done.Add(1)
	}
}

func (l *load) call(ctx context.Context, app int) error {
	_, err := l.post(ctx, app, `{"messages":[{"role":"user","content":"hello"}]}`)
	return err
}

func (l *load) stream(ctx context.Context, app int) error {
	body, err := l.post(ctx, app, `{"stream":true,"model":"up/mock+tokens=10+pace=100ms","messages":[{"role":"user","content":"hello"}]}`)
	if err == nil && !strings.HasSuffix(body, "data: [DONE]\n\n") {
		return fmt.Errorf("a stream without its end: %q", body[max(0, len(body)-300):])
	}
	return err
}

// post returns the body of an answer with 200.
func (l *load) post(ctx context.Context, app int, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.stack.front+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.GetBody = nil // nothing is tried again here
	r.Header.Set("X-Api-Key", key(app))
	r.Header.Set("Content-Type", "application/json")
	resp, err := l.client.Do(r)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return "", fmt.Errorf("status %d, %d bytes: %w", resp.StatusCode, len(answer), err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d: %s", resp.StatusCode, answer)
	}
	return string(answer), nil
}
