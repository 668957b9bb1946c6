package upstream

import (
	"fmt"
	"strings"
)

// answers are all that the server ever says, built once.
type answers struct {
	whole, models, missing []byte
	// opening is the head of a stream and its first chunk, chunk each further
	// one, closing the chunk with the reason, the one with the usage, [DONE]
	// and the end.
	opening, chunk, closing []byte
}

const usage = `{"prompt_tokens":120,"completion_tokens":64,"total_tokens":184}`

// newAnswers builds the answers: the whole one has a body of about 600 B, a
// chunk about 120.
func newAnswers() *answers {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 7)
	whole := `{"id":"chatcmpl-bench0001","object":"chat.completion","created":1753019000,"model":"bench",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":"` + text + `"},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":` + usage + `}`
	models := `{"object":"list","data":[{"id":"bench","object":"model","created":1753019000,"owned_by":"bench"}]}`
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
	return &answers{
		whole:   answer("200 OK", whole),
		models:  answer("200 OK", models),
		missing: answer("404 Not Found", `{"error":{"message":"no such path","type":"invalid_request_error"}}`),
		opening: []byte(head + httpChunk(delta(`{"role":"assistant","content":"The"}`, "null"))),
		chunk:   []byte(httpChunk(delta(`{"content":" word"}`, "null"))),
		closing: []byte(httpChunk(delta(`{}`, `"stop"`)) + httpChunk(event(`{"id":"chatcmpl-bench","object":"chat.completion.chunk",`+
			`"created":1753019000,"model":"bench","choices":[],"usage":`+usage+`}`)) + httpChunk(event("[DONE]")) + "0\r\n\r\n"),
	}
}

func answer(status, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

func delta(what, reason string) string {
	return event(`{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1753019000,"model":"bench",` +
		`"choices":[{"index":0,"delta":` + what + `,"finish_reason":` + reason + `}]}`)
}

func event(data string) string { return "data: " + data + "\n\n" }

func httpChunk(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }
