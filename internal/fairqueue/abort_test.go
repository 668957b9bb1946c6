package fairqueue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestProofAborts has goroutines enter, leave at random moments, and release,
// and counts beside the queue: many of them, so that somebody always waits, and
// few, so that the mutex is often not needed. A wake-up that is lost
// leaves a goroutine blocked for ever, which ends the test: all others are gone
// then.
func TestProofAborts(t *testing.T) {
	aborts := 2_000
	if os.Getenv("FAIRLEAD_PROOF") != "" {
		aborts = 170_000 // a million in all with 64 goroutines
	}
	for _, procs := range []int{1, 2, 8} {
		for _, c := range []struct {
			goroutines int
			resized    bool
		}{{64, false}, {64, true}, {5, false}, {5, true}} {
			t.Run(fmt.Sprintf("%d goroutines on %d processors, resized: %t", c.goroutines, procs, c.resized), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				synctest.Test(t, func(t *testing.T) {
					m := newMob(t, c.resized)
					m.run(c.goroutines, aborts)
					t.Logf("%d granted, %d aborted", m.grants.Load(), m.aborts.Load())
				})
			})
		}
	}
}

// TestProofNoWakeUpIsLost has three goroutines take one slot once and release
// it, over and over: whoever misses a wake-up finds nobody after it who would make
// up for that.
func TestProofNoWakeUpIsLost(t *testing.T) {
	rounds := 5_000
	if os.Getenv("FAIRLEAD_PROOF") != "" {
		rounds = 1_000_000
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q := fairqueue.New(fairqueue.Config{Slots: 1})
		pool := q.Pool(fairqueue.PoolConfig{})
		flows := []*fairqueue.Flow{flowOf(q), flowOf(q), flowOf(q)}
		for round := range rounds {
			var all sync.WaitGroup
			for i := range 3 {
				r := fairqueue.Request{Flow: flows[i*(round%3)/2], Pool: pool} // of one, two or three flows
				all.Go(func() {
					ticket, err := q.Acquire(ctx, r)
					if err != nil {
						t.Errorf("Acquire: %v", err)
					}
					ticket.Release()
				})
			}
			all.Wait()
		}
		if u := q.Snapshot(); u.InUse != 0 || u.Waiting != 0 {
			t.Errorf("at the end the queue has %+v", u)
		}
	})
}

// The most that there may be of everything. What is resized gets less at times.
const (
	mobSlots  = 4
	mobPool   = 3
	mobTenant = 2
	paced     = 2 // the number of a pool
)

// mob is a queue under many goroutines, with counts of its own.
type mob struct {
	t       *testing.T
	queue   *fairqueue.Queue
	pools   []*fairqueue.Pool
	tenants []*fairqueue.Tenant
	flows   []*fairqueue.Flow // two of each tenant
	resized bool

	inUse    atomic.Int64
	inPool   [3]atomic.Int64
	inTenant [4]atomic.Int64
	time     atomic.Int64
	grants   atomic.Int64
	aborts   atomic.Int64
	doubles  atomic.Uint64
}

func newMob(t *testing.T, resized bool) *mob {
	t.Helper()
	m := &mob{t: t, resized: resized}
	q := fairqueue.New(fairqueue.Config{
		Slots: mobSlots, MaxWaiting: 56, Backfill: time.Millisecond, Clock: fairqueue.Clock{Now: m.now, AfterFunc: m.after},
	})
	m.queue = q
	for _, config := range []fairqueue.PoolConfig{{Slots: mobPool}, {}, {Pacer: &pacer{most: 20, per: time.Millisecond}}} {
		m.pools = append(m.pools, q.Pool(config))
	}
	for i := range m.inTenant {
		config := fairqueue.TenantConfig{MaxWaiting: 20}
		if i%2 == 0 {
			config.Max = mobTenant
		}
		tenant := q.Tenant(config)
		m.tenants = append(m.tenants, tenant)
		m.flows = append(m.flows, tenant.Flow(1), tenant.Flow(8))
	}
	return m
}

// Time goes on with every call, and when somebody waits for it.

func (m *mob) now() time.Duration { return time.Duration(m.time.Add(int64(time.Microsecond))) }

