package main

import (
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var times []time.Duration
	for n := 100; n > 0; n-- {
		times = append(times, time.Duration(n)*time.Millisecond)
	}
	for _, c := range []struct {
		times []time.Duration
		want  string
	}{
		{times, "50.0 | 90.0 | 99.0 | 100.0"},
		{times[:1], "100.0 | 100.0 | 100.0 | 100.0"},
		{nil, "- | - | - | -"},
	} {
		if got := quantiles(c.times); got != c.want {
			t.Errorf("of %d: got %q, want %q", len(c.times), got, c.want)
		}
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	b := &bench{ready: []string{"a", "b", "c"}}
	for count, want := range map[int]int{0: 0, 1: 1, 3: 3, 10: 3} {
		ids := b.pick(5, count)
		seen := make(map[string]bool)
		for _, id := range ids {
			seen[id] = true
		}
		if len(ids) != want || len(seen) != want {
			t.Errorf("picked %v, want %d", ids, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if p, err := parse([]string{"-mb", "4"}); err != nil || p.megabytes != 4 || p.chunks != 100_000 {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, args := range [][]string{{"-mb", "0"}, {"more"}, {"-unknown"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
