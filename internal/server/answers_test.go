package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fairleadhq/fairlead/internal/config"
)

// script is what an upstream answers every call with.
type script struct {
	contentType string
	pieces      []string // each is sent by itself
	length      bool     // said before
}

func (a *script) play(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.contentType)
	if a.length {
		w.Header().Set("Content-Length", fmt.Sprint(len(strings.Join(a.pieces, ""))))
	}
	for _, piece := range a.pieces {
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

// startBehind runs a service whose upstream, in both dialects, plays the script.
func startBehind(t *testing.T, a *atomic.Pointer[script]) *service {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { a.Load().play(w) }))
	t.Cleanup(upstream.Close)
	loaded, err := config.Load(config.Input{
		Path: "test.yaml",
		Data: []byte("apps: [{name: crm, keys: [" + agentKey + "], rate_limit_per_minute: 0}]\nlimits: {burst: {requests_per_second: 0}}\n" +
			"llm:\n  default_model: up/m\n  providers:\n    up: {base_url: \"" + upstream.URL + "/v1\", models: [\"*\"]}\n" +
			"    claude: {base_url: \"" + upstream.URL + "\", dialect: anthropic, models: [\"*\"]}\n"),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{}
	s.Server, err = New(t.Context(), loaded, Options{Version: "test", Logger: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + s.Addr().String()
	s.run(t)
	return s
}

// heard is an answer of an upstream, and what of it the client is to get.
type heard struct {
	name, path, model string
	sent, got         string // got is sent where it is empty
	stream            bool
}

// A client that asks for usage itself gets all that the provider says, up to the
// end marker.
const chatAsk, messageAsk = `{"model":%q,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`,
	`{"model":%q,"stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`

const chatAnswer = ": open\n\n" +
	`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"next_week":{"a":1,"a":2}}]}` + "\n\n" +
	"id: 7\nretry: 3000\ndata:{\"choices\" : [ {\"index\":0,\"delta\":{\"content\":\"\\u0068\\u00e9\\ud83d\\ude00\\/ é 😀 \\u2028\u2028\"}} ]}\n\n" +
	"event: next_week\nid: 8\ndata: not JSON at all\ndata: é\n\n" +
	": keep-alive\n\n" +
	"data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"two lines\"},\ndata:\"logprobs\":null}]}\nunknown: line\n\n" +
	"retry: 10\n\n" +
	"event: message\ndata:  {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x\":1E+2}  \n\n" +
	`data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":-0,"total_tokens":1}}` + "\n\n"

const messageAnswer = ": open\n\n" +
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"content\":[],\"usage\":{\"input_tokens\":1,\"cache_read_input_tokens\":2,\"later\":{}}}}\n\n" +
	"event: ping\ndata: {\"type\": \"ping\"}\n\n" +
	"event: content_block_start\nid: 1\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n" +
	"event: content_block_delta\ndata:{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln+\\/==\"}}\n\n" +
	"retry: 3000\n\n: still here\n" +
	"event: content_block_next_week\ndata: {\"type\":\"content_block_next_week\",\ndata: \"text\":\"\\u0068\\ud83d\\ude00 é 😀 \u2028\", \"n\":1E+2}\n\n" +
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"next_week\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\n" +
	"event: message_stop\nid: 9\ndata: {\"type\":\"message_stop\" , \"amazon-bedrock-invocationMetrics\":{}}\n\n"

func answersHeard() []heard {
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	mixed := strings.ReplaceAll(chatAnswer, "\n\n", "\r\r\n") // one line ends in \r, the next in \r\n
	const done = "data: [DONE]\n\n"
	long := `{"choices" : [{"message":{"role":"assistant","content":"` + strings.Repeat(`\u00e9 é `, 1<<18) + `","later":{"a":1,"a":2}},"finish_reason":"stop"}],"usage":{"prompt_tokens":1E+2}}` + "\n"
	chat, messages := "/v1/chat/completions", "/v1/messages"
	return []heard{
		{name: "chat", path: chat, model: "up/m", sent: chatAnswer + done, stream: true},
		{name: "chat with CRLF", path: chat, model: "up/m", sent: crlf(chatAnswer + done), got: crlf(chatAnswer) + done, stream: true},
		{name: "chat with mixed line ends", path: chat, model: "up/m", sent: mixed + done, stream: true},
		{name: "chat after a byte order mark", path: chat, model: "up/m", sent: "\ufeff" + chatAnswer + done, got: chatAnswer + done, stream: true},
		{name: "chat and more after its end", path: chat, model: "up/m", sent: chatAnswer + "data:[DONE]\n\ndata: {}\n\n", got: chatAnswer + done, stream: true},
		{name: "messages", path: messages, model: "claude/m", sent: messageAnswer, stream: true},
		{name: "messages with CRLF", path: messages, model: "claude/m", sent: crlf(messageAnswer), stream: true},
		{name: "messages with CR", path: messages, model: "claude/m", sent: strings.ReplaceAll(messageAnswer, "\n", "\r"), stream: true},
		{
			name: "a whole chat", path: chat, model: "up/m",
			sent: " {\n\t\"id\":\"c\",\"choices\" : [{\"message\":{\"content\":\"\\u00e9\\/ \\ud800\"},\"finish_reason\":\"stop\",\"n\":1E+2}],\"usage\":null,\"x\":{\"a\":1,\"a\":2}}\r\n",
		},
		{name: "a long chat", path: chat, model: "up/m", sent: long},
		{
			name: "a whole message", path: messages, model: "claude/m",
			sent: "{\"type\":\"message\", \"content\":[ {\"type\":\"next_week\",\"text\":\"\\u00e9\\/\"} ],\"stop_reason\":\"x\",\"usage\":{\"input_tokens\":1}}\n\n",
		},
		{name: "embeddings", path: "/v1/embeddings", model: "up/m", sent: "{ \"data\":[{\"embedding\":[1E-2,-0.0],\"index\":0}],\"usage\":{\"prompt_tokens\":1}, \"later\":1 }"},
	}
}

// TestAnswersPassByteForByte: however the provider's answer comes in pieces, the
// client gets its bytes. Only what comes before and after the answer is the
// service's own: a byte order mark goes, and [DONE] is its own frame.
func TestAnswersPassByteForByte(t *testing.T) {
	var playing atomic.Pointer[script]
	s := startBehind(t, &playing)
	for _, h := range answersHeard() {
		body := fmt.Sprintf(map[string]string{"/v1/chat/completions": chatAsk, "/v1/messages": messageAsk, "/v1/embeddings": `{"model":%q,"input":"x"}`}[h.path], h.model)
		if !h.stream {
			body = strings.NewReplacer(`"stream":true,`, "", `"stream_options":{"include_usage":true},`, "").Replace(body)
		}
		want := h.got
		if want == "" {
			want = h.sent
		}
		for name, cut := range cutsOf(h) {
			a := &script{contentType: "application/json", pieces: cut, length: !h.stream && len(cut)%2 == 1}
			if h.stream {
				a.contentType = "text/event-stream; charset=utf-8"
			}
			playing.Store(a)
			if got := string(exchange(t, s.url+h.path, body)); got != want {
				t.Fatalf("%s, %s: got %d bytes, want %d:\n%.4000q\n%.4000q", h.name, name, len(got), len(want), got, want)
			}
		}
	}
}

// cutsOf are ways in which an answer may come: whole, byte by byte, and in two
// pieces, cut at every so many bytes.
func cutsOf(h heard) map[string][]string {
	text := h.sent
	cuts := map[string][]string{"whole": {text}}
	if len(text) > 1<<16 {
		return map[string][]string{"whole": {text}, "in two": {text[:len(text)/2], text[len(text)/2:]}}
	}
	var bytes []string
	for i := range len(text) {
		bytes = append(bytes, text[i:i+1])
	}
	cuts["byte by byte"] = bytes
	step := 7
	if proof() {
		step = 1
	}
	for at := step; at < len(text); at += step {
		cuts[fmt.Sprintf("cut at %d", at)] = []string{text[:at], text[at:]}
	}
	return cuts
}
