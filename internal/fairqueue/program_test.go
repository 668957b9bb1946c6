package fairqueue_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestProofRandomPrograms runs random programs on a queue and compares it, step
// by step, with the model. A case is a program of up to 60 steps.
func TestProofRandomPrograms(t *testing.T) {
	rounds := 40 // of 100 cases each
	if os.Getenv("FAIRLEAD_PROOF") != "" {
		rounds = 1000
	}
	for range rounds {
		rapid.Check(t, func(t *rapid.T) {
			m := newModel(t)
			for _, seed := range rapid.SliceOfN(rapid.Uint32(), 10, 60).Draw(t, "steps") {
				m.step(rand.New(rand.NewPCG(uint64(seed), 0)))
				m.check()
			}
			m.checkShares()
			m.finish(rapid.Bool().Draw(t, "all give up"))
		})
	}
}

func newModel(t *rapid.T) *model {
	m := &model{world: &world{}, t: t}
	small := rapid.IntRange(0, 4)
	m.slots = rapid.IntRange(0, 6).Draw(t, "slots")
	if m.slots > 0 {
		m.headroom = max(small.Draw(t, "headroom")-2, 0)
	}
	m.maxWaiting = []int{0, 1, 2, 4, 8}[small.Draw(t, "max waiting")]
	m.backfill = time.Duration(small.Draw(t, "backfill")) * time.Second
	m.queue = fairqueue.New(fairqueue.Config{
		Slots: m.slots, MaxWaiting: m.maxWaiting, Headroom: m.headroom, Backfill: m.backfill, Clock: m.clock(),
	})
	for range rapid.IntRange(1, 3).Draw(t, "pools") {
		p := &poolModel{slots: small.Draw(t, "pool slots")}
		config := fairqueue.PoolConfig{Slots: p.slots}
		if small.Draw(t, "paced") == 0 {
			p.pacer = &pacer{most: 10, per: 3 * time.Second}
			config.Pacer = p.pacer
		}
		p.pool = m.queue.Pool(config)
		m.pools = append(m.pools, p)
	}
	for range rapid.IntRange(1, 3).Draw(t, "tenants") {
		config := tenantConfig(small.Draw(t, "min"), small.Draw(t, "max"), small.Draw(t, "tenant's max waiting"))
		tenant := &tenantModel{tenant: m.queue.Tenant(config), config: config}
		m.tenants = append(m.tenants, tenant)
		for range rapid.IntRange(1, 2).Draw(t, "flows") {
			weight := []int{1, 1, 2, 3, 8}[small.Draw(t, "weight")]
			m.flows = append(m.flows, &flowModel{flow: tenant.tenant.Flow(weight), tenant: tenant, weight: weight})
		}
	}
	return m
}

func tenantConfig(least, most, waiting int) fairqueue.TenantConfig {
	return fairqueue.TenantConfig{Min: max(least-2, 0), Max: most, MaxWaiting: 2 * waiting}
}

// step does something, chosen by random.
func (m *model) step(random *rand.Rand) {
	m.integrate()
	switch n := random.IntN(32); {
	case n < 12:
		m.enter(m.newJob(random))
	case n < 18:
		m.release(m.pick(random, func(j *job) bool { return j.width > 0 && j.waiter == nil }))
	case n < 20:
		m.cancel(m.pick(random, func(j *job) bool { return j.waiter != nil }))
	case n == 20:
		m.leave(m.pick(random, func(j *job) bool { return j.waiter != nil && j.width == 0 && !j.left }))
	case n < 25:
		m.run(m.now + time.Duration(random.IntN(2500))*time.Millisecond)
		m.t.Logf("%v: time has passed", m.now)
	case n == 25:
		m.look(m.pick(random, func(j *job) bool { return j.width > 0 && j.waiter != nil }))
	case n == 26:
		m.correct(m.pick(random, func(j *job) bool { return j.width > 0 && j.waiter == nil }), random.IntN(8))
	case n == 27 && len(m.released) > 0:
		m.releaseAgain(m.released[random.IntN(len(m.released))])
	default:
		m.change(random)
	}
}