func (m *mob) after(d time.Duration, f func()) {
	go func() {
		m.time.Add(int64(d))
		f()
	}()
}

func (m *mob) run(goroutines, aborts int) {
	var all sync.WaitGroup
	for i := range goroutines {
		random := rand.New(rand.NewPCG(uint64(i), uint64(aborts)))
		all.Go(func() {
			for m.aborts.Load() < int64(aborts) && m.grants.Load() < int64(5*aborts) {
				m.once(random)
				if m.resized && random.IntN(50) == 0 {
					m.resize(random)
				}
			}
		})
	}
	all.Wait()
	none := fairqueue.Usage{}
	for i, f := range m.flows {
		if got := f.Usage(); got != none {
			m.t.Errorf("at the end flow %d has %+v", i, got)
		}
	}
	for i, p := range m.pools {
		if got := p.Usage(); got.InUse != 0 || got.Waiting != 0 {
			m.t.Errorf("at the end pool %d has %+v", i, got)
		}
	}
	if got := m.queue.Snapshot(); got.InUse != 0 || got.Waiting != 0 {
		m.t.Errorf("at the end the queue has %+v", got)
	}
	if got, want := m.queue.DoubleReleases(), m.doubles.Load(); got != want {
		m.t.Errorf("%d double releases were counted, want %d", got, want)
	}
}

// once enters, perhaps leaves again, and releases what it got.
func (m *mob) once(random *rand.Rand) {
	flow, pool, width := random.IntN(len(m.flows)), random.IntN(2), 1
	if random.IntN(16) == 0 {
		pool = paced
	}
	if random.IntN(16) == 0 && !m.resized { // under a lower limit it would get less
		width = 2
	}
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	if random.IntN(4) > 0 {
		go cancel()
	}
	ticket, err := m.queue.Acquire(ctx, fairqueue.Request{
		Flow: m.flows[flow], Pool: m.pools[pool], Width: width, Cost: random.IntN(3),
	})
	if err != nil {
		m.aborted(ctx, err)
		return
	}
	m.grants.Add(1)
	m.count(int64(width), flow/2, pool)
	for range random.IntN(2 * len(m.flows)) {
		runtime.Gosched()
	}
	m.count(-int64(width), flow/2, pool)
	ticket.Correct(random.IntN(3))
	if random.IntN(16) == 0 {
		m.doubles.Add(1)
		defer ticket.Release()
	}
	ticket.Release()
}

// aborted counts the ends of waits that were ended by the caller, and knows no
// others but those of a full queue, where the caller comes again later.
func (m *mob) aborted(ctx context.Context, err error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, fairqueue.ErrLate) && ctx.Err() != nil:
		m.aborts.Add(1)
	case errors.Is(err, fairqueue.ErrFull), errors.Is(err, fairqueue.ErrTenantFull), errors.Is(err, fairqueue.ErrDropped):
		runtime.Gosched()
	default:
		m.t.Errorf("Acquire: %v", err)
	}
}

// count counts slots that are held, or were.
func (m *mob) count(n int64, tenant, pool int) {
	if got := m.inUse.Add(n); got > mobSlots {
		m.t.Errorf("%d slots in use of %d", got, mobSlots)
	}
	if got := m.inPool[pool].Add(n); pool == 0 && got > mobPool {
		m.t.Errorf("%d slots of a pool in use of %d", got, mobPool)
	}
	if got := m.inTenant[tenant].Add(n); tenant%2 == 0 && got > mobTenant {
		m.t.Errorf("%d slots of a tenant in use of %d", got, mobTenant)
	}
}

// resize gives something a lower limit, or the highest again.
func (m *mob) resize(random *rand.Rand) {
	switch tenant := random.IntN(len(m.tenants)); random.IntN(4) {
	case 0:
		m.queue.Resize(1 + random.IntN(mobSlots))
	case 1:
		m.pools[0].Resize(1 + random.IntN(mobPool))
	case 2:
		m.flows[tenant].SetWeight(1 + random.IntN(8))
	case 3:
		config := fairqueue.TenantConfig{MaxWaiting: 10 + random.IntN(10), Min: random.IntN(2)}
		if tenant%2 == 0 {
			config.Max = 1 + random.IntN(mobTenant)
		}
		m.tenants[tenant].Change(config)
	}
}
