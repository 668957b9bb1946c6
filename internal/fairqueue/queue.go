package fairqueue

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/keyheap"
)

// Why an acquisition failed, beside the errors of its context.
var (
	// ErrFull means that the queue holds as many waiters as it may, and that no
	// other flow's part of it is longer than this one's.
	ErrFull = errors.New("fairqueue: the queue is full")
	// ErrTenantFull means that the tenant has as many waiters as it may.
	ErrTenantFull = errors.New("fairqueue: the tenant's part of the queue is full")
	// ErrDropped means that the waiter gave up its place in a full queue to a
	// flow with a shorter one.
	ErrDropped = errors.New("fairqueue: dropped from a full queue")
	// ErrHopeless means that the wait is predicted to be longer than there is
	// time.
	ErrHopeless = errors.New("fairqueue: the wait is longer than there is time")
	// ErrLate means that the time by which the waiter had to start has passed.
	ErrLate = errors.New("fairqueue: not started in time")
)

// Config says what a Queue shares out. 0 turns a limit off.
type Config struct {
	// Slots are the units of concurrency that all flows share.
	Slots int
	// MaxWaiting is the most acquisitions that may wait.
	MaxWaiting int
	// Headroom is how many of the slots are kept for tenants that hold none.
	Headroom int
	// Backfill is how long one that needs several slots must have waited before
	// slots that come free in its turn are kept for it. Until then those who need
	// fewer go before it.
	Backfill time.Duration
	// Released, if not nil, is told of every release, without any lock held.
	Released func(width int)
	// Clock is the time that the queue lives in; the zero Clock is real time.
	Clock Clock
}

// Clock is a source of time.
type Clock struct {
	// Now is the time since a start of the clock's choosing. It does not jump.
	Now func() time.Duration
	// AfterFunc calls f once, after d, on a goroutine of its own.
	AfterFunc func(d time.Duration, f func())
}

// Queue owns the slots. Its methods, and those of its pools, tenants and flows,
// are safe for concurrent use.
type Queue struct {
	config Config
	clock  Clock
	// slow says that somebody waits, or that a limit was lowered below what is in
	// use: then nothing is taken or given back outside the mutex.
	slow    atomic.Bool
	waiting atomic.Int64  // written under mu
	longest atomic.Uint64 // the longest normalised queue, as the bits of a float
	free    atomic.Int64  // slots that nobody who waits can use
	doubles atomic.Uint64
	waiters sync.Pool

	mu     mutex
	slots  int
	inUse  int // parked ones included
	pools  []*Pool
	over   []limit // what holds more than it may since its limit was lowered
	parked []*lane // lanes that may have parked slots
	spare  []*Slot
	drops  keyheap.Ladders[*Flow] // flows that wait, by how many of theirs do
	used   int                    // pools that anyone has ever asked for
	round  uint64                 // of looking for the next waiter
	wide   int                    // how many of those who wait ask for several slots
	// blocked says that free slots are kept for a waiter that needs several.
	blocked bool
	grants  meter
	shares  sharing
	// meanHold is how long slots were held lately, in contended times.
	meanHold time.Duration
}

// limit is something that may hold no more than a number of slots.
type limit interface{ exceeded() bool }

// Pool is a set of slots beside the queue's own: every acquisition takes as
// many of one as of the other.
type Pool struct {
	queue   *Queue
	number  int
	pacer   Pacer
	slots   int // 0 = no limit
	inUse   int
	waiting int
	used    bool // someone has asked for it
	groups  []*group
	spare   []*group      // that were in use once
	skipped uint64        // the round in which it is out of the question
	opens   time.Duration // until when the pacer said to wait
	wakes   time.Duration // when a timer will look again; 0 = none will
	grants  meter
}

// PaceEntry is what a Pacer knows an acquisition by.
type PaceEntry [3]uint64

// Pacer is a limit on the rate of a pool. Its methods are called with the
// queue's mutex held: they must neither block nor call the queue.
type Pacer interface {
	// Take counts an acquisition of that cost if it may start at now. If not, it
	// counts nothing and wait is how long until it may.
	Take(now time.Duration, cost Cost) (entry PaceEntry, wait time.Duration)
	// Correct says at now what an acquisition cost in the end, Done that it was
	// released.
	Correct(now time.Duration, entry PaceEntry, cost int)
	Done(entry PaceEntry)
	// Undo takes back an acquisition that was never used.
	Undo(entry PaceEntry)
}

// Cost is what an acquisition is expected to cost, and what it costs at most.
type Cost struct{ Expected, Most int }

// PoolConfig says what a pool has.
type PoolConfig struct {
	Slots int   // 0 = no limit
	Pacer Pacer // nil = any rate
}

