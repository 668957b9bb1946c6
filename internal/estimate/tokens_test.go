package estimate_test

import (
	"math"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead/internal/estimate"
)

func TestEstimateOfWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		mode             estimate.Mode
		bytes, maxTokens int
		want             estimate.Cost
	}{
		{"nothing said", estimate.Expected, 3500, 0, estimate.Cost{Input: 1000, Output: 512, Prior: 1512, Most: 1750 + 4096}},
		{"much allowed", estimate.Expected, 3500, 128_000, estimate.Cost{Input: 1000, Output: 512, Prior: 1512, Most: 1750 + 4096}},
		{"less allowed", estimate.Expected, 3500, 2000, estimate.Cost{Input: 1000, Output: 512, Prior: 1512, Most: 1750 + 2000}},
		{"little allowed", estimate.Expected, 3500, 16, estimate.Cost{Input: 1000, Output: 16, Prior: 1016, Most: 1750 + 16}},
		{"no body", estimate.Expected, 0, 16, estimate.Cost{Output: 16, Prior: 16, Most: 16}},
		{"nonsense", estimate.Expected, -5, -5, estimate.Cost{Output: 512, Prior: 512, Most: 4096}},
		{"hard, nothing said", estimate.Hard, 3500, 0, estimate.Cost{Input: 1750, Output: 4096, Prior: 5846, Most: 5846}},
		{"hard, much allowed", estimate.Hard, 3500, 128_000, estimate.Cost{Input: 1750, Output: 128_000, Prior: 129_750, Most: 129_750}},
		{"hard, little allowed", estimate.Hard, 3500, 16, estimate.Cost{Input: 1750, Output: 16, Prior: 1766, Most: 1766}},
	} {
		if got := estimate.NewTokens(tt.mode).Of(app).Estimate(tt.bytes, tt.maxTokens); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestEstimateOfTheLargest(t *testing.T) {
	t.Parallel()
	for _, mode := range []estimate.Mode{estimate.Expected, estimate.Hard} {
		tokens := estimate.NewTokens(mode)
		tokens.Of(app).Learn(1, math.MaxInt, math.MaxInt)
		if got := tokens.Of(app).Estimate(math.MaxInt, math.MaxInt); got.Input <= 0 || got.Output <= 0 || got.Most < got.Tokens() {
			t.Errorf("mode %d: got %+v: a sum ran over", mode, got)
		}
	}
}

// learnMany lets an app make n calls of 1000 bytes that all are alike.
func learnMany(tokens *estimate.Tokens, key estimate.Key, n, input, output int) {
	for range n {
		tokens.Of(key).Learn(1000, input, output)
	}
}

func within(got, want, part float64) bool { return math.Abs(got-want) <= part*want }

func TestEstimateIsLearned(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Expected)
	learnMany(tokens, app, 3000, 400, 90)
	if got := tokens.Of(app).Estimate(10_000, 0); !within(float64(got.Input), 4000, 0.01) || !within(float64(got.Output), 90, 0.1) {
		t.Errorf("after 3000 calls of 0.4 tokens a byte and 90 of answer: %+v for 10,000 bytes", got)
	}
	other := estimate.Key{App: "other", Model: app.Model}
	if got := tokens.Of(other).Estimate(10_000, 0); !within(float64(got.Input), 4000, 0.01) || !within(float64(got.Output), 90, 0.1) {
		t.Errorf("another app's first call of the same model: %+v", got)
	}
	tokens.Of(other).Learn(1000, 400, 90)
	if got := tokens.Of(other).Estimate(1, 0).Output; got > 100 {
		t.Errorf("its second call is expected to answer %d, want about 90 as others", got)
	}
	learnMany(tokens, other, 1000, 400, 900)
	if mine, theirs := tokens.Of(app).Estimate(1, 0).Output, tokens.Of(other).Estimate(1, 0).Output; mine > 100 || theirs < 700 {
		t.Errorf("an app of short answers is expected %d, one of long answers %d", mine, theirs)
	}
	unknown := estimate.Key{App: app.App, Model: "never used"}
	if got := tokens.Of(unknown).Estimate(3500, 0); got.Input != 1000 || got.Output != 512 {
		t.Errorf("the first call of a model: %+v, want the initial values", got)
	}
	if got := tokens.Of(app).Estimate(10, 0).Prior; got != 4+512 {
		t.Errorf("the prior is %d: it moved with the answers", got)
	}
}

func TestRatioIsRobustAndSane(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Expected)
	learnMany(tokens, app, 300, 300, 10)
	tokens.Of(app).Learn(50_000_000, 800, 10) // an image
	tokens.Of(app).Learn(100, 90_000, 10)     // a prompt that is kept elsewhere
	if got := tokens.Of(app).Estimate(1000, 0).Input; !within(float64(got), 300, 0.02) {
		t.Errorf("two strange calls made 300 tokens %d", got)
	}
	learnMany(tokens, app, 3000, 1, 10)
	if got := tokens.Of(app).Estimate(12_000, 0).Input; got < 1000 || got > 1001 {
		t.Errorf("12,000 bytes are %d tokens after many calls of few, want 1000, the least", got)
	}
	learnMany(tokens, app, 3000, 100_000, 10)
	if got := tokens.Of(app).Estimate(1000, 0).Input; got != 1000 {
		t.Errorf("1000 bytes are %d tokens after many calls of many, want 1000, the most", got)
	}
}

