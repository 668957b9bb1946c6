package mock

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

// longestHang bounds what "never" means, so that a forgotten client does not
// hold a call for ever.
const longestHang = time.Hour

var (
	// errGone: the client left before the answer was complete.
	errGone = errors.New("the client left")
	// errCut: the connection has to be broken.
	errCut = errors.New("the connection is to be cut")
)

// object is a JSON object to be written.
type object = map[string]any

// speaker spells what the two APIs spell differently wherever they fail.
type speaker interface {
	errorBody(status int, message string) object
	errorFrame(message string) []byte
	brokenFrame() []byte
}

// reply is one answer on its way out, with what may befall it.
type reply struct {
	w      http.ResponseWriter
	speaks speaker
	ask    ask
	how    behaviour
	number int64  // of the call, for ids
	last   func() // to be called right before the last bytes are written
}

// play answers with the faults that come before any answer, else by answer.
func (p *reply) play(ctx context.Context, answer func(context.Context, *reply) error) error {
	if err := wait(ctx, p.how.delay); err != nil {
		return err
	}
	f := p.how.fault
	switch {
	case f.hang:
		return p.hang(ctx)
	case f.status != 0:
		if f.retryAfter != "" {
			p.w.Header().Set("Retry-After", f.retryAfter)
		}
		return p.whole(f.status, "application/json", encode(p.speaks.errorBody(f.status, "Fairlead mock: status "+strconv.Itoa(f.status)+", as asked for")))
	case f.redirect != "":
		p.w.Header().Set("Location", f.redirect)
		return p.whole(http.StatusTemporaryRedirect, "text/plain", nil)
	case f.html:
		return p.whole(http.StatusOK, "text/html; charset=utf-8", []byte("<!doctype html>\n<title>Fairlead mock</title>\n<p>Fairlead mock: this is a page, not an answer.</p>\n"))
	case f.empty:
		return p.whole(http.StatusOK, p.contentType(), nil)
	}
	return answer(ctx, p)
}

func (p *reply) contentType() string {
	if p.ask.stream {
		return "text/event-stream; charset=utf-8"
	}
	return "application/json"
}

// whole writes a complete answer.
func (p *reply) whole(status int, contentType string, body []byte) error {
	p.w.Header().Set("Content-Type", contentType)
	p.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	p.last()
	p.w.WriteHeader(status)
	if _, err := p.w.Write(body); err != nil {
		return errGone
	}
	return p.flush()
}

// json answers with one JSON value, or with what its faults make of it.
func (p *reply) json(ctx context.Context, value any) error {
	body := encode(value)
	f := p.how.fault
	switch {
	case f.errorAfter != never:
		return p.whole(http.StatusOK, "application/json", encode(p.speaks.errorBody(http.StatusInternalServerError, "Fairlead mock: an error under status 200, as asked for")))
	case f.malformed > 0:
		// The last brace becomes a blank, so that only a reader of the JSON can
		// tell.
		broken := bytes.TrimRight(body, "}\n")
		broken = append(broken, bytes.Repeat([]byte(" "), len(body)-len(broken))...)
		return p.whole(http.StatusOK, "application/json", broken)
	case f.clean:
		return p.whole(http.StatusOK, "application/json", f.until(body))
	case f.cut != never:
		if err := p.part(body); err != nil {
			return err
		}
		return errCut
	case f.hangAfter != never:
		if err := p.part(body); err != nil {
			return err
		}
		return p.hang(ctx)
	}
	return p.whole(http.StatusOK, "application/json", body)
}

// until is what a JSON answer sends before its cut, which is never all of it: the
// last two bytes are the brace and a line end.
func (f *fault) until(body []byte) []byte {
	if f.cutBytes > 0 {
		return body[:min(f.cutBytes, len(body)-2)]
	}
	return body[:len(body)/2]
}

// part promises body and sends what comes before its cut.
func (p *reply) part(body []byte) error {
	p.w.Header().Set("Content-Type", "application/json")
	p.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := p.w.Write(p.how.fault.until(body)); err != nil {
		return errGone
	}
	return p.flush()
}

// stream sends frames as an event stream, at the pace and with the faults
// asked for. A fault at a place that the stream does not reach strikes at its
// end.
func (p *reply) stream(ctx context.Context, frames [][]byte) error {
	p.w.Header().Set("Content-Type", p.contentType())
	p.w.Header().Set("Cache-Control", "no-cache")
	f := p.how.fault
	if f.malformed > 0 {
		frames[min(f.malformed, len(frames))-1] = p.speaks.brokenFrame()
	}
	if f.errorAfter != never {
		frames = append(frames[:min(f.errorAfter, len(frames))], p.speaks.errorFrame("Fairlead mock: an error in the stream, as asked for"))
	}
	p.dress(frames)
	switch {
	case f.clean:
		frames = f.before(frames)
	case f.cut != never:
		if err := p.frames(ctx, f.before(frames), never); err != nil {
			return err
		}
		return errCut
	case f.hangAfter != never:
		if err := p.frames(ctx, frames[:min(f.hangAfter, len(frames))], never); err != nil {
			return err
		}
		return p.hang(ctx)
	}
	return p.frames(ctx, frames, len(frames)-1)
}

// dress gives the frames the form that the flags ask for.
func (p *reply) dress(frames [][]byte) {
	for i, frame := range frames {
		if p.how.multiline {
			frame = bytes.Replace(frame, []byte("data: {"), []byte("data: {\ndata: "), 1)
		}
		if p.how.comments {
			frame = append([]byte(": Fairlead mock\n\n"), frame...)
		}
		if p.how.crlf {
			frame = bytes.ReplaceAll(frame, []byte("\n"), []byte("\r\n"))
		}
		frames[i] = frame
	}
}

// before is what a stream sends before its cut: whole frames, and the beginning
// of the next one, which is never all of it.
func (f *fault) before(frames [][]byte) [][]byte {
	sent := frames[:min(f.cut, len(frames))]
	if len(sent) == len(frames) || f.cutBytes == 0 {
		return sent
	}
	next := frames[len(sent)]
	return append(slices.Clone(sent), next[:min(f.cutBytes, len(next)-1)])
}

// frames writes them one by one. The answer is over with the frame at the
// index final; it may be never.
func (p *reply) frames(ctx context.Context, frames [][]byte, final int) error {
	if len(frames) == 0 {
		return p.flush()
	}
	for i, frame := range frames {
		if i > 0 {
			if err := wait(ctx, p.how.pace); err != nil {
				return err
			}
		}
		if i == final {
			p.last()
		}
		if _, err := p.w.Write(frame); err != nil {
			return errGone
		}
		if err := p.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (p *reply) flush() error {
	if err := http.NewResponseController(p.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errGone
	}
	return nil
}

// hang waits for the client to leave.
func (p *reply) hang(ctx context.Context) error {
	if err := wait(ctx, longestHang); err != nil {
		return err
	}
	return errCut
}

// wait blocks for d, or until the client leaves.
func wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return errGone
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errGone
	case <-timer.C:
		return nil
	}
}

// refuse answers with an error that is not a fault asked for.
func refuse(w http.ResponseWriter, speaks speaker, status int, message string) {
	writeJSON(w, status, speaks.errorBody(status, "Fairlead mock: "+message))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body := encode(value)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that has left does not miss it.
	_, _ = w.Write(body) //nolint:gosec // JSON, and said to be
}

// encode spells value as one line of JSON.
func encode(value any) []byte { return append(plainjson.Encode(value), '\n') }
