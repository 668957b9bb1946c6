package mock_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/mock"
)

// answered is an answer as a client saw it.
type answered struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// frames returns the data of the events of a stream.
func (a answered) frames() []string {
	var list []string
	for line := range strings.Lines(a.body) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			list = append(list, strings.TrimSuffix(data, "\n"))
		}
	}
	return list
}

func serve(t *testing.T, options mock.Options) (*mock.Mock, string) {
	t.Helper()
	m := mock.New(options)
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return m, server.URL
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	return r
}

func send(t *testing.T, r *http.Request) answered {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.Header.Get(mock.Header) != "1" {
		t.Errorf("%s %s: no header %s", r.Method, r.URL, mock.Header)
	}
	return answered{response.StatusCode, response.Header, string(body), err}
}

func post(t *testing.T, url, body string) answered {
	t.Helper()
	a := send(t, request(t, http.MethodPost, url, body))
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a
}

// at decodes body and walks down path: names and indexes.
func at(t *testing.T, body string, path ...any) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%q is not an object's in %s", step, body)
			}
			v = members[step]
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("no element %d in %s", step, body)
			}
			v = list[step]
		}
	}
	return v
}

func text(t *testing.T, body string, path ...any) string {
	t.Helper()
	s, _ := at(t, body, path...).(string)
	return s
}

// gather joins the texts that stand at path in the frames; where there is none
// it adds nothing.
func gather(t *testing.T, frames []string, path ...any) string {
	t.Helper()
	var all strings.Builder
	for _, frame := range frames {
		if frame == "[DONE]" || at(t, frame, path[0]) == nil {
			continue
		}
		if list, ok := at(t, frame, path[0]).([]any); ok && len(list) == 0 {
			continue
		}
		all.WriteString(text(t, frame, path...))
	}
	return all.String()
}

const hello = `"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hello"}]}]`

func TestChatSaysThatItIsTheMock(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/chat/completions", `{"model":"gpt-4o-mini",`+hello+`}`)
	got := text(t, a.body, "choices", 0, "message", "content")
	want := "Fairlead mock: model gpt-4o-mini was sent 2 message(s); the last user message has 5 bytes."
	if a.status != 200 || got != want {
		t.Errorf("got %d %q, want 200 %q", a.status, got, want)
	}
	if got := text(t, a.body, "choices", 0, "finish_reason"); got != "stop" {
		t.Errorf("finish_reason %q", got)
	}
	if got := at(t, a.body, "usage", "prompt_tokens"); got != 4.0 {
		t.Errorf("prompt_tokens %v, want 1 + 14/4", got)
	}
}

func TestChatStream(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, options := range []string{"", `,"stream_options":{"include_usage":true}`} {
		a := post(t, url+"/v1/chat/completions", `{"model":"mock+tokens=4","stream":true,`+hello+options+`}`)
		frames := a.frames()
		if got, want := frames[len(frames)-1], "[DONE]"; got != want {
			t.Fatalf("the last frame is %q, want %q", got, want)
		}
		said := gather(t, frames, "choices", 0, "delta", "content")
		finish := gather(t, frames, "choices", 0, "finish_reason")
		usage := any(nil)
		if last := frames[len(frames)-2]; at(t, last, "usage") != nil {
			usage = at(t, last, "usage", "completion_tokens")
			if !strings.Contains(last, `"choices":[]`) {
				t.Errorf("the usage comes in %s", last)
			}
		}
		if want := "Fairlead mock: model mock+tokens=4 was"; said != want || finish != "stop" {
			t.Errorf("said %q, finish %q", said, finish)
		}
		if asked := options != ""; asked != (usage == 4.0) {
			t.Errorf("usage asked for: %t, got %v", asked, usage)
		}
		if got := strings.Contains(a.body, `"usage"`); got != (options != "") {
			t.Errorf("a chunk names usage: %t", got)
		}
	}
}

func TestAnswerIsCutToMaxTokens(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/chat/completions", `{"model":"mock","max_completion_tokens":1,`+hello+`}`)
	if got := text(t, a.body, "choices", 0, "message", "content"); got != "Fairlead mock:" {
		t.Errorf("said %q", got)
	}
	if got := text(t, a.body, "choices", 0, "finish_reason"); got != "length" {
		t.Errorf("finish_reason %q", got)
	}
	a = post(t, url+"/v1/messages", `{"model":"mock","max_tokens":1,`+user+`}`)
	if got := text(t, a.body, "stop_reason"); got != "max_tokens" {
		t.Errorf("stop_reason %q", got)
	}
}

