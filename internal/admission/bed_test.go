package admission

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

// bed is a controller with calls on their way, in a bubble of synctest.
type bed struct {
	*Controller
	t     *testing.T
	group sync.WaitGroup
}

// newBed returns a controller with what config says, and a pool "p" beside its
// pools.
func newBed(t *testing.T, config Config) *bed {
	t.Helper()
	config.Pools = maps.Clone(config.Pools)
	if config.Pools == nil {
		config.Pools = make(map[string]Pool)
	}
	if _, ok := config.Pools["p"]; !ok {
		config.Pools["p"] = Pool{}
	}
	b := &bed{Controller: New(config, minding{memory.New()}), t: t}
	t.Cleanup(b.group.Wait) // when the test's context has ended, within the bubble
	return b
}

// visit is one call's way through Enter.
type visit struct {
	call  *fairlead.Call
	ended chan outcome // gets how it ended

	isOver  bool // it is known that it has ended:
	outcome      // how
}

type outcome struct {
	lease fairlead.Lease
	err   error
	at    time.Duration // when Enter returned, since the controller's start
}

// over reports whether the visit has ended.
func (v *visit) over() bool {
	select {
	case v.outcome = <-v.ended:
		v.isOver = true
	default:
	}
	return v.isOver
}

// enter has call enter the pool p. It returns once that has succeeded, failed or
// waits.
func (b *bed) enter(ctx context.Context, call *fairlead.Call) *visit {
	b.t.Helper()
	return b.enterPool(ctx, call, "p")
}

func (b *bed) enterPool(ctx context.Context, call *fairlead.Call, pool string) *visit {
	b.t.Helper()
	v := &visit{call: call, ended: make(chan outcome, 1)}
	b.group.Go(func() {
		lease, err := b.Enter(ctx, call, pool)
		v.ended <- outcome{lease: lease, err: err, at: b.now()}
	})
	synctest.Wait()
	v.over()
	return v
}

// hold has call hold a slot of the pool p, which must be free.
func (b *bed) hold(call *fairlead.Call) fairlead.Lease {
	b.t.Helper()
	v := b.enter(b.t.Context(), call)
	if !v.over() || v.err != nil {
		b.t.Fatalf("no slot was free: %v", v.err)
	}
	return v.lease
}

// want checks how a visit has ended: "" is success.
func (v *visit) want(t *testing.T, code string) {
	t.Helper()
	over := v.over()
	if _, got := kindAndCode(v.err); !over || got != code {
		t.Errorf("entering: over %t, %v; want %q", over, v.err, code)
	}
}

// load is clients of one app that call over and over.
type load struct {
	app     *fairlead.App
	class   fairlead.Class
	pool    string // "" is p
	clients int
	holds   time.Duration // for how long each call works
	width   int
}

// tally is what became of a load's calls.
type tally struct {
	served  int
	longest time.Duration // wait
}

// run has the clients call until ctx ends, and returns what becomes of their
// calls, to be read when they have ended.
func (b *bed) run(ctx context.Context, l load) *tally {
	if l.pool == "" {
		l.pool = "p"
	}
	var mu sync.Mutex
	all := &tally{}
	for range l.clients {
		b.group.Go(func() {
			for ctx.Err() == nil {
				call := callOf(l.app)
				call.Class = l.class
				call.SetEstimate(fairlead.Estimate{Width: l.width})
				lease, err := b.Enter(ctx, call, l.pool)
				if err == nil {
					<-time.After(l.holds)
					lease.Release()
				}
				mu.Lock()
				all.longest = max(all.longest, call.Waited())
				if err == nil {
					all.served++
				}
				mu.Unlock()
			}
		})
	}
	return all
}

// during runs the loads for a while, and returns what became of them.
func (b *bed) during(d time.Duration, loads ...load) []*tally {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	var all []*tally
	for _, l := range loads {
		all = append(all, b.run(ctx, l))
		synctest.Wait() // so that they come in this order
	}
	<-time.After(d)
	cancel()
	b.group.Wait()
	b.wantIdle()
	return all
}

// wantIdle checks that nothing is held and nobody waits.
func (b *bed) wantIdle() {
	b.t.Helper()
	if s := b.Slots(); s.InUse != 0 || s.Waiting != 0 {
		b.t.Errorf("slots left over: %+v", s)
	}
	for name, p := range b.Pools() {
		if p.InUse != 0 || p.Waiting != 0 {
			b.t.Errorf("slots of pool %s left over: %+v", name, p)
		}
	}
}

// wait lets time pass.
func wait(d time.Duration) { <-time.After(d) }

// within reports whether got is want, but for a part.
func within(got, want, part float64) bool {
	return got >= want*(1-part) && got <= want*(1+part)
}
