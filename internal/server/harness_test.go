package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/mock"
)

// service is a whole service under test, with the mock as its upstream.
type service struct {
	*Server
	url  string
	mock *mock.Mock
	log  *journal
}

// journal collects the log.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

// lines returns the log's lines that contain all of these texts.
func (j *journal) lines(texts ...string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for line := range strings.Lines(j.buf.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

// build makes a service with this configuration, to which the provider "up" is
// added, and behind it "claude", which is the same mock in Anthropic's language.
func build(tb testing.TB, yaml string) *service {
	tb.Helper()
	log := &journal{}
	s := buildLogging(tb, yaml, log)
	s.log = log
	return s
}

// buildLogging is build with a log of the test's own.
func buildLogging(tb testing.TB, yaml string, log io.Writer) *service {
	tb.Helper()
	s := &service{mock: mock.New(mock.Options{})}
	upstream := httptest.NewServer(s.mock)
	tb.Cleanup(upstream.Close)
	yaml += "\nllm:\n  default_model: up/mock\n  providers:\n    up: {base_url: \"" + upstream.URL + "/v1\", models: [\"*\"], " +
		"http_client: {max_connections: 0, max_keepalive: 100, concurrent_requests: 0, read_timeout: 1h}}\n" +
		"    claude: {base_url: \"" + upstream.URL + "\", dialect: anthropic, models: [\"*\"]}\n"
	loaded, err := config.Load(config.Input{
		Path: "test.yaml", Data: []byte(yaml),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": tb.TempDir()},
	})
	if err != nil {
		tb.Fatalf("load the configuration: %v", err)
	}
	s.Server, err = New(tb.Context(), loaded, Options{
		Version: "test", Logger: slog.New(slog.NewJSONHandler(log, nil)), Out: io.Discard,
	})
	if err != nil {
		tb.Fatalf("start: %v", err)
	}
	s.url = "http://" + s.Addr().String()
	return s
}

// start runs such a service until the test ends.
func start(tb testing.TB, yaml string) *service {
	tb.Helper()
	s := build(tb, yaml)
	s.run(tb)
	return s
}

// run runs the service until the test ends.
func (s *service) run(tb testing.TB) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				tb.Errorf("run: %v", err)
			}
		case <-time.After(time.Minute):
			tb.Error("the service did not stop")
		}
	})
}

// post sends a JSON body with a key.
func (s *service) post(ctx context.Context, path, key, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-API-Key", key)
	return http.DefaultTransport.RoundTrip(r)
}

// eventually waits until it is so, and fails the test if it is not in time.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not in time: %s", what)
		}
	}
}