// Tenant owns flows. Its limits hold for all of them together. What a grant touches
// of it, its first flow and that one's first lane are three cache lines, side by side.
type Tenant struct {
	queue      *Queue
	waiting    atomic.Int64 // written under the queue's mu
	maxWaiting atomic.Int64 // TenantConfig's, for those who look without the mutex
	capped     atomic.Bool  // it holds as much as it may
	holds      atomic.Bool  // it holds something, if there is headroom

	min   int // TenantConfig's
	max   int
	held  int
	flows *Flow // the first; each has the next
	own   Flow  // the first of flows
}

// TenantConfig says what a tenant may have.
type TenantConfig struct {
	// Min is how many slots it gets before anyone's turn, when it asks for them.
	Min int
	// Max is the most slots that it may hold; 0 = no limit.
	Max int
	// MaxWaiting is the most acquisitions of it that may wait; 0 = no limit.
	MaxWaiting int
}

// Flow is a party to the sharing.
type Flow struct {
	tenant *Tenant
	// lanes is the first of the flow's lanes, one for each pool that it has asked
	// for; each has the next. nil if there is none.
	lanes   atomic.Pointer[lane]
	weight  int
	held    int
	account account
	own     lane // the first of lanes

	waiting int
	// pace is the time from one grant to the next lately, in nanoseconds; 0 if it
	// is not known, or differs from pool to pool.
	pace atomic.Int64
	// queued is waiting again, for those who look without the mutex.
	queued   atomic.Int64
	share    atomic.Int64 // weight again, for them
	received received
	standing keyheap.Standing[*Flow] // in drops
	sibling  *Flow                   // the tenant's next
}

// New returns a queue.
func New(config Config) *Queue {
	q := &Queue{config: config, clock: config.Clock, slots: config.Slots}
	if q.clock.Now == nil {
		start := time.Now()
		q.clock.Now = func() time.Duration { return time.Since(start) }
	}
	if q.clock.AfterFunc == nil {
		q.clock.AfterFunc = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	}
	q.waiters.New = func() any { return &Waiter{queue: q, ready: make(chan struct{}, 1)} }
	return q
}

// Pool adds a pool.
func (q *Queue) Pool(config PoolConfig) *Pool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &Pool{queue: q, number: len(q.pools), slots: config.Slots, pacer: config.Pacer}
	q.pools = append(q.pools, p)
	return p
}

// Tenant returns a new owner of flows.
func (q *Queue) Tenant(config TenantConfig) *Tenant {
	t := &Tenant{queue: q}
	t.limit(config)
	return t
}

// Flow returns a new flow of the tenant. weight, at least 1, is its share beside
// those of the others. A flow that holds nothing and waits for nothing costs the
// queue nothing.
func (t *Tenant) Flow(weight int) *Flow {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	f := &t.own
	place := &t.flows
	if *place != nil {
		f = &Flow{}
	}
	for *place != nil {
		place = &(*place).sibling
	}
	*place = f
	f.tenant, f.weight, f.standing.Item = t, max(weight, 1), f
	f.share.Store(int64(f.weight))
	return f
}

// Request is what an acquisition asks for.
type Request struct {
	Flow *Flow
	Pool *Pool
	// Arrival, on the queue's clock, is the order within the flow: a second try
	// of the same work passes its first arrival and stands where it stood.
	Arrival time.Duration
	// Width is how many slots it takes; 0 means 1. One that is wider than a limit
	// allows takes what there is.
	Width int
	// Cost, in any unit, breaks ties between flows and is what a Pacer counts.
	Cost int
	// MostCost is what it may cost at most, for a Pacer; at least Cost.
	MostCost int
	// StartBy, on the queue's clock, is the latest time at which a grant is of
	// use; 0 = any time is.
	StartBy time.Duration
	// Done, if not nil, is closed when the acquisition is not wanted any more.
	Done <-chan struct{}
	// Notify, if not nil, is called when the wait of a Waiter that Enter returned
	// ends, unless Cancel ended it. The queue's mutex is held then: it must neither
	// block nor call the queue.
	Notify func(*Waiter)
}

// Acquire takes slots for r.Flow from the queue and from r.Pool. It blocks
// until they are granted in fair turn, ctx ends or the waiter is dropped. A free
// slot is granted even if ctx has ended. Errors are ErrFull, ErrTenantFull,
// ErrDropped, ErrLate, and ctx's.
func (q *Queue) Acquire(ctx context.Context, r Request) (Ticket, error) {
	if ticket, ok := q.takeParked(&r); ok {
		return ticket, nil
	}
	r.Done = ctx.Done()
	ticket, w, err := q.enter(&r)
	if w == nil {
		return ticket, err
	}
	select {
	case <-w.Ready():
		return w.Result()
	case <-ctx.Done():
		w.Cancel()
		return Ticket{}, ctx.Err()
	}
}

