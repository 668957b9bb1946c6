package window

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

const (
	// forgetPerAdmit is how many entries that have left the window an
	// admission removes. One would keep the limit; two let a past burst be
	// forgotten while entries come.
	forgetPerAdmit = 2
	// firstSlots is how many slots are allocated first.
	firstSlots = 4
	// gap is the time in a slot whose admission was taken back. No other is before 0.
	gap = time.Duration(-1)
)

// slot holds one admission: when it was.
type slot = time.Duration

// history is the times of the last admissions, oldest first, in a circle of
// slots that doubles when it is full. An admission that is taken back from the
// middle leaves a gap; the oldest and the newest slot are no gaps. It has no lock
// of its own.
//
// The Entries of the slots follow each other until one is taken back; only then are
// they written down. So a slot is small, which counts: of a thousand windows none is
// in the processor's cache when its turn comes.
//
// Entries that have left the window may linger: they are the oldest, and count as
// used until someone looks.
type history struct {
	now   time.Duration // the latest seen
	per   time.Duration
	limit int32
	used  int32 // entries
	kept  int32 // entries, and the gaps between them
	head  int32 // where the oldest is
	// told is the place, counted from 1, of the entry whose leaving the last caller
	// that was refused was told of; 0 if nobody was refused since the last admission.
	// Once an entry goes there is room, and the next to ask is admitted; so it never
	// is that of another.
	told int32
	// numbered says that numbers holds.
	numbered bool
	// oldest and newest are when the ends came, so that asking for them reads
	// nothing else.
	oldest, newest time.Duration
	entry          Entry // the last given
	slots          []slot
	// numbers are the lower halves of the Entries in the slots; nil before the first
	// was taken back.
	numbers *[]uint32
}

func newHistory(limit int, per time.Duration) history {
	if per <= 0 {
		limit = 0
	}
	return history{
		limit: int32(min(max(limit, 0), math.MaxInt32)),
		per:   per,
		// Begun anywhere, so that an entry of an earlier ring in this one's
		// place is not taken for one of its own, but far from the end.
		entry: Entry(rand.Uint64() >> 1), //nolint:gosec // G404: nothing secret, only unlike
	}
}

func (h *history) unlimited() bool { return h.limit == 0 }

func (h *history) admit(now time.Duration) (entry Entry, wait time.Duration, ok bool) {
	if h.unlimited() {
		return 0, 0, true
	}
	h.forget(now, forgetPerAdmit)
	if h.used >= h.limit {
		// Full after forgetting means that the oldest is still inside.
		return 0, h.left(h.nextPlace()), false
	}
	h.told = 0
	if int(h.kept) == len(h.slots) {
		h.makeRoom()
	}
	h.entry++
	if h.entry == 0 { // 0 names none
		h.entry++
	}
	h.kept++
	h.set(h.kept-1, h.now, uint32(h.entry)) //nolint:gosec // G115: its lower half
	if h.used == 0 {
		h.oldest = h.now
	}
	h.newest = h.now
	h.used++
	return h.entry, 0, true
}

// nextPlace is when the entry came whose leaving makes the place for the caller
// that is being refused: the oldest for the first since the last admission, the
// next one for each after it, and the newest for all that are beyond the limit.
// The history is full, so it has limit entries, and none of them has left.
func (h *history) nextPlace() time.Duration {
	if h.told < h.kept {
		h.told++
	}
	for *h.slot(h.told - 1) == gap { // the newest is none
		h.told++
	}
	return *h.slot(h.told - 1)
}

// undo makes a gap of the entry, if it is in the history.
func (h *history) undo(entry Entry) {
	at, ok := h.find(entry)
	if !ok || *h.slot(at) == gap {
		return
	}
	h.number()
	*h.slot(at) = gap
	h.used--
	h.trim()
}

// find returns the place of an entry. Those that are kept are the latest 2^32 at
// most, so the lower half of a number tells which. They are in the order of their
// numbers.
func (h *history) find(entry Entry) (at int32, ok bool) {
	age := h.entry - entry
	if entry == 0 || h.used == 0 || age > math.MaxUint32 {
		return 0, false
	}
	if !h.numbered {
		return h.kept - 1 - int32(age), age < Entry(h.kept) //nolint:gosec // G115: if it is ok
	}
	first, half := h.numberAt(0), uint32(entry)            //nolint:gosec // G115: its lower half
	at = int32(sort.Search(int(h.kept), func(i int) bool { //nolint:gosec // G115: at most kept
		return h.numberAt(int32(i))-first >= half-first //nolint:gosec // G115: at most kept
	}))
	return at, at < h.kept && h.numberAt(at) == half
}

