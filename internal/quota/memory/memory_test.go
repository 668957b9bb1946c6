package memory

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/quota/quotatest"
)

func TestContract(t *testing.T) {
	quotatest.Run(t, func(*testing.T) fairlead.Quota { return New() })
}

func take(t *testing.T, q *Quota, w fairlead.Window) fairlead.Take {
	t.Helper()
	got, err := q.Take(t.Context(), w, 1)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return got
}

// perMinute is the window of the app of that number.
func perMinute(app, limit int) fairlead.Window {
	return fairlead.Window{App: fairlead.AppID(strconv.Itoa(app)), Name: "requests", Limit: limit, Per: time.Minute}
}

func TestOtherTermsStartAnew(t *testing.T) {
	for name, other := range map[string]fairlead.Window{
		"limit": {App: "1", Name: "requests", Limit: 2, Per: time.Minute},
		"span":  {App: "1", Name: "requests", Limit: 1, Per: time.Hour},
		"kind":  {App: "1", Name: "requests", Limit: 1, Per: time.Minute, Weighted: true},
	} {
		q := New()
		take(t, q, perMinute(1, 1))
		if got, err := q.Look(t.Context(), other); err != nil || got.Remaining != other.Limit {
			t.Errorf("another %s: Look: got %+v, %v, want it empty", name, got, err)
		}
		if got := take(t, q, other); !got.OK {
			t.Errorf("another %s: got refused", name)
		}
		if got, want := len(q.all), 1; got != want {
			t.Errorf("another %s: got %d windows kept, want %d", name, got, want)
		}
	}
}

// TestPlainWindowsCountOnes holds for windows that are exact and for large ones.
func TestPlainWindowsCountOnes(t *testing.T) {
	for _, limit := range []int{5, exactLimit, exactLimit + 1} {
		q, w := New(), perMinute(1, limit)
		got, err := q.Take(t.Context(), w, 3)
		if err != nil || got.State.Remaining != limit-1 {
			t.Errorf("limit %d: got %+v, %v, want %d remaining", limit, got, err, limit-1)
		}
		if err := q.Correct(t.Context(), w, got.Entry, 4); err != nil {
			t.Errorf("limit %d: Correct: %v", limit, err)
		}
		if got, err := q.Look(t.Context(), w); err != nil || got.Remaining != limit-1 {
			t.Errorf("limit %d: corrected: got %+v, %v, want %d remaining", limit, got, err, limit-1)
		}
	}
}

// TestExactUpToItsLimit tells the two kinds of window apart by two admissions
// that would share a bucket.
func TestExactUpToItsLimit(t *testing.T) {
	for _, c := range []struct {
		w    fairlead.Window
		want int // of the two, when the first has been there for the span
	}{
		{w: perMinute(1, exactLimit), want: 1},
		{w: perMinute(1, exactLimit+1), want: 2},
		{w: fairlead.Window{App: "1", Name: "tokens", Limit: 10, Per: time.Minute, Weighted: true}, want: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := New()
			take(t, q, c.w)
			<-time.After(time.Millisecond)
			take(t, q, c.w)
			<-time.After(time.Minute - time.Millisecond)
			if got, err := q.Look(t.Context(), c.w); err != nil || c.w.Limit-got.Remaining != c.want {
				t.Errorf("%+v: got %+v, %v, want %d still counted", c.w, got, err, c.want)
			}
		})
	}
}

func TestWindowWithoutASpanIsUnlimited(t *testing.T) {
	q := New()
	for range 3 {
		if got := take(t, q, fairlead.Window{App: "a", Name: "requests", Limit: 1}); !got.OK {
			t.Error("got refused")
		}
	}
	if len(q.all) != 0 {
		t.Errorf("got %d windows kept, want 0", len(q.all))
	}
}

