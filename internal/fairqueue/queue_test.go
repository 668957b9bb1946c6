package fairqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGrantsAtOnceWhereThereIsRoom(t *testing.T) {
	q := New(2, 10)
	pool, flow := q.Pool(0), q.Flow(10)
	first := mustAcquire(t, q, flow, pool)
	second := mustAcquire(t, q, flow, pool)
	if s := q.Snapshot(); s.InUse != 2 || s.MostInUse != 2 || s.Waiting != 0 {
		t.Fatalf("snapshot = %+v, want 2 in use, 2 at most, 0 waiting", s)
	}
	q.Release(first)
	q.Release(second)
	if s := q.Snapshot(); s.InUse != 0 || s.MostInUse != 2 {
		t.Fatalf("snapshot = %+v, want 0 in use, 2 at most", s)
	}
}

func TestReleasingTwiceGivesBackOnce(t *testing.T) {
	q := New(1, 10)
	pool, flow := q.Pool(0), q.Flow(10)
	first := mustAcquire(t, q, flow, pool)
	q.Release(first)
	second := mustAcquire(t, q, flow, pool)
	q.Release(first) // the same place in the table, an older generation
	if s := q.Snapshot(); s.InUse != 1 || s.DoubleReleases != 1 {
		t.Fatalf("snapshot = %+v, want 1 in use, 1 double release", s)
	}
	q.Release(second)
	q.Release(0)
	if s := q.Snapshot(); s.InUse != 0 || s.DoubleReleases != 2 {
		t.Fatalf("snapshot = %+v, want 0 in use, 2 double releases", s)
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 3)
		pool, greedy, other, third := q.Pool(0), q.Flow(2), q.Flow(2), q.Flow(2)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		mustAcquire(t, q, greedy, pool)
		for _, flow := range []*Flow{greedy, greedy, other} {
			wg.Go(func() { _, _ = q.Acquire(ctx, flow, pool, time.Now()) })
			synctest.Wait()
			if flow == greedy && flow.Usage().Waiting == 2 {
				if err := q.Full(greedy, pool); !errors.Is(err, ErrFlowFull) {
					t.Errorf("Full(greedy) = %v, want ErrFlowFull", err)
				}
				if _, err := q.Acquire(ctx, greedy, pool, time.Now()); !errors.Is(err, ErrFlowFull) {
					t.Errorf("Acquire(greedy) = %v, want ErrFlowFull", err)
				}
				if err := q.Full(other, nil); err != nil {
					t.Errorf("Full(other) = %v, want room", err)
				}
			}
		}
		if _, err := q.Acquire(ctx, third, pool, time.Now()); !errors.Is(err, ErrFull) {
			t.Errorf("Acquire(third) = %v, want ErrFull", err)
		}
	})
}

func TestNewcomerIsServedAtTheNextRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(4, 10_000)
		pool, flooder, newcomer := q.Pool(0), q.Flow(10_000), q.Flow(10)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { occupy(t, q, flooder, pool, time.Second) })
		}
		synctest.Wait()
		<-time.After(10 * time.Millisecond)
		began := time.Now()
		ticket := mustAcquire(t, q, newcomer, pool)
		if waited := time.Since(began); waited != 990*time.Millisecond {
			t.Errorf("newcomer waited %v, want 990ms: until the next release", waited)
		}
		q.Release(ticket)
		wg.Wait()
	})
}

func TestFlowsTakeTurnsWhereThereAreMoreThanSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flows, each = 7, 5
		q := New(2, 1000)
		pool := q.Pool(0)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range flows {
			flow := q.Flow(1000)
			// The first flow queues its waiters before all others.
			for range each {
				wg.Go(func() {
					ticket, err := q.Acquire(t.Context(), flow, pool, time.Now())
					if err != nil {
						t.Errorf("Acquire: %v", err)
						return
					}
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					<-time.After(time.Second)
					q.Release(ticket)
				})
			}
			synctest.Wait()
		}
		wg.Wait()
		for i := range flows {
			// Two slots were free when the first flow came; from then on nobody is
			// served twice before everybody was served once.
			at := slices.Index(order, i)
			if at > flows+1 {
				t.Errorf("flow %d was first served as number %d of %d: %v", i, at, len(order), order)
			}
		}
	})
}

func TestSharesAreEqualWhateverIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(20, 10_000)
		pool := q.Pool(0)
		big, small := q.Flow(10_000), q.Flow(10_000)
		var served [2]atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for i, clients := range []int{500, 40} {
			flow := []*Flow{big, small}[i]
			for range clients {
				wg.Go(func() {
					for {
						ticket, err := q.Acquire(ctx, flow, pool, time.Now())
						if err != nil {
							return
						}
						<-time.After(time.Second)
						served[i].Add(1)
						q.Release(ticket)
					}
				})
			}
		}
		wg.Wait()
		a, b := served[0].Load(), served[1].Load()
		if diff := a - b; diff < -60 || diff > 60 || a+b < 5900 {
			t.Errorf("500 clients got %d, 40 clients got %d; want about 3000 each and no idle slot", a, b)
		}
	})
}

