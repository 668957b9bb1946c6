package turnstile

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// visitor is one of the model: whoever called Enter.
type visitor struct {
	cancel  context.CancelFunc
	leave   func()
	err     error
	decided bool
}

// crowd is a turnstile beside the naive model of it: those inside, and those in
// the line in their order.
type crowd struct {
	t      *rapid.T
	config Config
	real   *Turnstile
	group  sync.WaitGroup

	inside, line []*visitor
	refused      uint64
	most         int
}

func (c *crowd) come() {
	ctx, cancel := context.WithCancel(context.Background())
	v := &visitor{cancel: cancel}
	c.group.Go(func() {
		v.leave, v.err = c.real.Enter(ctx)
		v.decided = true
	})
	synctest.Wait()
	switch {
	case c.config.Places == 0 || len(c.inside) < c.config.Places:
		c.enter(v)
	case len(c.line) < c.config.Queue:
		c.line = append(c.line, v)
		if v.decided {
			c.t.Fatalf("one who should wait was answered: %v", v.err)
		}
	default:
		c.refused++
		c.expectRefusal(v, FullError{})
	}
}

func (c *crowd) enter(v *visitor) {
	if !v.decided || v.err != nil {
		c.t.Fatalf("one for whom there is a place was not let in: decided %v, error %v", v.decided, v.err)
	}
	c.inside = append(c.inside, v)
	c.most = max(c.most, len(c.inside))
}

func (c *crowd) expectRefusal(v *visitor, want FullError) {
	refusal, ok := errors.AsType[*FullError](v.err)
	if !v.decided || !ok {
		c.t.Fatalf("decided %v, error %v, want a refusal", v.decided, v.err)
	}
	if refusal.RetryAfter < time.Second || refusal.RetryAfter > longestWait || refusal.Waited != want.Waited {
		c.t.Fatalf("refusal %+v, want at least a second, and %+v", refusal, want)
	}
}

func (c *crowd) leave(i int) {
	v := c.inside[i]
	c.inside = append(c.inside[:i:i], c.inside[i+1:]...)
	v.leave()
	v.leave() // a second call gives nothing back
	v.cancel()
	synctest.Wait()
	if len(c.line) > 0 && len(c.inside) < c.config.Places {
		first := c.line[0]
		c.line = c.line[1:]
		c.enter(first)
	}
}

func (c *crowd) abort(i int) {
	v := c.line[i]
	c.line = append(c.line[:i:i], c.line[i+1:]...)
	v.cancel()
	synctest.Wait()
	if !v.decided || !errors.Is(v.err, context.Canceled) {
		c.t.Fatalf("one who went away: decided %v, error %v", v.decided, v.err)
	}
}

// tire lets everybody in the line come to the end of its patience.
func (c *crowd) tire() {
	<-time.After(c.config.Patience)
	synctest.Wait()
	for _, v := range c.line {
		c.refused++
		c.expectRefusal(v, FullError{Waited: true})
		v.cancel()
	}
	c.line = nil
}

func (c *crowd) check() {
	got := c.real.Stats()
	want := Stats{Open: len(c.inside), Waiting: len(c.line), MostOpen: c.most, Refused: c.refused}
	if got != want {
		c.t.Fatalf("got %+v, want %+v", got, want)
	}
}

func (c *crowd) end() {
	for len(c.line) > 0 {
		c.abort(len(c.line) - 1)
	}
	for len(c.inside) > 0 {
		c.leave(0)
	}
	c.group.Wait()
	c.check()
}

func TestTurnstileIsItsModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		config := Config{
			Places: rapid.IntRange(0, 4).Draw(r, "places"), Queue: rapid.IntRange(0, 4).Draw(r, "queue"), Patience: 10 * time.Second,
		}
		steps := rapid.SliceOfN(rapid.IntRange(0, 99), 0, 40).Draw(r, "steps")
		var failure any
		synctest.Test(t, func(*testing.T) {
			defer func() { failure = recover() }()
			c := &crowd{t: r, config: config, real: New(config)}
			for _, step := range steps {
				c.step(step)
				c.check()
			}
			c.end()
		})
		if failure != nil {
			panic(failure)
		}
	})
}

func (c *crowd) step(step int) {
	switch {
	case step < 60:
		c.come()
	case step < 80 && len(c.inside) > 0:
		c.leave(step % len(c.inside))
	case step < 95 && len(c.line) > 0:
		c.abort(step % len(c.line))
	case step >= 95:
		c.tire()
	}
}

// inside counts those who are inside at one time.
type inside struct{ now, most atomic.Int64 }

func (i *inside) visit(ctx context.Context, ts *Turnstile) {
	leave, err := ts.Enter(ctx)
	if err != nil {
		return
	}
	defer leave()
	now := i.now.Add(1)
	defer i.now.Add(-1)
	for seen := i.most.Load(); now > seen && !i.most.CompareAndSwap(seen, now); seen = i.most.Load() {
	}
}

func TestExactlySoManyAndNothingIsLeft(t *testing.T) {
	const places, visitors, each = 8, 50, 2_000 // 100,000 visits
	ts := New(Config{Places: places, Queue: 30, Patience: 20 * time.Millisecond})
	var inside inside
	var group sync.WaitGroup
	for n := range visitors {
		group.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(n), 7))
			for range each {
				ctx, cancel := context.WithCancel(t.Context())
				if chance.IntN(3) == 0 {
					go cancel() // at any moment of the visit
				}
				inside.visit(ctx, ts)
				cancel()
			}
		})
	}
	group.Wait()
	got := ts.Stats()
	if got.Open != 0 || got.Waiting != 0 || ts.line.first != nil || ts.line.last != nil {
		t.Errorf("left over: %+v", got)
	}
	if most := inside.most.Load(); most > places || got.MostOpen != places {
		t.Errorf("%d were inside at one time, %d by its own count, want %d at most", most, got.MostOpen, places)
	}
}

func TestWaitFollowsHowFastPlacesComeFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := New(Config{Places: 2})
		enter := func() func() {
			leave, err := ts.Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return leave
		}
		refusal := func() time.Duration {
			_, err := ts.Enter(t.Context())
			refused, ok := errors.AsType[*FullError](err)
			if !ok {
				t.Fatalf("got %v, want a refusal", err)
			}
			return refused.RetryAfter
		}
		a, b := enter(), enter()
		if got := refusal(); got != time.Second {
			t.Errorf("at the start: %v, want a second", got)
		}
		for range 50 { // one place comes free every four seconds
			<-time.After(4 * time.Second)
			a()
			a = enter()
		}
		if got := refusal(); got != 4*time.Second {
			t.Errorf("where a place comes free every 4 s: %v", got)
		}
		<-time.After(time.Minute)
		if got := refusal(); got != time.Minute {
			t.Errorf("after a minute without any: %v, want a minute", got)
		}
		<-time.After(time.Hour)
		if got := refusal(); got != longestWait {
			t.Errorf("after an hour without any: %v, want %v", got, longestWait)
		}
		a()
		b()
	})
}

func TestEndedContextTakesNoPlace(t *testing.T) {
	ts := New(Config{Places: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ts.Enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := ts.Stats(); got != (Stats{}) {
		t.Errorf("got %+v", got)
	}
}

func BenchmarkEnterAndLeave(b *testing.B) {
	ts := New(Config{Places: 100})
	for b.Loop() {
		leave, err := ts.Enter(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		leave()
	}
}
