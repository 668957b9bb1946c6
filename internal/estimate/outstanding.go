package estimate

import (
	"sync"
	"time"
)

// Entry names one call to the Outstanding that it was opened with. The zero
// Entry names none.
type Entry uint64

// Outstanding keeps the calls of one window of tokens whose cost is not known
// yet, and learns from those that end by how much they differed from what was
// reserved for them. It may be used by several goroutines at once and never
// blocks beyond its own short lock. It takes 1.5 KB, and 64 bytes for each call
// at the time when most were open.
//
// A window is used like this: Open the call, and reserve what it is expected to
// cost if that and the margin are free; if not, Drop it. When the call has ended,
// correct the reservation to what it did cost and Close it.
//
// Times are durations since a start of the caller's choosing. One that is
// smaller than one seen before counts as that one.
type Outstanding struct {
	mode Mode

	mu    sync.Mutex
	now   time.Duration // the latest seen
	due   time.Duration // when the next call grows into another interval of age
	open  int
	table lifeTable
	calls []call
	free  uint32 // of the list of free places in calls, linked by next
	tag   uint32 // of the last call opened
}

// call is a place in the arena. In use it is in the list of its interval, in
// the order of arrival.
type call struct {
	opened     time.Duration
	reserved   int
	prior      int // what its error is measured from
	room       int // how much more than prior it can cost
	tag        uint32
	prev, next uint32
	interval   int
}

// none is the link that leads nowhere. Place 0 of the arena stays empty.
const none = 0

// NewOutstanding returns an Outstanding that has learned nothing yet. In mode
// Hard it has nothing to do: every margin is 0.
func NewOutstanding(mode Mode) *Outstanding {
	return &Outstanding{mode: mode, calls: make([]call, 1)}
}

// Open notes that a call comes at now whose reservation will be cost.Tokens(). It
// returns the margin: how many tokens must be free beside those so that it may be
// admitted. Whoever opens a call must Close or Drop it; one that is not admitted is
// dropped.
//
// The margin is what the open calls and this one will cost, by what is known of
// them, beyond what is reserved, and 3.7 standard deviations of that sum.
//
// Of a call that has run for longer than any that has ended, it is only known
// that it costs no more than its Most, and it is taken to cost no more beyond its
// Prior than the largest did altogether lately. So a window that has seen nothing
// yet leaves room for all its calls to cost their Most.
//
// With nothing else open the margin is 0: a call that fits is not kept out because
// it might be large. What it costs beyond the window is a debt for a minute.
func (o *Outstanding) Open(now time.Duration, cost Cost) (entry Entry, margin int) {
	if o.mode == Hard {
		return 0, 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.age(now)
	next := newCall(cost)
	if o.open > 0 {
		margin = o.table.margin(next)
	}
	i := o.take()
	o.tag++
	if o.tag == 0 { // 0 marks what is free
		o.tag++
	}
	next.opened, next.tag = o.now, o.tag
	o.calls[i] = next
	o.append(i, 0)
	o.open++
	return Entry(uint64(o.tag)<<32 | uint64(i)), margin
}

// Close notes that a call ended at now and what it cost, prompt and answer
// together, and learns from it. An entry that was closed or dropped before is
// ignored.
func (o *Outstanding) Close(now time.Duration, entry Entry, actual int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.age(now)
	i, ok := o.find(entry)
	if !ok {
		return
	}
	c := o.calls[i]
	o.table.learn(c, actual)
	o.remove(i)
}

// Drop forgets a call from which there is nothing to learn: it was never made,
// or what it cost stays unknown. An entry that was closed or dropped before is
// ignored.
func (o *Outstanding) Drop(entry Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i, ok := o.find(entry); ok {
		o.remove(i)
	}
}

func newCall(cost Cost) call {
	return call{reserved: cost.Tokens(), prior: cost.Prior, room: max(0, cost.Most-cost.Prior)}
}

func (o *Outstanding) find(entry Entry) (i uint32, ok bool) {
	i, tag := uint32(entry&(1<<32-1)), uint32(entry>>32)
	return i, tag != 0 && int(i) < len(o.calls) && o.calls[i].tag == tag
}

// remove takes a call out of its list and frees its place.
func (o *Outstanding) remove(i uint32) {
	o.unlink(i)
	o.calls[i] = call{next: o.free}
	o.free = i
	o.open--
}

// age moves the present to now, and the calls that have grown older to the
// intervals of their ages.
func (o *Outstanding) age(now time.Duration) {
	o.now = max(o.now, now)
	if o.open == 0 || o.now < o.due {
		return
	}
	o.due = o.now + never
	older := o.open // calls in this interval and those after it
	for interval := range o.table.intervals[:lastInterval] {
		if older == 0 {
			return
		}
		end := intervalEnd(interval)
		i := o.table.intervals[interval].head
		for ; i != none && o.now-o.calls[i].opened >= end; i = o.table.intervals[interval].head {
			o.unlink(i)
			o.table.intervals[interval].pass()
			o.append(i, interval+1)
		}
		if i != none {
			o.due = min(o.due, o.calls[i].opened+end)
		}
		older -= o.table.intervals[interval].running
	}
}

// take returns a place that is in no list.
func (o *Outstanding) take() uint32 {
	if i := o.free; i != none {
		o.free = o.calls[i].next
		return i
	}
	o.calls = append(o.calls, call{})
	return uint32(len(o.calls) - 1) //nolint:gosec // G115: there are not so many calls
}

// append puts a call at the end of an interval's list. Calls come there in the
// order in which they were opened, because all have the same way to go.
func (o *Outstanding) append(i uint32, interval int) {
	iv, c := &o.table.intervals[interval], &o.calls[i]
	c.interval, c.prev, c.next = interval, iv.tail, none
	if iv.tail == none {
		iv.head = i
	} else {
		o.calls[iv.tail].next = i
	}
	iv.tail = i
	iv.running++
	iv.room += c.room
	o.table.prior += c.prior
	o.table.reserved += c.reserved
	if interval < lastInterval {
		o.due = min(o.due, c.opened+intervalEnd(interval))
	}
}

func (o *Outstanding) unlink(i uint32) {
	c := o.calls[i]
	iv := &o.table.intervals[c.interval]
	if c.prev == none {
		iv.head = c.next
	} else {
		o.calls[c.prev].next = c.next
	}
	if c.next == none {
		iv.tail = c.prev
	} else {
		o.calls[c.next].prev = c.prev
	}
	iv.running--
	iv.room -= c.room
	o.table.prior -= c.prior
	o.table.reserved -= c.reserved
}
