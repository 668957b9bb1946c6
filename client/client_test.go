package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/client"
)

const wholeAnswer = `{"success":true,"request_id":"req_1_1753019000","model":"gpt-4o-mini","provider":"openai",` +
	`"message":{"role":"assistant","content":"Good morning.","annotations":[]},"content":"Good morning.",` +
	`"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"new_field":1},"added_later":true}`

func question() client.ChatRequest {
	return client.ChatRequest{Messages: []client.Message{client.User("Good morning")}}
}

// serve runs handler and returns a client of it that does not try again.
func serve(t *testing.T, handler http.HandlerFunc, options ...client.Option) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := client.New(server.URL+"/", "fl_test", append([]client.Option{client.WithMaxAttempts(1)}, options...)...)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestChat(t *testing.T) {
	temperature := 0.0
	var body map[string]any
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/chat/completion" {
			t.Errorf("called %s %s", r.Method, r.URL.Path)
		}
		if got := r.Header.Get("X-API-Key"); got != "fl_test" {
			t.Errorf("X-API-Key = %q", got)
		}
		if got := r.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type = %q", got)
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Request-Id", "req_1_1753019000")
		w.Header().Set("X-Fairlead-Queue-Ms", "250")
		_, _ = io.WriteString(w, wholeAnswer)
	})
	got, err := c.Chat(t.Context(), client.ChatRequest{
		Messages: []client.Message{client.System("Be brief."), client.User("Good morning")},
		Model:    "gpt-4o-mini", MaxTokens: 7, Temperature: &temperature,
		Tools: []json.RawMessage{json.RawMessage(`{"type":"function"}`)},
		Extra: map[string]any{"top_p": 0.5, "model": "loses"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.RequestID != "req_1_1753019000" || got.Model != "gpt-4o-mini" || got.Provider != "openai" ||
		got.Content != "Good morning." || got.Message.Role != "assistant" || got.Message.Content != "Good morning." ||
		got.Usage != (client.Usage{PromptTokens: 9, CompletionTokens: 3, TotalTokens: 12}) || got.Queued != 250*time.Millisecond {
		t.Errorf("answer = %+v", got)
	}
	sent, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"max_tokens":7,"messages":[{"content":"Be brief.","role":"system"},{"content":"Good morning","role":"user"}],` +
		`"model":"gpt-4o-mini","stream":false,"temperature":0,"tools":[{"type":"function"}],"top_p":0.5}`
	if string(sent) != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
}

func TestToolsRoundTrip(t *testing.T) {
	const assistant = `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",` +
		`"function":{"name":"weather","arguments":"{\"city\":\"Bern\"}"}}],"refusal":null}`
	var second struct {
		Messages []json.RawMessage `json:"messages"`
	}
	calls := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			fmt.Fprintf(w, `{"success":true,"message":%s,"content":null}`, assistant)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&second); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, wholeAnswer)
	})
	request := question()
	first, err := c.Chat(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := first.Message.ToolCalls()
	if err != nil || len(tools) != 1 || tools[0] != (client.ToolCall{ID: "call_1", Name: "weather", Arguments: `{"city":"Bern"}`}) {
		t.Fatalf("ToolCalls() = %+v, %v", tools, err)
	}
	request.Messages = append(request.Messages, first.Message, client.ToolResult("call_1", "sunny"))
	if _, err := c.Chat(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"role":"user","content":"Good morning"}`, assistant,
		`{"content":"sunny","role":"tool","tool_call_id":"call_1"}`,
	}
	for i, message := range want {
		if string(second.Messages[i]) != message {
			t.Errorf("message %d = %s, want %s", i, second.Messages[i], message)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		status int
		header map[string]string
		body   string
		want   client.APIError
	}{
		"the app's own limit": {
			429,
			map[string]string{"X-Request-Id": "req_2_1", "Retry-After": "45", "Retry-After-Ms": "44200", "X-Fairlead-Queue-Ms": "1500"},
			`{"success":false,"error":"Rate limit exceeded","retry_after":45,"message":"Rate limit: 200 requests per minute",` +
				`"code":"rate_limit_requests","request_id":"req_2_1"}`,
			client.APIError{
				Status: 429, Code: "rate_limit_requests", Message: "Rate limit exceeded",
				Detail: "Rate limit: 200 requests per minute", RetryAfter: 44200 * time.Millisecond, RequestID: "req_2_1",
				Queued: 1500 * time.Millisecond,
			},
		},
		"a wait in the body alone": {
			503, nil, `{"success":false,"error":"Service is busy, please try again later","retry_after":30,"code":"queue_full"}`,
			client.APIError{
				Status: 503, Code: "queue_full", Message: "Service is busy, please try again later", RetryAfter: 30 * time.Second,
			},
		},
		"OpenAI's shape": {
			401, nil, `{"error":{"message":"Invalid API key","type":"authentication_error","param":null,"code":"invalid_api_key"}}`,
			client.APIError{Status: 401, Code: "invalid_api_key", Message: "Invalid API key"},
		},
		"a page of some proxy": {
			502, nil, `<html>Bad gateway</html>`, client.APIError{Status: 502, Message: "unexpected answer: 502 Bad Gateway"},
		},
		"a redirect is not followed": {
			307,
			map[string]string{"Location": "/elsewhere"},
			``,
			client.APIError{Status: 307, Message: "unexpected answer: 307 Temporary Redirect"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range test.header {
					w.Header().Set(key, value)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			_, err := c.Chat(t.Context(), question())
			var got *client.APIError
			if !errors.As(err, &got) {
				t.Fatalf("error %v is no APIError", err)
			}
			if got.Status != test.want.Status || got.Code != test.want.Code || got.Message != test.want.Message ||
				got.Detail != test.want.Detail || got.RetryAfter != test.want.RetryAfter || got.RequestID != test.want.RequestID || got.Queued != test.want.Queued {
				t.Errorf("error = %+v, want %+v", *got, test.want)
			}
		})
	}
}

func TestWholeAnswerThatBreaksOff(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(wholeAnswer)))
			_, _ = io.WriteString(w, wholeAnswer[:40])
		},
		"not JSON":      func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"not a success": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
	}
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			calls := 0
			counted := func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				calls++
				mu.Unlock()
				handler(w, r)
			}
			c := serve(t, counted, client.WithMaxAttempts(3))
			_, err := c.Chat(t.Context(), question())
			wantBroken(t, err)
			mu.Lock()
			defer mu.Unlock()
			if calls != 1 {
				t.Errorf("called %d times, want once: an answer had begun", calls)
			}
		})
	}
}

func TestStatusPages(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/me":
			_, _ = io.WriteString(w, `{"app":"crm","limits":{"rate_limit_per_minute":200,"max_concurrent_requests":20,"models":["gpt-*"],`+
				`"tokens_per_minute":9000,"max_concurrent":10,"min_concurrent":1,"weight":2,"class":"batch"},`+
				`"requests":{"limit":200,"remaining":150,"reset_seconds":42.5},"tokens":null,"in_use":2,"waiting":1,"blocked_for_seconds":0,`+
				`"classes":{"batch":{"in_use":2,"waiting":1}},"next_wait_seconds":1.5,"refused":[{"code":"queue_full","count":3,"last_seconds_ago":9}],"later":[]}`)
		case "/info":
			_, _ = io.WriteString(w, `{"service":"fairlead","version":"1.2.3","concurrency_limits":{"max_concurrent_requests":20,`+
				`"rate_limit_per_minute":200},"timeouts":{"chat":120},"models":["a"],"endpoints":["GET /info"]}`)
		case "/metrics":
			if got := r.Header.Get("Accept"); got != "application/json" {
				t.Errorf("Accept = %q", got)
			}
			_, _ = io.WriteString(w, `{"concurrency_metrics":{"total_requests":1247,"concurrent_requests":8,"max_concurrent_reached":15,`+
				`"average_response_time":2.3,"available_slots":12},"active_requests":{"req_1_2":{"duration":2.1,"thread_id":3}},"queue":{}}`)
		}
	})
	me, err := c.Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if me.App != "crm" || me.Limits.RateLimitPerMinute != 200 || me.Limits.Models[0] != "gpt-*" || me.Requests.Remaining != 150 ||
		me.Requests.ResetSeconds != 42.5 || me.InUse != 2 || me.Waiting != 1 || !strings.Contains(string(me.Raw), "later") {
		t.Errorf("Me() = %+v", me)
	}
	if l := me.Limits; l.TokensPerMinute != 9000 || l.MaxConcurrent != 10 || l.MinConcurrent != 1 || l.Weight != 2 || l.Class != client.Batch {
		t.Errorf("limits %+v", l)
	}
	if me.Tokens != (client.Window{}) || me.Classes[client.Batch] != (client.Load{InUse: 2, Waiting: 1}) || me.NextWaitSeconds != 1.5 ||
		len(me.Refused) != 1 || me.Refused[0] != (client.Refusal{Code: "queue_full", Count: 3, LastSecondsAgo: 9}) {
		t.Errorf("Me() = %+v", me)
	}
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Version != "1.2.3" || info.ConcurrencyLimits.MaxConcurrentRequests != 20 || info.Timeouts["chat"] != 120 || info.Models[0] != "a" {
		t.Errorf("Info() = %+v", info)
	}
	metrics, err := c.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m := metrics.Concurrency; m.TotalRequests != 1247 || m.AvailableSlots == nil || *m.AvailableSlots != 12 ||
		m.AverageResponseTime != 2.3 || metrics.Active["req_1_2"].ThreadID != 3 {
		t.Errorf("Metrics() = %+v", metrics)
	}
}

func TestConnectionsAreReusedAndBounded(t *testing.T) {
	const bound, calls = 3, 30
	var mu sync.Mutex
	ports := map[string]bool{}
	turn := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		ports[r.RemoteAddr] = true
		turn++
		mine := turn
		mu.Unlock()
		switch {
		case mine%3 == 0:
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"success":false,"error":"Rate limit exceeded"}`)
		case r.Header.Get("Accept") == "text/event-stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: {}\n\ndata: [DONE]\n\n")
		default:
			_, _ = io.WriteString(w, wholeAnswer)
		}
	}, client.WithMaxConnections(bound))
	var wg sync.WaitGroup
	for range bound {
		wg.Go(func() {
			// Whatever comes: the connection must be fit for the next call.
			for range calls / bound {
				_ = c.Stream(t.Context(), question(), func(client.Delta) error { return nil })
				_, _ = c.Chat(t.Context(), question())
			}
		})
	}
	wg.Wait()
	if turn != 2*calls {
		t.Errorf("%d calls came, want %d", turn, 2*calls)
	}
	if len(ports) > bound {
		t.Errorf("%d connections, want at most %d", len(ports), bound)
	}
}
