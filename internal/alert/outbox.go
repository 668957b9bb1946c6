package alert

import (
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// maxPending is how many notices may wait.
	maxPending = 100
	// noticeGap is the shortest time between two notices about one app. What
	// happens in between collapses to the state at its end.
	noticeGap = time.Minute
	// remindAfter is how long after the last notice an app that is still in
	// alert is told again.
	remindAfter = 30 * time.Minute
)

// state is that of an app, or what the administrators believe it to be.
type state uint8

const (
	resolved state = iota
	firing
	unknown // a notice was lost, or perhaps not: the next state is told whatever it is
)

func (s state) String() string {
	if s == firing {
		return "firing"
	}
	return "resolved"
}

// outbox is the queue of notices: what the administrators have yet to be told.
// It has no lock of its own.
type outbox struct {
	entries map[fairlead.AppID]*entry
	queue   []*entry // those with a pending notice, oldest first

	sent, failed, dropped int64
}

// entry is what is known of the notices about one app. One that is not there is
// that of an app of which nothing was told, or only that it is fine.
type entry struct {
	state   state     // the app's
	told    state     // what was told last, or is being told
	last    time.Time // when its delivery ended, or a notice was dropped
	pending *notice
	sending bool
}

// put takes in a change of an app's state. It replaces a notice that still
// waits, in its place; and if the administrators know the state already,
// nothing is left to tell.
func (o *outbox) put(n notice) {
	e, ok := o.entries[n.app]
	if !ok {
		e = new(entry)
		o.entries[n.app] = e
	}
	e.state = n.state
	switch {
	case n.state == e.told:
		o.unqueue(e)
	case e.pending != nil:
		e.pending = &n
	default:
		o.enqueue(e, &n)
	}
}

// reminding reports whether it is time to tell again that the app is in alert.
func (o *outbox) reminding(id fairlead.AppID, now time.Time) bool {
	e, ok := o.entries[id]
	return ok && e.state == firing && e.pending == nil && !e.sending && now.Sub(e.last) >= remindAfter
}

// remind queues a notice of an alert that goes on, for which reminding said
// that it is time.
func (o *outbox) remind(n notice) {
	n.reminder = true
	o.enqueue(o.entries[n.app], &n)
}

// enqueue puts n at the end of the queue. The oldest gives way if there are too
// many.
func (o *outbox) enqueue(e *entry, n *notice) {
	e.pending = n
	o.queue = append(o.queue, e)
	if len(o.queue) <= maxPending {
		return
	}
	oldest := o.queue[0]
	o.unqueue(oldest)
	oldest.told, oldest.last = unknown, n.at
	o.dropped++
}

func (o *outbox) unqueue(e *entry) {
	if i := slices.Index(o.queue, e); i >= 0 {
		o.queue = slices.Delete(o.queue, i, i+1)
	}
	e.pending = nil
}

// due returns the place in the queue of the first notice that may be sent now;
// -1 if there is none.
func (o *outbox) due(now time.Time) int {
	return slices.IndexFunc(o.queue, func(e *entry) bool {
		return e.last.IsZero() || now.Sub(e.last) >= noticeGap
	})
}

// take removes the first notice that may be sent now. What became of it is to
// be told to done.
func (o *outbox) take(now time.Time) (n notice, ok bool) {
	i := o.due(now)
	if i < 0 {
		return notice{}, false
	}
	e := o.queue[i]
	n = *e.pending
	o.unqueue(e)
	e.told, e.sending = n.state, true
	return n, true
}

// result is what became of a notice.
type result uint8

const (
	accepted result = iota
	givenUp
)

// done notes what became of the notice about the app that take returned.
func (o *outbox) done(id fairlead.AppID, now time.Time, r result) {
	e := o.entries[id]
	e.last, e.sending = now, false
	if r == accepted {
		o.sent++
		return
	}
	e.told = unknown
	o.failed++
}

// tidy forgets what no longer matters: apps that are fine and of which nothing
// was told lately. It looks at most entries; as a map is walked from anywhere,
// each has its turn.
func (o *outbox) tidy(now time.Time, most int) {
	for id, e := range o.entries {
		if most--; most < 0 {
			return
		}
		if e.state == resolved && e.pending == nil && !e.sending && now.Sub(e.last) >= noticeGap {
			delete(o.entries, id)
		}
	}
}

// abandon drops every notice that waits, and returns how many there were.
func (o *outbox) abandon() int {
	n := len(o.queue)
	for _, e := range o.queue {
		e.pending, e.told = nil, unknown
	}
	o.queue = nil
	o.dropped += int64(n)
	return n
}
