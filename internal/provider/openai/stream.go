package openai

import (
	"errors"
	"io"
	"time"

	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	eventStream = "text/event-stream"
	// maxFrame is the longest event of a stream.
	maxFrame = 1 << 20
	// drainBytes and drainTime bound what is read after the end of a stream,
	// which is only done to keep the connection.
	drainBytes = 4 << 10
	drainTime  = 100 * time.Millisecond
)

// stream passes on an event stream: one Data for each block of whole frames
// that was read at once, and the end marker only when the stream is whole.
func (a *answer) stream(out dialect.Outgoing) error {
	if a.mediaType() != eventStream {
		return invalidAnswer(errors.New("a stream was asked for and the content type is not an event stream's"))
	}
	frames := sse.NewReader(a.body, maxFrame)
	watch := dialect.NewStreamWatch(out)
	headed := false
	pass := func(block []byte) error {
		if len(block) == 0 {
			return nil
		}
		if !headed {
			headed = true
			if err := a.head(eventStream); err != nil {
				return err
			}
		}
		return a.data(block)
	}
	for !watch.Done() {
		block, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, sse.ErrFrameTooLong) {
			return malformedEvent(err)
		}
		if err != nil {
			return brokenOff(err)
		}
		good, bad := watch.Block(block)
		if err := pass(good); err != nil {
			return err
		}
		if bad != nil {
			return bad
		}
	}
	end, err := watch.End()
	if err != nil {
		return err
	}
	if err := pass([]byte(dialect.DoneFrame)); err != nil {
		return err
	}
	if err := a.end(end); err != nil {
		return err
	}
	a.drain()
	return nil
}

// drain reads the few bytes that frame the end of the body. The answer is
// whole without them; an upstream that holds them back loses its connection.
func (a *answer) drain() {
	a.body.hurry(drainTime)
	_, _ = io.CopyN(io.Discard, a.body, drainBytes)
}
