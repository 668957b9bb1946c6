// Package quotatest is the contract that every Quota keeps, as tests. An
// implementation runs them from its own test:
//
//	quotatest.Run(t, func(t *testing.T) fairlead.Quota { return memory.New() })
//
// Most of the contract is about time, and all of it is exact: what is refused,
// and for how long. So each test has a bubble of virtual time of its own.
package quotatest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// per is the length of the windows under test.
const per = time.Minute

// Run tests the quotas that open returns. Each test opens one, inside a
// synctest bubble, and expects every window of it to be empty. Whatever must be
// closed, open leaves to t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) fairlead.Quota) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, subject){
		"Limit":         testLimit,
		"Wait":          testWait,
		"SlidingWindow": testSlidingWindow,
		"State":         testState,
		"Look":          testLook,
		"Undo":          testUndo,
		"UndoIgnored":   testUndoIgnored,
		"Unlimited":     testUnlimited,
		"Apart":         testApart,
		"OtherTerms":    testOtherTerms,
		"Concurrent":    testConcurrent,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, subject{quota: open(t), pass: func(d time.Duration) { <-time.After(d) }})
			})
		})
	}
}

// subject is the quota under test and its time. A quota on real time (one
// behind a socket, which a bubble can't hold) will differ in pass alone.
type subject struct {
	quota fairlead.Quota
	pass  func(time.Duration)
}

func requests(limit int) fairlead.Window {
	return fairlead.Window{App: "a", Name: "requests", Limit: limit, Per: per}
}

func (s subject) take(t *testing.T, w fairlead.Window) fairlead.Take {
	t.Helper()
	take, err := s.quota.Take(t.Context(), w)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return take
}

// admitted takes an admission that must be given, and returns its entry.
func (s subject) admitted(t *testing.T, w fairlead.Window) uint64 {
	t.Helper()
	take := s.take(t, w)
	if !take.OK || take.Wait != 0 {
		t.Fatalf("Take: got OK %v, wait %v, want an admission", take.OK, take.Wait)
	}
	return take.Entry
}

// refused asks for an admission that must be refused for just that long.
func (s subject) refused(t *testing.T, w fairlead.Window, wait time.Duration) {
	t.Helper()
	take := s.take(t, w)
	if take.OK || take.Wait != wait {
		t.Fatalf("Take: got OK %v, wait %v, want a refusal for %v", take.OK, take.Wait, wait)
	}
}

func (s subject) undo(t *testing.T, w fairlead.Window, entry uint64) {
	t.Helper()
	if err := s.quota.Undo(t.Context(), w, entry); err != nil {
		t.Fatalf("Undo: %v", err)
	}
}

// stands looks at the window, which must be as told.
func (s subject) stands(t *testing.T, w fairlead.Window, remaining int, reset time.Duration) {
	t.Helper()
	got, err := s.quota.Look(t.Context(), w)
	if err != nil {
		t.Fatalf("Look: %v", err)
	}
	if want := (fairlead.WindowState{Limit: w.Limit, Remaining: remaining, Reset: reset}); got != want {
		t.Fatalf("Look: got %+v, want %+v", got, want)
	}
}
