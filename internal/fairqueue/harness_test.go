package fairqueue_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// world is virtual time: one thread, and a heap of what is to happen. It drives
// the real queue by Enter and Notify, so a simulated hour takes as long as its
// grants do.
type world struct {
	now    time.Duration
	events []event
	made   uint64
	soon   []func() // to be done as soon as the queue may be called again
}

type event struct {
	at     time.Duration
	number uint64 // of two events at one time, the one made first comes first
	do     func()
}

func (e event) before(f event) bool {
	return e.at < f.at || e.at == f.at && e.number < f.number
}

// clock is the world's time, as a queue wants it.
func (w *world) clock() fairqueue.Clock {
	return fairqueue.Clock{Now: func() time.Duration { return w.now }, AfterFunc: w.after}
}

// after has f called when d has passed.
func (w *world) after(d time.Duration, f func()) {
	w.made++
	w.events = append(w.events, event{at: w.now + max(d, 0), number: w.made, do: f})
	i := len(w.events) - 1
	for i > 0 && w.events[i].before(w.events[(i-1)/2]) {
		w.events[i], w.events[(i-1)/2] = w.events[(i-1)/2], w.events[i]
		i = (i - 1) / 2
	}
}

// pop removes the next event.
func (w *world) pop() event {
	first, last := w.events[0], len(w.events)-1
	w.events[0], w.events[last] = w.events[last], event{}
	w.events = w.events[:last]
	i := 0
	for {
		child := 2*i + 1
		if child+1 < last && w.events[child+1].before(w.events[child]) {
			child++
		}
		if child >= last || !w.events[child].before(w.events[i]) {
			return first
		}
		w.events[i], w.events[child] = w.events[child], w.events[i]
		i = child
	}
}

// run lets time pass until a moment, its events included.
func (w *world) run(until time.Duration) {
	w.settle()
	for len(w.events) > 0 && w.events[0].at <= until {
		e := w.pop()
		w.now = e.at
		e.do()
		w.settle()
	}
	w.now = until
}

// settle does what could not be done while the queue was busy.
func (w *world) settle() {
	for len(w.soon) > 0 {
		f := w.soon[0]
		w.soon = w.soon[1:]
		f()
	}
}

// gauge is a number over time.
type gauge struct {
	value int
	since time.Duration
	sum   float64 // value times seconds, up to since
}

func (g *gauge) add(now time.Duration, n int) {
	g.total(now)
	g.value += n
}

// total is the integral of the number up to now, in seconds.
func (g *gauge) total(now time.Duration) float64 {
	g.sum += float64(g.value) * (now - g.since).Seconds()
	g.since = now
	return g.sum
}

// site is a queue in a world, and what happens there.
type site struct {
	*world
	t      *testing.T
	queue  *fairqueue.Queue
	pool   *fairqueue.Pool
	random *rand.Rand
	inUse  gauge
	// onGrant and onRelease, if not nil, are called after each grant, and before
	// each release.
	onGrant, onRelease func(*app)
}

// newSite returns a queue with one pool that has no limit of its own.
func newSite(t *testing.T, config fairqueue.Config) *site {
	t.Helper()
	w := &world{}
	config.Clock = w.clock()
	q := fairqueue.New(config)
	return &site{
		world: w, t: t, queue: q, pool: q.Pool(fairqueue.PoolConfig{}), random: rand.New(rand.NewPCG(1, 2)),
	}
}

// The distributions of service times.