// Enter is Acquire without the wait: it grants at once, or fails at once, or
// returns a Waiter that the caller must end with Result or Cancel.
func (q *Queue) Enter(r Request) (Ticket, *Waiter, error) { return q.EnterFor(&r) }

// EnterFor is Enter without the copy: it keeps nothing of r.
func (q *Queue) EnterFor(r *Request) (Ticket, *Waiter, error) {
	if ticket, ok := q.takeParked(r); ok {
		return ticket, nil, nil
	}
	return q.enter(r)
}

// enter is Enter under the mutex.
func (q *Queue) enter(r *Request) (Ticket, *Waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lane(r.Flow, r.Pool)
	width := q.clampWidth(r.Width, l)
	if ticket, ok := q.grantFree(l, width, Cost{r.Cost, r.MostCost}); ok {
		return ticket, nil, nil
	}
	if err := q.admit(l, width); err != nil {
		return Ticket{}, nil, err
	}
	w, _ := q.waiters.Get().(*Waiter)
	w.begin(r)
	q.enqueue(w, l)
	q.dispatch()
	if w.state == waiting {
		w.notify = r.Notify
		return Ticket{}, w, nil
	}
	<-w.ready
	ticket, err := w.Result()
	return ticket, nil, err
}

// admit finds a place in the queue for an acquisition in l, unless it will not
// need one. Errors are ErrTenantFull and ErrFull.
func (q *Queue) admit(l *lane, width int) error {
	if q.waiting.Load() == 0 || q.mayWait(l.flow) {
		return nil
	}
	q.tick()
	q.dispatch() // time has passed, so perhaps what is free is another's now
	if q.mayWait(l.flow) || q.isFree(l, width) {
		return nil
	}
	return q.makePlace(l.flow)
}

// grantFree grants at once where nobody waits and there is room.
func (q *Queue) grantFree(l *lane, width int, cost Cost) (ticket Ticket, ok bool) {
	if q.waiting.Load() > 0 || !q.reclaimFor(l, width) {
		return Ticket{}, false
	}
	if l.pool.pacer == nil {
		return q.grant(l, width, cost.Expected), true
	}
	entry, wait := l.pool.pacer.Take(q.clock.Now(), cost)
	if wait > 0 {
		return Ticket{}, false
	}
	ticket = q.grant(l, width, cost.Expected)
	ticket.slot.entry = entry
	return ticket, true
}

// clampWidth is how many slots an acquisition in l takes: what it asks for, but
// no more than there can be.
func (q *Queue) clampWidth(width int, l *lane) int {
	for _, most := range [...]int{q.slots, l.pool.slots, l.flow.tenant.max} {
		if most > 0 {
			width = min(width, most)
		}
	}
	return max(width, 1)
}

// Resize changes the number of slots. Work that runs goes on; what growth
// allows is granted at once.
func (q *Queue) Resize(slots int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.slots = slots
	q.limitChanged(q)
}

// Resize changes the pool's number of slots, as Queue.Resize does.
func (p *Pool) Resize(slots int) {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	p.slots = slots
	p.queue.limitChanged(p)
}

// Change gives the tenant other limits. Work that runs goes on, and those who
// wait stay.
func (t *Tenant) Change(config TenantConfig) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	t.queue.tick()
	t.limit(config)
	t.queue.replace(t)
	t.queue.limitChanged(t)
}

func (t *Tenant) limit(config TenantConfig) {
	t.min, t.max = config.Min, config.Max
	t.maxWaiting.Store(int64(config.MaxWaiting))
}

// SetWeight changes the flow's share.
func (f *Flow) SetWeight(weight int) {
	q := f.tenant.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick()
	q.settle(f)
	if f.waiting > 0 {
		q.addWeight(max(weight, 1) - f.weight)
	}
	f.weight = max(weight, 1)
	f.share.Store(int64(f.weight))
	if f.waiting > 0 {
		q.drops.Leave(&f.standing, f.waiting)
		q.drops.Join(&f.standing, f.weight, f.waiting)
		q.noteLongest()
	}
	q.replace(f.tenant)
}

// limitChanged lets everyone feel another limit of what.
func (q *Queue) limitChanged(what limit) {
	q.reclaim()
	if what.exceeded() {
		q.over = append(q.over, what)
	}
	q.tick()
	q.widthsChanged()
	q.dispatch()
}

// widthsChanged has those who wait for several slots ask for no more than there
// can be: they would wait for ever, and others behind them.
func (q *Queue) widthsChanged() {
	if q.wide == 0 {
		return
	}
	for f := range q.drops.All {
		q.placeAll(f)
	}
}

func (q *Queue) exceeded() bool { return q.slots > 0 && q.inUse > q.slots }

func (p *Pool) exceeded() bool { return p.slots > 0 && p.inUse > p.slots }

func (t *Tenant) exceeded() bool { return t.max > 0 && t.held > t.max }