const chatTools = `"tools":[
	{"type":"function","function":{"name":"weather","parameters":{"type":"object","required":["city","days","unit"],
		"properties":{"city":{"type":"string"},"days":{"type":"integer"},"unit":{"type":"string","enum":["C","F"]}}}}},
	{"type":"function","function":{"name":"now"}}]`

func TestChatCallsTools(t *testing.T) {
	_, url := serve(t, mock.Options{})
	url += "/v1/chat/completions"
	const filled = `{"city":"mock","days":1,"unit":"C"}`
	a := post(t, url, `{"model":"mock",`+hello+`,`+chatTools+`}`)
	called := []any{"choices", 0, "message", "tool_calls", 0, "function"}
	if got := text(t, a.body, append(called, "name")...) + text(t, a.body, append(called, "arguments")...); got != "weather"+filled {
		t.Errorf("called %s", got)
	}
	if got := text(t, a.body, "choices", 0, "finish_reason"); got != "tool_calls" {
		t.Errorf("finish_reason %q", got)
	}

	a = post(t, url, `{"model":"mock","stream":true,`+hello+`,`+chatTools+`}`)
	frames := a.frames()
	joined := gather(t, frames[:3], "choices", 0, "delta", "tool_calls", 0, "function", "arguments")
	if joined != filled || text(t, frames[3], "choices", 0, "finish_reason") != "tool_calls" {
		t.Errorf("streamed arguments %q, then %s", joined, frames[3])
	}

	a = post(t, url, `{"model":"mock",`+hello+`,`+chatTools+`,"tool_choice":{"type":"function","function":{"name":"now"}}}`)
	if got := text(t, a.body, append(called, "name")...); got != "now" {
		t.Errorf("forced tool: called %q", got)
	}
	result := `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","tool_call_id":"x","content":"sun"}]`
	for _, body := range []string{
		`{"model":"mock",` + result + `,` + chatTools + `}`,
		`{"model":"mock",` + hello + `,` + chatTools + `,"tool_choice":"none"}`,
	} {
		a = post(t, url, body)
		if got := text(t, a.body, "choices", 0, "message", "content"); !strings.HasPrefix(got, "Fairlead mock:") {
			t.Errorf("no text but %s", a.body)
		}
	}
}

func TestEmbeddingsAgreeInBothEncodings(t *testing.T) {
	_, url := serve(t, mock.Options{})
	url += "/v1/embeddings"
	a := post(t, url, `{"model":"text-embedding-3-small","input":["a","b","a"],"dimensions":5}`)
	b := post(t, url, `{"model":"text-embedding-3-small","input":"a","dimensions":5,"encoding_format":"base64"}`)
	raw, err := base64.StdEncoding.DecodeString(text(t, b.body, "data", 0, "embedding"))
	if err != nil || len(raw) != 20 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	var sum float64
	for i := range 5 {
		want, _ := at(t, a.body, "data", 0, "embedding", i).(float64)
		if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); got != float32(want) {
			t.Errorf("dimension %d: base64 %v, float %v", i, got, want)
		}
		if again := at(t, a.body, "data", 2, "embedding", i); again != want {
			t.Errorf("dimension %d: %v, then %v for the same input", i, want, again)
		}
		sum += want * want
	}
	if math.Abs(sum-1) > 1e-5 {
		t.Errorf("length² %v, want 1", sum)
	}
	if at(t, a.body, "data", 0, "embedding", 0) == at(t, a.body, "data", 1, "embedding", 0) {
		t.Error("two inputs, one vector")
	}
	a = post(t, url, `{"model":"m","input":[1,2,3]}`)
	if list, _ := at(t, a.body, "data").([]any); len(list) != 1 {
		t.Errorf("a list of tokens gave %d vectors, want 1", len(list))
	}
}

