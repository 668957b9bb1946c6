package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/window"
)

// naive is the window as one would write it down: every admission ever, and
// counting by looking at all of them.
type naive struct {
	limit   int
	per     time.Duration
	now     time.Duration
	entries []naiveEntry
	refused int // since the last admission
}

type naiveEntry struct {
	at     time.Duration
	undone bool
	entry  window.Entry
}

// inside returns the times of the entries that the window holds, oldest first.
func (n *naive) inside() (times []time.Duration) {
	for _, e := range n.entries {
		if !e.undone && e.at+n.per > n.now {
			times = append(times, e.at)
		}
	}
	return times
}

// TestRingIsTheNaiveWindow compares a ring, step by step, with the naive one.
// Each Check is 100 cases.
func TestRingIsTheNaiveWindow(t *testing.T) {
	checks := 50
	if testing.Short() {
		checks = 5
	}
	for range checks {
		rapid.Check(t, compareWithNaive)
	}
}

func compareWithNaive(t *rapid.T) {
	const per = 1000
	model := &naive{limit: rapid.IntRange(1, 6).Draw(t, "limit"), per: per}
	ring := window.New(model.limit, per)
	// A step is a kind of operation and an amount, in one number: drawing is
	// what takes the time.
	for _, step := range rapid.SliceOfN(rapid.Uint16(), 20, 60).Draw(t, "steps") {
		op, amount := step%8, int(step/8)
		switch op {
		case 0, 1:
			compareAdmit(t, ring, model)
		case 2: // several, so that some are refused in a row
			for range amount % 10 {
				compareAdmit(t, ring, model)
			}
		case 3:
			model.undo(ring, amount)
		case 4: // up to an eighth of the window
			model.now += time.Duration(amount % (per / 8))
		case 5: // up to eight windows
			model.now += time.Duration(amount)
		case 6: // the instants around the next change
			if inside := model.inside(); len(inside) > 0 {
				model.now = max(model.now, inside[0]+per-time.Duration(amount%3))
			}
		case 7: // a clock that was read earlier
			ring.State(model.now - time.Duration(amount))
		}
		compareState(t, ring, model)
	}
	var kept []time.Duration
	for _, e := range model.entries {
		if !e.undone {
			kept = append(kept, e.at)
		}
	}
	if most := mostInAnyWindow(kept, per); most > model.limit {
		t.Fatalf("got %d admissions in some window, want at most %d", most, model.limit)
	}
}

func compareAdmit(t *rapid.T, ring *window.Ring, model *naive) {
	inside := model.inside()
	entry, wait, ok := ring.Admit(model.now)
	if want := len(inside) < model.limit; ok != want {
		t.Fatalf("at %d with %d used: got ok %v, want %v", model.now, len(inside), ok, want)
	}
	if ok {
		model.refused = 0
		model.entries = append(model.entries, naiveEntry{at: model.now, entry: entry})
		return
	}
	model.refused++
	place := inside[min(model.refused, model.limit)-1]
	if want := place + model.per - model.now; wait != want {
		t.Fatalf("at %d, refusal %d in a row: got wait %d, want %d", model.now, model.refused, wait, want)
	}
}

// undo takes back one of the entries, which may be old or undone already.
func (n *naive) undo(ring *window.Ring, which int) {
	if len(n.entries) == 0 {
		return
	}
	e := &n.entries[which%len(n.entries)]
	ring.Undo(e.entry)
	// Undoing what has left the window changes nothing that anyone can see,
	// and must not rewrite what the windows before held.
	if e.at+n.per > n.now {
		e.undone = true
	}
}

func compareState(t *rapid.T, ring *window.Ring, model *naive) {
	inside := model.inside()
	wantReset := time.Duration(0)
	if len(inside) > 0 {
		wantReset = inside[len(inside)-1] + model.per - model.now
	}
	if used, reset := ring.State(model.now); used != len(inside) || reset != wantReset {
		t.Fatalf("at %d: got %d used, reset %d, want %d and %d", model.now, used, reset, len(inside), wantReset)
	}
}
