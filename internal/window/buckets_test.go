package window_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/window"
)

// width is what buckets of a minute hold.
const width = minute / 600

// taken takes what must be admitted.
func taken(t *testing.T, buckets *window.Buckets, now time.Duration, n int) window.Entry {
	t.Helper()
	entry, wait, ok := buckets.Take(now, n)
	if !ok || wait != 0 || entry == 0 {
		t.Fatalf("at %v, %d: got entry %d, wait %v, ok %v, want it admitted", now, n, entry, wait, ok)
	}
	return entry
}

// notTaken asks for what must be refused until a moment.
func notTaken(t *testing.T, buckets *window.Buckets, now time.Duration, n int, until time.Duration) {
	t.Helper()
	if _, wait, ok := buckets.Take(now, n); ok || now+wait != until {
		t.Fatalf("at %v, %d: got ok %v, refused until %v, want until %v", now, n, ok, now+wait, until)
	}
}

func uses(t *testing.T, buckets *window.Buckets, now time.Duration, used int, empty time.Duration) {
	t.Helper()
	if gotUsed, reset := buckets.State(now); gotUsed != used || now+reset != empty {
		t.Fatalf("at %v: got %d used, empty at %v, want %d and %v", now, gotUsed, now+reset, used, empty)
	}
}

func TestBucketsLeaveAsAWhole(t *testing.T) {
	buckets := window.NewBuckets(100, minute)
	taken(t, buckets, 0, 30)
	taken(t, buckets, width-1, 30) // shares the bucket
	taken(t, buckets, width, 30)   // does not
	taken(t, buckets, 10*time.Second, 10)
	notTaken(t, buckets, 10*time.Second, 1, minute+width-1)
	uses(t, buckets, minute+width-2, 100, minute+10*time.Second)
	uses(t, buckets, minute+width-1, 40, minute+10*time.Second)
	uses(t, buckets, minute+width, 10, minute+10*time.Second)
	uses(t, buckets, minute+10*time.Second, 0, minute+10*time.Second)
}

func TestBucketsTellEachRefusedWhenItFitsBesideTheOthers(t *testing.T) {
	buckets := window.NewBuckets(100, minute)
	for i := range 10 {
		taken(t, buckets, time.Duration(i)*time.Second, 10)
	}
	const now = 20 * time.Second
	notTaken(t, buckets, now, 10, minute)
	notTaken(t, buckets, now, 15, minute+2*time.Second)
	notTaken(t, buckets, now, 5, minute+2*time.Second)
	notTaken(t, buckets, now, 1, minute+3*time.Second)
	notTaken(t, buckets, now, 80, minute+9*time.Second) // all of it does not fit
	notTaken(t, buckets, now, 80, minute+9*time.Second)
	taken(t, buckets, minute, 1)
	notTaken(t, buckets, minute, 10, minute+time.Second) // told anew
}

func TestBucketsKeepCountsInBounds(t *testing.T) {
	for _, c := range []struct{ limit, n, want int }{
		{limit: 10, n: 1, want: 1},
		{limit: 10, n: 0, want: 1},
		{limit: 10, n: -5, want: 1},
		{limit: 10, n: 11, want: 10},
		{limit: 10, n: math.MaxInt, want: 10},
		{limit: math.MaxInt, n: math.MaxInt, want: math.MaxInt32},
	} {
		buckets := window.NewBuckets(c.limit, minute)
		entry := taken(t, buckets, 0, c.n)
		uses(t, buckets, 0, c.want, minute)
		buckets.Correct(entry, math.MaxInt)
		uses(t, buckets, 0, math.MaxInt32, minute)
		buckets.Correct(entry, -1)
		uses(t, buckets, 0, 0, 0)
	}
}

func TestBucketsCorrect(t *testing.T) {
	buckets := window.NewBuckets(100, minute)
	first := taken(t, buckets, 0, 50)
	second := taken(t, buckets, time.Second, 50)
	notTaken(t, buckets, time.Second, 1, minute)
	buckets.Correct(first, 20) // a better estimate
	taken(t, buckets, time.Second, 30)
	buckets.Correct(first, 30) // and again
	uses(t, buckets, time.Second, 110, minute+time.Second)
	buckets.Correct(first, 10) // what it was
	taken(t, buckets, time.Second, 10)
	buckets.Correct(second, 0)
	taken(t, buckets, time.Second, 50)
	buckets.Correct(second, 25) // corrected to nothing is not undone
	uses(t, buckets, time.Second, 125, minute+time.Second)
	buckets.Undo(second)
	uses(t, buckets, time.Second, 100, minute+time.Second)
	buckets.Correct(second, 70) // undone
	buckets.Undo(second)
	uses(t, buckets, time.Second, 100, minute+time.Second)
	uses(t, buckets, minute, 90, minute+time.Second)
	buckets.Correct(first, 70) // has left
	buckets.Undo(first)
	uses(t, buckets, minute, 90, minute+time.Second)
}

func TestBucketsKeepADebt(t *testing.T) {
	buckets := window.NewBuckets(100, minute)
	buckets.Correct(taken(t, buckets, 0, 1), 70)
	buckets.Correct(taken(t, buckets, time.Second, 30), 60)
	uses(t, buckets, time.Second, 130, minute+time.Second)
	notTaken(t, buckets, time.Second, 1, minute)
	notTaken(t, buckets, 2*time.Second, 40, minute+time.Second)
	taken(t, buckets, minute, 40)
	notTaken(t, buckets, minute, 1, minute+time.Second)
}

