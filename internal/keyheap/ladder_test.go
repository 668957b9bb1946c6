package keyheap

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type counted struct {
	weight   int
	count    int
	came     int // when it got its count
	standing Standing[*counted]
}

// TestLaddersAreTheList lets counts go up and down by one and weights change, and
// compares what is the longest with the longest of a plain list.
func TestLaddersAreTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ladders Ladders[*counted]
		all := make([]*counted, 6)
		for i := range all {
			all[i] = &counted{weight: 1 + i%3}
			all[i].standing.Item = all[i]
		}
		for step := range rapid.IntRange(1, 200).Draw(t, "steps") {
			one := all[rapid.IntRange(0, len(all)-1).Draw(t, "item")]
			change(&ladders, one, rapid.IntRange(0, 4).Draw(t, "op"))
			one.came = step
			checkLongest(t, &ladders, all)
		}
	})
}

func change(ladders *Ladders[*counted], one *counted, op int) {
	switch {
	case op == 0 && one.count > 0:
		ladders.Leave(&one.standing, one.count)
		one.weight = one.weight%3 + 1
		ladders.Join(&one.standing, one.weight, one.count)
	case op <= 2 && one.count == 1:
		ladders.Leave(&one.standing, one.count)
		one.count = 0
	case op <= 2 && one.count > 1:
		ladders.Move(&one.standing, one.count, one.count-1)
		one.count--
	case one.count == 0:
		one.count = 1
		ladders.Join(&one.standing, one.weight, one.count)
	default:
		ladders.Move(&one.standing, one.count, one.count+1)
		one.count++
	}
}

func checkLongest(t *rapid.T, ladders *Ladders[*counted], all []*counted) {
	want, there := 0.0, 0
	for _, one := range all {
		want = max(want, float64(one.count)/float64(one.weight))
		if one.count > 0 {
			there++
		}
	}
	if got := len(slices.Collect(ladders.All)); got != there {
		t.Fatalf("%d items, want %d", got, there)
	}
	longest, got := ladders.Longest()
	if got != want {
		t.Fatalf("the longest is %v, want %v", got, want)
	}
	if want == 0 {
		return
	}
	for _, one := range all {
		if one.weight == longest.weight && one.count == longest.count && one.came < longest.came {
			t.Fatalf("%+v is the longest, but %+v has been that for longer", longest, one)
		}
	}
}

// TestSpareLaddersAreUsedAgain holds that ladders that nobody stands on cost no
// more than a bounded number of rungs, and no allocation to use again.
func TestSpareLaddersAreUsedAgain(t *testing.T) {
	var ladders Ladders[int]
	var one Standing[int]
	weight := 0
	cycle := func() {
		weight++
		ladders.Join(&one, weight, 5)
		ladders.Leave(&one, 5)
	}
	cycle()
	if got := testing.AllocsPerRun(100, cycle); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
	ladders.Join(&one, 1, 2*keptRungs)
	ladders.Leave(&one, 2*keptRungs)
	if len(ladders.spare) != 1 || len(ladders.spare[0].rungs) > keptRungs {
		t.Errorf("%d ladders are kept, want one of few rungs", len(ladders.spare))
	}
}
