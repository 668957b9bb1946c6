package window_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/window"
)

func TestRingRefusesTheOneTooManyAndSaysWhenToComeBack(t *testing.T) {
	ring := window.New(2, time.Minute)
	steps := []struct {
		now, wait time.Duration
		ok        bool
	}{
		{now: 0, ok: true},
		{now: 10 * time.Second, ok: true},
		{now: 20 * time.Second, wait: 40 * time.Second},
		{now: 30 * time.Second, wait: 40 * time.Second},     // the second is told the second place
		{now: time.Minute - 1, wait: 10*time.Second + 1},    // there is no third
		{now: time.Minute, ok: true},                        // the first has just left
		{now: time.Minute, wait: 10 * time.Second},          // told anew
		{now: 0, wait: time.Minute},                         // a clock read earlier changes nothing
		{now: 70*time.Second - 1, wait: 50*time.Second + 1}, // the newest of the two
		{now: 70 * time.Second, ok: true},
	}
	for i, step := range steps {
		entry, wait, ok := ring.Admit(step.now)
		if ok != step.ok || wait != step.wait {
			t.Errorf("step %d at %v: got wait %v, ok %v, want wait %v, ok %v", i, step.now, wait, ok, step.wait, step.ok)
		}
		if ok == (entry == 0) {
			t.Errorf("step %d at %v: ok is %v and the entry %d", i, step.now, ok, entry)
		}
	}
}

func TestRingWithoutALimitCountsNothing(t *testing.T) {
	for name, ring := range map[string]*window.Ring{
		"no limit":       window.New(0, time.Minute),
		"negative limit": window.New(-1, time.Minute),
		"no span":        window.New(1, 0),
	} {
		for range 3 {
			if _, wait, ok := ring.Admit(0); !ok || wait != 0 {
				t.Errorf("%s: got wait %v, ok %v, want it admitted", name, wait, ok)
			}
		}
		ring.Undo(0)
		if used, reset := ring.State(0); used != 0 || reset != 0 {
			t.Errorf("%s: got %d used, reset %v, want none", name, used, reset)
		}
	}
}

func TestRingIgnoresEntriesOfAnEarlierRing(t *testing.T) {
	old, ring := window.New(1, time.Minute), window.New(1, time.Minute)
	stale, _, _ := old.Admit(0)
	if _, _, ok := ring.Admit(0); !ok {
		t.Fatal("the empty ring refused")
	}
	ring.Undo(stale)
	if used, _ := ring.State(0); used != 1 {
		t.Errorf("got %d used after undoing another ring's entry, want 1", used)
	}
}

func TestRingIgnoresTheZeroEntry(t *testing.T) {
	ring := window.New(2, time.Minute)
	entry, _, _ := ring.Admit(0)
	ring.Undo(entry)
	ring.Undo(0)
	for range 2 {
		if _, _, ok := ring.Admit(0); !ok {
			t.Error("refused with room left")
		}
	}
	if _, _, ok := ring.Admit(0); ok {
		t.Error("admitted a third of two")
	}
}

func TestRingTellsPlacesAnewWhenOneIsGivenBack(t *testing.T) {
	const limit = 3
	ring := window.New(limit, time.Minute)
	var entries []window.Entry
	for i := range limit {
		entry, _, _ := ring.Admit(time.Duration(i) * time.Second)
		entries = append(entries, entry)
	}
	now := time.Duration(limit) * time.Second
	refused := func(want time.Duration) {
		t.Helper()
		if _, wait, ok := ring.Admit(now); ok || wait != want-now {
			t.Errorf("got ok %v, wait %v, want a refusal for %v", ok, wait, want-now)
		}
	}
	refused(time.Minute)
	refused(time.Minute + time.Second)
	ring.Undo(entries[1]) // just the one that the last was told of
	if _, _, ok := ring.Admit(now); !ok {
		t.Error("refused with room left")
	}
	refused(time.Minute)
	refused(time.Minute + 2*time.Second)
	refused(time.Minute + now)
	refused(time.Minute + now) // all further ones are told the last place
}

func TestRingAdmitsWhoObeysTheWait(t *testing.T) {
	const (
		limit = 200
		per   = time.Minute
	)
	ring := window.New(limit, per)
	var admitted []time.Duration
	for now := time.Duration(0); now < 10*time.Minute; now += 7 * time.Millisecond {
		_, wait, ok := ring.Admit(now)
		if !ok {
			if _, _, early := ring.Admit(now + wait - 1); early {
				t.Fatalf("at %v: admitted 1 ns before the wait of %v was over", now, wait)
			}
			now += wait
			if _, _, ok := ring.Admit(now); !ok {
				t.Fatalf("at %v: refused after the wait of %v", now, wait)
			}
		}
		admitted = append(admitted, now)
	}
	if most := mostInAnyWindow(admitted, per); most != limit {
		t.Errorf("got %d admissions in some window, want exactly %d", most, limit)
	}
}

func TestRingOfAMillion(t *testing.T) {
	const (
		limit = 1_000_000
		per   = time.Minute
	)
	ring := window.New(limit, per)
	entries := make([]window.Entry, 0, limit)
	for i := range limit {
		entry, _, ok := ring.Admit(time.Duration(i))
		if !ok {
			t.Fatalf("admission %d of %d was refused", i+1, limit)
		}
		entries = append(entries, entry)
	}
	if _, wait, ok := ring.Admit(limit); ok || wait != per-limit {
		t.Errorf("full: got wait %v, ok %v, want wait %v", wait, ok, per-limit)
	}
	for i := 0; i < limit; i += 2 {
		ring.Undo(entries[i])
	}
	// Of the half that is left the first 250,000 have gone at this moment.
	now := per + limit/2
	if used, reset := ring.State(now); used != limit/4 || reset != limit/2-1 {
		t.Errorf("got %d used, reset %v, want %d and %v", used, reset, limit/4, time.Duration(limit/2-1))
	}
	if used, _ := ring.State(2 * per); used != 0 {
		t.Errorf("got %d used after all have left, want 0", used)
	}
	slices.Reverse(entries)
	for _, entry := range entries {
		ring.Undo(entry)
	}
	if used, _ := ring.State(2 * per); used != 0 {
		t.Errorf("got %d used after late undos, want 0", used)
	}
}

func TestRingUsedByManyAtOnce(t *testing.T) {
	const (
		limit   = 100
		workers = 8
		tries   = 200
	)
	ring := window.New(limit, time.Minute)
	var mu sync.Mutex
	var kept []window.Entry
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range tries {
				entry, _, ok := ring.Admit(0)
				if !ok {
					continue
				}
				if i%2 == 0 {
					ring.Undo(entry)
					continue
				}
				mu.Lock()
				kept = append(kept, entry)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	used, _ := ring.State(0)
	if used != len(kept) || used > limit {
		t.Fatalf("got %d used of %d, want the %d that were kept", used, limit, len(kept))
	}
	for range workers {
		group.Go(func() {
			for _, entry := range kept {
				ring.Undo(entry)
			}
		})
	}
	group.Wait()
	if used, _ := ring.State(0); used != 0 {
		t.Errorf("got %d used after undoing all, want 0", used)
	}
}
