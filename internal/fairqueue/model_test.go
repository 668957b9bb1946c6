package fairqueue_test

import (
	"fmt"
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// model is what a naive reader of the documentation expects of a queue: lists,
// and counting by looking at all of them.
type model struct {
	*world
	t          *rapid.T
	queue      *fairqueue.Queue
	slots      int
	headroom   int
	maxWaiting int
	backfill   time.Duration
	pools      []*poolModel
	tenants    []*tenantModel
	flows      []*flowModel
	jobs       []*job // that wait or hold
	entered    int
	doubles    uint64
	released   []fairqueue.Ticket
	ended      []*job // whose wait has ended, but whose end the model does not know yet
	murky      bool   // the order of grants cannot be told
	integrated time.Duration
}

type poolModel struct {
	pool  *fairqueue.Pool
	slots int
	pacer *pacer
	paced int // grants that were taken notice of
}

type tenantModel struct {
	tenant *fairqueue.Tenant
	config fairqueue.TenantConfig
}

type flowModel struct {
	flow       *fairqueue.Flow
	tenant     *tenantModel
	weight     int
	backlogged time.Duration
	received   float64
}

// job is one acquisition.
type job struct {
	flow    *flowModel
	pool    *poolModel
	number  int
	arrival time.Duration
	since   time.Duration // when it began to wait
	startBy time.Duration
	asked   int // the width asked for
	width   int // the width held; 0 while it waits
	cost    int
	done    chan struct{}
	left    bool // done is closed
	lazy    bool // its owner looks later
	waiter  *fairqueue.Waiter
	ticket  fairqueue.Ticket
	err     error
}

// of selects jobs.
type of func(*job) bool

func (f *flowModel) jobs(j *job) bool   { return j.flow == f }
func (t *tenantModel) jobs(j *job) bool { return j.flow.tenant == t }
func (p *poolModel) jobs(j *job) bool   { return j.pool == p }
func anyJob(*job) bool                  { return true }

// held is how many slots the jobs hold.
func (m *model) held(which of) (n int) {
	for _, j := range m.jobs {
		if which(j) {
			n += j.width
		}
	}
	return n
}

// waiting is how many of the jobs wait.
func (m *model) waiting(which of) (n int) {
	for _, j := range m.jobs {
		if j.width == 0 && which(j) {
			n++
		}
	}
	return n
}

// heads returns the jobs that are first in their flow's queue for their pool.
func (m *model) heads() (heads []*job) {
	for _, j := range m.jobs {
		if j.width > 0 {
			continue
		}
		i := slices.IndexFunc(heads, func(k *job) bool { return k.flow == j.flow && k.pool == j.pool })
		switch {
		case i < 0:
			heads = append(heads, j)
		case j.before(heads[i]):
			heads[i] = j
		}
	}
	return heads
}

// before is the order within a flow and pool.
func (j *job) before(k *job) bool {
	return j.arrival < k.arrival || j.arrival == k.arrival && j.number < k.number
}

// isOver reports whether a slot would be of no use to it any more.
func (m *model) isOver(j *job) bool { return j.left || j.startBy > 0 && m.now > j.startBy }

// widthOf is how many slots a job takes under the present limits.
func (m *model) widthOf(j *job) int {
	width := j.asked
	for _, most := range []int{m.slots, j.pool.slots, j.flow.tenant.config.Max} {
		if most > 0 {
			width = min(width, most)
		}
	}
	return max(width, 1)
}

// tenantFits, poolFits and queueFits report whether a job's limits have room for
// it.
func (m *model) tenantFits(j *job) bool {
	t := j.flow.tenant
	return t.config.Max <= 0 || m.held(t.jobs)+m.widthOf(j) <= t.config.Max
}

func (m *model) poolFits(j *job) bool {
	return j.pool.slots <= 0 || m.held(j.pool.jobs)+m.widthOf(j) <= j.pool.slots
}

func (m *model) queueFits(j *job) bool {
	free := m.slots - m.held(anyJob)
	// Who had the headroom cannot be told without the order.
	if m.held(j.flow.tenant.jobs) > 0 && !m.murky {
		free -= m.headroom
	}
	return m.slots <= 0 || m.widthOf(j) <= free
}

func (m *model) fits(j *job) bool { return m.tenantFits(j) && m.poolFits(j) && m.queueFits(j) }

// isKept reports whether what a job needs may be kept for one that needs several
// slots and was passed over for too long.
func (m *model) isKept(j *job, heads []*job) bool {
	if m.isLeftOut(j, heads) {
		return true
	}
	return slices.ContainsFunc(heads, func(wide *job) bool {
		if !m.isImpatient(wide) || !m.tenantFits(wide) {
			return false
		}
		return m.poolFits(wide) && !m.queueFits(wide) || wide.pool == j.pool && !m.poolFits(wide)
	})
}

// isImpatient reports whether a job may want slots to be kept for it. It may
// have waited for longer than others have been going before it.
func (m *model) isImpatient(j *job) bool { return m.widthOf(j) > 1 && m.now-j.since >= m.backfill }

// isLeftOut reports whether a job may have to leave what its tenant can hold to
// another one of its tenant.
func (m *model) isLeftOut(j *job, heads []*job) bool {
	return slices.ContainsFunc(heads, func(wide *job) bool {
		return wide != j && wide.flow.tenant == j.flow.tenant && m.isImpatient(wide)
	})
}

// checkGrant checks, before j counts as granted, that it was its turn.
func (m *model) checkGrant(j *job) {
	if m.isOver(j) {
		m.t.Fatalf("job %d was granted after its end", j.number)
	}
	if !m.fits(j) {
		m.t.Fatalf("job %d was granted %d slots beyond a limit", j.number, m.widthOf(j))
	}
	if m.murky {
		return
	}
	heads := m.heads()
	if !slices.Contains(heads, j) {
		m.t.Fatalf("job %d was granted before an earlier one of its flow and pool", j.number)
	}
	lightest := math.MaxInt
	for _, k := range heads {
		if m.isLeftOut(k, heads) {
			return // perhaps it does not count
		}
		if m.tenantFits(k) {
			lightest = min(lightest, k.flow.weight)
		}
	}
	for _, k := range heads {
		if m.isOver(k) || !m.fits(k) || m.isKept(k, heads) || k.pool.wasClosed(m.now) {
			continue
		}
		if m.standing(k, lightest).before(m.standing(j, lightest)) {
			m.t.Fatalf("job %d was granted at %v before job %d at %v", j.number, m.standing(j, lightest), k.number, m.standing(k, lightest))
		}
	}
}

// standing is what can be told of a flow's turn without knowing its service.
type standing struct {
	rank, level, weight, width, held int
	pool                             *poolModel
}

func (m *model) standing(j *job, lightest int) standing {
	s := standing{weight: j.flow.weight, width: m.widthOf(j), held: m.held(j.flow.jobs), pool: j.pool}
	s.level = s.held * lightest / s.weight
	if m.held(j.flow.tenant.jobs) >= j.flow.tenant.config.Min {
		s.rank = 1
	}
	return s
}

func (s standing) String() string {
	return fmt.Sprintf("rank %d, level %d, weight %d, %d held", s.rank, s.level, s.weight, s.held)
}

func (s standing) before(t standing) bool {
	switch {
	case s.rank != t.rank:
		return s.rank < t.rank
	case s.weight == t.weight && s.width == t.width && s.pool == t.pool: // of one group
		return s.held < t.held
	}
	return s.level < t.level
}

// check compares the queue with the model at rest.
func (m *model) check() {
	m.compare("queue", m.queue.Snapshot(), fairqueue.Usage{Slots: m.slots, InUse: m.held(anyJob), Waiting: m.waiting(anyJob)})
	for _, p := range m.pools {
		m.compare("pool", p.pool.Usage(), fairqueue.Usage{Slots: p.slots, InUse: m.held(p.jobs), Waiting: m.waiting(p.jobs)})
		if p.pacer != nil && p.pacer.taken != p.paced {
			m.t.Fatalf("a pacer gave leave %d times for %d grants", p.pacer.taken, p.paced)
		}
	}
	for _, t := range m.tenants {
		m.compare("tenant", t.tenant.Usage(), fairqueue.Usage{Slots: t.config.Max, InUse: m.held(t.jobs), Waiting: m.waiting(t.jobs)})
	}
	for _, f := range m.flows {
		m.compare("flow", f.flow.Usage(), fairqueue.Usage{InUse: m.held(f.jobs), Waiting: m.waiting(f.jobs)})
	}
	if m.maxWaiting > 0 && m.waiting(anyJob) > m.maxWaiting {
		m.t.Fatalf("%d wait where %d may", m.waiting(anyJob), m.maxWaiting)
	}
	if got := m.queue.DoubleReleases(); got != m.doubles {
		m.t.Fatalf("%d double releases were counted of %d", got, m.doubles)
	}
	heads := m.heads()
	for _, j := range heads {
		if m.fits(j) && !m.isKept(j, heads) && !j.pool.closed(m.now) {
			m.t.Fatalf("job %d of width %d waits while there is room for it", j.number, m.widthOf(j))
		}
	}
}

func (m *model) compare(what string, got, want fairqueue.Usage) {
	if got != want {
		m.t.Fatalf("the %s says %+v, but there is %+v", what, got, want)
	}
}

// integrate reckons what flows had since it was called last. It must be called
// before anything changes.
func (m *model) integrate() {
	d := m.now - m.integrated
	m.integrated = m.now
	if d == 0 {
		return
	}
	for _, f := range m.flows {
		most := f.tenant.config.Max
		if m.waiting(f.jobs) > 0 && (most <= 0 || m.held(f.tenant.jobs) < most) {
			f.backlogged += d
			f.received += float64(m.held(f.jobs)) * d.Seconds() / float64(f.weight)
		}
	}
}

// checkShares compares what flows had with what the queue says.
func (m *model) checkShares() {
	m.integrate()
	for i, f := range m.flows {
		got := f.flow.Share()
		if got.Backlogged != f.backlogged || math.Abs(got.Received-f.received) > 1e-6 {
			m.t.Fatalf("flow %d had %+v, but should have had %v and %v", i, got, f.backlogged, f.received)
		}
	}
}

// pacer lets a cost of most pass in each span of time, exactly.
type pacer struct {
	most  int
	per   time.Duration
	log   []pacedCost
	until time.Duration // when it said that it may be asked again
	// refused is when it last told the queue to wait.
	refused time.Duration
	taken   int
}

type pacedCost struct {
	at   time.Duration
	cost int
}

func (p *pacer) Take(now time.Duration, of fairqueue.Cost) (entry fairqueue.PaceEntry, wait time.Duration) {
	cost := min(of.Expected, p.most)
	sum := 0
	for _, c := range slices.Backward(p.log) {
		if c.at+p.per <= now {
			break
		}
		if sum += c.cost; sum+cost > p.most {
			p.until, p.refused = c.at+p.per, now
			return fairqueue.PaceEntry{}, p.until - now
		}
	}
	p.log = append(p.log, pacedCost{at: now, cost: cost})
	p.taken++
	p.until = 0
	return fairqueue.PaceEntry{uint64(len(p.log) - 1)}, 0
}

func (p *pacer) Done(fairqueue.PaceEntry) {}

func (p *pacer) Correct(_ time.Duration, entry fairqueue.PaceEntry, cost int) {
	c := &p.log[entry[0]]
	if cost < c.cost {
		p.until = 0
	}
	c.cost = min(cost, p.most)
}

func (p *pacer) Undo(entry fairqueue.PaceEntry) {
	p.log[entry[0]].cost = 0
	p.taken--
	p.until = 0
}

// closed reports whether the pool's pacer has told the queue to wait.
func (p *poolModel) closed(now time.Duration) bool { return p.pacer != nil && now < p.pacer.until }

// wasClosed reports whether the pool's pacer has told the queue to wait a moment
// ago. It may have opened for somebody else since.
func (p *poolModel) wasClosed(now time.Duration) bool {
	return p.closed(now) || p.pacer != nil && p.pacer.refused == now
}
