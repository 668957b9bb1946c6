package remote

import (
	"errors"
	"io"
	"time"

	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	// maxFrame is the longest event of a stream.
	maxFrame = 1 << 20
	// drainBytes and drainTime bound what is read after the end of a stream,
	// which is only done to keep the connection.
	drainBytes = 4 << 10
	drainTime  = 100 * time.Millisecond
)

// stream passes on an event stream: one Data for each block of whole frames
// that was read at once, and the end marker only when the stream is whole.
func (a *answer) stream(watch Watch) error {
	if a.mediaType() != eventStream {
		return invalidAnswer(errors.New("a stream was asked for and the content type is not an event stream's"))
	}
	r := &relay{answer: a, frames: sse.NewReader(a.resp, maxFrame), watch: watch}
	for !r.watch.Done() {
		err := r.block()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	last, end, err := r.watch.End()
	if err != nil {
		return err
	}
	if err := r.pass(last); err != nil {
		return err
	}
	if err := a.end(end); err != nil {
		return err
	}
	a.drain()
	return nil
}

// relay is a stream between its upstream and its caller.
type relay struct {
	answer *answer
	frames *sse.Reader
	watch  Watch
	// headed says that the head was emitted.
	headed bool
}

// block reads the next frames and passes on what is good of them. It returns
// io.EOF at the clean end of the body.
func (r *relay) block() error {
	block, err := r.frames.Next()
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, sse.ErrFrameTooLong):
		return malformedEvent(err)
	case err != nil:
		return brokenOff(err)
	}
	good, bad := r.watch.Block(block)
	if err := r.pass(good); err != nil {
		return err
	}
	return bad
}

// pass emits the frames, after the head if they are the first.
func (r *relay) pass(frames []byte) error {
	if len(frames) == 0 {
		return nil
	}
	if !r.headed {
		r.headed = true
		if err := r.answer.begin(eventStream); err != nil {
			return err
		}
	}
	return r.answer.data(frames)
}

// drain reads the few bytes that frame the end of the body. The answer is
// whole without them; an upstream that holds them back loses its connection.
func (a *answer) drain() {
	_ = a.resp.Finish(drainBytes, drainTime)
}
