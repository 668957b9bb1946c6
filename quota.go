package fairlead

import (
	"context"
	"sync"
	"time"
)

// Window is a limit on admissions: never more than Limit in any span of
// length Per. App and Name together say whose window it is.
type Window struct {
	App   AppID
	Name  string // "requests", "tokens"
	Limit int
	Per   time.Duration
	// Weighted says that an admission may count for more than one, and be
	// corrected. Such a window, and one with a large limit, may let an admission
	// count for a little longer than Per; never for less.
	Weighted bool
}

// WindowState is how a window stands at a moment.
type WindowState struct {
	Limit     int
	Remaining int
	// Reset is how long until the window would be empty if nothing came.
	Reset time.Duration
}

// Take is the answer to asking a window for an admission.
type Take struct {
	// OK says that the admission was counted, under Entry.
	OK    bool
	Entry uint64
	// Wait is how long to stay away; 0 when OK. The first that is refused after
	// an admission is told when the window next has room, the second when it has
	// room for two, and so on, so that all who obey are admitted on return.
	Wait  time.Duration
	State WindowState
}

// Quota keeps windows.
type Quota interface {
	// Open returns the counter of w, which is known by its App and Name: opened
	// again on the same terms it is the same one, on others it starts anew, empty.
	// It does not block.
	Open(w Window) Counter
}

// Counter counts admissions against one window. One whose Limit or Per is 0 or
// less admits everything and counts nothing. at is the present, as the caller has
// read it; a time before one that was given earlier counts as that one.
type Counter interface {
	// Take asks for an admission that counts for n, at least 1. One that counts
	// for more than Limit is treated as if it counted for Limit. In a weighted
	// window spare is how much must be free beside it, as far as the window is as
	// large as that; it is not counted. Take does not block on the network longer
	// than ctx allows; a failing backend is an error of Kind Internal.
	Take(ctx context.Context, at time.Time, n, spare int) (Take, error)
	// Correct sets what an admission of a weighted window counts for, as long as
	// it is in the window; more than there is room for becomes a debt that keeps
	// later ones out.
	Correct(ctx context.Context, entry uint64, n int) error
	// Undo gives an admission back, as if it had never been. An entry that has
	// left the window, or was given back before, is ignored.
	Undo(ctx context.Context, entry uint64) error
	// Look reads the window without counting.
	Look(ctx context.Context, at time.Time) (WindowState, error)
}

// LocalCounter is a Counter whose window is in this process. Whoever keeps
// something that changes together with the window may keep it under the window's
// lock, so that both cost one.
type LocalCounter interface {
	Counter
	// Locker is the window's lock. No other method but the two below may be called
	// by whoever holds it.
	sync.Locker
	// TakeLocked and CorrectLocked are Take and Correct, under the lock. wait is 0
	// where the admission was counted.
	TakeLocked(at time.Time, n, spare int) (entry uint64, wait time.Duration, state WindowState)
	CorrectLocked(entry uint64, n int)
}
