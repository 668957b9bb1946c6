package fairqueue

import (
	"math/rand/v2"
	"testing"
	"time"
)

// crowd is flows of several weights that want slots of several pools, in several
// widths, so that many groups come and go.
type crowd struct {
	t       *testing.T
	queue   *Queue
	now     time.Duration
	pools   []*Pool
	flows   []*Flow
	tenants []*Tenant
	waiting []*Waiter
	held    []Ticket
	most    int // groups at one time
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{t: t, now: 1}
	c.queue = New(Config{Slots: 6, MaxWaiting: 20, Clock: Clock{
		Now: func() time.Duration { return c.now }, AfterFunc: func(time.Duration, func()) {},
	}})
	for _, slots := range []int{0, 3, 5} {
		c.pools = append(c.pools, c.queue.Pool(PoolConfig{Slots: slots}))
	}
	for _, config := range []TenantConfig{{}, {Min: 2}, {Max: 3}, {Min: 1, Max: 4, MaxWaiting: 5}} {
		tenant := c.queue.Tenant(config)
		c.tenants = append(c.tenants, tenant)
		c.flows = append(c.flows, tenant.Flow(8), tenant.Flow(1))
	}
	return c
}

// step does something at random.
func (c *crowd) step(random *rand.Rand) {
	c.now += time.Duration(random.IntN(1000)) * time.Millisecond
	switch n := random.IntN(20); {
	case n < 9:
		c.enter(Request{
			Flow: c.flows[random.IntN(len(c.flows))], Pool: c.pools[random.IntN(len(c.pools))], Width: 1 + random.IntN(4),
		})
	case n < 14 && len(c.held) > 0:
		i := random.IntN(len(c.held))
		c.held[i].Release()
		c.held = append(c.held[:i], c.held[i+1:]...)
	case n < 17 && len(c.waiting) > 0:
		i := random.IntN(len(c.waiting))
		c.waiting[i].Cancel()
		c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
	case n == 17:
		c.flows[random.IntN(len(c.flows))].SetWeight(1 + random.IntN(9))
	case n == 18:
		c.queue.Resize(1 + random.IntN(8))
	case n == 19:
		c.tenants[random.IntN(len(c.tenants))].Change(TenantConfig{Min: random.IntN(3), Max: random.IntN(5)})
	}
	c.collect()
}

func (c *crowd) enter(r Request) {
	ticket, w, err := c.queue.Enter(r)
	switch {
	case err != nil: // there is no place for it
	case w != nil:
		c.waiting = append(c.waiting, w)
	default:
		c.held = append(c.held, ticket)
	}
}

// collect fetches what was granted.
func (c *crowd) collect() {
	still := c.waiting[:0]
	for _, w := range c.waiting {
		select {
		case <-w.Ready():
			if ticket, err := w.Result(); err == nil {
				c.held = append(c.held, ticket)
			}
		default:
			still = append(still, w)
		}
	}
	c.waiting = still
}

// check looks for groups that nobody is in.
func (c *crowd) check() {
	n := 0
	for i, p := range c.pools {
		n += len(p.groups)
		for _, g := range p.groups {
			if g.lanes.Len() == 0 {
				c.t.Errorf("pool %d keeps the empty group of weight %d and width %d", i, g.weight, g.width)
			}
		}
		for _, g := range p.spare {
			if g.lanes.Len() != 0 {
				c.t.Errorf("pool %d has a spare group of %d lanes", i, g.lanes.Len())
			}
		}
	}
	c.most = max(c.most, n)
}

// TestGroupsAreKeptOnlyWhileInUse: every grant looks at each group, so those of
// weights and widths that nobody asks for any more would make it slow.
func TestGroupsAreKeptOnlyWhileInUse(t *testing.T) {
	most := 0
	for seed := range uint64(50) {
		c, random := newCrowd(t), rand.New(rand.NewPCG(seed, 0))
		for range 300 {
			c.step(random)
			c.check()
		}
		for _, w := range c.waiting {
			w.Cancel()
		}
		for i, p := range c.pools {
			if len(p.groups) != 0 {
				t.Errorf("seed %d: pool %d has %d groups when nobody waits", seed, i, len(p.groups))
			}
		}
		most = max(most, c.most)
	}
	if most < 5 {
		t.Errorf("at most %d groups at one time: that proves little", most)
	}
}
