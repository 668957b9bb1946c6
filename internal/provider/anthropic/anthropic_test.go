package anthropic

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
)

const (
	key      = "sk-ant-test-0123456789"
	body     = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
	whole    = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi."}],"stop_reason":"end_turn","usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":2}}`
	deadline = 10 * time.Second
)

// asked is what one call came to.
type asked struct {
	sent *http.Request
	body string
	head *fairlead.Head
	data string
	end  *fairlead.End
	err  *fairlead.Error
}

// ask makes one call of an upstream that answers so. suffix is added to its URL.
func ask(t *testing.T, suffix string, op fairlead.Operation, req *fairlead.Request, answer http.HandlerFunc) *asked {
	t.Helper()
	got := &asked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.sent = r
		sent, _ := io.ReadAll(r.Body)
		got.body = string(sent)
		answer(w, r)
	}))
	defer server.Close()
	p, err := New(remote.Config{Name: "acme", BaseURL: server.URL + suffix, APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	got.err = fairlead.AsError(p.Answer(ctx, &fairlead.Call{Operation: op}, req, func(e fairlead.Event) error {
		switch {
		case e.Head != nil:
			got.head = e.Head
		case e.End != nil:
			got.end = e.End
		default:
			got.data += string(e.Data)
		}
		return nil
	}))
	return got
}

func request(aside fairlead.Aside) *fairlead.Request {
	at := len(`{"model":`)
	return &fairlead.Request{Dialect: fairlead.AnthropicMessages, Body: []byte(body), Aside: aside, Envelope: fairlead.Envelope{
		Model: "m", ModelAt: fairlead.Span{Start: at, End: at + len(`"m"`)}, CloseAt: len(body) - 1,
	}}
}

// says answers with a status and a body.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", "req_theirs")
		w.Header().Set("Anthropic-Ratelimit-Requests-Remaining", "9")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func TestWhatIsSent(t *testing.T) {
	for _, c := range []struct {
		name, suffix, path string
		op                 fairlead.Operation
		aside              fairlead.Aside
		want               map[string]string
	}{
		{"plain", "", "/v1/messages", fairlead.Chat, fairlead.Aside{}, map[string]string{"Anthropic-Version": version}},
		{"base with /v1", "/v1/", "/v1/messages", fairlead.Chat, fairlead.Aside{}, nil},
		{"base with a path", "/claude", "/claude/v1/messages", fairlead.Chat, fairlead.Aside{}, nil},
		{"count", "", "/v1/messages/count_tokens", fairlead.CountTokens, fairlead.Aside{}, map[string]string{"Anthropic-Version": version}},
		{"query and headers", "", "/v1/messages?beta=true&x=%C3%A9", fairlead.Chat, fairlead.Aside{
			Query: "beta=true&x=%C3%A9", Header: map[string][]string{"Anthropic-Version": {"2024-10-22"}, "Anthropic-Beta": {"a", "b,c"}},
		}, map[string]string{"Anthropic-Version": "2024-10-22", "Anthropic-Beta": "a|b,c"}},
		{"a key of the client's", "", "/v1/messages", fairlead.Chat, fairlead.Aside{
			Header: map[string][]string{"X-Api-Key": {"theirs"}, "Content-Type": {"text/html"}, "Accept": {"x"}},
		}, map[string]string{"X-Api-Key": key, "Content-Type": "application/json", "Accept": "application/json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := says(200, whole)
			if c.op == fairlead.CountTokens {
				answer = says(200, `{"input_tokens":7}`)
			}
			got := ask(t, c.suffix, c.op, request(c.aside), answer)
			got.wantSent(t, c.path)
			for name, want := range c.want {
				if value := strings.Join(got.sent.Header[name], "|"); value != want {
					t.Errorf("got %s %q, want %q", name, value, want)
				}
			}
		})
	}
}

// wantSent checks what every request has.
func (a *asked) wantSent(t *testing.T, path string) {
	t.Helper()
	if a.err != nil {
		t.Fatal(a.err)
	}
	if a.sent.Method != http.MethodPost || a.sent.RequestURI != path || a.body != body {
		t.Errorf("got %s %s %s, want POST %s and the client's body", a.sent.Method, a.sent.RequestURI, a.body, path)
	}
	if a.sent.Header.Get("X-Api-Key") != key || a.sent.Header.Get("Authorization") != "" {
		t.Errorf("got the headers %v, want the provider's key", a.sent.Header)
	}
}

func TestWhatComesBack(t *testing.T) {
	got := ask(t, "", fairlead.Chat, request(fairlead.Aside{}), says(200, whole))
	if got.err != nil || got.data != whole {
		t.Fatalf("got %s, %v", got.data, got.err)
	}
	if want := (fairlead.End{Usage: fairlead.Usage{Input: 12, Output: 2}, Finish: "end_turn"}); *got.end != want {
		t.Errorf("got the end %+v, want %+v", *got.end, want)
	}
	if h := got.head.Header; len(h) != 1 || h["X-Upstream-Request-Id"] != "req_theirs" {
		t.Errorf("got the headers %v", h)
	}
	got = ask(t, "", fairlead.CountTokens, request(fairlead.Aside{}), says(200, `{"input_tokens":7}`))
	if got.err != nil || got.data != `{"input_tokens":7}` || *got.end != (fairlead.End{}) {
		t.Errorf("got %s, %+v, %v; want an answer that uses nothing", got.data, got.end, got.err)
	}
	long := strings.Replace(whole, "Hi.", strings.Repeat("a", 2<<20), 1)
	got = ask(t, "", fairlead.Chat, request(fairlead.Aside{}), says(200, long))
	if want := (fairlead.End{Usage: fairlead.Usage{Input: 12, Output: 2}, Finish: "end_turn"}); got.err != nil || got.data != long || *got.end != want {
		t.Errorf("a long answer: got %d bytes, %+v, %v", len(got.data), got.end, got.err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status    int
		kind      string
		message   string
		want      fairlead.Kind
		code      string
		toldWords bool
	}{
		{400, "invalid_request_error", "max_tokens: required", fairlead.Invalid, "upstream_invalid_request", true},
		{400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", fairlead.Upstream, "upstream_auth", false},
		{401, "authentication_error", "invalid x-api-key", fairlead.Upstream, "upstream_auth", false},
		{402, "billing_error", "pay", fairlead.Upstream, "upstream_auth", false},
		{403, "permission_error", "no", fairlead.Upstream, "upstream_auth", false},
		{404, "not_found_error", "model: m", fairlead.NotFound, "upstream_not_found", true},
		{413, "request_too_large", "too large", fairlead.TooLarge, "upstream_too_large", true},
		{429, "rate_limit_error", "slow down", fairlead.Busy, "provider_rate_limited", false},
		{500, "api_error", "oops", fairlead.Upstream, "upstream_error", false},
		{500, "overloaded_error", "Overloaded", fairlead.Busy, "provider_unavailable", false},
		{504, "timeout_error", "late", fairlead.Upstream, "upstream_error", false},
		{529, "overloaded_error", "Overloaded", fairlead.Busy, "provider_unavailable", false},
		{200, "overloaded_error", "Overloaded", fairlead.Busy, "provider_unavailable", false},
		{200, "api_error", "oops", fairlead.Upstream, "upstream_error", false},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.kind), func(t *testing.T) {
			text := fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_1"}`, c.kind, c.message)
			got := ask(t, "", fairlead.Chat, request(fairlead.Aside{}), says(c.status, text))
			if got.err == nil || got.err.Kind != c.want || got.err.Code != c.code || got.err.Status != c.status {
				t.Fatalf("got the error %+v, want %v %s of a %d", got.err, c.want, c.code, c.status)
			}
			if told := got.err.Message == c.message; told != c.toldWords {
				t.Errorf("told the provider's words: %t, want %t", told, c.toldWords)
			}
			if busy := c.want == fairlead.Busy; busy != (got.err.RetryAfter > 0) {
				t.Errorf("got the wait %v", got.err.RetryAfter)
			}
			if got.head != nil {
				t.Error("something was emitted")
			}
		})
	}
}

func TestModels(t *testing.T) {
	var sent *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":[{"type":"model","id":"claude-a"},{"type":"model","id":"claude-b"}],"has_more":false}`)
	}))
	defer server.Close()
	p, err := New(remote.Config{Name: "acme", BaseURL: server.URL, APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	names, err := p.Models(t.Context())
	if err != nil || !slices.Equal(names, []string{"claude-a", "claude-b"}) {
		t.Errorf("got %q, %v", names, err)
	}
	if sent.RequestURI != "/v1/models?limit=1000" || sent.Header.Get("X-Api-Key") != key || sent.Header.Get("Anthropic-Version") != version {
		t.Errorf("got %s with %v", sent.RequestURI, sent.Header)
	}
}
