package server

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/api/native"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/telemetry"
)

// withKeys builds a service, which is not run, with one provider that has two keys.
func withKeys(t *testing.T, upstream, client string) *Server {
	t.Helper()
	loaded, err := config.Load(config.Input{
		Path:  "test.yaml",
		Data:  []byte("llm: {providers: {up: {base_url: '" + upstream + "', api_keys: [one, two], http_client: {" + client + "}}}}"),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": t.TempDir()},
	})
	if err != nil {
		t.Fatalf("load the configuration: %v", err)
	}
	s, err := New(t.Context(), loaded, Options{Version: "test", Logger: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// connectionsOf is what both kinds of metrics tell of the provider's connections:
// the JSON, and those lines of Prometheus that are not 0.
func connectionsOf(t *testing.T, s *Server) (told native.ConnectionStatus, lines []string) {
	t.Helper()
	get := func(accept string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		return w.Body.String()
	}
	var body struct {
		Providers map[string]native.PoolStatus `json:"providers"`
	}
	if err := json.Unmarshal([]byte(get("application/json")), &body); err != nil {
		t.Fatal(err)
	}
	if body.Providers["up"].Connections == nil || body.Providers["local"].Connections != nil {
		t.Fatalf("got the connections of %+v", body.Providers)
	}
	for line := range strings.Lines(get("text/plain")) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "fairlead_provider_connection"))
		if strings.Contains(line, "deployment=") && !strings.HasSuffix(line, " 0") && !strings.HasPrefix(line, "fairlead_") {
			lines = append(lines, line)
		}
	}
	return *body.Providers["up"].Connections, lines
}

// TestConnectionsAreTold: each figure of a provider's connections is that of its
// pool, in JSON and for Prometheus.
func TestConnectionsAreTold(t *testing.T) {
	answer := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		_, _ = io.WriteString(w, `{"data":[]}`)
	}))
	defer upstream.Close()
	s := withKeys(t, upstream.URL, "max_connections: 1")
	second := s.providers[0].adapters[1]
	var calls sync.WaitGroup
	defer calls.Wait()
	for range 2 {
		calls.Go(func() {
			if _, err := second.Models(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "a call that runs and one that waits", func() bool {
		c := second.Connections()
		return c.InUse == 1 && c.Waiting == 1
	})
	told, lines := connectionsOf(t, s)
	if want := (native.ConnectionStatus{Open: 1, InUse: 1, Waiting: 1, Opened: 1}); told != want {
		t.Errorf("got %+v, want %+v", told, want)
	}
	const of = `{deployment="2",provider="up"`
	want := []string{"_waiting" + of + "} 1", "s" + of + `,state="in_use"} 1`, "s_opened_total" + of + "} 1"}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	close(answer)
	calls.Wait()
	told, _ = connectionsOf(t, s)
	if told.WaitSeconds <= 0 || told.WaitSeconds > time.Minute.Seconds() {
		t.Errorf("one waited for %v seconds", told.WaitSeconds)
	}
	told.WaitSeconds = 0
	if want := (native.ConnectionStatus{Open: 1, Idle: 1, Opened: 1, Reused: 1, Waits: 1}); told != want {
		t.Errorf("got %+v, want %+v", told, want)
	}
	wantUse := telemetry.ConnectionUse{Provider: "up", Number: 2, Idle: 1, Opened: 1, Reused: 1, Waits: 1}
	got := s.connectionGauges()[1]
	if got.Waited <= 0 {
		t.Error("no wait is told")
	}
	if got.Waited = 0; got != wantUse {
		t.Errorf("got %+v, want %+v", got, wantUse)
	}
}

// TestPoolTimeoutIsTold, and the setting reaches the pool.
func TestPoolTimeoutIsTold(t *testing.T) {
	answer := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-answer }))
	defer upstream.Close()
	defer close(answer)
	s := withKeys(t, upstream.URL, "max_connections: 1, pool_timeout: 20ms, read_timeout: 400ms")
	first := s.providers[0].adapters[0]
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { _, _ = first.Models(t.Context()) })
	}
	calls.Wait()
	if got := s.connectionGauges()[0]; got.TimedOut != 1 || got.Waits != 1 || got.Refused != 0 {
		t.Errorf("got %+v, want one wait that took too long", got)
	}
}

// offering tells what clients offer.
func offering(told chan<- []string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		told <- hello.SupportedProtos
		return nil, nil //nolint:nilnil // the configuration as it is
	}}
}

// TestHTTP2ReachesTheProvider: the setting is not ignored. A server with a
// certificate that nobody trusts still sees what is offered to it.
func TestHTTP2ReachesTheProvider(t *testing.T) {
	for setting, want := range map[string]string{"http2: true": "h2", "http2: false": "http/1.1"} {
		upstream := httptest.NewUnstartedServer(http.NotFoundHandler())
		offered := make(chan []string, 9)
		upstream.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
		upstream.EnableHTTP2 = true
		upstream.TLS = offering(offered)
		upstream.StartTLS()
		s := withKeys(t, upstream.URL, setting)
		if _, err := s.providers[0].adapters[0].Models(t.Context()); err == nil {
			t.Error("a certificate of nobody is trusted")
		}
		if got := <-offered; len(got) == 0 || got[0] != want {
			t.Errorf("%s: the provider is offered %q, want %s first", setting, got, want)
		}
		upstream.Close()
	}
}
