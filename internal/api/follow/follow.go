// Package follow answers an exchange by what a log of a stream holds and is still
// given, until the log ends or the client leaves. The client is told now and then
// that the answer is alive, and holds nothing up.
//
// Start with Answer.
package follow

import (
	"errors"
	"io"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/replay"
)

// Source is where an answer is read, and how it is put.
type Source struct {
	// Cursor reads whole frames of a stream. Answer closes it.
	Cursor *replay.Cursor
	// Call is the call behind the log, for whoever made it: until the answer has an
	// event it may still be refused with a status of its own. nil is for whoever reads
	// on: the head goes out at once, unless there is nothing but an error.
	Call Call
	// ErrorFrame is the error that ends a stream which broke.
	ErrorFrame func(e *fairlead.Error) []byte
}

// Call is a call that is worked on elsewhere. Its methods are for any goroutine.
type Call interface {
	// Tell sets what is known of the call in told, which the head of the answer tells,
	// and returns the headers of the upstream's that are worth keeping.
	Tell(told *fairlead.Call) (header map[string]string)
	// Slotted is as fairlead.Call has it.
	Slotted() bool
}

// Answer writes the log as an event stream, from the cursor's place to its end. What
// it returns was not told yet.
func Answer(x *api.Exchange, from Source) error {
	defer from.Cursor.Close()
	told := &fairlead.Call{ID: x.ID, App: x.App}
	if err := x.Streams(told, api.Queued, ""); err != nil { // the beats are given here
		return err
	}
	f := &follower{Source: from, x: x, told: told}
	return x.Answer(told, api.Shape{ErrorFrame: func(e *fairlead.Error, _ string) []byte { return from.ErrorFrame(e) }}, f.run)
}

// follower reads one log for one exchange.
type follower struct {
	Source

	x     *api.Exchange
	told  *fairlead.Call
	began bool // frames are out
	alive bool // the head is out
}

func (f *follower) run(emit fairlead.Emit) error {
	every := f.x.BeatEvery()
	var silent <-chan time.Time
	var timer *time.Timer
	if every > 0 {
		timer = time.NewTimer(every)
		defer timer.Stop()
		silent = timer.C
	}
	for {
		err := f.pass(emit)
		if err != nil {
			return f.end(err, emit)
		}
		if timer != nil {
			timer.Reset(every)
		}
		select {
		case <-f.Cursor.Ready():
			continue
		case <-f.x.Context().Done():
			return fairlead.NewCanceled(f.x.Context().Err())
		case <-silent:
		}
		if err := f.beat(emit); err != nil {
			return err
		}
	}
}

// pass sends all that is there.
func (f *follower) pass(emit fairlead.Emit) error {
	for {
		b, err := f.Cursor.Take()
		switch {
		case err != nil:
			return &endError{err}
		case b.Len() > 0:
			if err := f.send(b.Data, emit); err != nil {
				return err
			}
			continue
		case f.Call == nil && !f.alive:
			return f.send([]byte(api.KeepAlive), emit)
		}
		return nil
	}
}

// endError is how the log ended, as its cursor tells it.
type endError struct{ error }

func (e *endError) Unwrap() error { return e.error }

// end tells how the log ended. That its work was stopped is an error like any other
// to whoever reads it: only a reader who has gone himself is not told.
func (f *follower) end(err error, emit fairlead.Emit) error {
	ended, ok := errors.AsType[*endError](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, io.EOF) && f.alive:
	case errors.Is(err, io.EOF): // the client has it all
		if err := f.send([]byte(api.KeepAlive), emit); err != nil {
			return err
		}
	case fairlead.IsKind(err, fairlead.Canceled) && !f.alive:
		f.tell()
		stopped := *fairlead.AsError(ended.error)
		stopped.Kind = fairlead.Gone
		return &stopped
	case fairlead.IsKind(err, fairlead.Canceled):
		if err := f.send(f.ErrorFrame(fairlead.AsError(ended.error)), emit); err != nil {
			return err
		}
	default:
		f.tell()
		return ended.error
	}
	return emit(fairlead.Event{End: &fairlead.End{}})
}

// send sends frames.
func (f *follower) send(frames []byte, emit fairlead.Emit) error {
	if err := f.begin(emit); err != nil {
		return err
	}
	f.alive = true
	return emit(fairlead.Event{Data: frames})
}

// begin has the head go out with what is sent next.
func (f *follower) begin(emit fairlead.Emit) error {
	if f.began {
		return nil
	}
	f.began = true
	return emit(fairlead.Event{Head: &fairlead.Head{ContentType: "text/event-stream", Stream: true, Header: f.tell()}})
}

// tell has the head tell what is known of the call now.
func (f *follower) tell() map[string]string {
	if f.Call == nil {
		return nil
	}
	return f.Call.Tell(f.told)
}

// beat tells the client that the answer is alive. While it may still be an error
// with a status of its own, only one who waits in the queue is told.
func (f *follower) beat(emit fairlead.Emit) error {
	switch {
	case f.Call != nil && !f.Call.Slotted():
		if !f.alive {
			f.tell()
		}
		f.alive = true
		return f.told.Waiting()
	case f.alive:
		return f.send([]byte(api.KeepAlive), emit)
	}
	return nil
}
