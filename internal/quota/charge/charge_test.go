package charge_test

import (
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/quota/charge"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

// elsewhere hides that a window is in this process.
type elsewhere struct{ fairlead.Counter }

func windows() map[string]fairlead.Counter {
	open := func() fairlead.Counter {
		return memory.New().Open(fairlead.Window{App: "a", Name: "tokens", Limit: 10_000, Per: time.Minute, Weighted: true})
	}
	return map[string]fairlead.Counter{"here": open(), "elsewhere": elsewhere{open()}}
}

func cost(tokens, most int) estimate.Cost {
	return estimate.Cost{Input: tokens, Prior: tokens, Most: most}
}

func TestACallIsChargedWhatItUsed(t *testing.T) {
	t.Parallel()
	for name, counter := range windows() {
		var tokens charge.Tokens
		tokens.Init(counter, estimate.Expected)
		now := time.Now()
		took, state, err := tokens.Reserve(t.Context(), now, 0, cost(4000, 8000))
		if err != nil || took.Wait != 0 || state.Remaining != 6000 {
			t.Fatalf("%s: got %+v, %+v, error %v, want 6000 tokens left", name, took, state, err)
		}
		if got := tokens.Margin(0, cost(4000, 8000)); got != 8000 {
			t.Errorf("%s: the margin beside the call is %d, want 8000", name, got)
		}
		refused, state, err := tokens.Reserve(t.Context(), now, 0, cost(4000, 8000))
		if err != nil || refused.Wait <= 0 || state.Remaining != 6000 {
			t.Errorf("%s: got %+v, %+v, error %v, want it refused for the margin", name, refused, state, err)
		}
		if err := tokens.Settle(t.Context(), took, time.Second, 1000); err != nil {
			t.Fatal(err)
		}
		if state, err := tokens.Look(t.Context(), now); err != nil || state.Remaining != 9000 {
			t.Errorf("%s: got %+v, error %v, want 9000 left", name, state, err)
		}
		if got := tokens.Margin(time.Second, cost(4000, 8000)); got != 0 {
			t.Errorf("%s: the margin is %d with no call open", name, got)
		}
	}
}

func TestOneAtATimeIsCounted(t *testing.T) {
	t.Parallel()
	for _, hidden := range []bool{false, true} {
		counter := memory.New().Open(fairlead.Window{App: "a", Name: "requests", Limit: 1, Per: time.Minute})
		if hidden {
			counter = elsewhere{counter}
		}
		window, now := charge.Of(counter), time.Now()
		if took, state, err := window.One(t.Context(), now); err != nil || took.Wait != 0 || took.Entry == 0 || state.Remaining != 0 {
			t.Errorf("hidden %t: got %+v, %+v, error %v, want it counted", hidden, took, state, err)
		}
		if took, _, err := window.One(t.Context(), now); err != nil || took.Wait != time.Minute || took.Entry != 0 {
			t.Errorf("hidden %t: got %+v, error %v, want it refused for a minute", hidden, took, err)
		}
	}
}

func TestTokensAreSafeForMany(t *testing.T) {
	t.Parallel()
	for name, counter := range windows() {
		var tokens charge.Tokens
		tokens.Init(counter, estimate.Expected)
		start := time.Now()
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for i := range 2000 {
					callOnce(t, &tokens, start, i)
				}
			})
		}
		group.Wait()
		if got := tokens.Margin(time.Hour, cost(10, 20)); got != 0 {
			t.Errorf("%s: the margin is %d after all were settled: one was lost", name, got)
		}
	}
}

// callOnce makes the i-th call of one that makes many.
func callOnce(t *testing.T, tokens *charge.Tokens, start time.Time, i int) {
	t.Helper()
	at := time.Duration(i) * 10 * time.Millisecond
	took, _, err := tokens.Reserve(t.Context(), start.Add(at), at, cost(10, 20))
	if err != nil || took.Wait > 0 {
		return
	}
	if i%3 == 0 {
		tokens.Drop(took.Open)
	}
	if err := tokens.Settle(t.Context(), took, at+time.Second, 10); err != nil {
		t.Error(err)
	}
}
