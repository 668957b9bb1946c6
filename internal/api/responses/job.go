package responses

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/api/follow"
	"github.com/fairleadhq/fairlead/internal/replay"
	keep "github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// acknowledgeWithin is how long a client is told nothing while it is not known whether
// its call is refused, as while the provider's pause is waited for.
const acknowledgeWithin = time.Second

// job is the work on a response in the background. A goroutine of the gateway's does
// it; what the client's may know of it is under the mutex.
type job struct {
	*follow.Notes

	turn   *keep.Turn
	object []byte      // the response as it is queued
	log    *replay.Log // nil where the client wants no stream
	memory *budget.Account

	// known is closed when it is known whether the call was refused, and if it was, when
	// nothing is left of it.
	known chan struct{}

	mu      sync.Mutex
	outlook outlook
	refusal error
}

// outlook is what is known of a call's beginning.
type outlook uint8

const (
	unknown      outlook = iota
	acknowledged         // it has a place in the queue, or its client was told so
	refused              // it ended without one, and nobody knows of the response
)

// detach has the call go on without its exchange, once the response is stored as
// queued.
func (c *creation) detach(ctx context.Context, req *fairlead.Request) error {
	// A model that is not there is told at once, not to whoever asks for the answer.
	if _, err := c.face.config.Gateway.Resolve(c.x.App, req.Envelope.Model); err != nil {
		return err
	}
	j := &job{Notes: follow.NewNotes(c.call), turn: c.turn, known: make(chan struct{})}
	var err error
	if c.turn.Streams() { // first: for want of room it may be refused
		j.log, err = c.face.config.Logs.Open(c.x.App.ID, c.turn.ID(), replay.Options{Cancel: c.work.Cancel})
		if err != nil {
			return err
		}
	}
	if j.object, err = c.turn.Queue(ctx); err != nil {
		if j.log != nil {
			j.log.Discard()
		}
		return err
	}
	j.memory = c.x.KeepBody()
	c.call.Interrupt, c.call.Waiting, c.call.Entered = nil, nil, func() { j.decide(acknowledged, nil) }
	c.turn.Running(c.work.Cancel)
	kept := context.WithoutCancel(ctx) // whatever ends the call, its end is stored
	c.work.Detach(func(err error) { j.finish(kept, err) })
	c.emit = c.found.Watch(c.turn.Watch(kept, j.emit))
	c.job = j
	return nil
}

// emit takes the events of the answer: into the log, if there is one.
func (j *job) emit(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		j.decide(acknowledged, nil)
		j.Note()
		j.Keep(e.Head.Header)
		if !e.Head.Stream {
			return &fairlead.Error{
				Kind: fairlead.Upstream, Code: "upstream_invalid_answer",
				Message: "The provider answered with a whole body where a stream was asked for",
			}
		}
		return nil
	case e.End != nil || j.log == nil:
		return nil
	}
	return j.append(e.Data)
}

// append puts frames into the log, each under its sequence number.
func (j *job) append(frames []byte) error {
	for frame := range sse.Frames(frames) {
		if sse.Data(frame, nil) == nil {
			continue // by which the upstream says that it is alive, now
		}
		if _, err := j.log.Append(frame); err != nil {
			return err
		}
	}
	return nil
}

// finish is told how the call ended.
func (j *job) finish(ctx context.Context, err error) {
	failure := fairlead.AsError(err)
	if failure != nil {
		j.Note()
		j.Keep(nil)
		if j.decide(refused, err) == refused {
			defer close(j.known)
			j.discard(ctx) // before its client is told
			return
		}
	}
	var last []byte
	if failure != nil && j.turn.Told() != nil {
		last = brokenFrames(j.turn, failure)
	}
	j.turn.Close(ctx, err) // before anybody is told of the end
	if j.log != nil {
		if len(last) > 0 && j.append(last) == nil {
			failure = nil // it is told in the stream
		}
		j.log.Close(failure)
	}
	j.memory.Close()
}

// discard is for a call that did not begin: its client is told why, and of a response
// it knows nothing.
func (j *job) discard(ctx context.Context) {
	j.turn.Withdraw(ctx)
	if j.log != nil {
		j.log.Discard()
	}
	j.memory.Close()
}

// decide notes what is known of the call's beginning, unless that is decided already,
// and returns what is.
func (j *job) decide(o outlook, refusal error) outlook {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.outlook == unknown {
		j.outlook, j.refusal = o, refusal
		if o == acknowledged {
			close(j.known)
		}
	}
	return j.outlook
}

// await waits until the call has a place in the queue: what is acknowledged should not
// be refused the moment after. An error is why it has none.
func (j *job) await(x *api.Exchange) error {
	late := time.NewTimer(acknowledgeWithin)
	defer late.Stop()
	select {
	case <-j.known:
	case <-late.C:
		if j.decide(acknowledged, nil) == refused {
			<-j.known // the store's time bounds it
		}
	case <-x.Context().Done():
		return fairlead.NewCanceled(x.Context().Err())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.outlook == refused {
		x.NoteWindows(j.Windows())
	}
	return j.refusal
}

// tell answers the client that asked for the response.
func (j *job) tell(x *api.Exchange) error {
	if j.log == nil {
		x.NoteWindows(j.Windows())
		return x.Write(typeJSON, j.object)
	}
	cursor, err := j.log.Cursor(-1)
	if err != nil {
		return err
	}
	return follow.Answer(x, follow.Source{Cursor: cursor, Call: j, ErrorFrame: errorFrame})
}
