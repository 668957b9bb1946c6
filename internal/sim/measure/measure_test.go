package measure

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for q, want := range map[float64]int{P10: 10, P50: 50, P90: 90, P99: 99, Max: 100, 0: 1} {
		if got := Quantile(hundred, q); got != want {
			t.Errorf("quantile %v of 1 to 100: got %d, want %d", q, got, want)
		}
	}
	if got := Quantile([]int{7}, P10); got != 7 {
		t.Errorf("of one value: got %d", got)
	}
	if got := Quantile([]int(nil), P50); got != 0 {
		t.Errorf("of none: got %d", got)
	}
}

func TestLevel(t *testing.T) {
	var l Level
	l.Add(2*time.Second, 3)  // 0 for 2 s
	l.Add(6*time.Second, -2) // 3 for 4 s
	if got := l.Mean(8 * time.Second); got != (3*4+1*2)/8. {
		t.Errorf("mean %v", got)
	}
	if got := l.Area(9 * time.Second); got != int64(15*time.Second) {
		t.Errorf("area %v", time.Duration(got))
	}
	if got := new(Level).Mean(0); got != 0 {
		t.Errorf("mean of no time %v", got)
	}
}

func TestMostIn(t *testing.T) {
	for _, c := range []struct {
		times []time.Duration
		want  int
	}{
		{nil, 0},
		{[]time.Duration{5}, 1},
		{[]time.Duration{0, 10, 20, 30}, 1},    // each leaves as the next comes
		{[]time.Duration{0, 9, 10, 18, 19}, 3}, // 9, 10, 18
		{[]time.Duration{3, 3, 3, 3, 40, 41, 42, 50}, 4},
	} {
		if got := MostIn(c.times, 10); got != c.want {
			t.Errorf("of %v in 10: got %d, want %d", c.times, got, c.want)
		}
	}
}

func TestJain(t *testing.T) {
	if got := Jain([]int64{9, 0, 0, 0}); got != 0.25 {
		t.Errorf("of whole numbers: got %v", got)
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3, 3, 3}, 1},
		{[]float64{5, 0, 0, 0}, 0.25},
		{[]float64{1, 2}, 0.9},
		{[]float64{0, 0}, 1},
		{nil, 1},
	} {
		if got := Jain(c.values); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("of %v: got %v, want %v", c.values, got, c.want)
		}
	}
}

func TestEntitle(t *testing.T) {
	for name, c := range map[string]struct {
		claims []Claim // ID is its place in want
		slots  int
		pools  []int
		want   []float64
	}{
		"enough for all":        {[]Claim{{0, 3, 1, 0, 0}, {1, 5, 1, 0, 0}}, 20, []int{0}, []float64{3, 5}},
		"equal weights":         {[]Claim{{0, 30, 1, 0, 0}, {1, 30, 1, 0, 0}}, 20, []int{0}, []float64{10, 10}},
		"by weight":             {[]Claim{{0, 30, 3, 0, 0}, {1, 30, 1, 0, 0}}, 20, []int{0}, []float64{15, 5}},
		"what one leaves":       {[]Claim{{0, 2, 1, 0, 0}, {1, 30, 1, 0, 0}, {2, 30, 1, 0, 0}}, 20, []int{0}, []float64{2, 9, 9}},
		"no limit":              {[]Claim{{0, 2, 1, 0, 0}, {1, 3000, 1, 0, 0}}, 0, []int{0}, []float64{2, 3000}},
		"a small pool":          {[]Claim{{0, 30, 1, 0, 0}, {1, 30, 1, 1, 0}}, 20, []int{0, 4}, []float64{16, 4}},
		"a pool, shared":        {[]Claim{{0, 30, 1, 0, 0}, {1, 30, 1, 1, 0}, {2, 1, 1, 1, 0}}, 20, []int{0, 4}, []float64{16, 3, 1}},
		"slots before the pool": {[]Claim{{0, 30, 1, 0, 0}, {1, 30, 1, 1, 0}}, 20, []int{0, 15}, []float64{10, 10}},
		"nobody":                {nil, 20, []int{0}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			Entitle(c.claims, c.slots, c.pools)
			for _, got := range c.claims {
				if math.Abs(got.Share-c.want[got.ID]) > 1e-9 {
					t.Errorf("claim %d: got %v, want %v", got.ID, got.Share, c.want[got.ID])
				}
			}
		})
	}
}

// TestEntitleIsMaxMinFair holds the shares to what max-min fairness means: no
// limit is passed, and whoever does not get all that it wants is stopped by a
// limit that is used up, of which nobody gets more for its weight.
func TestEntitleIsMaxMinFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(0, 30).Draw(t, "slots")
		pools := rapid.SliceOfN(rapid.IntRange(0, 15), 1, 3).Draw(t, "pools")
		claims := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Claim {
			return Claim{
				Demand: rapid.IntRange(1, 20).Draw(t, "demand"), Weight: rapid.IntRange(1, 8).Draw(t, "weight"),
				Pool: rapid.IntRange(0, len(pools)-1).Draw(t, "pool"),
			}
		}), 0, 8).Draw(t, "claims")
		Entitle(claims, slots, pools)

		all := newUse(slots, claims, func(Claim) bool { return true })
		for _, c := range claims {
			own := newUse(pools[c.Pool], claims, func(d Claim) bool { return d.Pool == c.Pool })
			if all.over() || own.over() || c.Share > float64(c.Demand)+slack {
				t.Fatalf("more than there is, or than is wanted: %+v", claims)
			}
			if c.Share < float64(c.Demand)-slack && !all.stops(c) && !own.stops(c) {
				t.Fatalf("nothing stops %+v of %+v", c, claims)
			}
		}
	})
}

const slack = 1e-6

// use is how a limit is used.
type use struct {
	limit   int
	sum     float64
	highest float64 // share for a unit of weight
}

func newUse(limit int, claims []Claim, counts func(Claim) bool) use {
	u := use{limit: limit}
	for _, c := range claims {
		if counts(c) {
			u.sum += c.Share
			u.highest = max(u.highest, c.Share/float64(c.Weight))
		}
	}
	return u
}

func (u use) over() bool { return u.limit > 0 && u.sum > float64(u.limit)+slack }

func (u use) stops(c Claim) bool {
	return u.limit > 0 && u.sum > float64(u.limit)-slack && c.Share/float64(c.Weight) > u.highest-slack
}