// change gives something another limit or weight.
func (m *model) change(random *rand.Rand) {
	switch random.IntN(4) {
	case 0:
		if m.slots > 0 { // a headroom of no slots makes no sense
			m.slots = 1 + random.IntN(6)
			m.queue.Resize(m.slots)
		}
	case 1:
		p := m.pools[random.IntN(len(m.pools))]
		p.slots = random.IntN(5)
		p.pool.Resize(p.slots)
	case 2:
		t := m.tenants[random.IntN(len(m.tenants))]
		t.config = tenantConfig(random.IntN(5), random.IntN(5), random.IntN(5))
		t.tenant.Change(t.config)
	case 3:
		f := m.flows[random.IntN(len(m.flows))]
		f.weight = 1 + random.IntN(8)
		f.flow.SetWeight(f.weight)
	}
	m.t.Logf("%v: changed: slots %d", m.now, m.slots)
	for i, p := range m.pools {
		m.t.Logf("    pool %d: %d slots", i, p.slots)
	}
	for i, f := range m.flows {
		m.t.Logf("    flow %d: weight %d, of a tenant with %+v", i, f.weight, f.tenant.config)
	}
	m.learn()
}

func (m *model) newJob(random *rand.Rand) *job {
	m.entered++
	j := &job{
		flow: m.flows[random.IntN(len(m.flows))], pool: m.pools[random.IntN(len(m.pools))], number: m.entered,
		arrival: m.now, since: m.now, asked: 1, cost: random.IntN(6), done: make(chan struct{}),
	}
	switch random.IntN(8) {
	case 0:
		j.arrival -= time.Duration(random.IntN(3000)) * time.Millisecond
	case 1:
		j.asked = 2 + random.IntN(3)
	case 2:
		j.startBy = m.now + time.Duration(random.IntN(4))*time.Second
	case 3:
		// What happened to one whose owner does not look is told by the queue alone
		// only if it cannot be dropped.
		j.lazy = m.maxWaiting == 0
	}
	return j
}

// prospect is how things stand before a job asks for slots.
type prospect struct {
	waiting, tenantWaiting int
	full, tenantFull       bool    // no more may wait
	normalised, longest    float64 // the flow's queue with the job, and the longest of all
	free                   bool    // it needs no place in the queue
	noSlot                 bool    // nobody of its tenant could be granted anything
	shed                   error   // what Shed says
}

func (m *model) prospect(j *job) prospect {
	t := j.flow.tenant
	p := prospect{
		waiting: m.waiting(anyJob), tenantWaiting: m.waiting(t.jobs), longest: m.longest(),
		normalised: float64(m.waiting(j.flow.jobs)+1) / float64(j.flow.weight),
		free:       m.waiting(j.pool.jobs) == 0 && j.pool.pacer == nil && m.fits(j) && !m.isKept(j, m.heads()),
		noSlot:     !m.queueFits(&job{flow: j.flow, pool: j.pool, asked: 1}),
		shed:       m.queue.Shed(j.flow.flow, 0),
	}
	p.full = m.maxWaiting > 0 && p.waiting >= m.maxWaiting
	p.tenantFull = t.config.MaxWaiting > 0 && p.tenantWaiting >= t.config.MaxWaiting
	return p
}