func TestModels(t *testing.T) {
	_, url := serve(t, mock.Options{Models: []string{"one", "org/two"}})
	a := send(t, request(t, http.MethodGet, url+"/v1/models", ""))
	if got := text(t, a.body, "data", 0, "id") + text(t, a.body, "data", 1, "id"); got != "oneorg/two" {
		t.Errorf("listed %q", got)
	}
	for name, status := range map[string]int{"one": 200, "org/two": 200, "mock+delay=1s": 200, "mock+huh": 404, "three": 404} {
		if a := send(t, request(t, http.MethodGet, url+"/v1/models/"+name, "")); a.status != status {
			t.Errorf("%s: %d, want %d", name, a.status, status)
		}
	}
}

const user = `"messages":[{"role":"user","content":"Hello"}]`

const messageTools = `"tools":[{"name":"weather","input_schema":{"type":"object","required":["city"],"properties":{"city":{"type":"string"}}}},{"name":"now"}]`

func TestMessages(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":100,"system":"Be brief.",`+user+`}`)
	if got := text(t, a.body, "content", 0, "text"); !strings.HasPrefix(got, "Fairlead mock: model claude-sonnet-4-5") {
		t.Errorf("said %q", got)
	}
	if got := text(t, a.body, "stop_reason"); got != "end_turn" {
		t.Errorf("stop_reason %q", got)
	}
	a = post(t, url+"/v1/messages/count_tokens", `{"model":"claude-sonnet-4-5","system":"Be brief.",`+user+`}`)
	if got := at(t, a.body, "input_tokens"); got != 4.0 {
		t.Errorf("input_tokens %v", got)
	}
}

func TestMessagesStream(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/messages", `{"model":"mock+tokens=3+usage=7:3","max_tokens":100,"stream":true,`+user+`}`)
	var types []string
	said := gather(t, a.frames(), "delta", "text")
	for _, frame := range a.frames() {
		kind := text(t, frame, "type")
		if !strings.Contains(a.body, "event: "+kind+"\ndata: ") {
			t.Errorf("no event line for %s", kind)
		}
		types = append(types, kind)
		if kind == "message_delta" && at(t, frame, "usage", "output_tokens") != 3.0 {
			t.Errorf("usage in %s", frame)
		}
	}
	want := []string{
		"message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
		"content_block_delta", "content_block_stop", "message_delta", "message_stop",
	}
	if !slices.Equal(types, want) || said != "Fairlead mock: model mock+tokens=3+usage=7:3" {
		t.Errorf("%v, said %q", types, said)
	}
}

func TestMessagesCallTools(t *testing.T) {
	_, url := serve(t, mock.Options{})
	url += "/v1/messages"
	a := post(t, url, `{"model":"mock","max_tokens":100,`+user+`,`+messageTools+`}`)
	if text(t, a.body, "content", 0, "name") != "weather" || text(t, a.body, "content", 0, "input", "city") != "mock" || text(t, a.body, "stop_reason") != "tool_use" {
		t.Errorf("got %s", a.body)
	}
	a = post(t, url, `{"model":"mock","max_tokens":100,"tool_choice":{"type":"tool","name":"now"},`+user+`,`+messageTools+`}`)
	if text(t, a.body, "content", 0, "name") != "now" {
		t.Errorf("forced tool: %s", a.body)
	}
	a = post(t, url, `{"model":"mock","max_tokens":100,"stream":true,`+user+`,`+messageTools+`}`)
	if joined := gather(t, a.frames(), "delta", "partial_json"); joined != `{"city":"mock"}` {
		t.Errorf("streamed input %q", joined)
	}
	result := `"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":"sun"}]}]`
	for _, body := range []string{
		`{"model":"mock","max_tokens":100,` + result + `,` + messageTools + `}`,
		`{"model":"mock","max_tokens":100,"tool_choice":{"type":"none"},` + user + `,` + messageTools + `}`,
	} {
		if a = post(t, url, body); text(t, a.body, "content", 0, "type") != "text" {
			t.Errorf("no text but %s", a.body)
		}
	}
}

