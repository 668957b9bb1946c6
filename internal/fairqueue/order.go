package fairqueue

import (
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/keyheap"
)

// sharing is the time in which shares are reckoned: it runs while somebody
// waits. What a flow uses when nobody waits costs nobody anything.
type sharing struct {
	contended bool
	// epoch numbers the times of contention; each reckons anew.
	epoch uint64
	at    time.Duration // the queue's clock, as last read
	begun time.Duration // when the epoch began
	ended time.Duration // when the last epoch ended
	// weights is the sum over the flows that wait, usual its mean over time up to
	// when it changed.
	weights int
	usual   float64
	changed time.Duration
}

// account is what a flow has had in the present epoch.
type account struct {
	epoch   uint64
	settled time.Duration // up to when it is reckoned, since the epoch's begin
	// service is slot-seconds for each unit of weight.
	service float64
	// tokens is cost for each unit of weight.
	tokens float64
}

// received is the time for which a flow has waited below its tenant's cap, in all
// epochs, and the slot-seconds for each unit of weight that it had meanwhile.
type received struct {
	backlogged time.Duration
	service    float64
}

// tick reads the clock, if it is of any use.
func (q *Queue) tick() {
	if q.shares.contended {
		q.shares.at = max(q.shares.at, q.clock.Now())
	}
}

// beginContention begins an epoch.
func (q *Queue) beginContention() {
	q.shares.contended = true
	q.shares.epoch++
	q.shares.at = max(q.shares.at, q.clock.Now())
	q.shares.begun = q.shares.at
	q.shares.usual, q.shares.changed = 0, q.shares.at
	if q.shares.at-q.shares.ended > forgetGrants {
		q.grants.restart(q.shares.at)
		for _, p := range q.pools {
			p.grants.restart(q.shares.at)
		}
	}
}

// endContention ends the epoch, if there is one.
func (q *Queue) endContention() {
	if q.shares.contended {
		q.shares.contended, q.shares.ended = false, q.shares.at
	}
}

// elapsed is how long the epoch has lasted.
func (q *Queue) elapsed() time.Duration { return q.shares.at - q.shares.begun }

// settle reckons what f has had up to now. It comes before every change of what
// the flow holds or whether it waits.
func (q *Queue) settle(f *Flow) {
	a := &f.account
	if a.epoch != q.shares.epoch {
		a.epoch, a.settled, a.service, a.tokens = q.shares.epoch, 0, 0, 0
	}
	if !q.shares.contended {
		return
	}
	now := q.elapsed()
	d := now - a.settled
	if d == 0 {
		return
	}
	a.settled = now
	had := float64(f.held) * d.Seconds() / float64(f.weight)
	a.service += had
	if f.waiting > 0 && !f.tenant.capped.Load() {
		f.received.backlogged += d
		f.received.service += had
	}
}

// serviceNow is the service of a flow that holds what it held when last
// settled.
func (q *Queue) serviceNow(f *Flow) float64 {
	return f.account.service + float64(f.held)*(q.elapsed()-f.account.settled).Seconds()/float64(f.weight)
}

// firstService is serviceNow of a group's first flow. One that holds nothing need
// not be looked at: what it had is in its key.
func (q *Queue) firstService(g *group) float64 {
	if k := g.lanes.TopKey(); k.Level>>1 == 0 {
		return k.Service
	}
	return q.serviceNow(g.lanes.Top().flow)
}

// group is the lanes of a pool whose flows have the same weight and whose first
// waiters need the same number of slots.
type group struct {
	weight int
	width  int
	rank   rank
	lanes  keyheap.Heap[*lane] // by lane.key
	// skipped is the round in which its first lane is out of the question.
	skipped uint64
}

// rank tells guaranteed slots from those that are shared.
type rank uint8

const (
	guaranteed rank = iota
	shared
)

