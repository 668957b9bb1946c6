package load

import (
	"fmt"
	"strings"
)

// Body makes a chat request whose prompt has about size bytes: prose with line
// ends and quotes, in messages of at most 4 KB, and asks for a stream or not.
func Body(model string, size int, mode Mode) string {
	const sentence = `The \"quick\" brown fox jumps over the lazy dog, and 42 more of them follow it.\n`
	const longest = 4 << 10
	var text strings.Builder
	text.WriteString(`{"model":"` + model + `",`)
	if mode == Stream {
		text.WriteString(`"stream":true,`)
	}
	text.WriteString(`"messages":[`)
	for i := 0; size > 0; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		role := []string{"user", "assistant"}[i%2]
		n := min(size, longest)
		text.WriteString(`{"role":"` + role + `","content":"` + strings.Repeat(sentence, max(n/len(sentence), 1)) + `"}`)
		size -= n
	}
	text.WriteString(`],"temperature":0.7,"max_tokens":256}`)
	return text.String()
}

// Mode says what kind of answer a request asks for.
type Mode int

// The kinds of answers.
const (
	Whole Mode = iota
	Stream
)

// Request is a whole HTTP/1.1 request: a POST of body to path, with further
// header lines, such as "Authorization: Bearer KEY", without the last line end.
func Request(path, headers, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, headers, len(body), body)
}