func constant(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func (s *site) exponential(mean time.Duration) func() time.Duration {
	return func() time.Duration { return time.Duration(s.random.ExpFloat64() * float64(mean)) }
}

// lognormal has the spread of generations: a tenth take less than 0.3 times, a
// hundredth more than 4.6 times the mean.
func (s *site) lognormal(mean time.Duration) func() time.Duration {
	const sigma = 0.8
	return func() time.Duration {
		return time.Duration(math.Exp(s.random.NormFloat64()*sigma-sigma*sigma/2) * float64(mean))
	}
}

// app is one who calls, over and over.
type app struct {
	*site
	flow    *fairqueue.Flow
	pool    *fairqueue.Pool
	service func() time.Duration
	width   int
	cost    int
	// retry is how long a closed-loop client that was refused stays away.
	retry time.Duration
	// rate, if not 0, makes it open-loop: so many arrivals each second.
	rate float64

	held     gauge
	served   int
	refused  int
	waits    []time.Duration // of those that were served, 0 for those at once
	honesty  []float64       // actual by predicted wait, of those that waited
	measured bool            // waits and honesty of those who come now are noted
}

// app adds a flow of a tenant of its own.
func (s *site) app(weight int, service func() time.Duration) *app {
	return s.appOf(s.queue.Tenant(fairqueue.TenantConfig{}), weight, service)
}

// appOf adds a flow of the tenant.
func (s *site) appOf(t *fairqueue.Tenant, weight int, service func() time.Duration) *app {
	return &app{site: s, flow: t.Flow(weight), pool: s.pool, service: service, retry: time.Second}
}

// clients starts so many closed loops: each enters again as soon as it was
// served.
func (a *app) clients(n int) *app {
	for range n {
		a.after(0, a.enter)
	}
	return a
}

// arrivals starts an open loop: a Poisson process of so many each second.
func (a *app) arrivals(each float64) *app {
	a.rate = each
	a.after(a.gap(), a.arrive)
	return a
}

func (a *app) gap() time.Duration {
	return time.Duration(a.random.ExpFloat64() / a.rate * float64(time.Second))
}

func (a *app) arrive() {
	a.after(a.gap(), a.arrive)
	a.enter()
}

// call is one acquisition of an app.
type call struct {
	app     *app
	arrived time.Duration
	outlook fairqueue.Outlook
	waited  bool
	noted   bool // in the app's waits
}

func (a *app) enter() {
	c := &call{app: a, arrived: a.now, noted: a.measured}
	ticket, w, err := a.queue.Enter(fairqueue.Request{
		Flow: a.flow, Pool: a.pool, Arrival: a.now, Width: a.width, Cost: a.cost, Notify: c.notified,
	})
	if w != nil {
		c.waited, c.outlook = true, w.Outlook()
		return
	}
	c.settled(ticket, err)
}

// notified is called by the queue, which may not be called from here.
func (c *call) notified(w *fairqueue.Waiter) {
	c.app.soon = append(c.app.soon, func() {
		<-w.Ready()
		c.settled(w.Result())
	})
}

func (c *call) settled(ticket fairqueue.Ticket, err error) {
	a := c.app
	if err != nil {
		if !errors.Is(err, fairqueue.ErrFull) && !errors.Is(err, fairqueue.ErrTenantFull) && !errors.Is(err, fairqueue.ErrDropped) {
			a.t.Fatalf("refused with %v", err)
		}
		a.refused++
		if a.rate == 0 {
			a.after(a.retry, a.enter)
		}
		return
	}
	a.note(c)
	width := max(a.width, 1)
	a.held.add(a.now, width)
	a.inUse.add(a.now, width)
	a.after(a.service(), func() { a.release(ticket, width) })
	if a.onGrant != nil {
		a.onGrant(a)
	}
}

func (a *app) note(c *call) {
	a.served++
	if !c.noted {
		return
	}
	waited := a.now - c.arrived
	a.waits = append(a.waits, waited)
	if c.waited && c.outlook.Known {
		a.honesty = append(a.honesty, waited.Seconds()/c.outlook.Wait.Seconds())
	}
}

func (a *app) release(ticket fairqueue.Ticket, width int) {
	if a.onRelease != nil {
		a.onRelease(a)
	}
	a.held.add(a.now, -width)
	a.inUse.add(a.now, -width)
	if !ticket.Release() {
		a.t.Fatal("a release was not the first of its ticket")
	}
	a.settle() // before the client comes again, those who were served are noted
	if a.rate == 0 {
		a.enter()
	}
}

// quantile returns the value below which a part p of the values lie. It sorts
// them.
func quantile[T float64 | time.Duration](values []T, p float64) T {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(p*float64(len(values))), len(values)-1)]
}

// jainIndex is 1 if all values are equal, and 1/n if all but one of n are 0.
func jainIndex(values []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range values {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(values)) * squares)
}
