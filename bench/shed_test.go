package bench

import (
	"errors"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"golang.org/x/sync/semaphore"
	fq "k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing"
	"k8s.io/apiserver/pkg/util/flowcontrol/request"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// BenchmarkShed is telling a caller that there is no place for it, where all
// slots are taken and the queue is full. A semaphore, a channel, a bulkhead and
// the adaptive limiter have no queue that could be full: they tell that they
// would have to wait.
func BenchmarkShed(b *testing.B) {
	for _, full := range []struct {
		impl string
		make func(b *testing.B) (*fairqueue.Queue, *fairqueue.Flow)
		want error
	}{
		{"fairlead", fullQueue, fairqueue.ErrFull},
		{"fairlead-app-full", fullApp, fairqueue.ErrTenantFull},
		{"fairlead-hopeless", slowQueue, fairqueue.ErrHopeless},
	} {
		b.Run("impl="+full.impl, func(b *testing.B) {
			queue, flow := full.make(b)
			shed(b, queue, flow, full.want)
		})
	}
	for _, peer := range shedders() {
		b.Run("impl="+peer.impl, func(b *testing.B) {
			admit := peer.full(b)
			b.ReportAllocs()
			for b.Loop() {
				if admit() {
					b.Fatal("admitted")
				}
			}
		})
	}
}

// patience is how long a caller would wait at most.
const patience = time.Minute

func shed(b *testing.B, queue *fairqueue.Queue, flow *fairqueue.Flow, want error) {
	b.Helper()
	if err := queue.Shed(flow, patience); !errors.Is(err, want) {
		b.Fatalf("shed with %v, want %v", err, want)
	}
	b.ReportAllocs()
	for b.Loop() {
		if queue.Shed(flow, patience) == nil {
			b.Fatal("admitted")
		}
	}
}

const (
	shedSlots = 20
	shedQueue = 500
)

// fullQueue has an app in each slot and each place of the queue, and returns a
// flow of yet another.
func fullQueue(b *testing.B) (*fairqueue.Queue, *fairqueue.Flow) {
	b.Helper()
	queue := fairqueue.New(fairqueue.Config{Slots: shedSlots, MaxWaiting: shedQueue})
	pool := queue.Pool(fairqueue.PoolConfig{})
	for range shedSlots + shedQueue {
		enter(b, queue, queue.Tenant(fairqueue.TenantConfig{}).Flow(1), pool)
	}
	return queue, queue.Tenant(fairqueue.TenantConfig{}).Flow(1)
}

// fullApp has an app that holds all slots and has as many waiting as it may.
func fullApp(b *testing.B) (*fairqueue.Queue, *fairqueue.Flow) {
	b.Helper()
	queue := fairqueue.New(fairqueue.Config{Slots: shedSlots, MaxWaiting: shedQueue})
	pool := queue.Pool(fairqueue.PoolConfig{})
	flow := queue.Tenant(fairqueue.TenantConfig{MaxWaiting: shedQueue / 4}).Flow(1)
	for range shedSlots + shedQueue/4 {
		enter(b, queue, flow, pool)
	}
	return queue, flow
}

// slowQueue has a flow with many waiting for one slot, which goes from one to
// the next too seldom.
func slowQueue(b *testing.B) (*fairqueue.Queue, *fairqueue.Flow) {
	b.Helper()
	const (
		waiting = 100
		grants  = 10 // enough for the flow's own rate to be known
		hold    = time.Second
	)
	now := time.Duration(0)
	queue := fairqueue.New(fairqueue.Config{Slots: 1, Clock: fairqueue.Clock{
		Now:       func() time.Duration { return now },
		AfterFunc: func(time.Duration, func()) {},
	}})
	pool := queue.Pool(fairqueue.PoolConfig{})
	flow := queue.Tenant(fairqueue.TenantConfig{}).Flow(1)
	ticket, _ := enter(b, queue, flow, pool)
	waiters := make([]*fairqueue.Waiter, waiting)
	for i := range waiters {
		_, waiters[i] = enter(b, queue, flow, pool)
	}
	for _, next := range waiters[:grants] {
		now += hold
		ticket.Release()
		<-next.Ready()
		ticket, _ = next.Result()
	}
	return queue, flow
}

// enter takes a slot or, if there is none, a place in the queue.
func enter(b *testing.B, queue *fairqueue.Queue, flow *fairqueue.Flow, pool *fairqueue.Pool) (fairqueue.Ticket, *fairqueue.Waiter) {
	b.Helper()
	ticket, waiter, err := queue.Enter(fairqueue.Request{Flow: flow, Pool: pool})
	if err != nil {
		b.Fatal(err)
	}
	return ticket, waiter
}

// shedder is a peer of which nothing is to be had any more.
type shedder struct {
	impl string
	// full takes all that there is, and returns an attempt to have more.
	full func(b *testing.B) (admit func() bool)
}

func shedders() []shedder {
	return []shedder{
		{"semaphore", func(*testing.B) func() bool {
			sem := semaphore.NewWeighted(shedSlots)
			sem.TryAcquire(shedSlots)
			return func() bool { return sem.TryAcquire(1) }
		}},
		{"channel", func(*testing.B) func() bool {
			taken := make(chan struct{}, shedSlots)
			for range shedSlots {
				taken <- struct{}{}
			}
			return func() bool {
				select {
				case taken <- struct{}{}:
					return true
				default:
					return false
				}
			}
		}},
		{"failsafe-bulkhead", func(*testing.B) func() bool {
			permits := bulkhead.New[any](shedSlots)
			for range shedSlots {
				permits.TryAcquirePermit()
			}
			return permits.TryAcquirePermit
		}},
		{"failsafe-adaptive", func(*testing.B) func() bool {
			permits := adaptivelimiter.NewBuilder[any]().WithLimits(shedSlots, shedSlots, shedSlots).Build()
			for range shedSlots {
				permits.TryAcquirePermit()
			}
			return permits.CanAcquirePermit
		}},
		{"k8s", func(b *testing.B) func() bool {
			b.Helper()
			ctx := b.Context()
			queues := queueSet(b, shedSlots, fq.QueuingConfig{DesiredNumQueues: 10, HandSize: 4, QueueLengthLimit: shedQueue / 10})
			estimate := request.WorkEstimate{InitialSeats: 1}
			admit := func() bool {
				r, _ := queues.StartRequest(ctx, &estimate, 1, "app", "schema", nil, nil, nil)
				return r != nil
			}
			for admit() {
				continue
			}
			return admit
		}},
	}
}