// enter has a job ask for slots, and checks the answer.
func (m *model) enter(j *job) {
	p := m.prospect(j)
	// Those whose time is over leave on the way in, and it may be somebody else's
	// turn than the one's for whom slots were kept. Then others are granted slots on
	// the way, and what was so before does not tell what must come.
	m.murky = slices.ContainsFunc(m.jobs, func(k *job) bool { return k.width == 0 && (m.isOver(k) || m.widthOf(k) > 1) })
	ticket, w, err := m.queue.Enter(fairqueue.Request{
		Flow: j.flow.flow, Pool: j.pool.pool, Arrival: j.arrival, Width: j.asked, Cost: j.cost, StartBy: j.startBy, Done: j.done,
		Notify: func(*fairqueue.Waiter) { m.ended = append(m.ended, j); m.soon = append(m.soon, m.learn) },
	})
	m.t.Logf("%v: job %d of flow %d for %d of pool %d entered: waits: %t, %v",
		m.now, j.number, slices.Index(m.flows, j.flow), j.asked, slices.Index(m.pools, j.pool), w != nil, err)
	m.checkShed(p, err)
	m.learnDropped(p)
	switch {
	case err != nil:
		m.checkRefusal(j, p, err)
	case w == nil:
		m.learnGranted(j, ticket)
	default:
		if p.tenantFull && !m.murky {
			m.t.Fatalf("%d of the tenant wait, who may be no more, and another one was let in", p.tenantWaiting)
		}
		j.waiter = w
		m.jobs = append(m.jobs, j)
	}
	m.learn()
	m.murky = false
}

// checkShed compares what Shed said with what Enter did.
func (m *model) checkShed(p prospect, err error) {
	refused := errors.Is(err, fairqueue.ErrTenantFull) || errors.Is(err, fairqueue.ErrFull)
	if p.shed != nil && !errors.Is(err, p.shed) && !m.murky || p.shed == nil && refused && p.noSlot {
		m.t.Fatalf("Shed said %v, Enter said %v", p.shed, err)
	}
}

func (m *model) checkRefusal(j *job, p prospect, err error) {
	right := false
	switch {
	case errors.Is(err, fairqueue.ErrTenantFull):
		right = p.tenantFull && (!p.free || m.murky)
	case errors.Is(err, fairqueue.ErrFull):
		right = p.full && (!p.free && p.longest <= p.normalised || m.murky)
	case errors.Is(err, fairqueue.ErrLate):
		right = m.isOver(j)
	}
	if !right {
		m.t.Fatalf("refused with %v, but %+v", err, p)
	}
}

// longest is the length of the longest queue of a flow, for its weight.
func (m *model) longest() float64 {
	longest := 0.0
	for _, f := range m.flows {
		longest = max(longest, float64(m.waiting(f.jobs))/float64(f.weight))
	}
	return longest
}

// learnGranted notes that a job was granted slots at once. Whether it was its
// turn is not checked: nobody else can have been able to use them.
func (m *model) learnGranted(j *job, ticket fairqueue.Ticket) {
	if !m.fits(j) {
		m.t.Fatalf("job %d was granted %d slots at once beyond a limit", j.number, m.widthOf(j))
	}
	j.ticket = ticket
	m.jobs = append(m.jobs, j)
	m.hold(j)
}

func (m *model) hold(j *job) {
	j.width = m.widthOf(j)
	if j.pool.pacer != nil {
		j.pool.paced++
	}
}

// learnDropped notes the waiter that lost its place to one that enters: the
// newest of a flow whose normalised queue is the longest.
func (m *model) learnDropped(p prospect) {
	if len(m.ended) == 0 {
		return
	}
	j := m.ended[0]
	if j.lazy || m.maxWaiting == 0 {
		return
	}
	m.fetch(j)
	if !errors.Is(j.err, fairqueue.ErrDropped) {
		return
	}
	newest := !slices.ContainsFunc(m.jobs, func(k *job) bool { return k.width == 0 && k.flow == j.flow && k.arrival > j.arrival })
	length := float64(m.waiting(j.flow.jobs)) / float64(j.flow.weight)
	may := m.murky || p.full && !p.tenantFull && p.longest > p.normalised
	if !may || !newest || length < m.longest() {
		m.t.Fatalf("job %d was dropped; newest: %t, its flow's normalised queue %v of at most %v; %+v", j.number, newest, length, m.longest(), p)
	}
	m.ended = m.ended[1:]
	m.forget(j)
}

