package window

import (
	"math"
	"testing"
	"time"
)

func TestEntriesWrapWithoutTheOneThatNamesNone(t *testing.T) {
	h := newHistory(3, time.Minute)
	h.entry = math.MaxUint64 - 1
	for i := range 3 {
		entry, _, ok := h.admit(0)
		if !ok || entry == 0 {
			t.Fatalf("admission %d: got entry %x, ok %v, want one other than 0", i+1, entry, ok)
		}
		h.undo(entry)
		if h.used != 0 {
			t.Fatalf("admission %d: got %d used after undoing it, want 0", i+1, h.used)
		}
	}
}

func TestTagsWrapWithoutTheOneOfWhatWasGivenBack(t *testing.T) {
	b := NewBuckets(3, time.Minute)
	b.tag = math.MaxUint32 - 1
	for i := range 3 {
		entry, _, ok := b.Take(0, 1)
		if !ok || entry>>indexBits == 0 {
			t.Fatalf("admission %d: got entry %x, ok %v, want a tag other than 0", i+1, entry, ok)
		}
		b.Undo(entry)
		if b.used != 0 {
			t.Fatalf("admission %d: got %d used after undoing it, want 0", i+1, b.used)
		}
	}
}

// TestFloodGivenBackLeavesNothing is about callers that are admitted and then
// give it back, again and again, while one stays.
func TestFloodGivenBackLeavesNothing(t *testing.T) {
	b := NewBuckets(10, time.Minute)
	b.Take(0, 1)
	for now := time.Duration(0); now < 50*time.Second; now += 10 * time.Millisecond {
		one, _, _ := b.Take(now, 1)
		other, _, _ := b.Take(now, 1)
		b.Undo(one)
		b.Undo(other)
	}
	entries, buckets := b.entries.next-b.entries.first, b.buckets.next-b.buckets.first
	if entries != 1 || buckets != 1 {
		t.Errorf("got %d entries in %d buckets, want 1 in 1", entries, buckets)
	}
}

// TestBucketsAreBounded spreads entries as thinly as they can be.
func TestBucketsAreBounded(t *testing.T) {
	for _, per := range []time.Duration{time.Minute, time.Minute - 1, 601, 600, 7} {
		b := NewBuckets(math.MaxInt, per)
		most := uint64(0)
		for now := time.Duration(0); now < 3*per; now += max(1, per/5000) {
			b.Take(now, 1)
			most = max(most, b.buckets.next-b.buckets.first)
		}
		if bound := uint64(bucketsPerSpan + 1); most > bound {
			t.Errorf("a span of %v: got %d buckets at a time, want at most %d", per, most, bound)
		}
	}
}

// TestGapsTakeBoundedMemory is about callers that overlap, so that what they give
// back is never the oldest nor the newest.
func TestGapsTakeBoundedMemory(t *testing.T) {
	for _, limit := range []int{3, 4, 5, 100} {
		h := newHistory(limit, time.Minute)
		h.admit(0)
		before, _, _ := h.admit(0)
		around := func() {
			entry, _, ok := h.admit(1)
			if !ok {
				t.Fatalf("limit %d: refused with %d used", limit, h.used)
			}
			h.undo(before)
			before = entry
		}
		for range 10 * limit {
			around()
		}
		if len(h.slots) > 2*limit || h.used != 2 {
			t.Errorf("limit %d: got %d slots with %d used, want at most %d with 2", limit, len(h.slots), h.used, 2*limit)
		}
		if got := testing.AllocsPerRun(1000, around); got != 0 {
			t.Errorf("limit %d: got %v allocations, want 0", limit, got)
		}
	}
}

// TestHugeEntriesInOneBucket is about a bucket whose entries count for more than 32
// bits have room for.
func TestHugeEntriesInOneBucket(t *testing.T) {
	b := NewBuckets(1<<40, time.Minute)
	b.Take(0, 1)
	entries, used := make([]Entry, 5), 1
	for i := range entries {
		entries[i], _, _ = b.Take(0, mostCount)
		used += mostCount
	}
	for i, entry := range entries {
		if got, _ := b.State(0); got != used || b.sum(b.buckets.first) != used {
			t.Fatalf("after %d corrections: got %d used and %d in the bucket, want %d", i, got, b.sum(b.buckets.first), used)
		}
		b.Correct(entry, i)
		used += i - mostCount
	}
	b.Take(time.Minute-1, 7)
	if got, _ := b.State(time.Minute); got != 7 {
		t.Errorf("got %d used after the bucket left, want 7", got)
	}
}

// TestUndoFindsAfterOthersWereTakenBack undoes in an order in which the numbers of
// those that are left do not follow each other, across the growth of the circle.
func TestUndoFindsAfterOthersWereTakenBack(t *testing.T) {
	h := newHistory(100, time.Minute)
	entries := make([]Entry, 0, 60)
	admit := func() {
		entry, _, _ := h.admit(time.Duration(len(entries)))
		entries = append(entries, entry)
	}
	for range 20 {
		admit()
	}
	for _, i := range []int{19, 18, 7, 3, 3, 19} { // the newest, some between, two again
		h.undo(entries[i])
	}
	for range 40 {
		admit()
	}
	h.undo(entries[0] + 1<<32) // of another history
	h.undo(entries[0] - 1<<32)
	if h.used != 56 {
		t.Fatalf("got %d used, want 56", h.used)
	}
	for i, entry := range entries {
		h.undo(entry)
		h.undo(entry)
		want := int32(55 - i)
		for _, gone := range []int{3, 7, 18, 19} {
			if gone <= i {
				want++
			}
		}
		if h.used != want {
			t.Fatalf("after undoing %d: got %d used, want %d", i, h.used, want)
		}
	}
}
