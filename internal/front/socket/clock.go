//go:build linux

package socket

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Clock is the deadline of a connection's reads, or of its writes. It is kept
// here, and given to the system only when something has to wait: most reads and
// writes don't. A deadline of the system's that is too early, because it was an
// older wait's, is moved when it passes. What is set while something waits counts
// at once.
type Clock struct {
	put    func(time.Time) error // gives a deadline to the system
	passed atomic.Bool           // the deadline wanted had passed when it was set

	mu sync.Mutex
	// user is who may set the deadline besides the connection itself; one whose
	// request is over comes too late.
	user      any
	want, set time.Time // the deadline; and what the system has, zero for none
	waiting   bool
}

// Until sets when what waits is to end; the zero time is never.
func (k *Clock) Until(t time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to(t)
}

// Within sets when what waits is to end, counted from now. d is above 0.
func (k *Clock) Within(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.want = time.Now().Add(d)
	k.passed.Store(false)
	if k.waiting {
		k.arm()
	}
}

// UntilFor is Until for user.
func (k *Clock) UntilFor(user any, t time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.user == user {
		k.to(t)
	}
}

// AtMost sets a deadline if there is none.
func (k *Clock) AtMost(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.want.IsZero() {
		k.to(time.Now().Add(d))
	}
}

// Lend says who may set the deadline from now on, nil for nobody; there is none
// at first.
func (k *Clock) Lend(user any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.user = user
	k.to(time.Time{})
}

func (k *Clock) to(t time.Time) {
	k.want = t
	k.passed.Store(!t.IsZero() && !t.After(time.Now()))
	if k.waiting {
		k.arm()
	}
}

func (k *Clock) arm() {
	k.set = k.want
	_ = k.put(k.want) // it fails for a closed connection, of which the wait tells
}

// wait is called before something waits, which then ends at the deadline or
// before.
func (k *Clock) wait() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = true
	if !k.want.IsZero() && (k.set.IsZero() || k.set.After(k.want)) {
		k.arm()
	}
}

// woke is called after a wait that ended with err, and reports whether it is to
// go on, because the deadline that ended it is not the one wanted.
func (k *Clock) woke(err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = false
	if !errors.Is(err, os.ErrDeadlineExceeded) || !k.want.IsZero() && !time.Now().Before(k.want) {
		return false
	}
	k.arm()
	return true
}

// Clear takes the system's deadline away.
func (k *Clock) Clear() {
	k.Lend(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.set.IsZero() {
		k.arm()
	}
}
