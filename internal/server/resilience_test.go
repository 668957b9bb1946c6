package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/mock"
)

// startWith runs a service whose section llm is written with the address of a
// mock in the place of MOCK.
func startWith(t *testing.T, llm string) *service {
	t.Helper()
	s := &service{mock: mock.New(mock.Options{})}
	upstream := httptest.NewServer(s.mock)
	t.Cleanup(upstream.Close)
	loaded, err := config.Load(config.Input{
		Path: "test.yaml", Environ: []string{"MOCK=" + upstream.URL + "/v1"},
		Data:  []byte("apps: [{name: crm, keys: [a-key-of-the-crm-app-1234567890]}]\nllm:\n" + llm),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": t.TempDir()},
	})
	if err != nil {
		t.Fatalf("load the configuration: %v", err)
	}
	s.Server, err = New(t.Context(), loaded, Options{Version: "test", Logger: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	s.url = "http://" + s.Addr().String()
	s.run(t)
	return s
}

// chat asks for a model, and tells the status and who answered.
func (s *service) chat(t *testing.T, model string) (status int, provider string) {
	t.Helper()
	answer, err := s.post(t.Context(), "/chat/completion", "a-key-of-the-crm-app-1234567890",
		fmt.Sprintf(`{"model": %q, "messages": [{"role": "user", "content": "hi"}]}`, model))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct{ Provider string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	if named := answer.Header.Get("X-Fairlead-Provider"); said.Provider != "" && named != said.Provider {
		t.Errorf("the header names the provider %q, the body %q", named, said.Provider)
	}
	return answer.StatusCode, said.Provider
}

// TestTheConfigurationReachesTheUpstream: retries, fallbacks, keys and weights do
// what their keys say, through the whole service.
func TestTheConfigurationReachesTheUpstream(t *testing.T) {
	s := startWith(t, `
  fallbacks: {"mock+500": ["third/mock"], "mock+502": ["nobody/mock", "second/mock+400"]}
  providers:
    first: {base_url: "${MOCK}", models: ["mock*"], retry: {max_attempts: 2, budget: 1}}
    second: {base_url: "${MOCK}", models: ["mock+400"], weight: 1}
    third: {base_url: "${MOCK}", models: [mock], api_keys: [one, two], weight: 3, hedge: {after: 5s}, adaptive: false}
    nobody: {base_url: "http://127.0.0.1:9/v1", models: [mock]}
`)
	for _, c := range []struct {
		model    string
		status   int
		provider string
	}{
		{"mock+500+times=1", http.StatusOK, "first"}, // tried again
		{"mock+500+times=2", http.StatusBadGateway, ""},
		{"mock+500", http.StatusOK, "third"},
		{"first/mock+500", http.StatusBadGateway, ""},
		{"mock+502", http.StatusBadRequest, ""}, // the second fallback's answer
		{"mock+cut=0+times=1", http.StatusOK, "first"},
	} {
		if status, provider := s.chat(t, c.model); status != c.status || provider != c.provider {
			t.Errorf("%s: %d from %q, want %d from %q", c.model, status, provider, c.status, c.provider)
		}
	}
	if n := s.admission.Slots().InUse; n != 0 {
		t.Errorf("%d slots are in use at the end", n)
	}
	keys := 0
	for _, one := range s.upstream.Stats() {
		if one.Provider == "third" {
			keys++
			if one.Limit != 0 || one.State != "closed" {
				t.Errorf("%+v", one)
			}
		}
		if one.Provider == "first" && one.Limit != 25 {
			t.Errorf("the limit of the first is %d", one.Limit)
		}
	}
	if keys != 2 {
		t.Errorf("the third has %d keys", keys)
	}
}