// place puts l where it belongs after a change: into the group of its flow's
// weight and its first waiter's width, or nowhere if nobody waits or the tenant
// may hold no more.
func (q *Queue) place(l *lane) {
	var want *group
	t := l.flow.tenant
	if l.head != nil {
		l.head.width = q.clampWidth(l.head.asked, l)
	}
	if l.head != nil && t.hasRoom(l.head.width) && q.saver(t) == nil {
		r := shared
		if t.held < t.min {
			r = guaranteed
		}
		want = l.pool.group(l.flow.weight, l.head.width, r)
	}
	switch {
	case l.group == want && want != nil:
		want.lanes.Fix(l.handle, l.key())
		return
	case l.group == want:
		return
	case l.group != nil:
		l.group.lanes.Remove(l.handle)
		l.pool.dropEmpty(l.group)
	}
	l.group = want
	if want != nil {
		l.handle = want.lanes.Push(l.key(), l)
	}
}

// saver is the lane of t whose first waiter asks for several slots, more than t
// has room for, and has waited for Backfill: all others of t leave what it lacks.
// nil if there is none.
func (q *Queue) saver(t *Tenant) *lane {
	if q.wide == 0 || t.max <= 0 {
		return nil
	}
	for f := t.flows; f != nil; f = f.sibling {
		for l := f.lanes.Load(); l != nil; l = l.more.Load() {
			if l.head == nil || q.shares.at-l.head.since < q.config.Backfill {
				continue
			}
			if width := q.clampWidth(l.head.asked, l); width > 1 && !t.hasRoom(width) {
				return l
			}
		}
	}
	return nil
}

// replace places every lane of t anew.
func (q *Queue) replace(t *Tenant) {
	if capped := t.max > 0 && t.held >= t.max; capped != t.capped.Load() {
		for f := t.flows; f != nil; f = f.sibling {
			q.settle(f) // what it had up to now, it had in the other state
		}
		t.capped.Store(capped)
	}
	if holds := t.held > 0 && q.config.Headroom > 0; holds != t.holds.Load() {
		t.holds.Store(holds)
	}
	if t.waiting.Load() == 0 {
		return
	}
	for f := t.flows; f != nil; f = f.sibling {
		if f.waiting > 0 {
			q.placeAll(f)
		}
	}
}

// placeAll places every lane of f anew in which somebody waits.
func (q *Queue) placeAll(f *Flow) {
	for l := f.lanes.Load(); l != nil; l = l.more.Load() {
		if l.head != nil {
			q.place(l)
		}
	}
}

// dropEmpty takes a group that nobody is in out of the list, and keeps it for the
// next that is needed.
func (p *Pool) dropEmpty(g *group) {
	if g.lanes.Len() > 0 {
		return
	}
	at := slices.Index(p.groups, g)
	p.groups = slices.Delete(p.groups, at, at+1)
	p.spare = append(p.spare, g)
}

// group returns the pool's group of that kind, made on first use. There are as
// many as there are weights and widths among those that wait, so few.
func (p *Pool) group(weight, width int, r rank) *group {
	for _, g := range p.groups {
		if g.weight == weight && g.width == width && g.rank == r {
			return g
		}
	}
	var g *group
	if n := len(p.spare); n > 0 {
		g, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		g = &group{}
	}
	g.weight, g.width, g.rank, g.skipped = weight, width, r, 0
	p.groups = append(p.groups, g)
	return g
}

// key is the order of lanes within a group: the flow that holds least, then the
// one whose tenant holds nothing, then the one that had least. Flows that hold
// equally many slots of equal weight gain service equally fast, so what they
// would have had at the epoch's begin orders them at all times.
func (l *lane) key() keyheap.Key {
	f := l.flow
	level := int64(f.held) << 1
	if f.held == 0 && f.tenant.held > 0 {
		level++
	}
	a := &f.account
	gained := float64(f.held) * a.settled.Seconds() / float64(f.weight)
	return keyheap.Key{Level: level, Service: a.service - gained, Tokens: a.tokens, Arrival: l.head.arrival}
}

// candidate is the first lane of a group, as it stands beside those of others.
type candidate struct {
	lane  *lane
	rank  rank
	level int
	// service is what its flow will have had when the slots that it holds are
	// released, if from now on they are held for the mean. Service so far will not
	// do here: it grows with time only, so of slots that come free together one
	// flow would get all.
	service float64
}

