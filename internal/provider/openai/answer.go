package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead"
)

const (
	// maxWhole is the longest answer that is gathered before its head.
	maxWhole = 1 << 20
	// maxAnswer is the longest answer at all.
	maxAnswer = 256 << 20
	// pieceSize is the most of a long answer that one event carries, and
	// tailSize how much of its end is kept to find the usage in.
	pieceSize = 64 << 10
	tailSize  = 64 << 10
	// maxHeader is the longest header value that is passed on.
	maxHeader = 256
)

// answer is a 200 of the upstream on its way to the caller.
type answer struct {
	resp *http.Response
	body *listener
	emit fairlead.Emit
}

// whole passes on an answer that is one JSON object; read judges one that was
// gathered and finds its usage.
func (a *answer) whole(read func([]byte) (fairlead.End, error)) error {
	media := a.mediaType()
	if media != "" && media != "application/json" && !strings.HasSuffix(media, "+json") {
		return invalidAnswer(errors.New("the content type is not JSON"))
	}
	if a.resp.ContentLength > maxAnswer {
		return errTooLong()
	}
	var gathered bytes.Buffer
	gathered.Grow(int(min(max(a.resp.ContentLength, 0), maxWhole)) + bytes.MinRead)
	if _, err := gathered.ReadFrom(io.LimitReader(a.body, maxWhole+1)); err != nil {
		return brokenOff(err)
	}
	if gathered.Len() > maxWhole {
		return a.long(gathered.Bytes())
	}
	if len(bytes.TrimSpace(gathered.Bytes())) == 0 {
		return invalidAnswer(errors.New("the body is empty"))
	}
	end, err := read(gathered.Bytes())
	if err != nil {
		return err
	}
	if err := a.head("application/json"); err != nil {
		return err
	}
	if err := a.data(gathered.Bytes()); err != nil {
		return err
	}
	return a.end(end)
}

// long passes on an answer that is too long to be gathered, of which start was
// read. Only its first and last bytes are looked at: a body whose length the
// protocol does not tell must end like an object to be whole.
func (a *answer) long(start []byte) error {
	if first := bytes.TrimLeft(start, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return invalidAnswer(errors.New("the body is not a JSON object"))
	}
	if err := a.head("application/json"); err != nil {
		return err
	}
	body := io.MultiReader(bytes.NewReader(start), a.body)
	piece := make([]byte, pieceSize)
	var tail []byte
	for total := 0; ; {
		n, err := body.Read(piece)
		if total += n; total > maxAnswer {
			return errTooLong()
		}
		if n > 0 {
			tail = keepTail(tail, piece[:n])
			if err := a.data(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return brokenOff(err)
		}
	}
	if last := bytes.TrimRight(tail, " \t\r\n"); len(last) == 0 || last[len(last)-1] != '}' {
		return brokenOff(io.ErrUnexpectedEOF)
	}
	return a.end(tailEnd(tail))
}

// keepTail returns tail with piece added, and at least the last tailSize bytes
// of both.
func keepTail(tail, piece []byte) []byte {
	tail = append(tail, piece...)
	if len(tail) <= 4*tailSize {
		return tail
	}
	return tail[:copy(tail, tail[len(tail)-tailSize:])]
}

// tailEnd finds usage and finish reason in the last bytes of an answer. What
// is not found is zero.
func tailEnd(tail []byte) fairlead.End {
	var usage struct {
		Input  int `json:"prompt_tokens"`
		Output int `json:"completion_tokens"`
	}
	var finish string
	end := fairlead.End{}
	if lastMember(tail, "usage", &usage) {
		end.Usage = fairlead.Usage{Input: max(usage.Input, 0), Output: max(usage.Output, 0)}
	}
	if lastMember(tail, "finish_reason", &finish) {
		end.Finish = finish
	}
	return end
}

// lastMember decodes the value of the last member called name in a piece of
// JSON. Within a string, the quotes of such a name would be escaped.
func lastMember(piece []byte, name string, into any) bool {
	quoted := []byte(`"` + name + `"`)
	for end := len(piece); end > 0; {
		at := bytes.LastIndex(piece[:end], quoted)
		if at < 0 {
			return false
		}
		end = at
		value, isName := bytes.CutPrefix(bytes.TrimLeft(piece[at+len(quoted):], " \t\r\n"), []byte(":"))
		if !isName || at > 0 && piece[at-1] == '\\' {
			continue
		}
		return json.NewDecoder(bytes.NewReader(value)).Decode(into) == nil
	}
	return false
}

func (a *answer) mediaType() string {
	media, _, err := mime.ParseMediaType(a.resp.Header.Get("Content-Type"))
	if err != nil {
		return a.resp.Header.Get("Content-Type")
	}
	return media
}

// head emits the head, with the upstream's content type or, if it sent none,
// fallback.
func (a *answer) head(fallback string) error {
	content := a.resp.Header.Get("Content-Type")
	if content == "" {
		content = fallback
	}
	head := fairlead.Head{
		ContentType: content,
		Stream:      a.mediaType() == eventStream,
		Status:      a.resp.StatusCode,
		Header:      map[string]string{},
	}
	// The upstream's limits (x-ratelimit-*) are ours, not the caller's.
	kept := [...][2]string{
		{"Openai-Processing-Ms", "Openai-Processing-Ms"},
		{"Openai-Version", "Openai-Version"},
		{"X-Request-Id", "X-Upstream-Request-Id"},
	}
	for _, names := range kept {
		if value := a.resp.Header.Get(names[0]); value != "" && len(value) <= maxHeader {
			head.Header[names[1]] = value
		}
	}
	return a.send(fairlead.Event{Head: &head})
}

func (a *answer) data(piece []byte) error { return a.send(fairlead.Event{Data: piece}) }

func (a *answer) end(end fairlead.End) error { return a.send(fairlead.Event{End: &end}) }

func (a *answer) send(event fairlead.Event) error {
	if err := a.emit(event); err != nil {
		return &goneError{err}
	}
	return nil
}

// goneError says that emit failed: the caller is gone.
type goneError struct{ err error }

func (e *goneError) Error() string { return fmt.Sprintf("passing the answer on: %v", e.err) }
func (e *goneError) Unwrap() error { return e.err }
