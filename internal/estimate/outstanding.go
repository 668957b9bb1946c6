package estimate

import (
	"math/bits"
	"time"
)

// Entry names one call to the Outstanding that it was opened with. The zero
// Entry names none.
type Entry uint64

// Number is how many calls had been opened when this one was, itself included,
// modulo 2^32.
func (e Entry) Number() uint32 { return uint32(e >> numberShift) }

// numberShift is how much of an Entry is its place; the rest is its number.
const numberShift = 32

// Outstanding keeps the calls of one window of tokens whose cost is not known
// yet, and learns from those that end by how much they differed from what was
// reserved for them. It has no lock: whoever uses it has one, of the window or of
// the queue. It takes 1.4 KB, and 48 bytes for each call at the time when most were
// open.
//
// A window is used like this: Open the call, and reserve what it is expected to
// cost if that and the margin are free; if not, Drop it. When the call has ended,
// correct the reservation to what it did cost and Close it.
//
// Times are durations since a start of the caller's choosing. One that is
// smaller than one seen before counts as that one.
type Outstanding struct {
	now   time.Duration // the latest seen
	due   time.Duration // when the next call grows into another interval of age
	calls []call        // place 1 first
	free  uint32        // of the list of free places in calls, linked by next
	tag   uint32        // of the last call opened
	open  int32
	// ages has a bit for each interval of which a call runs.
	ages  uint32
	mode  Mode
	one   [1]call // where calls are as long as it is one
	table lifeTable
}

// call is a place in the arena. In use it is in the list of its interval, in
// the order of arrival.
type call struct {
	expected

	opened     time.Duration
	tag        uint32
	prev, next uint32
	interval   uint32
}

// expected is what a call is expected to cost.
type expected struct {
	reserved int
	prior    int // what its error is measured from
	room     int // how much more than prior it can cost
}

// none is the link that leads nowhere.
const none = 0

// NewOutstanding returns an Outstanding that has learned nothing yet. In mode
// Hard it has nothing to do: every margin is 0.
func NewOutstanding(mode Mode) *Outstanding {
	o := new(Outstanding)
	o.Init(mode)
	return o
}

// Init makes the zero Outstanding one as NewOutstanding returns it, for whoever
// keeps it by value.
func (o *Outstanding) Init(mode Mode) { o.mode, o.calls = mode, o.one[:0] }

// Open notes that a call comes at now whose reservation will be cost.Tokens(). It
// returns the margin: how many tokens must be free beside those so that it may be
// admitted. Whoever opens a call must Close or Drop it; one that is not admitted is
// dropped.
//
// The margin is what the open calls and this one will cost, by what is known of
// them, beyond what is reserved, and 3.8 standard deviations of that sum.
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
	o.age(now)
	next := expected{cost.Tokens(), cost.Prior, max(0, cost.Most-cost.Prior)}
	if o.open > 0 {
		margin = o.table.margin(next)
	}
	i := o.take()
	o.tag++
	if o.tag == 0 { // 0 marks what is free
		o.tag++
	}
	c := o.call(i)
	c.opened, c.expected, c.tag = o.now, next, o.tag
	o.append(i, 0)
	return Entry(uint64(o.tag)<<numberShift | uint64(i)), margin
}

// Close notes that a call ended at now and what it cost, prompt and answer
// together, and learns from it. An entry that was closed or dropped before is
// ignored.
func (o *Outstanding) Close(now time.Duration, entry Entry, actual int) {
	i, ok := o.find(entry)
	if !ok {
		o.age(now)
		return
	}
	// It grows older alone, and so in no list. What is learned is the same.
	o.unlink(i)
	o.age(now)
	c := o.call(i)
	c.interval = o.table.outlive(c.interval, o.now-c.opened)
	o.table.learn(c, actual)
	o.vacate(i)
}

// Drop forgets a call from which there is nothing to learn: it was never made,
// or what it cost stays unknown. An entry that was closed or dropped before is
// ignored.
func (o *Outstanding) Drop(entry Entry) {
	if i, ok := o.find(entry); ok {
		o.unlink(i)
		o.vacate(i)
	}
}

// call is the call in a place.
func (o *Outstanding) call(place uint32) *call { return &o.calls[place-1] }

func (o *Outstanding) find(entry Entry) (i uint32, ok bool) {
	i, tag := uint32(entry&(1<<numberShift-1)), entry.Number()
	return i, tag != 0 && i != none && int(i) <= len(o.calls) && o.call(i).tag == tag
}

// vacate frees the place of a call that is in no list any more.
func (o *Outstanding) vacate(i uint32) {
	c := o.call(i)
	c.tag, c.next = 0, o.free
	o.free = i
}

// age moves the present to now, and the calls that have grown older to the
// intervals of their ages. The oldest go first, so that each list stays in the
// order of arrival.
func (o *Outstanding) age(now time.Duration) {
	o.now = max(o.now, now)
	if o.open == 0 || o.now < o.due {
		return
	}
	o.due = o.now + never
	for ages := o.ages &^ (1 << lastInterval); ages != 0; {
		interval := uint32(bits.Len32(ages) - 1) //nolint:gosec // G115: there is a bit
		ages &^= 1 << interval
		end := intervalEnd(interval)
		i := o.table.running[interval].head
		for ; i != none && o.now-o.call(i).opened >= end; i = o.table.running[interval].head {
			o.unlink(i)
			o.append(i, o.table.outlive(interval, o.now-o.call(i).opened))
		}
		if i != none {
			o.due = min(o.due, o.call(i).opened+end)
		}
	}
}

// take returns a place that is in no list.
func (o *Outstanding) take() uint32 {
	if i := o.free; i != none {
		o.free = o.call(i).next
		return i
	}
	o.calls = append(o.calls, call{})
	return uint32(len(o.calls)) //nolint:gosec // G115: there are not so many calls
}

// append puts a call at the end of an interval's list. Calls come there in the
// order in which they were opened, because all have the same way to go.
func (o *Outstanding) append(i, interval uint32) {
	r, c := &o.table.running[interval], o.call(i)
	c.interval, c.prev, c.next = interval, r.tail, none
	if r.tail == none {
		r.head = i
		o.ages |= 1 << interval
	} else {
		o.call(r.tail).next = i
	}
	r.tail = i
	o.open++
	r.count++
	r.room += c.room
	o.table.prior += c.prior
	o.table.reserved += c.reserved
	if interval < lastInterval {
		o.due = min(o.due, c.opened+intervalEnd(interval))
	}
}

// unlink takes a call out of its interval's list.
func (o *Outstanding) unlink(i uint32) {
	c := o.call(i)
	r := &o.table.running[c.interval]
	if c.prev == none {
		r.head = c.next
	} else {
		o.call(c.prev).next = c.next
	}
	if c.next == none {
		r.tail = c.prev
	} else {
		o.call(c.next).prev = c.prev
	}
	if r.head == none {
		o.ages &^= 1 << c.interval
	}
	o.open--
	r.count--
	r.room -= c.room
	o.table.prior -= c.prior
	o.table.reserved -= c.reserved
}
