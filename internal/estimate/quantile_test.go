package estimate_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/estimate"
)

// naiveQuantile is the quantile of values of which each weighs as much as two
// that came 256 later.
func naiveQuantile(values []float64, p float64) float64 {
	type weighed struct{ value, weight float64 }
	var all []weighed
	total := 0.0
	for i, v := range values {
		w := math.Exp2(float64(i-len(values)) / 256)
		all = append(all, weighed{v, w})
		total += w
	}
	slices.SortFunc(all, func(a, b weighed) int { return int(math.Copysign(1, a.value-b.value)) })
	below := 0.0
	for _, v := range all {
		below += v.weight
		if below >= p*total {
			return v.value
		}
	}
	return all[len(all)-1].value
}

func TestQuantileIsTheNaiveOneWithinFivePercent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Across the moment when all weights are made lighter.
		n := rapid.SampledFrom([]int{8, 20, 300, 2500, 5000}).Draw(t, "n")
		spread := rapid.Float64Range(0, 2).Draw(t, "spread")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		q := estimate.NewQuantile(0.05)
		var values []float64
		for range n {
			v := 1000 * math.Exp(spread*random.NormFloat64())
			values = append(values, v)
			q.Add(v)
		}
		p := rapid.Float64Range(0.01, 0.99).Draw(t, "p")
		got, ok := q.Quantile(p)
		// Sums of weights are rounded, so a neighbour may be the one.
		low, high := naiveQuantile(values, p-1e-3), naiveQuantile(values, p+1e-3)
		if !ok || got < 0.9499*low || got > 1.0501*high {
			t.Fatalf("quantile %v of %d values is %v, %v, want %v to %v within 5 %%", p, n, got, ok, low, high)
		}
	})
}

func TestQuantileForgets(t *testing.T) {
	t.Parallel()
	q := estimate.NewQuantile(1)
	for range 10_000 {
		q.Add(5)
	}
	for range 300 {
		q.Add(500)
	}
	// 300 of them weigh more than all before: 1-2^(-300/256) of the whole.
	if got, _ := q.Quantile(0.5); math.Abs(got/500-1) > 0.05 {
		t.Errorf("median is %v after 300 values of 500, want 500", got)
	}
	if got, _ := q.Quantile(0.4); math.Abs(got/5-1) > 0.05 {
		t.Errorf("quantile 0.4 is %v, want 5: it was forgotten too soon", got)
	}
}

func TestQuantileNeedsEightValues(t *testing.T) {
	t.Parallel()
	q := estimate.NewQuantile(1)
	for range 7 {
		q.Add(3)
		q.Add(math.NaN())
	}
	if got, ok := q.Quantile(0.5); ok {
		t.Errorf("quantile of 7 values is %v, want none", got)
	}
	q.Add(3)
	if got, ok := q.Quantile(0.5); !ok || math.Abs(got/3-1) > 0.05 {
		t.Errorf("quantile of eight times 3 is %v, %v", got, ok)
	}
}

func TestQuantileOfValuesOutOfRange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ value, want float64 }{
		{0, 2}, {-5, 2}, {math.Inf(-1), 2}, {1, 2}, {2e8, 2e8}, {1e300, 2e8}, {math.Inf(1), 2e8},
	} {
		q := estimate.NewQuantile(2)
		for range 8 {
			q.Add(tt.value)
		}
		// The last bucket may end a little above the range.
		if got, _ := q.Quantile(0.5); got < 0.9*tt.want || got > 1.1*tt.want {
			t.Errorf("quantile of %v is %v, want about %v", tt.value, got, tt.want)
		}
	}
}

func TestQuantileIsSafeForManyAndTakesNoMemory(t *testing.T) {
	t.Parallel()
	q := estimate.NewQuantile(1)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 1000 {
				q.Add(7)
				q.Quantile(0.5)
			}
		})
	}
	group.Wait()
	if got, ok := q.Quantile(0.9); !ok || math.Abs(got/7-1) > 0.05 {
		t.Errorf("quantile is %v, %v, want 7", got, ok)
	}
}
