package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/window"
)

// weighed is Buckets as one would write them down: every entry ever, and
// counting by adding all of them up.
//
// Buckets may keep an entry up to slack longer than the span, so each sum is
// taken twice: with entries that leave in time and with entries that leave as
// late as they may. What Buckets say must lie between the two.
type weighed struct {
	limit   int
	per     time.Duration
	slack   time.Duration
	now     time.Duration
	entries []weighedEntry
	asked   int // by all that were refused since the last admission
}

type weighedEntry struct {
	at    time.Duration
	count int
	entry window.Entry
}

// sum is what those entries count for that are in the window at now.
func (w *weighed) sum(now, span time.Duration) (sum int) {
	for _, e := range w.entries {
		if e.at+span > now {
			sum += e.count
		}
	}
	return sum
}

// fitsAt is the first moment from now on at which no more than most is left.
func (w *weighed) fitsAt(most int, span time.Duration) time.Duration {
	at, left := w.now, w.sum(w.now, span)
	for _, e := range w.entries { // in the order in which they leave
		if left <= most {
			break
		}
		if e.at+span > w.now {
			at, left = e.at+span, left-e.count
		}
	}
	return at
}

// TestBucketsAreTheNaiveSum is about buckets of a nanosecond, which are exact.
func TestBucketsAreTheNaiveSum(t *testing.T) {
	checkBuckets(t, func(t *rapid.T) {
		const per = 600
		compareWeighed(t, per, 0)
	})
}

// TestBucketsErrOnOneSideByLessThanABucket: entries that share a bucket count
// for less than a bucket longer than they must, and never shorter.
func TestBucketsErrOnOneSideByLessThanABucket(t *testing.T) {
	checkBuckets(t, func(t *rapid.T) {
		const bucket = 100
		per := rapid.SampledFrom([]time.Duration{600 * bucket, 600*bucket - 1, 599*bucket + 1}).Draw(t, "per")
		compareWeighed(t, per, bucket-1)
	})
}

// checkBuckets is 100 cases a Check.
func checkBuckets(t *testing.T, compare func(*rapid.T)) {
	t.Helper()
	checks := 30
	if testing.Short() {
		checks = 5
	}
	for range checks {
		rapid.Check(t, compare)
	}
}

func compareWeighed(t *rapid.T, per, slack time.Duration) {
	model := &weighed{limit: rapid.IntRange(1, 20).Draw(t, "limit"), per: per, slack: slack}
	buckets := window.NewBuckets(model.limit, per)
	// A step is a kind of operation and an amount, in one number.
	for _, step := range rapid.SliceOfN(rapid.Uint16(), 20, 60).Draw(t, "steps") {
		op, amount := step%10, int(step/10)
		switch op {
		case 0, 1, 2:
			model.take(t, buckets, amount%25)
		case 3: // several, so that some are refused in a row
			for range amount % 10 {
				model.take(t, buckets, 1+amount%3)
			}
		case 4:
			model.correct(buckets, amount, amount%30)
		case 5:
			model.undo(buckets, amount)
		case 6: // about a bucket
			model.now += time.Duration(amount) % (slack + 2)
		case 7: // up to two windows
			model.now += time.Duration(amount) * per / 3000
		case 8: // the instants around the next change
			if len(model.entries) > 0 {
				next := model.entries[amount%len(model.entries)].at + per
				model.now = max(model.now, next-time.Duration(amount%3))
			}
		case 9: // a clock that was read earlier
			buckets.State(model.now - time.Duration(amount))
		}
		model.stands(t, buckets)
	}
}

func (w *weighed) take(t *rapid.T, buckets *window.Buckets, n int) {
	entry, wait, ok := buckets.Take(w.now, n)
	n = min(max(n, 1), w.limit)
	least, most := w.sum(w.now, w.per), w.sum(w.now, w.per+w.slack)
	if ok {
		if least+n > w.limit {
			t.Fatalf("at %d: admitted %d beside %d, limit %d", w.now, n, least, w.limit)
		}
		w.asked = 0
		w.entries = append(w.entries, weighedEntry{at: w.now, count: n, entry: entry})
		return
	}
	if most+n <= w.limit {
		t.Fatalf("at %d: refused %d beside %d, limit %d", w.now, n, most, w.limit)
	}
	w.asked = min(w.asked+n, w.limit)
	from, to := w.fitsAt(w.limit-w.asked, w.per), w.fitsAt(w.limit-w.asked, w.per+w.slack)
	if at := w.now + wait; wait <= 0 || at < from || at > to {
		t.Fatalf("at %d: refused until %d, want from %d to %d", w.now, at, from, to)
	}
	if n%2 == 0 {
		w.obey(t, buckets, wait, n)
	}
}

// obey checks that the wait was just long enough, and comes back after it.
func (w *weighed) obey(t *rapid.T, buckets *window.Buckets, wait time.Duration, n int) {
	if used, _ := buckets.State(w.now + wait - 1); used+w.asked <= w.limit {
		t.Fatalf("at %d: told to wait for %d, but %d fits beside %d earlier", w.now, wait, w.asked, used)
	}
	w.now += wait
	if used, _ := buckets.State(w.now); used+w.asked > w.limit {
		t.Fatalf("at %d: after the wait %d does not fit beside %d", w.now, w.asked, used)
	}
	admitted := len(w.entries)
	if w.take(t, buckets, n-1); len(w.entries) != admitted+1 {
		t.Fatalf("at %d: refused after the wait", w.now)
	}
}

func (w *weighed) correct(buckets *window.Buckets, which, n int) {
	if len(w.entries) == 0 {
		return
	}
	e := &w.entries[which%len(w.entries)]
	buckets.Correct(e.entry, n)
	e.count = n
}

// undo takes back one of the entries, which may be old or undone already.
// Neither that nor correcting it then changes anything.
func (w *weighed) undo(buckets *window.Buckets, which int) {
	if len(w.entries) == 0 {
		return
	}
	i := which % len(w.entries)
	entry := w.entries[i].entry
	buckets.Undo(entry)
	buckets.Undo(entry)
	buckets.Correct(entry, which)
	w.entries = append(w.entries[:i], w.entries[i+1:]...)
}

func (w *weighed) stands(t *rapid.T, buckets *window.Buckets) {
	used, reset := buckets.State(w.now)
	least, most := w.sum(w.now, w.per), w.sum(w.now, w.per+w.slack)
	if used < least || used > most {
		t.Fatalf("at %d: got %d used, want from %d to %d", w.now, used, least, most)
	}
	from, to := w.fitsAt(0, w.per), w.fitsAt(0, w.per+w.slack)
	if at := w.now + reset; at < from || at > to {
		t.Fatalf("at %d: got empty at %d, want from %d to %d", w.now, at, from, to)
	}
}