func TestOutputIsRobustAndForgets(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Expected)
	tokens.Of(app).Learn(1000, 300, 1_000_000)
	if got := tokens.Of(app).Estimate(1, 0).Output; got < 512 || got > 600 {
		t.Errorf("one endless answer made 512 tokens %d", got)
	}
	learnMany(tokens, app, 20_000, 300, 100)
	learnMany(tokens, app, 3000, 300, 400)
	if got := tokens.Of(app).Estimate(1, 0).Output; got < 370 || got > 400 {
		t.Errorf("after 3000 answers of 400 it is %d, want nearly that", got)
	}
}

func TestWhatTeachesNothing(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Expected)
	want := tokens.Of(app).Estimate(1000, 0)
	tokens.Of(app).Learn(0, 100, -1)
	tokens.Of(app).Learn(100, 0, -1)
	if got := tokens.Of(app).Estimate(1000, 0); got != want {
		t.Errorf("estimate became %+v, want %+v as before", got, want)
	}
}

func TestHardRemembersTheHighest(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Hard)
	learnMany(tokens, app, 10, 200, 100)
	tokens.Of(app).Learn(1000, 800, 9000)
	learnMany(tokens, app, 250, 200, 100)
	if got := tokens.Of(app).Estimate(1000, 0); got.Input != 800 || got.Output != 9000 {
		t.Errorf("got %+v, want the highest, 800 and 9000", got)
	}
	learnMany(tokens, app, 512, 200, 100)
	if got := tokens.Of(app).Estimate(1000, 0); got.Input != 500 || got.Output != 9000 {
		t.Errorf("much later got %+v, want half a token a byte and still 9000", got)
	}
}

func TestTokensForgetsTheOldestOfTooMany(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Expected)
	key := func(i int) estimate.Key { return estimate.Key{App: "a", Model: strconv.Itoa(i)} }
	for i := range 4097 {
		learnMany(tokens, key(i), 100, 900, 0)
		tokens.Of(key(0)).Estimate(1000, 0) // asking is not using
		tokens.Of(key(-1-i)).Estimate(1000, 0)
	}
	initial := estimate.NewTokens(estimate.Expected).Of(app).Estimate(1000, 0)
	if got := tokens.Of(key(0)).Estimate(1000, 0); got != initial {
		t.Errorf("the oldest of 4097 models is estimated at %+v, want it forgotten", got)
	}
	for _, i := range []int{1, 4096} {
		if got := tokens.Of(key(i)).Estimate(1000, 0); got.Input < 800 || got.Output > 400 {
			t.Errorf("model %d is estimated at %+v: it was forgotten", i, got)
		}
	}
}

// TestWhatIsForgottenIsLetGo: a Caller that is kept holds on to its own entry, not
// to all that were forgotten after it.
func TestWhatIsForgottenIsLetGo(t *testing.T) {
	tokens := estimate.NewTokens(estimate.Expected)
	kept := tokens.Of(app)
	kept.Learn(1000, 500, 100)
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	learn := func(from, to int) {
		for i := from; i < to; i++ {
			tokens.Of(estimate.Key{App: "other", Model: strconv.Itoa(i)}).Learn(1000, 500, 100)
		}
	}
	learn(0, 10_000)
	before := inUse()
	learn(10_000, 60_000)
	if after := inUse(); after > before+4<<20 { // fifty thousand of them have 15 MB
		t.Errorf("%d bytes in use, %d before", after, before)
	}
	kept.Learn(1000, 500, 100)
}

func TestTokensIsSafeForMany(t *testing.T) {
	t.Parallel()
	tokens := estimate.NewTokens(estimate.Expected)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			key := estimate.Key{App: strconv.Itoa(g % 2), Model: "m"}
			for range 2000 {
				tokens.Of(key).Estimate(1000, 100)
				tokens.Of(key).Learn(1000, 500, 40)
			}
		})
	}
	group.Wait()
	if got := tokens.Of(estimate.Key{App: "0", Model: "m"}).Estimate(1000, 0); got.Input != 500 || !within(float64(got.Output), 40, 0.5) {
		t.Errorf("got %+v, want 500 and about 40", got)
	}
}

func BenchmarkEstimateAndLearn(b *testing.B) {
	caller := estimate.NewTokens(estimate.Expected).Of(app)
	b.ReportAllocs()
	for b.Loop() {
		cost := caller.Estimate(2000, 1000)
		caller.Learn(2000, cost.Input, cost.Output)
	}
}
