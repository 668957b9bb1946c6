package sim

import (
	"container/heap"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/report"
)

// contrast is a scheduler to compare the service's own with. It has the slots of
// the service and of the providers and the bound on the whole queue, and nothing
// else: no caps, no guarantees, no prediction.
type contrast struct {
	run     *run
	policy  Policy
	lines   []*line // by the number of the pool (FIFO) or the lane
	waits   lineHeap
	inUse   int
	waiting int
	// worked is the time that calls took so far, for estimating.
	worked time.Duration
	done   int
	last   float64 // the virtual time of the line that was served last
}

// line is calls that wait, in the order in which they came.
type line struct {
	calls   []*call
	weight  float64
	virtual float64 // service had so far, for each unit of weight
	at      int     // in the heap
	listed  bool    // it is in the heap
}

// lineHeap is the lines in which somebody waits, the next to be served first.
type lineHeap []*line

// Len implements heap.Interface.
func (h *lineHeap) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *lineHeap) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	if a.virtual != b.virtual {
		return a.virtual < b.virtual
	}
	return a.calls[0].arrived < b.calls[0].arrived
}

// Swap implements heap.Interface.
func (h *lineHeap) Swap(i, j int) {
	lines := *h
	lines[i], lines[j] = lines[j], lines[i]
	lines[i].at, lines[j].at = i, j
}

// Push implements heap.Interface.
func (h *lineHeap) Push(x any) {
	l, _ := x.(*line)
	l.at, l.listed = len(*h), true
	*h = append(*h, l)
}

// Pop implements heap.Interface.
func (h *lineHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	l.listed = false
	*h = (*h)[:last]
	return l
}

// usualAway is how long callers are sent away by services that do not reckon it.
const usualAway = 30 * time.Second

func newContrast(r *run, policy Policy) *contrast {
	c := &contrast{run: r, policy: policy}
	if policy == FIFO {
		for range r.pools {
			c.lines = append(c.lines, &line{})
		}
		return c
	}
	for _, l := range r.lanes {
		c.lines = append(c.lines, &line{weight: float64(l.weight)})
	}
	return c
}

func (q *contrast) lineOf(c *call) *line {
	if q.policy == FIFO {
		return q.lines[c.party.lane.pool.number]
	}
	return q.lines[c.party.lane.number]
}

func (q *contrast) shed(*call) refusal {
	if most := q.run.scenario.Service.MaxQueue; most > 0 && q.waiting >= most {
		return refusal{reason: report.QueueFull, wait: usualAway}
	}
	return refusal{}
}

func (q *contrast) enter(c *call) (granted bool, why refusal) {
	l := q.lineOf(c)
	if l.listed {
		l.calls = append(l.calls, c)
		q.waiting++
		return false, refusal{}
	}
	// A line that begins to be used is level with the others.
	least := q.last
	if len(q.waits) > 0 {
		least = q.waits[0].virtual
	}
	l.virtual = max(l.virtual, least)
	if q.fits(c) {
		q.serve(l, c)
		return true, refusal{}
	}
	l.calls = append(l.calls, c)
	q.waiting++
	heap.Push(&q.waits, l)
	return false, refusal{}
}

// fits reports whether there is room for a call.
func (q *contrast) fits(c *call) bool {
	p := c.party.lane.pool
	return fitsIn(q.inUse+c.width, q.run.scenario.Service.Slots) && fitsIn(p.inUse.N+c.width, p.provider.Slots)
}

func fitsIn(n, most int) bool { return most <= 0 || n <= most }

// serve counts a call that gets its slots. Lines of FIFO stay at 0.
func (q *contrast) serve(l *line, c *call) {
	q.inUse += c.width
	c.estimated = time.Second
	if q.done > 0 {
		c.estimated = q.worked / time.Duration(q.done)
	}
	q.charge(l, c, c.estimated)
	q.last = l.virtual
}

func (q *contrast) charge(l *line, c *call, work time.Duration) {
	if q.policy == VirtualTime {
		l.virtual += work.Seconds() * float64(c.width) / l.weight
	}
}

func (q *contrast) leave(c *call) (away time.Duration) {
	q.waiting--
	l := q.lineOf(c)
	q.run.Soon(func() { // then c does not wait any more
		if l.listed && !l.calls[0].waiting {
			q.next(l)
			q.dispatch()
		}
	})
	return usualAway
}

// next settles a line whose first call is gone.
func (q *contrast) next(l *line) {
	for len(l.calls) > 0 && !l.calls[0].waiting {
		l.calls[0] = nil
		l.calls = l.calls[1:]
	}
	switch {
	case len(l.calls) == 0:
		heap.Remove(&q.waits, l.at)
	default:
		heap.Fix(&q.waits, l.at)
	}
}

func (q *contrast) release(c *call) {
	q.inUse -= c.width
	q.worked += c.work
	q.done++
	l := q.lineOf(c)
	q.charge(l, c, c.work-c.estimated)
	if l.listed {
		heap.Fix(&q.waits, l.at)
	}
	q.run.Soon(q.dispatch)
}

// dispatch grants until nobody fits. The first of a line goes before the others
// in it, even if they would fit and it does not.
func (q *contrast) dispatch() {
	var passed []*line
	for len(q.waits) > 0 && fitsIn(q.inUse+1, q.run.scenario.Service.Slots) {
		l := q.waits[0]
		c := l.calls[0]
		if !q.fits(c) {
			heap.Pop(&q.waits)
			passed = append(passed, l)
			continue
		}
		q.waiting--
		q.serve(l, c)
		q.run.granted(c)
		q.next(l)
	}
	for _, l := range passed {
		heap.Push(&q.waits, l)
	}
}