func TestLookingKeepsNothing(t *testing.T) {
	q := New()
	w := fairlead.Window{App: "a", Name: "requests", Limit: 1, Per: time.Minute}
	if _, err := q.Look(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := q.Undo(t.Context(), w, 1); err != nil {
		t.Fatal(err)
	}
	if err := q.Correct(t.Context(), w, 1, 5); err != nil {
		t.Fatal(err)
	}
	if len(q.all) != 0 {
		t.Errorf("got %d windows kept, want 0", len(q.all))
	}
}

// TestWindowsAreDroppedWhenLongEmpty goes by three kinds of app: many that
// called once, one that calls every minute, and one whose window is a day.
func TestWindowsAreDroppedWhenLongEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 1000
		q := New()
		for i := range many {
			take(t, q, perMinute(i, 5))
		}
		daily := fairlead.Window{App: "daily", Name: "requests", Limit: 1, Per: 24 * time.Hour}
		take(t, q, daily)
		busy := fairlead.Window{App: "busy", Name: "requests", Limit: 1000, Per: time.Minute}

		pass := func(minutes int) {
			for range minutes {
				<-time.After(time.Minute)
				for range 2 * many / sweepAtOnce { // enough calls for a whole sweep
					take(t, q, busy)
				}
			}
		}
		pass(11) // empty since the first minute: ten are over, but not more
		if got, want := len(q.all), many+2; got != want {
			t.Fatalf("after 11 minutes: got %d windows, want %d", got, want)
		}
		pass(2)
		if len(q.all) != 2 || len(q.byKey) != 2 {
			t.Fatalf("after 13 minutes: got %d windows, %d keys, want 2", len(q.all), len(q.byKey))
		}
		if got := take(t, q, daily); got.OK {
			t.Error("the window of a day was forgotten")
		}
		pass(24*60 + 12)
		if got, want := len(q.all), 1; got != want {
			t.Errorf("a day later: got %d windows, want %d", got, want)
		}
		if got := take(t, q, daily); !got.OK {
			t.Error("the window of a day was refused after it was dropped")
		}
	})
}

func TestSweepLooksAtFewWindowsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New()
		for i := range 10 * sweepAtOnce {
			take(t, q, perMinute(i, 5))
		}
		<-time.After(time.Hour)
		before := len(q.all)
		take(t, q, perMinute(0, 5))
		if dropped := before - len(q.all); dropped < 1 || dropped > sweepAtOnce {
			t.Errorf("got %d windows dropped by one call, want 1 to %d", dropped, sweepAtOnce)
		}
	})
}

// TestSweepAmongCalls is for the race detector, and for the promise that no
// admission is lost to a sweep.
func TestSweepAmongCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, limit = 8, 3
		q := New()
		for range 3 {
			var admitted [100]atomic.Int64 // of each app
			var group sync.WaitGroup
			for range workers {
				group.Go(func() { takeFromEach(t, q, limit, admitted[:]) })
			}
			group.Wait()
			for app := range admitted {
				if got := admitted[app].Load(); got != limit {
					t.Errorf("app %d: got %d admissions, want %d", app, got, limit)
				}
			}
			<-time.After(time.Hour)
		}
	})
}

// takeFromEach asks for one admission for each app and counts those it got. It
// may run on any goroutine.
func takeFromEach(t *testing.T, q *Quota, limit int, admitted []atomic.Int64) {
	t.Helper()
	for app := range admitted {
		got, err := q.Take(t.Context(), perMinute(app, limit), 1)
		if err != nil {
			t.Errorf("Take: %v", err)
		}
		if got.OK {
			admitted[app].Add(1)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	q := New()
	w := fairlead.Window{App: "a", Name: "requests", Limit: 200, Per: time.Minute}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := q.Take(b.Context(), w, 1); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkTakeAndUndo(b *testing.B) {
	q := New()
	w := fairlead.Window{App: "a", Name: "requests", Limit: 200, Per: time.Minute}
	b.ReportAllocs()
	for b.Loop() {
		got, err := q.Take(b.Context(), w, 1)
		if err != nil || !got.OK {
			b.Fatalf("Take: got %+v, %v", got, err)
		}
		if err := q.Undo(b.Context(), w, got.Entry); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTakeAndCorrect(b *testing.B) {
	q := New()
	w := fairlead.Window{App: "a", Name: "tokens", Limit: 200_000, Per: time.Minute, Weighted: true}
	b.ReportAllocs()
	for b.Loop() {
		got, err := q.Take(b.Context(), w, 500)
		if err != nil || !got.OK {
			b.Fatalf("Take: got %+v, %v", got, err)
		}
		if err := q.Correct(b.Context(), w, got.Entry, 0); err != nil {
			b.Fatal(err)
		}
	}
}
