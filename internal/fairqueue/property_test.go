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
		if r := m.pick(rt, holding); r != nil {
			m.q.Release(r.ticket)
			m.forget(r)
		}
	case 8:
		if r := m.pick(rt, waiting); r != nil {
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

// state is where a request stands.
type state int

const (
	waiting state = iota
	holding
	refused
)

func (r *request) state() state {
	switch {
	case !r.over():
		return waiting
	case r.err == nil:
		return holding
	}
	return refused
}

// pick draws a request in that state; nil if there is none.
func (m *machine) pick(rt *rapid.T, in state) *request {
	var of []*request
	for _, r := range m.open {
		if r.state() == in {
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
	inUse, perPool, queued := 0, make([]int, len(m.pools)), make([]int, len(m.pools))
	for _, r := range m.open {
		switch r.state() {
		case waiting:
			queued[r.pool]++
		case holding:
			inUse++
			perPool[r.pool]++
		case refused:
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
		if free && queued[i] > 0 {
			rt.Fatalf("%d wait for pool %d while a slot is free", queued[i], i)
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
	const goroutines, rounds = 32, 300
	c := &crowd{q: New(4, 10_000)}
	c.pools = [2]*Pool{c.q.Pool(3), c.q.Pool(0)}
	c.limits = [2]int64{3, 4}
	var wg sync.WaitGroup
	for i := range goroutines {
		flow, random := c.q.Flow(10_000), rand.New(rand.NewPCG(uint64(i), 7))
		wg.Go(func() {
			for range rounds {
				c.once(t, flow, random)
			}
		})
	}
	wg.Wait()
	if s := c.q.Snapshot(); s.InUse != 0 || s.Waiting != 0 || s.DoubleReleases != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

// crowd is a queue with a count of its own beside it.
type crowd struct {
	q      *Queue
	pools  [2]*Pool
	limits [2]int64
	inPool [2]atomic.Int64
	inUse  atomic.Int64
}

// once takes a slot and gives it back, or gives up at a random moment.
func (c *crowd) once(t *testing.T, flow *Flow, random *rand.Rand) {
	t.Helper()
	at := random.IntN(len(c.pools))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if random.IntN(4) == 0 {
		go cancel()
	}
	ticket, err := c.q.Acquire(ctx, flow, c.pools[at], time.Now())
	if err != nil {
		return
	}
	if n := c.inUse.Add(1); n > 4 {
		t.Errorf("%d in use of 4", n)
	}
	if n := c.inPool[at].Add(1); n > c.limits[at] {
		t.Errorf("%d in use of the %d of pool %d", n, c.limits[at], at)
	}
	c.inPool[at].Add(-1)
	c.inUse.Add(-1)
	c.q.Release(ticket)
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
