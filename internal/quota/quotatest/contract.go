package quotatest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func testLimit(t *testing.T, s subject) {
	w := requests(3)
	for range w.Limit {
		s.admitted(t, w)
	}
	s.refused(t, w, per)
	s.refused(t, w, per) // a refusal counts nothing
	s.pass(per)
	for range w.Limit {
		s.admitted(t, w)
	}
	s.refused(t, w, per)
}

func testWait(t *testing.T, s subject) {
	w := requests(2)
	s.admitted(t, w)
	s.pass(10 * time.Second)
	s.admitted(t, w)
	s.pass(20 * time.Second)
	s.refused(t, w, 30*time.Second)
	s.pass(30 * time.Second)
	s.admitted(t, w)
	s.pass(10*time.Second - 1)
	s.refused(t, w, 1)
	s.pass(1)
	s.admitted(t, w)
}

// testSlidingWindow is the pattern that breaks counters per minute: all at the
// end of one minute, and all again at the start of the next.
func testSlidingWindow(t *testing.T, s subject) {
	w := requests(10)
	s.pass(per - time.Second)
	for range w.Limit {
		s.admitted(t, w)
	}
	s.pass(2 * time.Second)
	s.refused(t, w, per-2*time.Second)
}

func testState(t *testing.T, s subject) {
	w := requests(2)
	for i, want := range []fairlead.WindowState{
		{Limit: 2, Remaining: 1, Reset: per},
		{Limit: 2, Remaining: 0, Reset: per},
		{Limit: 2, Remaining: 0, Reset: per - time.Second}, // refused
	} {
		if got := s.take(t, w, 1).State; got != want {
			t.Errorf("take %d: got %+v, want %+v", i+1, got, want)
		}
		s.pass(time.Duration(i) * time.Second)
	}
}

func testLook(t *testing.T, s subject) {
	w := requests(2)
	for range 3 { // looking counts nothing
		s.stands(t, w, 2, 0)
	}
	s.admitted(t, w)
	s.pass(time.Second)
	s.stands(t, w, 1, per-time.Second)
	s.admitted(t, w)
	s.stands(t, w, 0, per)
	s.pass(per - time.Second)
	s.stands(t, w, 1, time.Second)
	s.pass(time.Second)
	s.stands(t, w, 2, 0)
}

func testUndo(t *testing.T, s subject) {
	w := requests(3)
	s.admitted(t, w)
	s.pass(time.Second)
	middle := s.admitted(t, w)
	s.pass(time.Second)
	last := s.admitted(t, w)
	s.undo(t, w, middle)
	s.stands(t, w, 1, per)
	s.undo(t, w, last)
	s.stands(t, w, 2, per-2*time.Second)
	s.admitted(t, w)
	s.admitted(t, w)
	s.refused(t, w, per-2*time.Second)
}

func testUndoIgnored(t *testing.T, s subject) {
	w := requests(2)
	s.undo(t, w, 0) // nothing was ever taken
	old := s.admitted(t, w)
	s.pass(per)
	s.admitted(t, w)
	twice := s.admitted(t, w)
	s.undo(t, w, old) // has left
	s.refused(t, w, per)
	s.undo(t, w, twice)
	s.undo(t, w, twice)
	s.stands(t, w, 1, per)
	s.admitted(t, w)
	s.undo(t, w, twice) // its place may be another's now
	s.refused(t, w, per)
}

func testUnlimited(t *testing.T, s subject) {
	for _, w := range []fairlead.Window{requests(0), requests(-1), tokens(0), tokens(-1)} {
		for range 5 {
			entry := s.admittedFor(t, w, 7)
			s.correct(t, w, entry, 100)
			s.undo(t, w, entry)
		}
		if got := s.look(t, w); got.Reset != 0 {
			t.Errorf("limit %d: Look: got %+v, want nothing counted", w.Limit, got)
		}
	}
	w := requests(1)
	s.admitted(t, w) // what went before was not counted
	s.refused(t, w, per)
}

// testApart checks that neither apps nor names share a window, however the two
// might be put together to one key.
func testApart(t *testing.T, s subject) {
	windows := []fairlead.Window{
		{App: "a", Name: "bc", Limit: 1, Per: per},
		{App: "a", Name: "b", Limit: 1, Per: per},
		{App: "ab", Name: "c", Limit: 1, Per: per},
		{App: "a:b", Name: "c", Limit: 1, Per: per},
		{App: "a", Name: "b:c", Limit: 1, Per: per},
		{App: "", Name: "abc", Limit: 1, Per: per},
	}
	entries := make([]uint64, len(windows))
	for i, w := range windows {
		entries[i] = s.admitted(t, w)
	}
	s.pass(time.Second)
	s.undo(t, windows[0], entries[0])
	for _, w := range windows[1:] {
		s.refused(t, w, per-time.Second)
	}
	s.stands(t, windows[0], 1, 0)
}

// testOtherTerms checks that a changed limit holds at once, and that what the
// counter of the old terms does changes nothing of the new. Whether what was
// counted before still counts is up to the implementation, so only what comes
// after is looked at.
func testOtherTerms(t *testing.T, s subject) {
	before, after := requests(5), requests(2)
	old := s.quota.Open(before)
	entry := s.admitted(t, before)
	got := 0
	for range 2 * before.Limit {
		if s.take(t, after, 1).OK {
			got++
		}
	}
	if got > after.Limit {
		t.Errorf("got %d admissions after the limit became %d", got, after.Limit)
	}
	s.pass(per)
	for range after.Limit {
		s.admitted(t, after)
	}
	if err := old.Undo(t.Context(), entry); err != nil { // of old terms and long gone
		t.Errorf("Undo: %v", err)
	}
	s.undo(t, after, entry)
	s.refused(t, after, per)
}

func testConcurrent(t *testing.T, s subject) {
	const workers = 8
	w := requests(100)
	entries := make([][]uint64, workers)
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() { entries[i] = takeMany(t, s, w) })
	}
	group.Wait()
	distinct := slices.Concat(entries...)
	slices.Sort(distinct)
	if got := len(slices.Compact(distinct)); got != w.Limit {
		t.Fatalf("got %d different entries, want %d", got, w.Limit)
	}
	for i := range workers {
		group.Go(func() {
			for _, entry := range entries[i] {
				if err := s.quota.Open(w).Undo(t.Context(), entry); err != nil {
					t.Errorf("Undo: %v", err)
				}
			}
		})
	}
	group.Wait()
	s.stands(t, w, w.Limit, 0)
}

// takeMany asks for half of the window and returns the entries it got. It may
// run on any goroutine.
func takeMany(t *testing.T, s subject, w fairlead.Window) (entries []uint64) {
	t.Helper()
	for range w.Limit / 2 {
		take, err := s.quota.Open(w).Take(t.Context(), time.Now(), 1, 0)
		if err != nil {
			t.Errorf("Take: %v", err)
		}
		if take.OK {
			entries = append(entries, take.Entry)
		}
	}
	return entries
}