// next is the lane whose turn it is among those whose pool has room; nil if
// there is none.
func (q *Queue) next() *lane {
	if q.slots > 0 && q.inUse >= q.slots {
		return nil
	}
	lightest, hold := q.lightest(), q.meanHoldOr(firstHold).Seconds()
	var best candidate
	for _, p := range q.pools {
		if p.waiting == 0 || p.skipped == q.round || !p.hasRoom(1) {
			continue
		}
		for _, g := range p.groups {
			if g.lanes.Len() == 0 || g.skipped == q.round {
				continue
			}
			l := g.lanes.Top()
			if !q.roomFor(l.flow.tenant, 1) {
				continue
			}
			f := l.flow
			c := candidate{
				lane: l, rank: g.rank, level: f.held * lightest / g.weight,
				service: q.serviceNow(f) + float64(f.held)*hold/float64(f.weight),
			}
			if best.lane == nil || c.before(best) {
				best = c
			}
		}
	}
	if best.lane != nil {
		q.clampLead(q.serviceNow(best.lane.flow), hold)
	}
	return best.lane
}

// before is the order between the first lanes of groups: guaranteed slots, then
// the fewest slots for the weight, where those within one slot of the lightest
// flow are equal, then the least service, the least tokens, the first arrival.
func (c candidate) before(d candidate) bool {
	switch {
	case c.rank != d.rank:
		return c.rank < d.rank
	case c.level != d.level:
		return c.level < d.level
	case c.service != d.service:
		return c.service < d.service
	case c.lane.flow.account.tokens != d.lane.flow.account.tokens:
		return c.lane.flow.account.tokens < d.lane.flow.account.tokens
	}
	return c.lane.head.arrival < d.lane.head.arrival
}

// lightest is the least weight among the flows that may be served.
func (q *Queue) lightest() int {
	lightest := 0
	for _, p := range q.pools {
		if p.waiting == 0 {
			continue
		}
		for _, g := range p.groups {
			if g.lanes.Len() > 0 && (lightest == 0 || g.weight < lightest) {
				lightest = g.weight
			}
		}
	}
	return max(lightest, 1)
}

// mostLead is how far a flow's service may be ahead of that of the one whose
// turn it is, in mean holding times of a slot.
const mostLead = 4

// clampLead takes from the flows that could have been next what they are ahead
// by more than the bound: so none waits for long because it had much when the
// others could not use it. best is the service of the one whose turn it is, hold
// the mean holding time in seconds.
func (q *Queue) clampLead(best, hold float64) {
	most := mostLead * hold
	for _, p := range q.pools {
		for _, g := range p.groups {
			if g.lanes.Len() == 0 {
				continue
			}
			if ahead := q.firstService(g) - best - most/float64(g.weight); ahead > 0 {
				f := g.lanes.Top().flow
				f.account.service -= ahead
				f.reorder()
			}
		}
	}
}

// reorder moves f's lanes to where they belong in their groups after what f has
// had changed.
func (f *Flow) reorder() {
	for l := f.lanes.Load(); l != nil; l = l.more.Load() {
		if l.group != nil {
			l.group.lanes.Fix(l.handle, l.key())
		}
	}
}

// join is called when f begins to wait: it starts level with whoever would be
// next, so that it is not served for the time in which it did not wait.
func (q *Queue) join(f *Flow) {
	least, found := 0.0, false
	tokens := 0.0
	for _, p := range q.pools {
		for _, g := range p.groups {
			if g.lanes.Len() == 0 {
				continue
			}
			if s := q.firstService(g); !found || s < least {
				least, tokens, found = s, g.lanes.TopKey().Tokens, true
			}
		}
	}
	if found {
		f.account.service = max(f.account.service, least)
		f.account.tokens = max(f.account.tokens, tokens)
	}
	q.addWeight(f.weight)
}

// leave is called when f waits no more.
func (q *Queue) leave(f *Flow) {
	q.addWeight(-f.weight)
	if f.pace.Load() != 0 {
		f.pace.Store(0)
	}
}
