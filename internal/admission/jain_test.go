package admission

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// watched is a bed whose controller runs.
func watched(t *testing.T, config Config) *bed {
	t.Helper()
	b := newBed(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	b.group.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return b
}

// keep runs the loads for a while.
func (b *bed) keep(d time.Duration, loads ...load) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	for _, l := range loads {
		b.run(ctx, l)
	}
	<-time.After(d)
}

func TestJainsIndex(t *testing.T) {
	many := func(app fairlead.App) load { return load{app: &app, clients: 10, holds: time.Second} }
	for _, c := range []struct {
		name        string
		loads       []load
		least, most float64
	}{
		{"nobody", nil, 1, 1},
		{"alone", []load{many(fairlead.App{ID: "a"})}, 1, 1},
		{"nobody waits", []load{{app: &fairlead.App{ID: "a"}, clients: 3, holds: time.Second}, {app: &fairlead.App{ID: "b"}, clients: 1, holds: time.Second}}, 1, 1},
		{"even", []load{many(fairlead.App{ID: "a"}), many(fairlead.App{ID: "b"})}, 0.999, 1},
		{"even for their weights", []load{many(fairlead.App{ID: "a", Weight: 3}), many(fairlead.App{ID: "b"})}, 0.99, 1},
		// 3 and 1 of the slots: (3+1)^2 / (2*(9+1)) = 0.8
		{"uneven", []load{many(fairlead.App{ID: "a", MinConcurrent: 3}), many(fairlead.App{ID: "b"})}, 0.75, 0.85},
		// 4 and 0: 16/32
		{"one has all", []load{many(fairlead.App{ID: "a", MinConcurrent: 4}), many(fairlead.App{ID: "b"})}, 0.5, 0.55},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := watched(t, Config{Slots: 4})
				b.keep(30*time.Second, c.loads...)
				if got := b.Jain(); got < c.least || got > c.most {
					t.Errorf("index %.3f, want %.3f to %.3f", got, c.least, c.most)
				}
			})
		})
	}
}

func TestJainForgetsAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := watched(t, Config{Slots: 4})
		favoured := load{app: &fairlead.App{ID: "a", MinConcurrent: 3}, clients: 10, holds: time.Second}
		other := load{app: &fairlead.App{ID: "b"}, clients: 10, holds: time.Second}
		b.keep(5*time.Minute, favoured, other)
		if got := b.Jain(); got > 0.85 {
			t.Errorf("while it was uneven: %.3f", got)
		}
		c, d := load{app: &fairlead.App{ID: "c"}, clients: 10, holds: time.Second}, load{app: &fairlead.App{ID: "d"}, clients: 10, holds: time.Second}
		b.keep(50*time.Second, c, d)
		if got := b.Jain(); got > 0.95 {
			t.Errorf("50 s later: %.3f, but that was within the last minute", got)
		}
		b.keep(20*time.Second, c, d)
		if got := b.Jain(); got < 0.999 {
			t.Errorf("70 s later: %.3f", got)
		}
		wait(time.Minute)
		if got := b.Jain(); got != 1 {
			t.Errorf("a minute after the last call: %.3f", got)
		}
		b.jain.mu.Lock()
		defer b.jain.mu.Unlock()
		if n := len(b.jain.samples); n > 14 {
			t.Errorf("%d samples are kept", n)
		}
	})
}

// TestJainGoesByTheLastMinuteAlone: what a flow had before is forgotten, though
// it still waits.
func TestJainGoesByTheLastMinuteAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := watched(t, Config{Slots: 4})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b.run(ctx, load{app: &fairlead.App{ID: "a"}, clients: 10, holds: time.Second})
		wait(10 * time.Minute) // with all slots
		b.run(ctx, load{app: &fairlead.App{ID: "b"}, clients: 10, holds: time.Second})
		wait(70 * time.Second)
		if got := b.Jain(); got < 0.999 {
			t.Errorf("index %.3f, want 1: they had the same for the last minute", got)
		}
	})
}
