// Package quotatest is the contract that every Quota keeps, as tests. An
// implementation runs them from its own test:
//
//	quotatest.Run(t, func(t *testing.T) fairlead.Quota { return memory.New() })
//
// Most of the contract is about time: what is refused, and for how long. It is
// exact, but for windows that are weighted or have a large limit, whose entries
// may stay a little longer: at most a hundredth of the window's length, here.
// Each test has a bubble of virtual time of its own.
package quotatest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// per is the length of the windows under test.
	per = time.Minute
	// slack is how much longer an entry may stay in a window that need not be
	// exact.
	slack = per / 100
	// largeLimit is a limit whose window need not be exact.
	largeLimit = 10_000
)

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

		"RefusedInARow":      testRefusedInARow,
		"RefusedAnew":        testRefusedAnew,
		"ObedientWave":       testObedientWave,
		"Large":              testLarge,
		"Weight":             testWeight,
		"WeightAboveLimit":   testWeightAboveLimit,
		"Spare":              testSpare,
		"Correct":            testCorrect,
		"CorrectIgnored":     testCorrectIgnored,
		"Debt":               testDebt,
		"UndoWeight":         testUndoWeight,
		"RefusedWeights":     testRefusedWeights,
		"WeightedObedience":  testWeightedObedience,
		"WeightedConcurrent": testWeightedConcurrent,
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

func tokens(limit int) fairlead.Window {
	return fairlead.Window{App: "a", Name: "tokens", Limit: limit, Per: per, Weighted: true}
}

func (s subject) take(t *testing.T, w fairlead.Window, n int) fairlead.Take {
	t.Helper()
	return s.takeBeside(t, w, n, 0)
}

// takeBeside takes n where spare is free beside it.
func (s subject) takeBeside(t *testing.T, w fairlead.Window, n, spare int) fairlead.Take {
	t.Helper()
	take, err := s.quota.Open(w).Take(t.Context(), time.Now(), n, spare)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return take
}

// admitted takes an admission that must be given, and returns its entry.
func (s subject) admitted(t *testing.T, w fairlead.Window) uint64 {
	t.Helper()
	return s.admittedFor(t, w, 1)
}

func (s subject) admittedFor(t *testing.T, w fairlead.Window, n int) uint64 {
	t.Helper()
	take := s.take(t, w, n)
	if !take.OK || take.Wait != 0 {
		t.Fatalf("Take %d: got OK %v, wait %v, want an admission", n, take.OK, take.Wait)
	}
	return take.Entry
}

// refused asks for an admission that must be refused for just that long.
func (s subject) refused(t *testing.T, w fairlead.Window, wait time.Duration) {
	t.Helper()
	take := s.take(t, w, 1)
	if take.OK || take.Wait != wait {
		t.Fatalf("Take: got OK %v, wait %v, want a refusal for %v", take.OK, take.Wait, wait)
	}
}

// refusedFor asks for an admission that must be refused for that long, or a
// little longer, in a window that need not be exact.
func (s subject) refusedFor(t *testing.T, w fairlead.Window, n int, wait time.Duration) {
	t.Helper()
	take := s.take(t, w, n)
	if take.OK || take.Wait < wait || take.Wait > wait+slack {
		t.Fatalf("Take %d: got OK %v, wait %v, want a refusal for %v and up to %v more", n, take.OK, take.Wait, wait, slack)
	}
}

func (s subject) correct(t *testing.T, w fairlead.Window, entry uint64, n int) {
	t.Helper()
	if err := s.quota.Open(w).Correct(t.Context(), entry, n); err != nil {
		t.Fatalf("Correct: %v", err)
	}
}

func (s subject) undo(t *testing.T, w fairlead.Window, entry uint64) {
	t.Helper()
	if err := s.quota.Open(w).Undo(t.Context(), entry); err != nil {
		t.Fatalf("Undo: %v", err)
	}
}

// stands looks at the window, which must be as told.
func (s subject) stands(t *testing.T, w fairlead.Window, remaining int, reset time.Duration) {
	t.Helper()
	if got, want := s.look(t, w), (fairlead.WindowState{Limit: w.Limit, Remaining: remaining, Reset: reset}); got != want {
		t.Fatalf("Look: got %+v, want %+v", got, want)
	}
}

// standsAbout looks at a window that need not be exact: it may take a little
// longer to be empty.
func (s subject) standsAbout(t *testing.T, w fairlead.Window, remaining int, reset time.Duration) {
	t.Helper()
	got := s.look(t, w)
	if got.Limit != w.Limit || got.Remaining != remaining || got.Reset < reset || got.Reset > reset+slack {
		t.Fatalf("Look: got %+v, want limit %d, remaining %d, reset %v and up to %v more", got, w.Limit, remaining, reset, slack)
	}
}

func (s subject) look(t *testing.T, w fairlead.Window) fairlead.WindowState {
	t.Helper()
	got, err := s.quota.Open(w).Look(t.Context(), time.Now())
	if err != nil {
		t.Fatalf("Look: %v", err)
	}
	return got
}
