package remote

import (
	"cmp"
	"errors"
	"io"
	"time"

	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	// maxFrame is the longest event of a stream whose Way does not say.
	maxFrame = 1 << 20
	// drainBytes and drainTime bound what is read after the end of a stream,
	// which is only done to keep the connection.
	drainBytes = 4 << 10
	drainTime  = 100 * time.Millisecond
	// maxOpening is how much of a stream without content is kept back while the first
	// content is waited for.
	maxOpening = 16 << 10
)

// stream passes on an event stream: one Data for each block of whole frames
// that was read at once, and the end marker only when the stream is whole.
func (a *answer) stream(watch Watch) error {
	if a.mediaType() != eventStream {
		return invalidAnswer(errors.New("a stream was asked for and the content type is not an event stream's"))
	}
	r := &relay{answer: a, frames: sse.NewReader(a.resp.body, cmp.Or(a.way.MaxFrame, maxFrame), a.buffers), watch: watch}
	defer r.frames.Close()
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
	if err := r.begin(last); err != nil {
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
	// opening is what came before the first content while that is waited for: as
	// long as nothing is passed on, the call can still go elsewhere.
	opening []byte
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
	if !r.answer.clock.waits() {
		err = r.pass(good)
	} else {
		err = r.open(good)
	}
	if err != nil {
		return err
	}
	return bad
}

// open keeps the frames back until one has content.
func (r *relay) open(frames []byte) error {
	switch {
	case r.answer.way.Begins(frames):
		return r.begin(frames)
	case len(r.opening)+len(frames) <= maxOpening:
		r.opening = append(r.opening, frames...)
		return nil
	}
	return r.flush(frames)
}

// begin passes on the frames with which the content begins, or that come later.
func (r *relay) begin(frames []byte) error {
	if err := r.answer.clock.content(); err != nil {
		return err
	}
	return r.flush(frames)
}

// flush passes on what was kept back, and the frames.
func (r *relay) flush(frames []byte) error {
	if len(r.opening) > 0 {
		frames, r.opening = append(r.opening, frames...), nil
	}
	return r.pass(frames)
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
