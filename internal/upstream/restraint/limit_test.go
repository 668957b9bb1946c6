package restraint

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLimitIsCutOnceForTheCallsThatBeganUnderIt(t *testing.T) {
	l := NewLimit(20)
	start := time.Unix(1000, 0)
	refused := func(began, ended time.Duration) int {
		limit, _ := l.Note(Sample{Began: start.Add(began), Ended: start.Add(ended), Party: "a", Verdict: Refused})
		return limit
	}
	for i, c := range []struct{ began, ended, want time.Duration }{
		{0, 10, 16},
		{0, 11, 16},
		{5, 12, 16},
		{10, 13, 16}, // they began under 20
		{11, 14, 12},
		{12, 15, 12},
		{15, 16, 9},
		{17, 18, 7},
		{19, 20, 5},
		{21, 22, 4},
		{23, 24, 3},
		{25, 26, 2},
		{27, 28, 1},
		{29, 30, 1},
		{31, 32, 1},
	} {
		if got := refused(c.began, c.ended); got != int(c.want) {
			t.Errorf("step %d: limit %d, want %d", i, got, c.want)
		}
	}
	if !l.IsLowest() {
		t.Error("1 is not the lowest")
	}
}

func TestLimitGrowsByOneForAsManySuccessesAsItHas(t *testing.T) {
	l := NewLimit(5)
	now := time.Unix(1000, 0)
	for now = now.Add(1); !l.IsLowest(); now = now.Add(1) {
		l.Note(Sample{Began: now, Ended: now, Verdict: Refused})
	}
	served := func(full bool) int {
		now = now.Add(1)
		limit, _ := l.Note(Sample{Began: now, Ended: now, Full: full, Verdict: Served})
		return limit
	}
	for range 100 {
		if got := served(false); got != 1 {
			t.Fatalf("limit %d though it was not used up", got)
		}
	}
	for i, want := range []int{2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5} {
		if got := served(true); got != want {
			t.Errorf("after %d successes %d, want %d", i+1, got, want)
		}
	}
}

func TestLimitStaysWhereOneIsRefusedAndAnotherServed(t *testing.T) {
	l := NewLimit(20)
	now := time.Unix(1000, 0)
	note := func(party string, verdict Verdict) int {
		now = now.Add(time.Millisecond)
		limit, _ := l.Note(Sample{Began: now, Ended: now, Party: party, Verdict: verdict})
		return limit
	}
	note("b", Served)
	for range 50 {
		if got := note("a", Refused); got != 20 {
			t.Fatalf("limit %d though only a is refused", got)
		}
	}
	if got := note("b", Refused); got != 16 {
		t.Errorf("limit %d though all are refused, want 16", got)
	}
}

// TestLimitFindsWhatTheUpstreamTakes lets calls come without end to an upstream
// that takes so many at once.
func TestLimitFindsWhatTheUpstreamTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(2, 60).Draw(t, "most")
		takes := rapid.IntRange(1, most).Draw(t, "takes")
		l := NewLimit(most)
		now := time.Unix(1000, 0)
		sum, rounds := 0, 200
		for i := range rounds {
			limit := l.Now()
			began := now.Add(1)
			now = now.Add(time.Second)
			for n := range limit {
				s := Sample{Began: began, Ended: now, Party: "a", Full: n == limit-1}
				if n >= takes {
					s.Ended, s.Verdict = began.Add(1), Refused
				}
				l.Note(s)
			}
			if i >= rounds/2 {
				sum += limit
			}
		}
		mean := float64(sum) / float64(rounds/2)
		if mean < 0.75*float64(takes) || mean > float64(takes)+1 {
			t.Errorf("%.1f of %d on the average, where the upstream takes %d", mean, most, takes)
		}
	})
}
