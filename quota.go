package fairlead

import (
	"context"
	"time"
)

// Window is a limit on admissions: never more than Limit in any span of
// length Per. App and Name together say whose window it is.
type Window struct {
	App   AppID
	Name  string // "requests", "arrivals"
	Limit int
	Per   time.Duration
}

// WindowState is how a window stands at a moment.
type WindowState struct {
	Limit     int
	Remaining int
	// Reset is how long until the window would be empty if nothing came.
	Reset time.Duration
}

// Take is the answer to asking a window for one admission.
type Take struct {
	// OK says that the admission was counted, under Entry.
	OK    bool
	Entry uint64
	// Wait is how long until the window next has room; 0 when OK.
	Wait  time.Duration
	State WindowState
}

// Quota counts admissions against windows. A window whose Limit is 0 or less
// admits everything and counts nothing.
type Quota interface {
	// Take asks w for one admission now. It does not block on the network
	// longer than ctx allows; a failing backend is an error of Kind Internal.
	Take(ctx context.Context, w Window) (Take, error)
	// Undo gives an admission back, as if it had never been. An entry that has
	// left the window, or was given back before, is ignored.
	Undo(ctx context.Context, w Window, entry uint64) error
	// Look reads the window without counting.
	Look(ctx context.Context, w Window) (WindowState, error)
}
