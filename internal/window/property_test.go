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
}

type naiveEntry struct {
	at     time.Duration
	undone bool
	entry  window.Entry
}

// inside returns how many entries the window holds, and the times of the
// oldest and the newest of them.
func (n *naive) inside() (used int, oldest, newest time.Duration) {
	for _, e := range n.entries {
		if e.undone || e.at+n.per <= n.now {
			continue
		}
		if used == 0 {
			oldest = e.at
		}
		used++
		newest = e.at
	}
	return used, oldest, newest
}

// TestRingIsTheNaiveWindow compares a ring, step by step, with the naive one.
// Each Check is 100 cases.
func TestRingIsTheNaiveWindow(t *testing.T) {
	checks := 100
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
	for _, step := range rapid.SliceOfN(rapid.Uint16(), 1, 40).Draw(t, "steps") {
		op, amount := step%8, int(step/8)
		switch op {
		case 0, 1, 2:
			compareAdmit(t, ring, model)
		case 3:
			model.undo(ring, amount)
		case 4: // up to an eighth of the window
			model.now += time.Duration(amount % (per / 8))
		case 5: // up to eight windows
			model.now += time.Duration(amount)
		case 6: // the instants around the next change
			if used, oldest, _ := model.inside(); used > 0 {
				model.now = max(model.now, oldest+per-time.Duration(amount%3))
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
	used, oldest, _ := model.inside()
	entry, wait, ok := ring.Admit(model.now)
	if want := used < model.limit; ok != want {
		t.Fatalf("at %d with %d used: got ok %v, want %v", model.now, used, ok, want)
	}
	if ok {
		model.entries = append(model.entries, naiveEntry{at: model.now, entry: entry})
		return
	}
	if want := oldest + model.per - model.now; wait != want {
		t.Fatalf("at %d: got wait %d, want %d", model.now, wait, want)
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
	want, _, newest := model.inside()
	wantReset := time.Duration(0)
	if want > 0 {
		wantReset = newest + model.per - model.now
	}
	if used, reset := ring.State(model.now); used != want || reset != wantReset {
		t.Fatalf("at %d: got %d used, reset %d, want %d and %d", model.now, used, reset, want, wantReset)
	}
}