func TestKey(t *testing.T) {
	m, url := serve(t, mock.Options{Key: "right"})
	for _, c := range []struct {
		path, header, value string
		status              int
		where               []any
	}{
		{"/v1/chat/completions", "Authorization", "Bearer right", 200, nil},
		{"/v1/messages", "X-Api-Key", "right", 200, nil},
		{"/v1/chat/completions", "Authorization", "Bearer wrong", 401, []any{"error", "code"}},
		{"/v1/messages", "X-Api-Key", "wrong", 401, []any{"error", "type"}},
		{"/mock/reset", "X-Api-Key", "", 401, []any{"error", "code"}},
	} {
		r := request(t, http.MethodPost, url+c.path, `{"model":"mock","max_tokens":9,`+user+`}`)
		r.Header.Set(c.header, c.value)
		a := send(t, r)
		if a.status != c.status {
			t.Errorf("%s with %s %q: %d, want %d", c.path, c.header, c.value, a.status, c.status)
		}
		if c.where != nil && text(t, a.body, c.where...) == "" {
			t.Errorf("%s: no code in %s", c.path, a.body)
		}
	}
	if got := m.Stats(); got.Unauthorized != 3 || got.Total != 2 {
		t.Errorf("unauthorized %d of 3, total %d of 2", got.Unauthorized, got.Total)
	}
}

func TestRefusesWhatTheRealOnesRefuse(t *testing.T) {
	m, url := serve(t, mock.Options{})
	bad := []struct{ path, body, says string }{
		{"/v1/chat/completions", `[]`, "not a JSON object"},
		{"/v1/chat/completions", `{"model":"m",` + hello + `,"model":"n"}`, "twice"},
		{"/v1/chat/completions", `{"model":"m",` + hello, "not valid JSON"},
		{"/v1/chat/completions", `{"model":"m",` + hello + `} x`, "not valid JSON"},
		{"/v1/chat/completions", `{"model":"m","messages":"x"}`, "does not fit"},
		{"/v1/chat/completions", `{` + hello + `}`, "model"},
		{"/v1/chat/completions", `{"model":"m","messages":[]}`, "at least one message"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"content":"x"}]}`, "no role"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":5}]}`, "content"},
		{"/v1/chat/completions", `{"model":"m","stream_options":{},` + hello + `}`, "stream_options"},
		{"/v1/chat/completions", `{"model":"m",` + hello + `,"tools":[{"type":"function"}]}`, "no name"},
		{"/v1/chat/completions", `{"model":"m",` + hello + `,"tool_choice":{"function":{"name":"x"}}}`, "tool_choice"},
		{"/v1/chat/completions", `{"model":"mock+sing",` + hello + `}`, "malformed, error_midstream"},
		{"/v1/embeddings", `{"input":"x"}`, "model"},
		{"/v1/embeddings", `{"model":"m"}`, "input"},
		{"/v1/embeddings", `{"model":"m","input":[{}]}`, "input"},
		{"/v1/embeddings", `{"model":"m","input":"x","dimensions":-1}`, "dimensions"},
		{"/v1/embeddings", `{"model":"m","input":"x","encoding_format":"int8"}`, "encoding_format"},
		{"/v1/messages", `{"model":"m",` + user + `}`, "max_tokens"},
		{"/v1/messages", `{"max_tokens":1,` + user + `}`, "model"},
		{"/v1/messages", `{"model":"m","max_tokens":1,"system":5,` + user + `}`, "system"},
		{"/v1/messages/count_tokens", `{"model":"m","stream":true,` + user + `}`, "stream"},
	}
	for _, c := range bad {
		a := post(t, url+c.path, c.body)
		if got := text(t, a.body, "error", "message"); a.status != 400 || !strings.Contains(got, c.says) {
			t.Errorf("%s %s: got %d %q, want 400 with %q", c.path, c.body, a.status, got, c.says)
		}
	}
	for _, name := range []string{"Content-Type", "Anthropic-Version"} {
		r := request(t, http.MethodPost, url+"/v1/messages", `{"model":"m","max_tokens":1,`+user+`}`)
		r.Header.Del(name)
		if a := send(t, r); a.status != 400 {
			t.Errorf("without %s: %d, want 400", name, a.status)
		}
	}
	if a := post(t, url+"/v1/nothing", `{}`); a.status != 404 || text(t, a.body, "error", "type") != "invalid_request_error" {
		t.Errorf("an unknown path: %d %s", a.status, a.body)
	}
	if got, want := m.Stats().Invalid, int64(len(bad)+3); got != want {
		t.Errorf("invalid %d, want %d", got, want)
	}
}
