package fairqueue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

func BenchmarkFree(b *testing.B) {
	q, pool := newBench(100)
	r := fairqueue.Request{Flow: flowOf(q), Pool: pool}
	b.ReportAllocs()
	for b.Loop() {
		ticket, _ := q.Acquire(b.Context(), r)
		ticket.Release()
	}
}

// BenchmarkFreeParallel has one flow for all processors; flows of their own
// share nothing but the flag.
func BenchmarkFreeParallel(b *testing.B) {
	for _, own := range []bool{false, true} {
		b.Run(fmt.Sprintf("own=%t", own), func(b *testing.B) {
			q, pool := newBench(100)
			shared := flowOf(q)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := fairqueue.Request{Flow: shared, Pool: pool}
				if own {
					r.Flow = flowOf(q)
				}
				for pb.Next() {
					ticket, _ := q.Acquire(b.Context(), r)
					ticket.Release()
				}
			})
		})
	}
}

// BenchmarkHandoff passes one slot on among goroutines, each with a flow of its
// own: what it costs with the switch from one to the next.
func BenchmarkHandoff(b *testing.B) {
	for _, flows := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			q, pool := newBench(1)
			gate, _ := q.Acquire(b.Context(), fairqueue.Request{Flow: flowOf(q), Pool: pool})
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			left := b.N // belongs to who has the slot
			var all sync.WaitGroup
			for range flows {
				r := fairqueue.Request{Flow: flowOf(q), Pool: pool}
				all.Go(func() {
					passOn(ctx, q, r, func() {
						if left--; left == 0 {
							cancel()
						}
					})
				})
			}
			for q.Waiting() < flows {
				runtime.Gosched()
			}
			b.ReportAllocs()
			b.ResetTimer()
			gate.Release()
			<-ctx.Done()
			b.StopTimer()
			all.Wait()
		})
	}
}

// passOn takes the slot over and over, until ctx ends. A free slot is granted
// even then.
func passOn(ctx context.Context, q *fairqueue.Queue, r fairqueue.Request, count func()) {
	for ctx.Err() == nil {
		ticket, err := q.Acquire(ctx, r)
		if err != nil {
			return
		}
		count()
		ticket.Release()
	}
}

// BenchmarkHandoffDirect does the same in one goroutine: the cost of the queue
// alone, to release, to choose and to enter again.
func BenchmarkHandoffDirect(b *testing.B) {
	for _, flows := range []int{10, 1000, 10_000} {
		for _, weights := range []int{1, 8} {
			b.Run(fmt.Sprintf("flows=%d/weights=%d", flows, weights), func(b *testing.B) {
				r := newRing(flows, weights)
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					r.step()
				}
			})
		}
	}
}

// ring is flows that wait for one slot, each of which comes again as soon as it
// had it.
type ring struct {
	queue   *fairqueue.Queue
	ticket  fairqueue.Ticket
	members []member
	served  *member
}

type member struct {
	request fairqueue.Request
	waiter  *fairqueue.Waiter
}

func newRing(flows, weights int) *ring {
	q, pool := newBench(1)
	r := &ring{queue: q, members: make([]member, flows)}
	r.ticket, _, _ = q.Enter(fairqueue.Request{Flow: flowOf(q), Pool: pool})
	for i := range r.members {
		m := &r.members[i]
		m.request = fairqueue.Request{
			Flow: q.Tenant(fairqueue.TenantConfig{}).Flow(1 + i%weights), Pool: pool,
			Notify: func(*fairqueue.Waiter) { r.served = m },
		}
		_, m.waiter, _ = q.Enter(m.request)
	}
	return r
}

func (r *ring) step() {
	r.ticket.Release()
	m := r.served
	<-m.waiter.Ready()
	r.ticket, _ = m.waiter.Result()
	_, m.waiter, _ = r.queue.Enter(m.request)
}

func BenchmarkShed(b *testing.B) {
	q, polite := newFull(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Shed(polite, 0); err == nil {
			b.Fatal("the queue is full")
		}
	}
}

// newFull returns a queue in which nobody else may wait, and a flow that has
// more waiters than any other may have after one more.
func newFull(tb testing.TB) (*fairqueue.Queue, *fairqueue.Flow) {
	tb.Helper()
	q := fairqueue.New(fairqueue.Config{Slots: 1, MaxWaiting: 500})
	r := fairqueue.Request{Flow: flowOf(q), Pool: q.Pool(fairqueue.PoolConfig{})}
	for range 501 {
		if _, _, err := q.Enter(r); err != nil {
			tb.Fatal(err)
		}
	}
	if _, _, err := q.Enter(r); !errors.Is(err, fairqueue.ErrFull) {
		tb.Fatalf("Enter = %v, want ErrFull", err)
	}
	return q, r.Flow
}

// BenchmarkCancel has a random one of 10,000 waiters leave, and another one
// come: both are in the figure.
func BenchmarkCancel(b *testing.B) {
	for _, flows := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			const waiting = 10_000
			q, pool := newBench(1)
			_, _, _ = q.Enter(fairqueue.Request{Flow: flowOf(q), Pool: pool})
			waiters := make([]*fairqueue.Waiter, waiting)
			requests := make([]fairqueue.Request, waiting)
			own := make([]*fairqueue.Flow, flows)
			for i := range own {
				own[i] = flowOf(q)
			}
			for i := range waiters {
				requests[i] = fairqueue.Request{Flow: own[i%flows], Pool: pool}
				_, waiters[i], _ = q.Enter(requests[i])
			}
			random := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				i := random.IntN(waiting)
				waiters[i].Cancel()
				_, waiters[i], _ = q.Enter(requests[i])
			}
		})
	}
}

func newBench(slots int) (*fairqueue.Queue, *fairqueue.Pool) {
	q := fairqueue.New(fairqueue.Config{Slots: slots, MaxWaiting: 1_000_000})
	return q, q.Pool(fairqueue.PoolConfig{Slots: slots})
}

func flowOf(q *fairqueue.Queue) *fairqueue.Flow { return q.Tenant(fairqueue.TenantConfig{}).Flow(1) }

// TestNoAllocations holds that nothing is allocated for a slot that is free, for
// one that is handed over, for a refusal, or to ask whether there would be one.
func TestNoAllocations(t *testing.T) {
	if underRace {
		t.Skip("sync.Pool forgets at random under the race detector; make test runs this without it too")
	}
	ctx := t.Context()
	q, pool := newBench(2)
	free := fairqueue.Request{Flow: flowOf(q), Pool: pool}
	contended, alone := newRing(100, 8), newRing(8, 8)
	full, polite := newFull(t)
	for name, f := range map[string]func(){
		"free": func() {
			ticket, _ := q.Acquire(ctx, free)
			ticket.Release()
		},
		"contended":          contended.step,
		"one of each weight": alone.step,
		"shed":               func() { _ = full.Shed(polite, 0) },
		"refused":            func() { _, _, _ = full.Enter(fairqueue.Request{Flow: polite, Pool: pool}) },
	} {
		f() // what is made on first use
		if got := testing.AllocsPerRun(1000, f); got != 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}
