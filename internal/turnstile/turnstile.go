// Package turnstile admits so many at one time, keeps a line of those who come
// next, and turns the others away with the time after which it is worth coming
// back. Who stands in the line is let in first in, first out: a place that comes
// free is handed over and is never free in between, so nobody slips past the line.
//
// How long to stay away follows from how fast places come free, and while none
// does, from how long that has been so.
//
// Start with Turnstile.Enter.
package turnstile

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Bounds of what a refusal says.
const (
	shortestWait = time.Second
	longestWait  = 10 * time.Minute
)

// Config is how many have room. 0 places, or a queue of 0, turn that limit off:
// there is always room, or nobody waits.
type Config struct {
	// Places is how many may be inside at one time.
	Places int
	// Queue is how many may wait for a place.
	Queue int
	// Patience is the longest that one waits; 0 is until the context ends.
	Patience time.Duration
}

// Stats tells how full it is.
type Stats struct {
	Open, Waiting int
	// MostOpen is the most that were inside at one time.
	MostOpen int
	// Refused counts those turned away.
	Refused uint64
}

// FullError is the error of Enter when there is no room.
type FullError struct {
	// RetryAfter is when to come back, at least one second.
	RetryAfter time.Duration
	// Waited says that it was refused at the end of its patience, not at the end of
	// a full line.
	Waited bool
}

// Error implements error.
func (r *FullError) Error() string { return fmt.Sprintf("no room; come back in %v", r.RetryAfter) }

// Turnstile lets in so many. It is safe for concurrent use.
type Turnstile struct {
	config Config

	mu       sync.Mutex
	open     int
	mostOpen int
	line     line
	refused  uint64
	freed    time.Time     // when a place last came free, or when the first was taken
	interval time.Duration // about how long it takes until the next one does; 0 if that is not known
}

// New returns a turnstile with nobody inside.
func New(config Config) *Turnstile { return &Turnstile{config: config} }

// Enter blocks until there is a place, at most for the patience. leave gives it
// back; only its first call does. Errors are a *FullError, or the context's.
func (t *Turnstile) Enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := t.join()
	if err != nil {
		return nil, err
	}
	if w == nil {
		return t.leaver(), nil
	}
	var late <-chan time.Time
	if t.config.Patience > 0 {
		timer := time.NewTimer(t.config.Patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-w.in:
		return t.leaver(), nil
	case <-late:
		if err := t.giveUp(w); err != nil {
			return nil, err
		}
		return t.leaver(), nil // it was let in at the same moment
	case <-ctx.Done():
		t.withdraw(w)
		return nil, ctx.Err()
	}
}

// Stats tells how full it is.
func (t *Turnstile) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{Open: t.open, Waiting: t.line.length, MostOpen: t.mostOpen, Refused: t.refused}
}

// join takes a place, or else a place in the line, which it returns.
func (t *Turnstile) join() (*waiter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.freed.IsZero() {
		t.freed = time.Now()
	}
	if t.config.Places <= 0 || t.open < t.config.Places {
		t.open++
		t.mostOpen = max(t.mostOpen, t.open)
		return nil, nil
	}
	if t.line.length >= t.config.Queue {
		t.refused++
		return nil, &FullError{RetryAfter: t.wait(t.line.length)}
	}
	return t.line.add(), nil
}

// leaver is the function that gives one place back.
func (t *Turnstile) leaver() func() {
	var once sync.Once
	return func() { once.Do(t.leave) }
}

func (t *Turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	const part = 8 // of what was known gives way to what is seen
	now := time.Now()
	seen := now.Sub(t.freed)
	if t.interval == 0 {
		t.interval = seen
	}
	t.interval += (seen - t.interval) / part
	t.freed = now
	t.pass()
}

// pass hands a place that is free on to the first in the line. The caller holds
// the mutex.
func (t *Turnstile) pass() {
	first := t.line.first
	if first == nil {
		t.open--
		return
	}
	t.line.remove(first)
	close(first.in)
}

// giveUp takes w out of the line and returns its refusal; nil if it was let in.
func (t *Turnstile) giveUp(w *waiter) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !w.waits {
		return nil
	}
	t.line.remove(w)
	t.refused++
	return &FullError{RetryAfter: t.wait(t.line.length), Waited: true}
}

// withdraw takes w out of the line, or gives its place back if it was let in.
func (t *Turnstile) withdraw(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.waits {
		t.line.remove(w)
		return
	}
	t.pass() // nobody worked in this place: it says nothing of how fast they come free
}

// wait is when one who finds so many before it may expect a place. The caller
// holds the mutex.
func (t *Turnstile) wait(ahead int) time.Duration {
	interval := max(t.interval, time.Since(t.freed), time.Millisecond)
	if interval > longestWait/time.Duration(ahead+1) {
		return longestWait
	}
	return max(interval*time.Duration(ahead+1), shortestWait)
}