// number writes the numbers of all entries down: from now on they do not follow
// each other.
func (h *history) number() {
	if h.numbered {
		return
	}
	h.numbered = true
	if h.numbers == nil {
		h.numbers = new([]uint32)
	}
	if len(*h.numbers) < len(h.slots) {
		*h.numbers = make([]uint32, len(h.slots))
	}
	for at := range h.kept {
		(*h.numbers)[h.index(at)] = uint32(h.entry) - uint32(h.kept-1-at) //nolint:gosec // G115: its lower half
	}
}

func (h *history) numberAt(at int32) uint32 { return (*h.numbers)[h.index(at)] }

// trim drops the gaps at both ends.
func (h *history) trim() {
	if h.used == 0 {
		h.clear()
		return
	}
	for *h.slot(0) == gap {
		h.advance()
	}
	for *h.slot(h.kept - 1) == gap {
		h.kept--
	}
	h.oldest, h.newest = *h.slot(0), *h.slot(h.kept - 1)
}

func (h *history) state(now time.Duration) (used int, reset time.Duration) {
	h.forget(now, h.used)
	if h.used == 0 {
		return 0, 0
	}
	return int(h.used), h.left(h.newest)
}

// forget moves the present to now and removes up to most entries that have
// left the window; all of them if none is inside.
func (h *history) forget(now time.Duration, most int32) {
	h.now = max(h.now, now)
	if h.used == 0 || h.left(h.oldest) > 0 {
		return
	}
	if h.left(h.newest) <= 0 {
		h.clear()
		return
	}
	for ; most > 0 && h.left(h.oldest) <= 0; most-- { // the newest is inside
		h.dropOldest()
	}
}

// left is how long an entry that came at that time stays in the window; 0 or less
// if it has left. It can't overflow, as the present is never before an entry.
func (h *history) left(at time.Duration) time.Duration { return h.per - (h.now - at) }

// clear removes every entry in constant time.
func (h *history) clear() { h.used, h.kept, h.head, h.numbered = 0, 0, 0, false }

// dropOldest removes the oldest of several entries, and the gaps behind it.
func (h *history) dropOldest() {
	h.used--
	h.advance()
	for *h.slot(0) == gap {
		h.advance()
	}
	h.oldest = *h.slot(0)
}

// advance leaves the first slot behind.
func (h *history) advance() {
	h.head++
	if int(h.head) == len(h.slots) {
		h.head = 0
	}
	h.kept--
}

// slot is the slot of that place, counted from the oldest.
func (h *history) slot(at int32) *slot { return &h.slots[h.index(at)] }

// index is where in the circle that place is.
func (h *history) index(at int32) int {
	i := int(h.head) + int(at)
	if i >= len(h.slots) {
		i -= len(h.slots)
	}
	return i
}

// set fills the slot of that place.
func (h *history) set(at int32, came time.Duration, number uint32) {
	i := h.index(at)
	h.slots[i] = came
	if h.numbered {
		(*h.numbers)[i] = number
	}
}

// makeRoom closes the gaps if they are a quarter of the circle, and makes it
// larger if they are not.
func (h *history) makeRoom() {
	if gaps := int(h.kept - h.used); gaps == 0 || gaps < len(h.slots)/4 {
		h.grow()
		return
	}
	kept := int32(0)
	for at := range h.kept {
		if came := *h.slot(at); came != gap {
			h.set(kept, came, h.numberAt(at))
			kept++
		}
	}
	h.kept = kept
}

// grow doubles the circle, up to limit; where gaps make it larger than that, to at
// most twice limit.
func (h *history) grow() {
	most := int(h.limit)
	if len(h.slots) >= most {
		most *= 2
	}
	size := min(max(2*len(h.slots), firstSlots), most)
	if h.numbered {
		*h.numbers = unrolled(*h.numbers, h.head, len(h.slots), size)
	}
	h.slots, h.head = unrolled(h.slots, h.head, len(h.slots), size), 0
}

// unrolled is a circle of so many elements that begins at head, at the begin of a
// larger one.
func unrolled[T any](circle []T, head int32, length, size int) []T {
	larger := make([]T, size)
	n := copy(larger, circle[head:length])
	copy(larger[n:], circle[:head])
	return larger
}