// learn takes notice of the waits that have ended, in their order.
func (m *model) learn() {
	m.integrate()
	for len(m.ended) > 0 {
		j := m.ended[0]
		m.ended = m.ended[1:]
		m.t.Logf("%v: job %d's wait ends", m.now, j.number)
		if j.lazy && !m.isOver(j) {
			m.checkGrant(j)
			m.hold(j)
			continue
		}
		m.fetch(j)
		switch {
		case j.err == nil:
			m.checkGrant(j)
			m.hold(j)
		case errors.Is(j.err, fairqueue.ErrLate) && m.isOver(j):
			m.forget(j)
		default:
			m.t.Fatalf("job %d ended with %v", j.number, j.err)
		}
	}
}

// fetch asks how a wait ended.
func (m *model) fetch(j *job) {
	if j.waiter == nil {
		return
	}
	<-j.waiter.Ready()
	j.ticket, j.err = j.waiter.Result()
	j.waiter = nil
}

func (m *model) forget(j *job) {
	m.jobs = slices.DeleteFunc(m.jobs, func(k *job) bool { return k == j })
}

// pick returns one of the jobs; nil if there is none.
func (m *model) pick(random *rand.Rand, which of) *job {
	var all []*job
	for _, j := range m.jobs {
		if which(j) {
			all = append(all, j)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[random.IntN(len(all))]
}

func (m *model) release(j *job) {
	if j == nil {
		return
	}
	m.forget(j)
	m.t.Logf("%v: job %d is released", m.now, j.number)
	if !j.ticket.Release() {
		m.t.Fatalf("the release of job %d was not the first", j.number)
	}
	m.released = append(m.released, j.ticket)
	m.learn()
}

func (m *model) releaseAgain(ticket fairqueue.Ticket) {
	m.doubles++
	if ticket.Release() {
		m.t.Fatal("a second release gave something back")
	}
	ticket.Correct(1)
	m.learn()
}

// cancel ends a wait, or gives back what was granted but not looked at.
func (m *model) cancel(j *job) {
	if j == nil {
		return
	}
	m.forget(j)
	if j.width > 0 && j.pool.pacer != nil {
		j.pool.paced--
	}
	m.t.Logf("%v: job %d is cancelled", m.now, j.number)
	j.waiter.Cancel()
	m.learn()
}

// leave closes the job's Done, which the queue finds out when it is its turn.
func (m *model) leave(j *job) {
	if j != nil {
		j.left, j.lazy = true, false
		close(j.done)
	}
}

// look has the lazy owner of a granted job look at last.
func (m *model) look(j *job) {
	if j == nil {
		return
	}
	if m.fetch(j); j.err != nil {
		m.t.Fatalf("job %d has slots, but ended with %v", j.number, j.err)
	}
}

func (m *model) correct(j *job, cost int) {
	if j != nil {
		j.ticket.Correct(cost)
		m.learn()
	}
}

// finish has everybody give up, or be served, and checks that nothing is left.
func (m *model) finish(giveUp bool) {
	for rounds := 0; len(m.jobs) > 0; rounds++ {
		if rounds > 1000 {
			m.t.Fatalf("%d jobs never end", len(m.jobs))
		}
		m.integrate()
		for _, j := range slices.Clone(m.jobs) {
			switch {
			case j.waiter != nil && (giveUp || j.width > 0):
				m.cancel(j)
			case j.width > 0:
				m.release(j)
			}
		}
		m.check()
		m.run(m.now + time.Second)
	}
	m.check()
	for i, f := range m.flows {
		j := &job{flow: f, pool: m.pools[0], asked: 1}
		if o := m.queue.Predict(f.flow, j.pool.pool); j.pool.pacer == nil && o.Wait != 0 {
			m.t.Fatalf("flow %d is told to wait %v for an empty queue", i, o.Wait)
		}
	}
	if m.queue.Waiting() != 0 {
		m.t.Fatalf("%d wait at the end", m.queue.Waiting())
	}
}
