package virtual

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestOrder: events happen in the order of their times, and those of one time in
// the order in which they were planned, however many there are.
func TestOrder(t *testing.T) {
	var w World
	type happened struct {
		at     time.Duration
		number int
	}
	var got []happened
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 1000 {
		at := time.Duration(random.IntN(50))
		w.At(at, func() {
			if w.Now() != at {
				t.Errorf("planned for %v, happened at %v", at, w.Now())
			}
			got = append(got, happened{at, n})
		})
	}
	if err := w.Run(t.Context(), 49); err != nil {
		t.Fatal(err)
	}
	sorted := slices.IsSortedFunc(got, func(a, b happened) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.number - b.number
	})
	if len(got) != 1000 || !sorted {
		t.Errorf("%d of 1000 events happened; in order: %v", len(got), sorted)
	}
}

func TestTimePasses(t *testing.T) {
	var w World
	var got []string
	note := func(what string) func() { return func() { got = append(got, what) } }
	w.After(10, func() {
		w.Soon(note("soon"))
		w.After(0, note("after 0"))
		w.At(3, note("long ago"))
		w.After(5, note("after 5"))
		note("ten")()
	})
	w.At(10, note("ten too"))
	w.At(21, note("too late"))
	if err := w.Run(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	want := []string{"ten", "soon", "ten too", "after 0", "long ago", "after 5"}
	if !slices.Equal(got, want) || w.Now() != 20 {
		t.Errorf("at %v: got %q, want %q", w.Now(), got, want)
	}
	if err := w.Run(t.Context(), 30); err != nil || got[len(got)-1] != "too late" {
		t.Errorf("going on: %v, %q", err, got)
	}
}

func TestStop(t *testing.T) {
	var w World
	ran := 0
	var again func()
	again = func() {
		if ran++; ran == 5 {
			w.Stop()
			return
		}
		w.After(1, again)
	}
	w.At(0, again)
	w.At(1000, again)
	if err := w.Run(t.Context(), 2000); err != nil || ran != 5 || w.Now() != 2000 {
		t.Errorf("%v, ran %d times, now %v", err, ran, w.Now())
	}
}

// TestRunEndsWithItsContext: even where there is always more to do.
func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	wanted := errors.New("enough")
	var w World
	ran := 0
	var again func()
	again = func() {
		if ran++; ran == 10_000 {
			cancel(wanted)
		}
		w.After(0, again)
	}
	w.At(0, again)
	if err := w.Run(ctx, time.Hour); !errors.Is(err, wanted) || ran > 10_000+lookEvery {
		t.Errorf("got %v after %d events", err, ran)
	}
}