func TestBucketsResetIsOfTheNewestThatCounts(t *testing.T) {
	buckets := window.NewBuckets(10, minute)
	taken(t, buckets, 0, 1)
	second := taken(t, buckets, time.Second, 1)
	third := taken(t, buckets, 2*time.Second, 1)
	buckets.Correct(third, 0)
	uses(t, buckets, 2*time.Second, 2, minute+time.Second)
	buckets.Undo(second)
	uses(t, buckets, 2*time.Second, 1, minute)
	buckets.Correct(third, 5)
	uses(t, buckets, 2*time.Second, 6, minute+2*time.Second)
}

func TestBucketsWithoutALimitCountNothing(t *testing.T) {
	for name, buckets := range map[string]*window.Buckets{
		"no limit":       window.NewBuckets(0, minute),
		"negative limit": window.NewBuckets(-1, minute),
		"no span":        window.NewBuckets(1, 0),
	} {
		for range 3 {
			if _, wait, ok := buckets.Take(0, 5); !ok || wait != 0 {
				t.Errorf("%s: got wait %v, ok %v, want it admitted", name, wait, ok)
			}
		}
		buckets.Undo(0)
		buckets.Correct(0, 5)
		if used, reset := buckets.State(0); used != 0 || reset != 0 {
			t.Errorf("%s: got %d used, reset %v, want none", name, used, reset)
		}
	}
}

func TestBucketsIgnoreEntriesOfEarlierBuckets(t *testing.T) {
	old, buckets := window.NewBuckets(1, minute), window.NewBuckets(1, minute)
	stale := taken(t, old, 0, 1)
	taken(t, buckets, 0, 1)
	buckets.Undo(stale)
	buckets.Correct(stale, 0)
	buckets.Undo(0)
	uses(t, buckets, 0, 1, minute)
}

func TestBucketsIgnoreTheZeroEntry(t *testing.T) {
	buckets := window.NewBuckets(10, minute)
	buckets.Undo(0) // there was none yet
	first := taken(t, buckets, 0, 1)
	taken(t, buckets, 0, 1)
	buckets.Undo(first) // its place is kept, as another came after it
	buckets.Correct(0, 5)
	uses(t, buckets, 0, 1, minute)
}

func TestBucketsOfManyEntries(t *testing.T) {
	const (
		limit = 100_000
		step  = 500 * time.Microsecond // all within 50 s
		last  = (limit - 1) * step
	)
	buckets := window.NewBuckets(limit, minute)
	entries := make([]window.Entry, 0, limit)
	for i := range limit {
		entries = append(entries, taken(t, buckets, time.Duration(i)*step, 1))
	}
	notTaken(t, buckets, last, 1, minute+width-step)
	for i := 0; i < limit; i += 2 {
		buckets.Undo(entries[i])
	}
	uses(t, buckets, last, limit/2, minute+last)
	uses(t, buckets, minute+25*time.Second, limit/4, minute+last)
	for _, entry := range entries { // half of them gone, half of the others undone
		buckets.Correct(entry, 2)
	}
	uses(t, buckets, minute+25*time.Second, limit/2, minute+last)
	uses(t, buckets, 2*minute, 0, 2*minute)
}

func TestBucketsInUseAllocateNothing(t *testing.T) {
	buckets := window.NewBuckets(1000, minute)
	now := time.Duration(0)
	calls := func() {
		for range 100 {
			now += minute / 500
			entry, _, ok := buckets.Take(now, 4)
			if ok {
				buckets.Correct(entry, 2)
			}
			if again, _, ok := buckets.Take(now, 900); ok {
				buckets.Undo(again)
			}
		}
	}
	for range 10 { // two spans
		calls()
	}
	if got := testing.AllocsPerRun(100, calls); got != 0 {
		t.Errorf("got %v allocations in 100 calls, want 0", got)
	}
}

func TestBucketsUsedByManyAtOnce(t *testing.T) {
	const limit, workers = 1000, 8
	buckets := window.NewBuckets(limit, minute)
	kept := make([][]window.Entry, workers)
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() { kept[i] = keepSome(buckets) })
	}
	group.Wait()
	all := slices.Concat(kept...)
	if used, _ := buckets.State(0); used != 3*len(all) || used > limit {
		t.Fatalf("got %d used of %d, want %d for the %d that were kept", used, limit, 3*len(all), len(all))
	}
	for range workers {
		group.Go(func() {
			for _, entry := range all {
				buckets.Undo(entry)
			}
		})
	}
	group.Wait()
	uses(t, buckets, 0, 0, 0)
}

// keepSome takes 5 many times, gives every other one back and corrects the rest
// to 3. It returns the entries it kept.
func keepSome(buckets *window.Buckets) (kept []window.Entry) {
	for n := range 200 {
		entry, _, ok := buckets.Take(0, 5)
		if ok && n%2 == 0 {
			buckets.Undo(entry)
		} else if ok {
			buckets.Correct(entry, 3)
			kept = append(kept, entry)
		}
	}
	return kept
}
