package alert

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
)

func failure(code string) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Upstream, Code: code}
}

// call is one that ended, as a naive model keeps it.
type call struct {
	bucket int64
	failed bool
	code   string
}

// modelTally counts the calls of the buckets that touch the window, one by one.
func modelTally(calls []call, current int64) (completed, failed int, codes map[string]int) {
	codes = make(map[string]int)
	for _, c := range calls {
		if c.bucket < current-bucketsPerWindow {
			continue
		}
		completed++
		if c.failed {
			failed++
			codes[c.code]++
		}
	}
	return completed, failed, codes
}

func TestTallyIsTheNaiveTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			got     tally
			calls   []call
			current int64
		)
		// As many codes as are told apart, so that each has a count of its own.
		code := rapid.StringMatching(`[a-h]_code`)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			current += rapid.SampledFrom([]int64{0, 0, 0, 1, 2, 30, 59, 60, 61, 62, 500}).Draw(t, "gap")
			got.advance(current)
			c := call{bucket: current, failed: rapid.Bool().Draw(t, "failed")}
			var err *fairlead.Error
			if c.failed {
				c.code = code.Draw(t, "code")
				err = failure(c.code)
			}
			got.add(err)
			calls = append(calls, c)
			compareTally(t, &got, calls, current)
		}
	})
}

func compareTally(t *rapid.T, got *tally, calls []call, current int64) {
	t.Helper()
	completed, failed, codes := modelTally(calls, current)
	if got.completed != completed || got.failed != failed {
		t.Fatalf("got %d calls, %d failed; want %d, %d", got.completed, got.failed, completed, failed)
	}
	top := got.topCodes()
	if len(top) != min(len(codes), maxTopCodes) {
		t.Fatalf("got codes %v, want the most frequent of %v", top, codes)
	}
	largest := slices.Sorted(maps.Values(codes))
	slices.Reverse(largest)
	for i, c := range top {
		if c.Count != codes[c.Code] || c.Count != largest[i] {
			t.Fatalf("got codes %v, want the most frequent of %v", top, codes)
		}
	}
}

func TestTallyDoesNotGoBack(t *testing.T) {
	var got tally
	got.advance(5)
	got.add(nil)
	got.advance(4)
	got.add(nil)
	got.advance(5 + bucketsPerWindow)
	if got.completed != 2 {
		t.Errorf("got %d calls at the edge of the window, want 2", got.completed)
	}
	got.advance(5 + ringSize)
	if got.completed != 0 {
		t.Errorf("got %d calls after the window, want 0", got.completed)
	}
}

func TestCodesBeyondTheBoundAreCountedTogether(t *testing.T) {
	var got tally
	for range 3 {
		for _, letter := range "abcdefgh" {
			got.add(failure("code_" + string(letter)))
		}
	}
	for _, code := range []string{"ninth_code", "tenth_code", "other", "", "Not A Code", strings.Repeat("x", 65)} {
		got.add(failure(code))
	}
	top := got.topCodes()
	if want := (codeCount{Code: "other", Count: 6}); len(top) != maxTopCodes || top[0] != want {
		t.Errorf("got %v, want %d codes, the first %v", top, maxTopCodes, want)
	}
	if want := (codeCount{Code: "code_a", Count: 3}); top[1] != want {
		t.Errorf("got %v second, want %v", top[1], want)
	}

	var merged tally
	merged.add(failure("other"))
	merged.add(failure("Not A Code"))
	if top, want := merged.topCodes(), []codeCount{{Code: "other", Count: 2}}; !slices.Equal(top, want) {
		t.Errorf("got %v, want %v", top, want)
	}

	// Once the window has passed, their places are free.
	got.advance(ringSize)
	got.add(failure("ninth_code"))
	if top, want := got.topCodes(), []codeCount{{Code: "ninth_code", Count: 1}}; !slices.Equal(top, want) {
		t.Errorf("got %v, want %v", top, want)
	}
}

func TestOnlyCodesAreTold(t *testing.T) {
	for _, code := range []string{"Has Capitals", "sk-secret", "a\nb", "ü", strings.Repeat("x", maxCodeLength+1), ""} {
		var got tally
		got.add(failure(code))
		if top, want := got.topCodes(), []codeCount{{Code: other, Count: 1}}; !slices.Equal(top, want) {
			t.Errorf("%q: got %v, want %v", code, top, want)
		}
	}
}

// The figures are of R. G. Newcombe, Two-sided confidence intervals for the
// single proportion, Statistics in Medicine 17 (1998), table I, method 3.
func TestWilsonLower(t *testing.T) {
	for _, c := range []struct {
		failed, completed int
		want              float64
	}{
		{81, 263, 0.2553},
		{15, 148, 0.0624},
		{0, 20, 0},
		{1, 29, 0.0061},
		{20, 20, 1 - 0.1611}, // by symmetry
		{28, 29, 1 - 0.1718},
	} {
		if got := wilsonLower(c.failed, c.completed); math.Abs(got-c.want) > 0.00005 {
			t.Errorf("%d of %d: got %.5f, want %.4f", c.failed, c.completed, got, c.want)
		}
	}
}

func TestAlarming(t *testing.T) {
	seed := rule{rate: 0.8, minRequests: 20}
	for _, c := range []struct {
		name              string
		rule              rule
		failed, completed int
		want              bool
	}{
		{"nothing", seed, 0, 0, false},
		{"too few, all failed", seed, 19, 19, false},
		{"just enough, all failed", seed, 20, 20, true},
		{"95 % of too few to be sure", seed, 19, 20, false},
		{"95 % of enough", seed, 57, 60, true},
		{"at the rate", seed, 8000, 10_000, false},
		{"above the rate by chance", seed, 8050, 10_000, false},
		{"above the rate", seed, 8100, 10_000, true},
		{"few and sure, but fewer than asked for", rule{rate: 0.1, minRequests: 20}, 10, 10, false},
		{"a single one proves nothing", rule{rate: 0.5, minRequests: 1}, 1, 1, false},
	} {
		if got := c.rule.alarming(c.failed, c.completed); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
