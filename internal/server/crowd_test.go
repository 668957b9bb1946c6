package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestProofCrowd is many applications at once against few slots: never more
// upstream than there are slots, every request ends as the contract says, and
// nothing is left over.
func TestProofCrowd(t *testing.T) {
	rounds := 1
	if proof() {
		rounds = 20
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), crowd)
	}
}

func crowd(t *testing.T) {
	const apps, each, slots = 25, 50, 20
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "limits: {max_concurrent_requests: %d}\napps:\n", slots)
	for i := range apps {
		fmt.Fprintf(&yaml, "  - {name: app-%02d, keys: [a-test-key-of-app-number-%02d]}\n", i, i)
	}
	s := start(t, yaml.String())
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	var mu sync.Mutex
	statuses := make(map[int]int)
	var wg sync.WaitGroup
	for app := range apps {
		for n := range each {
			wg.Go(func() {
				status, err := one{app: app, path: []string{"/chat/completion", "/v1/chat/completions"}[n%2], stream: n%4 >= 2}.call(t, client, s)
				if err != nil {
					t.Errorf("app %d, call %d: %v", app, n, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
	}
	wg.Wait()

	stats := s.mock.Stats()
	if stats.MostInFlight > slots {
		t.Errorf("%d upstream at once, want at most %d", stats.MostInFlight, slots)
	}
	total := statuses[200] + statuses[429] + statuses[503]
	if total != apps*each {
		t.Errorf("statuses %v, want %d of 200, 429 and 503", statuses, apps*each)
	}
	eventually(t, "no slot in use", func() bool {
		slots := s.admission.Slots()
		return slots.InUse == 0 && slots.Waiting == 0 && len(s.gateway.Active()) == 0
	})
	if slots := s.admission.Slots(); slots.DoubleReleases != 0 {
		t.Errorf("%d slots were released twice", slots.DoubleReleases)
	}
	if got := s.telemetry.Totals().Records; got != apps*each {
		t.Errorf("%d Records, want %d", got, apps*each)
	}
	t.Logf("statuses %v, most upstream at once %d", statuses, stats.MostInFlight)
}

// one is a call of the crowd.
type one struct {
	app    int
	path   string
	stream bool
}

func (o one) call(t *testing.T, client *http.Client, s *service) (int, error) {
	t.Helper()
	body := fmt.Sprintf(`{"model":"up/mock+delay=20ms","stream":%t,"messages":[{"role":"user","content":"hello"}]}`, o.stream)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+o.path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", fmt.Sprintf("Bearer a-test-key-of-app-number-%02d", o.app))
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode == http.StatusOK {
		if o.stream && !strings.HasSuffix(string(answer), "data: [DONE]\n\n") {
			return 0, fmt.Errorf("a stream ended with %q", answer[max(0, len(answer)-80):])
		}
		return resp.StatusCode, nil
	}
	return resp.StatusCode, checkRefusal(resp, answer, o.path)
}

// checkRefusal holds a refusal against the contract.
func checkRefusal(resp *http.Response, answer []byte, path string) error {
	if resp.Header.Get("Retry-After") == "" || resp.Header.Get("X-Request-Id") == "" {
		return fmt.Errorf("status %d without Retry-After or X-Request-Id: %v", resp.StatusCode, resp.Header)
	}
	var body struct {
		Success    *bool           `json:"success"`
		Error      json.RawMessage `json:"error"`
		RetryAfter int             `json:"retry_after"`
		Code       string          `json:"code"`
		RequestID  string          `json:"request_id"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("status %d with %q: %w", resp.StatusCode, answer, err)
	}
	if path == "/v1/chat/completions" {
		var object struct{ Message, Type, Code string }
		if err := json.Unmarshal(body.Error, &object); err != nil || object.Message == "" || object.Code == "" {
			return fmt.Errorf("not OpenAI's error object: %s", answer)
		}
		return nil
	}
	if body.Success == nil || *body.Success || body.RetryAfter < 1 || body.Code == "" || body.RequestID == "" {
		return fmt.Errorf("not the native refusal: %s", answer)
	}
	return nil
}
