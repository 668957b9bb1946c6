package bench

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/fairleadhq/fairlead/internal/sim/measure"
	"github.com/fairleadhq/fairlead/internal/window"
)

// What the windows are tried with: 200 a minute, for ten minutes.
const (
	limit = 200
	per   = time.Minute
	total = 10 * per
)

// admitter reports whether one more may come at now, which never goes back.
type admitter func(now time.Duration) bool

// algorithm is a way to limit a rate.
type algorithm struct {
	name string
	make func() admitter
	// exact says that it must never admit more than the limit.
	exact bool
}

func algorithms() []algorithm {
	return []algorithm{
		{"Fairlead, ring", exactRing, true},
		{"Fairlead, buckets", exactBuckets, true},
		{"fixed window, aligned", alignedWindow, false},
		{"fixed window from first use", firstUseWindow, false},
		{"two counters, weighted", twoCounters, false},
		{"GCRA, burst = limit", gcra, false},
		{"x/time/rate, burst = limit", tokenBucket, false},
	}
}

func exactRing() admitter {
	ring := window.New(limit, per)
	return func(now time.Duration) bool {
		_, _, ok := ring.Admit(now)
		return ok
	}
}

func exactBuckets() admitter {
	all := window.NewBuckets(limit, per)
	return func(now time.Duration) bool {
		_, _, ok := all.Take(now, 1)
		return ok
	}
}

// alignedWindow counts from each full minute.
func alignedWindow() admitter {
	minute, count := time.Duration(-1), 0
	return func(now time.Duration) bool {
		if now/per != minute {
			minute, count = now/per, 0
		}
		count++
		return count <= limit
	}
}

// firstUseWindow counts for a minute from the first that comes after the last
// count has ended: a key that is made to expire.
func firstUseWindow() admitter {
	expires, count := time.Duration(0), 0
	return func(now time.Duration) bool {
		if now >= expires {
			expires, count = now+per, 0
		}
		count++
		return count <= limit
	}
}

// twoCounters counts in aligned minutes, and takes the minute before for as much
// as the minute that ends now still reaches into it.
func twoCounters() admitter {
	minute, before, count := time.Duration(0), 0, 0
	return func(now time.Duration) bool {
		for ; minute < now/per; minute++ {
			before, count = count, 0
		}
		reach := 1 - float64(now%per)/float64(per)
		if float64(before)*reach+float64(count)+1 > limit {
			return false
		}
		count++
		return true
	}
}

// gcra is the generic cell rate algorithm: each cell moves the theoretical
// arrival time on by an interval, and may come early by a whole window.
func gcra() admitter {
	const interval = per / limit
	theoretical := time.Duration(0)
	return func(now time.Duration) bool {
		next := max(theoretical, now) + interval
		if next-now > per {
			return false
		}
		theoretical = next
		return true
	}
}

// tokenBucket is the real one.
func tokenBucket() admitter {
	start := time.Unix(0, 0)
	bucket := rate.NewLimiter(rate.Limit(limit/per.Seconds()), limit)
	return func(now time.Duration) bool { return bucket.AllowN(start.Add(now), 1) }
}

// pattern is the arrivals of an adversary, in order.
type pattern struct {
	name     string
	arrivals []time.Duration
}

func patterns() []pattern {
	var edges, pauses []time.Duration
	for edge := per; edge < total; edge += 2 * per {
		// Around every other full minute as many as are admitted, and as many
		// again. Every other time, one more comes a minute before.
		if edge%(4*per) == per {
			edges = append(edges, edge-per)
		}
		edges = append(edges, arrivals(edge-time.Second, edge+time.Second, 2*time.Millisecond)...)
	}
	// One burst at the end of the first minute, and each further one just early
	// enough to share a minute with the one before.
	for burst := per - time.Second; burst < total; burst += per - time.Second {
		pauses = append(pauses, arrivals(burst, burst+time.Second, 2*time.Millisecond)...)
	}
	return []pattern{
		{"edges", edges},
		{"flood", arrivals(0, total, 20*time.Millisecond)},
		{"pauses", pauses},
	}
}

func arrivals(from, to, step time.Duration) (times []time.Duration) {
	for now := from; now < to; now += step {
		times = append(times, now)
	}
	return times
}

// TestWorstWindow shows the most that each algorithm admits in any minute, as a
// part of its limit, under each pattern of arrivals, and what it admits of a
// flood in ten minutes. Ours must be exact.
func TestWorstWindow(t *testing.T) {
	t.Logf("| %-27s | edges | flood | pauses | worst | mean of the flood |", "most in any minute / limit")
	t.Logf("|%s|---|---|---|---|---|", "---")
	for _, a := range algorithms() {
		worst, mean := make(map[string]float64), 0.0
		for _, p := range patterns() {
			admitted := admissions(a.make(), p.arrivals)
			worst[p.name] = float64(measure.MostIn(admitted, per)) / limit
			if p.name == "flood" {
				mean = float64(len(admitted)) / (limit * float64(total/per))
			}
			if a.exact && worst[p.name] != 1 {
				t.Errorf("%s: got %.3f of the limit in some minute of %q, want 1.000", a.name, worst[p.name], p.name)
			}
		}
		t.Logf("| %-27s | %.3f | %.3f | %.3f | **%.3f** | %.3f |", a.name,
			worst["edges"], worst["flood"], worst["pauses"], max(worst["edges"], worst["flood"], worst["pauses"]), mean)
	}
}

func admissions(admit admitter, arrivals []time.Duration) (admitted []time.Duration) {
	for _, now := range arrivals {
		if admit(now) {
			admitted = append(admitted, now)
		}
	}
	return admitted
}
