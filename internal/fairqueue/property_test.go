package fairqueue

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// request is one acquisition of the random program below.
type request struct {
	flow, pool int
	cancel     context.CancelFunc
	done       chan struct{}
	ticket     Ticket
	err        error
}

func (r *request) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// machine is a queue with what a naive model knows of it.
type machine struct {
	q        *Queue
	slots    int
	poolSize []int
	pools    []*Pool
	flows    []*Flow
	open     []*request
}

// TestRandomPrograms runs random acquisitions, releases, cancellations and
// resizes, and checks after each step what must always hold: no limit is ever
// passed, and no slot is free that a waiter could use.
func TestRandomPrograms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(*testing.T) {
			m := &machine{slots: rapid.IntRange(1, 5).Draw(rt, "slots")}
			m.q = New(m.slots, 30)
			for range rapid.IntRange(1, 3).Draw(rt, "pools") {
				size := rapid.IntRange(0, 4).Draw(rt, "pool size")
				m.poolSize = append(m.poolSize, size)
				m.pools = append(m.pools, m.q.Pool(size))
			}
			for range rapid.IntRange(1, 4).Draw(rt, "flows") {
				m.flows = append(m.flows, m.q.Flow(12))
			}
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				m.step(rt)
				synctest.Wait()
				m.check(rt)
			}
			m.finish(rt)
		})
	})
}

func (m *machine) step(rt *rapid.T) {
	switch rapid.IntRange(0, 9).Draw(rt, "step") {
	case 0, 1, 2, 3, 4:
		m.acquire(rapid.IntRange(0, len(m.flows)-1).Draw(rt, "flow"), rapid.IntRange(0, len(m.pools)-1).Draw(rt, "pool"))
	case 5, 6, 7:
		if r := m.pick(rt, true); r != nil {
			m.q.Release(r.ticket)
			m.forget(r)
		}
	case 8:
		if r := m.pick(rt, false); r != nil {
			r.cancel()
			<-r.done
			if r.err == nil {
				m.q.Release(r.ticket)
			}
			m.forget(r)
		}
	case 9:
		m.slots = rapid.IntRange(1, 5).Draw(rt, "new slots")
		m.q.Resize(m.slots)
	}
}

func (m *machine) acquire(flow, pool int) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &request{flow: flow, pool: pool, cancel: cancel, done: make(chan struct{})}
	m.open = append(m.open, r)
	go func() {
		defer close(r.done)
		r.ticket, r.err = m.q.Acquire(ctx, m.flows[flow], m.pools[pool], time.Now())
	}()
}

// pick draws a request that holds a slot, or one that waits.
func (m *machine) pick(rt *rapid.T, held bool) *request {
	var of []*request
	for _, r := range m.open {
		if r.over() == held && (!held || r.err == nil) {
			of = append(of, r)
		}
	}
	if len(of) == 0 {
		return nil
	}
	return of[rapid.IntRange(0, len(of)-1).Draw(rt, "request")]
}

func (m *machine) forget(gone *request) {
	for i, r := range m.open {
		if r == gone {
			m.open = append(m.open[:i], m.open[i+1:]...)
			break
		}
	}
	gone.cancel()
}

// check counts what the requests themselves say, not what the queue says.
func (m *machine) check(rt *rapid.T) {
	inUse, perPool, waiting := 0, make([]int, len(m.pools)), make([]int, len(m.pools))
	for _, r := range m.open {
		switch {
		case !r.over():
			waiting[r.pool]++
		case r.err == nil:
			inUse++
			perPool[r.pool]++
		}
	}
	s := m.q.Snapshot()
	if s.InUse != inUse {
		rt.Fatalf("the queue says %d in use, there are %d", s.InUse, inUse)
	}
	for i, n := range perPool {
		if limit := m.poolSize[i]; limit > 0 && n > limit {
			rt.Fatalf("pool %d of %d has %d in use", i, limit, n)
		}
		free := inUse < m.slots && (m.poolSize[i] == 0 || n < m.poolSize[i])
		if free && waiting[i] > 0 {
			rt.Fatalf("%d wait for pool %d while a slot is free", waiting[i], i)
		}
	}
}

func (m *machine) finish(rt *rapid.T) {
	for _, r := range m.open {
		r.cancel()
	}
	for _, r := range m.open {
		<-r.done
		if r.err == nil {
			m.q.Release(r.ticket)
		}
	}
	if s := m.q.Snapshot(); s.InUse != 0 || s.Waiting != 0 || s.DoubleReleases != 0 {
		rt.Fatalf("at the end: %+v", s)
	}
}

// TestManyGoroutines is for the race detector: real goroutines, random
// cancellations, and a count of their own.
func TestManyGoroutines(t *testing.T) {
	const slots, poolSlots, rounds = 4, 3, 300
	q := New(slots, 10_000)
	pools := []*Pool{q.Pool(poolSlots), q.Pool(0)}
	var inUse, inPool atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		flow := q.Flow(10_000)
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 7))
			for range rounds {
				at := random.IntN(2)
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(4) == 0 {
					go cancel()
				}
				ticket, err := q.Acquire(ctx, flow, pools[at], time.Now())
				cancel()
				if err != nil {
					continue
				}
				if n := inUse.Add(1); n > slots {
					t.Errorf("%d in use of %d", n, slots)
				}
				if at == 0 {
					if n := inPool.Add(1); n > poolSlots {
						t.Errorf("%d in use of the pool's %d", n, poolSlots)
					}
					inPool.Add(-1)
				}
				inUse.Add(-1)
				q.Release(ticket)
			}
		})
	}
	wg.Wait()
	if s := q.Snapshot(); s.InUse != 0 || s.Waiting != 0 || s.DoubleReleases != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

func BenchmarkUncontended(b *testing.B) {
	q := New(20, 100)
	pool, flow := q.Pool(0), q.Flow(100)
	b.ReportAllocs()
	for b.Loop() {
		ticket, err := q.Acquire(b.Context(), flow, pool, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		q.Release(ticket)
	}
}