func TestWaitingForABusyPoolKeepsNothingFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(3, 100)
		slow, fast, flow, other := q.Pool(1), q.Pool(0), q.Flow(100), q.Flow(100)
		held := mustAcquire(t, q, flow, slow)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { _, _ = q.Acquire(ctx, flow, slow, time.Now()) })
		}
		synctest.Wait()
		// Both remaining slots are there for who can use them.
		a, b := mustAcquire(t, q, other, fast), mustAcquire(t, q, flow, fast)
		q.Release(a)
		q.Release(b)
		cancel()
		wg.Wait()
		q.Release(held)
		if s := q.Snapshot(); s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("snapshot = %+v, want nothing in use or waiting", s)
		}
	})
}

func TestEarlierArrivalGoesFirstWithinAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 100)
		pool, flow := q.Pool(0), q.Flow(100)
		held := mustAcquire(t, q, flow, pool)
		start := time.Now()
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for _, second := range []int{5, 9, 1, 7} {
			wg.Go(func() {
				ticket, err := q.Acquire(t.Context(), flow, pool, start.Add(time.Duration(second)*time.Second))
				if err != nil {
					t.Errorf("Acquire: %v", err)
					return
				}
				mu.Lock()
				order = append(order, second)
				mu.Unlock()
				q.Release(ticket)
			})
			synctest.Wait()
		}
		q.Release(held)
		wg.Wait()
		if want := []int{1, 5, 7, 9}; !slices.Equal(order, want) {
			t.Errorf("served in the order %v, want %v", order, want)
		}
	})
}

func TestWaiterEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 100)
		pool, flow := q.Pool(0), q.Flow(100)
		held := mustAcquire(t, q, flow, pool)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := q.Acquire(ctx, flow, pool, began); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire = %v, want the deadline's error", err)
		}
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("waited %v, want 3s", waited)
		}
		if s := q.Snapshot(); s.Waiting != 0 {
			t.Errorf("%d still waiting", s.Waiting)
		}
		q.Release(held)
	})
}

func TestResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 100)
		pool, flow := q.Pool(0), q.Flow(100)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { occupy(t, q, flow, pool, time.Minute) })
		}
		synctest.Wait()
		q.Resize(3)
		synctest.Wait()
		if s := q.Snapshot(); s.InUse != 3 || s.Waiting != 1 {
			t.Errorf("after growth: %+v, want 3 in use, 1 waiting", s)
		}
		q.Resize(1)
		<-time.After(time.Minute)
		synctest.Wait()
		if s := q.Snapshot(); s.InUse != 1 || s.Waiting != 0 {
			t.Errorf("after shrinking: %+v, want 1 in use, 0 waiting", s)
		}
		wg.Wait()
	})
}

func TestEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2, 1000)
		pool, busy, quiet := q.Pool(0), q.Flow(1000), q.Flow(1000)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { occupy(t, q, busy, pool, 4*time.Second) })
		}
		wg.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		a, b := mustAcquire(t, q, busy, pool), mustAcquire(t, q, busy, pool)
		for range 10 {
			wg.Go(func() { _, _ = q.Acquire(ctx, busy, pool, time.Now()) })
		}
		synctest.Wait()
		// Slots are held for 4 s, so one of two comes free every 2 s.
		if got := q.Estimate(busy, pool); got != 22*time.Second {
			t.Errorf("estimate for the busy flow = %v, want 22s: 11 grants at one in 2s", got)
		}
		if got := q.Estimate(quiet, pool); got != 4*time.Second {
			t.Errorf("estimate for the quiet flow = %v, want 4s: one grant to the other flow, then its own", got)
		}
		cancel()
		wg.Wait()
		q.Release(a)
		q.Release(b)
	})
}

// occupy takes a slot for a while.
func occupy(t *testing.T, q *Queue, flow *Flow, pool *Pool, d time.Duration) {
	t.Helper()
	ticket, err := q.Acquire(t.Context(), flow, pool, time.Now())
	if err != nil {
		t.Errorf("Acquire: %v", err)
		return
	}
	<-time.After(d)
	q.Release(ticket)
}

func mustAcquire(t *testing.T, q *Queue, flow *Flow, pool *Pool) Ticket {
	t.Helper()
	ticket, err := q.Acquire(t.Context(), flow, pool, time.Now())
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return ticket
}
