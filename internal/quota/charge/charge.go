// Package charge charges the windows of a fairlead.Quota for an app's calls. A
// window that is in this process is charged under its own lock, together with what
// is kept of the calls in it; of one that is elsewhere, that has a lock of its own.
//
// Start with Tokens.
package charge

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
)

// Window is a window, in this process or elsewhere.
type Window struct {
	fairlead.Counter

	local fairlead.LocalCounter // the counter again; nil if it is elsewhere
}

// Of returns the window that counter counts.
func Of(counter fairlead.Counter) Window {
	local, _ := counter.(fairlead.LocalCounter)
	return Window{counter, local}
}

// Taken is what one who asked a window for an admission got: an entry, and in the
// window of tokens a call that is open, or how long to stay away, which is not 0 then.
type Taken struct {
	Entry uint64
	Open  estimate.Entry
	Wait  time.Duration
}

// of tells the outcome of a Take.
func (t Taken) of(take fairlead.Take) (Taken, fairlead.WindowState) {
	t.Entry = take.Entry
	if !take.OK {
		t = Taken{Wait: max(take.Wait, 1)}
	}
	return t, take.State
}

// One asks for an admission that counts for 1.
func (w *Window) One(ctx context.Context, now time.Time) (t Taken, state fairlead.WindowState, err error) {
	if l := w.local; l != nil {
		l.Lock()
		t.Entry, t.Wait, state = l.TakeLocked(now, 1, 0)
		l.Unlock()
		return t, state, nil
	}
	take, err := w.Take(ctx, now, 1, 0)
	t, state = t.of(take)
	return t, state, err
}

// Tokens is an app's window of tokens, and the calls in it that have not ended.
// Where the window is in this process, its lock is that of both.
type Tokens struct {
	Window

	mu sync.Mutex // of outstanding, if the window is elsewhere
	// outstanding are the calls in the window that have not ended.
	outstanding estimate.Outstanding
}

// Init makes the zero Tokens those whose window counter counts.
func (k *Tokens) Init(counter fairlead.Counter, mode estimate.Mode) {
	k.Window = Of(counter)
	k.outstanding.Init(mode)
}

// Reserve opens a call and charges the window with its cost, if that is free and
// what the calls under way may cost beyond their estimates. A call that is not
// charged is not open. at is now, on the clock by which calls are closed.
func (k *Tokens) Reserve(ctx context.Context, now time.Time, at time.Duration, cost estimate.Cost) (t Taken, state fairlead.WindowState, err error) {
	n := max(cost.Tokens(), 1)
	if l := k.local; l != nil {
		l.Lock()
		open, margin := k.outstanding.Open(at, cost)
		t.Open = open
		if t.Entry, t.Wait, state = l.TakeLocked(now, n, margin); t.Wait > 0 {
			k.outstanding.Drop(open)
		}
		l.Unlock()
		return t, state, nil
	}
	k.mu.Lock()
	open, margin := k.outstanding.Open(at, cost)
	k.mu.Unlock()
	t.Open = open
	take, err := k.Take(ctx, now, n, margin)
	if err != nil || !take.OK {
		k.Drop(open)
	}
	t, state = t.of(take)
	return t, state, err
}

// Settle corrects a call to what it used, and closes it at that time. The window
// learns what it was before the margin is let go.
func (k *Tokens) Settle(ctx context.Context, t Taken, at time.Duration, used int) error {
	if l := k.local; l != nil {
		l.Lock()
		l.CorrectLocked(t.Entry, used)
		k.outstanding.Close(at, t.Open, used)
		l.Unlock()
		return nil
	}
	err := k.Correct(ctx, t.Entry, used)
	k.mu.Lock()
	k.outstanding.Close(at, t.Open, used)
	k.mu.Unlock()
	return err
}

// Drop forgets that a call is open.
func (k *Tokens) Drop(open estimate.Entry) {
	lock := k.lock()
	lock.Lock()
	k.outstanding.Drop(open)
	lock.Unlock()
}

// lock is the lock of outstanding.
func (k *Tokens) lock() sync.Locker {
	if k.local != nil {
		return k.local
	}
	return &k.mu
}
