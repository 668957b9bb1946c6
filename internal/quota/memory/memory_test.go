package memory

import (
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
	got, err := q.Open(w).Take(t.Context(), time.Now(), 1, 0)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return got
}

// perMinute is a window of an app.
func perMinute(limit int) fairlead.Window {
	return fairlead.Window{App: "1", Name: "requests", Limit: limit, Per: time.Minute}
}

func TestOtherTermsStartAnew(t *testing.T) {
	for name, other := range map[string]fairlead.Window{
		"limit": {App: "1", Name: "requests", Limit: 2, Per: time.Minute},
		"span":  {App: "1", Name: "requests", Limit: 1, Per: time.Hour},
		"kind":  {App: "1", Name: "requests", Limit: 1, Per: time.Minute, Weighted: true},
	} {
		q := New()
		take(t, q, perMinute(1))
		if got, err := q.Open(other).Look(t.Context(), time.Now()); err != nil || got.Remaining != other.Limit {
			t.Errorf("another %s: Look: got %+v, %v, want it empty", name, got, err)
		}
		if got := take(t, q, other); !got.OK {
			t.Errorf("another %s: got refused", name)
		}
		if got, want := len(q.byKey), 1; got != want {
			t.Errorf("another %s: got %d windows kept, want %d", name, got, want)
		}
	}
}

// TestPlainWindowsCountOnes holds for windows that are exact and for large ones.
func TestPlainWindowsCountOnes(t *testing.T) {
	for _, limit := range []int{5, exactLimit, exactLimit + 1} {
		q, w := New(), perMinute(limit)
		got, err := q.Open(w).Take(t.Context(), time.Now(), 3, 0)
		if err != nil || got.State.Remaining != limit-1 {
			t.Errorf("limit %d: got %+v, %v, want %d remaining", limit, got, err, limit-1)
		}
		if err := q.Open(w).Correct(t.Context(), got.Entry, 4); err != nil {
			t.Errorf("limit %d: Correct: %v", limit, err)
		}
		if got, err := q.Open(w).Look(t.Context(), time.Now()); err != nil || got.Remaining != limit-1 {
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
		{w: perMinute(exactLimit), want: 1},
		{w: perMinute(exactLimit + 1), want: 2},
		{w: fairlead.Window{App: "1", Name: "tokens", Limit: 10, Per: time.Minute, Weighted: true}, want: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := New()
			take(t, q, c.w)
			<-time.After(time.Millisecond)
			take(t, q, c.w)
			<-time.After(time.Minute - time.Millisecond)
			if got, err := q.Open(c.w).Look(t.Context(), time.Now()); err != nil || c.w.Limit-got.Remaining != c.want {
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
}

func BenchmarkTake(b *testing.B) {
	counter := New().Open(perMinute(200))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := counter.Take(b.Context(), time.Now(), 1, 0); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkTakeAndUndo(b *testing.B) {
	counter := New().Open(perMinute(200))
	b.ReportAllocs()
	for b.Loop() {
		got, err := counter.Take(b.Context(), time.Now(), 1, 0)
		if err != nil || !got.OK {
			b.Fatalf("Take: got %+v, %v", got, err)
		}
		if err := counter.Undo(b.Context(), got.Entry); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTakeAndCorrect(b *testing.B) {
	counter := New().Open(fairlead.Window{App: "a", Name: "tokens", Limit: 200_000, Per: time.Minute, Weighted: true})
	b.ReportAllocs()
	for b.Loop() {
		got, err := counter.Take(b.Context(), time.Now(), 500, 0)
		if err != nil || !got.OK {
			b.Fatalf("Take: got %+v, %v", got, err)
		}
		if err := counter.Correct(b.Context(), got.Entry, 0); err != nil {
			b.Fatal(err)
		}
	}
}
