// Package virtual is time that passes only when there is nothing left to do at
// the present moment: a list of what is to happen, in order. A run of an hour
// takes as long as what happens in it takes to compute.
//
// Everything happens on the goroutine that calls World.Run, and things planned
// for the same moment happen in the order in which they were planned, so what
// uses no other clock and no other chance is the same each time.
package virtual

import (
	"context"
	"fmt"
	"time"
)

// World is a course of events. The zero World stands at time 0 with nothing
// planned. It is for one goroutine.
type World struct {
	now    time.Duration
	events []event // a binary heap
	number uint64
	// next is what is to happen at this very moment, after the event that goes on.
	next []func()
}

// event is something that happens at a time. Of two at the same time the one
// that was planned first comes first.
type event struct {
	at     time.Duration
	number uint64
	happen func()
}

func (e event) before(other event) bool {
	return e.at < other.at || (e.at == other.at && e.number < other.number)
}

// Now is the present, counted from the world's beginning.
func (w *World) Now() time.Duration { return w.now }

// After plans f for d from now.
func (w *World) After(d time.Duration, f func()) { w.At(w.now+d, f) }

// At plans f for a time; one that has passed means now.
func (w *World) At(t time.Duration, f func()) {
	w.number++
	w.events = append(w.events, event{at: max(t, w.now), number: w.number, happen: f})
	for i := len(w.events) - 1; i > 0; {
		parent := (i - 1) / 2
		if !w.events[i].before(w.events[parent]) {
			return
		}
		w.events[i], w.events[parent] = w.events[parent], w.events[i]
		i = parent
	}
}

// Soon plans f for this very moment, when the event that goes on is over.
func (w *World) Soon(f func()) { w.next = append(w.next, f) }

// Stop forgets everything that is planned.
func (w *World) Stop() { w.events = nil }

// pop takes the next event out.
func (w *World) pop() event {
	first, last := w.events[0], len(w.events)-1
	w.events[0] = w.events[last]
	w.events[last] = event{}
	w.events = w.events[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if right := child + 1; right < last && w.events[right].before(w.events[child]) {
			child = right
		}
		if !w.events[child].before(w.events[i]) {
			return first
		}
		w.events[i], w.events[child] = w.events[child], w.events[i]
		i = child
	}
}

// lookEvery is after how many events Run looks whether it is still wanted.
const lookEvery = 4096

// Run lets everything happen up to end and makes that the present. It blocks
// until then, or until ctx ends: then it returns the context's cause.
func (w *World) Run(ctx context.Context, end time.Duration) error {
	for n := 0; len(w.events) > 0 && w.events[0].at <= end; n++ {
		if n%lookEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("run in virtual time: %w", context.Cause(ctx))
		}
		e := w.pop()
		w.now = e.at
		e.happen()
		for i := 0; i < len(w.next); i++ {
			w.next[i]()
		}
		clear(w.next)
		w.next = w.next[:0]
	}
	w.now = end
	return nil
}
