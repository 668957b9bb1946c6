package quotatest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// testRefusedInARow checks that each one more that is refused is told the next
// later place, up to the last.
func testRefusedInARow(t *testing.T, s subject) {
	w := requests(3)
	for range w.Limit {
		s.admitted(t, w)
		s.pass(time.Second)
	}
	s.refused(t, w, per-3*time.Second)
	s.refused(t, w, per-2*time.Second)
	s.pass(time.Second)
	s.refused(t, w, per-2*time.Second)
	s.refused(t, w, per-2*time.Second) // there is no fourth
	s.pass(per - 4*time.Second)
	s.admitted(t, w)
	s.refused(t, w, time.Second) // told anew
	s.refused(t, w, 2*time.Second)
}

// testRefusedAnew checks that places are told anew after one was given back and
// taken.
func testRefusedAnew(t *testing.T, s subject) {
	w := requests(3)
	s.admitted(t, w)
	s.pass(time.Second)
	middle := s.admitted(t, w)
	s.pass(time.Second)
	s.admitted(t, w)
	s.refused(t, w, per-2*time.Second)
	s.refused(t, w, per-time.Second)
	s.undo(t, w, middle)
	s.admitted(t, w)
	s.refused(t, w, per-2*time.Second)
	s.refused(t, w, per)
	s.refused(t, w, per)
}

// testObedientWave sends more than twice the limit in one wave, and lets all
// who are refused come back when they were told to.
func testObedientWave(t *testing.T, s subject) {
	const callers, step = 500, 2 * time.Millisecond
	w := requests(200)
	returns := s.wave(t, w, callers, step)
	if got, want := len(returns), callers-w.Limit; got != want {
		t.Fatalf("got %d refused, want %d", got, want)
	}
	passed, admitted := callers*step, 0
	for _, r := range returns {
		s.pass(r.at - passed)
		passed = r.at
		if s.take(t, w, 1).OK && r.refusal < w.Limit {
			admitted++
		}
	}
	if admitted != w.Limit {
		t.Errorf("got %d of the first %d refused admitted on return, want all", admitted, w.Limit)
	}
}

// comeback is when a caller that was refused comes back.
type comeback struct {
	at      time.Duration // since the wave began
	refusal int           // its place in the order of refusals
}

// wave lets callers arrive, each a step after the one before, and returns those
// that were refused in the order in which they come back.
func (s subject) wave(t *testing.T, w fairlead.Window, callers int, step time.Duration) (returns []comeback) {
	t.Helper()
	for i := range callers {
		if take := s.take(t, w, 1); !take.OK {
			returns = append(returns, comeback{at: time.Duration(i)*step + take.Wait, refusal: len(returns)})
		}
		s.pass(step)
	}
	slices.SortStableFunc(returns, func(a, b comeback) int { return cmp.Compare(a.at, b.at) })
	return returns
}

// testLarge is about a limit for which an exact window takes much memory.
func testLarge(t *testing.T, s subject) {
	w := requests(largeLimit)
	first := make([]uint64, largeLimit/2)
	for i := range first {
		first[i] = s.admitted(t, w)
	}
	s.pass(10 * time.Second)
	for range largeLimit / 2 {
		s.admitted(t, w)
	}
	for range len(first) {
		s.refusedFor(t, w, 1, per-10*time.Second)
	}
	s.refusedFor(t, w, 1, per) // one more than the first make room for
	s.undo(t, w, first[0])
	s.undo(t, w, first[0])
	s.admitted(t, w)
	s.refusedFor(t, w, 1, per-10*time.Second)
	s.pass(per - 10*time.Second - 1)
	s.standsAbout(t, w, 0, 10*time.Second+1)
	s.pass(slack + 1)
	s.standsAbout(t, w, len(first)-1, 10*time.Second-slack)
	s.pass(10 * time.Second)
	s.stands(t, w, w.Limit, 0)
}
