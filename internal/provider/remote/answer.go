package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"sync"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	// maxWhole is the longest answer that is gathered before its head.
	maxWhole = 1 << 20
	// keptWhole is the largest buffer of such an answer that is used again.
	keptWhole = 64 << 10
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
	resp received
	key  secret
	// language and way are what was asked, and how.
	language *Language
	way      *Way
	emit     fairlead.Emit
	clock    *clock
	buffers  *sse.Buffers // for the frames of streams
	// gathering has buffers for whole answers, of *bytes.Buffer.
	gathering *sync.Pool
	// head and tail are what the first and the last event point at.
	head fairlead.Head
	tail fairlead.End
}

// whole passes on an answer that is one JSON object.
func (a *answer) whole() error {
	media := a.mediaType()
	if media != "" && media != mediaJSON && !strings.HasSuffix(media, "+json") {
		return invalidAnswer(errors.New("the content type is not JSON"))
	}
	if a.resp.Length > maxAnswer {
		return errTooLong()
	}
	gathered, _ := a.gathering.Get().(*bytes.Buffer)
	if gathered == nil {
		gathered = new(bytes.Buffer)
	}
	defer func() {
		if gathered.Cap() <= keptWhole {
			gathered.Reset()
			a.gathering.Put(gathered)
		}
	}()
	gathered.Grow(int(min(max(a.resp.Length, 0), maxWhole)) + bytes.MinRead)
	if _, err := gathered.ReadFrom(io.LimitReader(a.resp, maxWhole+1)); err != nil {
		return brokenOff(err)
	}
	if gathered.Len() > maxWhole {
		return a.long(gathered.Bytes())
	}
	if len(bytes.TrimSpace(gathered.Bytes())) == 0 {
		return invalidAnswer(errors.New("the body is empty"))
	}
	end, err := a.way.Whole(gathered.Bytes())
	if err != nil {
		return err
	}
	if err := a.clock.content(); err != nil {
		return err
	}
	if err := a.begin(mediaJSON); err != nil {
		return err
	}
	if err := a.data(gathered.Bytes()); err != nil {
		return err
	}
	return a.end(end)
}

// long passes on an answer that is too long to be gathered, of which start was
// read. Each piece is checked before it is emitted, and the end is emitted only
// of an object that is whole and has no error in it.
func (a *answer) long(start []byte) error {
	if jsonscan.KindOf(start) != jsonscan.ObjectKind {
		return invalidAnswer(errors.New("the body is not a JSON object"))
	}
	seen := jsonscan.NewChecker("error")
	if err := inspect(seen, start); err != nil {
		return err
	}
	if err := a.clock.content(); err != nil {
		return err
	}
	if err := a.begin(mediaJSON); err != nil {
		return err
	}
	for piece := range slices.Chunk(start, pieceSize) {
		if err := a.data(piece); err != nil {
			return err
		}
	}
	tail, err := a.rest(seen, len(start))
	if err != nil {
		return err
	}
	if err := seen.Whole(); err != nil {
		return brokenOff(io.ErrUnexpectedEOF)
	}
	return a.end(a.way.Tail.end(append(start[max(0, len(start)-tailSize):], tail...)))
}

// rest passes on what follows the total bytes that were, and returns at least
// the last tailSize bytes of it, if it has so many.
func (a *answer) rest(seen *jsonscan.Checker, total int) (tail []byte, err error) {
	piece := make([]byte, pieceSize)
	for {
		n, err := a.resp.Read(piece)
		if total += n; total > maxAnswer {
			return nil, errTooLong()
		}
		if n > 0 {
			if err := inspect(seen, piece[:n]); err != nil {
				return nil, err
			}
			tail = keepTail(tail, piece[:n])
			if err := a.data(piece[:n]); err != nil {
				return nil, err
			}
		}
		if errors.Is(err, io.EOF) {
			return tail, nil
		}
		if err != nil {
			return nil, brokenOff(err)
		}
	}
}

// inspect checks the next piece of a long answer.
func inspect(seen *jsonscan.Checker, piece []byte) error {
	if _, err := seen.Write(piece); err != nil {
		return invalidAnswer(err)
	}
	if seen.Found() {
		return saidError()
	}
	return nil
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

// end finds usage and finish reason in the last bytes of an answer. What is not
// found is zero.
func (t *Tail) end(tail []byte) fairlead.End {
	var usage map[string]json.RawMessage
	end := fairlead.End{}
	if lastMember(tail, "usage", &usage) {
		for _, name := range t.Input {
			end.Usage.Input += count(usage[name])
		}
		end.Usage.Output = count(usage[t.Output])
	}
	if t.Finish != "" && !lastMember(tail, t.Finish, &end.Finish) {
		end.Finish = ""
	}
	return end
}

// count is the number of things that raw says; 0 if it says none.
func count(raw []byte) int {
	n, _ := jsonscan.Int(raw)
	return max(n, 0)
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
	said := a.resp.Header.Get("Content-Type")
	if said == mediaJSON || said == eventStream {
		return said
	}
	media, _, err := mime.ParseMediaType(said)
	if err != nil {
		return said
	}
	return media
}

// begin emits the head. The content type is named in our words: theirs was
// understood, and need not be repeated.
func (a *answer) begin(content string) error {
	a.head = fairlead.Head{
		ContentType: content,
		Stream:      content == eventStream,
		Status:      a.resp.Status,
		Hold:        usedUp(a.resp.Header),
		Keeper:      a.head.Keeper,
	}
	for _, kept := range a.language.Kept {
		if value := a.resp.Header.Get(kept.Name); value != "" && len(value) <= maxHeader && !a.key.in(value) {
			if a.head.Header == nil {
				a.head.Header = make(map[string]string, len(a.language.Kept))
			}
			a.head.Header[kept.As] = value
		}
	}
	return a.send(fairlead.Event{Head: &a.head})
}

func (a *answer) data(piece []byte) error { return a.send(fairlead.Event{Data: piece}) }

func (a *answer) end(end fairlead.End) error {
	a.tail = end
	return a.send(fairlead.Event{End: &a.tail})
}

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
