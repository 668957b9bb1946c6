package quotatest

import (
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func testWeight(t *testing.T, s subject) {
	w := tokens(100)
	if got, want := s.take(t, w, 60).State.Remaining, 40; got != want {
		t.Errorf("Take: got %d remaining, want %d", got, want)
	}
	s.pass(10 * time.Second)
	s.refusedFor(t, w, 41, per-10*time.Second)
	s.standsAbout(t, w, 40, per-10*time.Second) // a refusal counts nothing
	s.admittedFor(t, w, 40)
	s.refusedFor(t, w, 1, per-10*time.Second)
	s.pass(per - 10*time.Second - 1)
	s.standsAbout(t, w, 0, 10*time.Second+1) // counts for the whole span
	s.pass(slack + 1)
	s.standsAbout(t, w, 60, 10*time.Second-slack)
	s.pass(10 * time.Second)
	s.stands(t, w, 100, 0)
}

func testWeightAboveLimit(t *testing.T, s subject) {
	w := tokens(100)
	small := s.admittedFor(t, w, 1)
	s.refusedFor(t, w, 1000, per)
	s.undo(t, w, small)
	large := s.admittedFor(t, w, 1000)
	s.standsAbout(t, w, 0, per)
	s.correct(t, w, large, 99) // it counted for 100
	s.standsAbout(t, w, 1, per)
	s.admittedFor(t, w, 1)
}

func testSpare(t *testing.T, s subject) {
	w := tokens(100)
	if got := s.takeBeside(t, w, 30, 1000); !got.OK || got.State.Remaining != 70 {
		t.Errorf("Take 30 beside all the rest: got %+v, want an admission and 70 remaining", got)
	}
	s.pass(10 * time.Second)
	if got := s.takeBeside(t, w, 30, 40); !got.OK || got.State.Remaining != 40 {
		t.Errorf("Take 30 beside 40: got %+v, want an admission and 40 remaining", got)
	}
	if got := s.takeBeside(t, w, 30, 11); got.OK || got.State.Remaining != 40 || got.Wait < per-10*time.Second-slack || got.Wait > per-10*time.Second+slack {
		t.Errorf("Take 30 beside 11: got %+v, want a refusal until the first has left, and 40 remaining", got)
	}
	if got := s.takeBeside(t, w, 30, -1); !got.OK {
		t.Errorf("Take 30 beside less than nothing: got %+v, want an admission", got)
	}
}

func testCorrect(t *testing.T, s subject) {
	w := tokens(100)
	first := s.admittedFor(t, w, 50)
	s.pass(time.Second)
	second := s.admittedFor(t, w, 50)
	s.correct(t, w, first, 30)
	s.standsAbout(t, w, 20, per)
	s.correct(t, w, second, 40) // of its own time
	s.correct(t, w, second, 60)
	s.standsAbout(t, w, 10, per)
	s.correct(t, w, second, 0)
	s.standsAbout(t, w, 70, per-time.Second)
	s.correct(t, w, second, 5) // nothing is still something to correct
	s.standsAbout(t, w, 65, per)
	s.pass(per - time.Second + slack)
	s.standsAbout(t, w, 95, time.Second-slack)
}

func testCorrectIgnored(t *testing.T, s subject) {
	w := tokens(100)
	s.correct(t, w, 0, 50) // nothing was ever taken
	s.stands(t, w, 100, 0)
	left := s.admittedFor(t, w, 10)
	s.pass(per + slack)
	s.admittedFor(t, w, 10)
	s.correct(t, w, left, 50)
	s.standsAbout(t, w, 90, per)
	undone := s.admittedFor(t, w, 10)
	s.undo(t, w, undone)
	s.correct(t, w, undone, 50)
	s.standsAbout(t, w, 90, per)
	s.admittedFor(t, w, 20)
	s.correct(t, w, undone, 50) // its place may be another's now
	s.standsAbout(t, w, 70, per)
}

// testDebt checks that what was used beyond the limit keeps others out until
// enough has left.
func testDebt(t *testing.T, s subject) {
	w := tokens(100)
	first := s.admittedFor(t, w, 40)
	s.pass(10 * time.Second)
	second := s.admittedFor(t, w, 40)
	s.correct(t, w, first, 70)
	s.correct(t, w, second, 90)
	s.standsAbout(t, w, 0, per)
	s.refusedFor(t, w, 10, per-10*time.Second)
	s.undo(t, w, s.admittedAfter(t, w, per-10*time.Second+slack, 10))
	s.refusedFor(t, w, 11, 10*time.Second-slack)
	s.correct(t, w, second, 300) // more than the limit alone
	s.standsAbout(t, w, 0, 10*time.Second-slack)
	s.admittedAfter(t, w, 10*time.Second, 100)
}

// admittedAfter lets time pass and takes an admission that must be given.
func (s subject) admittedAfter(t *testing.T, w fairlead.Window, d time.Duration, n int) uint64 {
	t.Helper()
	s.pass(d)
	return s.admittedFor(t, w, n)
}

func testUndoWeight(t *testing.T, s subject) {
	w := tokens(100)
	first := s.admittedFor(t, w, 30)
	s.pass(time.Second)
	second := s.admittedFor(t, w, 30)
	s.correct(t, w, second, 60)
	s.correct(t, w, second, 50)
	s.standsAbout(t, w, 20, per)
	s.undo(t, w, second) // gives back what it counts for now
	s.undo(t, w, second)
	s.standsAbout(t, w, 70, per-time.Second)
	s.correct(t, w, first, 0)
	s.undo(t, w, first)
	s.stands(t, w, 100, 0)
	s.undo(t, w, 0)
	s.admittedFor(t, w, 20)
	s.undo(t, w, first) // its place may be another's now
	s.standsAbout(t, w, 80, per)
	s.pass(per + slack)
	s.undo(t, w, first)
	s.stands(t, w, 100, 0)
}

// testRefusedWeights checks that each one more that is refused is told when it
// fits beside those before it.
func testRefusedWeights(t *testing.T, s subject) {
	w := tokens(100)
	for range 5 { // 20 leave every 2 s
		s.admittedFor(t, w, 20)
		s.pass(2 * time.Second)
	}
	const next = per - 10*time.Second
	s.refusedFor(t, w, 15, next)
	s.refusedFor(t, w, 5, next)
	s.refusedFor(t, w, 1, next+2*time.Second)
	s.refusedFor(t, w, 40, next+6*time.Second)
	s.refusedFor(t, w, 90, next+8*time.Second) // they never fit together
	s.admittedAfter(t, w, next+slack, 20)
	s.refusedFor(t, w, 20, 2*time.Second-slack) // told anew
}

// testWeightedObedience checks that those who are refused together and fit into
// the window together are all admitted when they come back.
func testWeightedObedience(t *testing.T, s subject) {
	w := tokens(1000)
	for range 10 {
		s.admittedFor(t, w, 100)
		s.pass(time.Second)
	}
	passed := time.Duration(0)
	weights := []int{70, 30, 150, 10, 240, 100, 400} // 1000
	waits := make([]time.Duration, len(weights))
	for i, n := range weights {
		take := s.take(t, w, n)
		if take.OK {
			t.Fatalf("Take %d: got an admission, want a refusal", n)
		}
		waits[i] = take.Wait
	}
	for i, n := range weights {
		s.pass(waits[i] - passed)
		passed = waits[i]
		s.admittedFor(t, w, n)
	}
}

func testWeightedConcurrent(t *testing.T, s subject) {
	const workers, each, kept = 8, 10, 3
	w := tokens(workers * each * 5)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for n := range each {
				s.takeAndCorrect(t, w, n)
			}
		})
	}
	group.Wait()
	s.standsAbout(t, w, w.Limit-workers*each/2*kept, per)
}

// takeAndCorrect takes 5, corrects it to 3, and gives it back if n is odd. It
// may run on any goroutine.
func (s subject) takeAndCorrect(t *testing.T, w fairlead.Window, n int) {
	t.Helper()
	take, err := s.quota.Open(w).Take(t.Context(), time.Now(), 5, 0)
	if err != nil || !take.OK {
		t.Errorf("Take: got %+v, %v, want an admission", take, err)
		return
	}
	if err := s.quota.Open(w).Correct(t.Context(), take.Entry, 3); err != nil {
		t.Errorf("Correct: %v", err)
	}
	if n%2 == 0 {
		return
	}
	if err := s.quota.Open(w).Undo(t.Context(), take.Entry); err != nil {
		t.Errorf("Undo: %v", err)
	}
}
