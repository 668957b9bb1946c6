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
	// firstSlots is how many slots are allocated first: a cache line of them.
	firstSlots = 4
	// gap is the time in a slot whose admission was taken back. No other is before 0.
	gap = time.Duration(-1)
)

// slot holds one admission: when it was, and its Entry.
type slot struct {
	at    time.Duration
	entry Entry
}

// history is the times of the last admissions, oldest first, in a circle of
// slots that doubles when it is full. An admission that is taken back from the
// middle leaves a gap; the oldest and the newest slot are no gaps. It has no lock
// of its own.
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
	// oldest and newest are when the ends came, so that asking for them reads
	// nothing else.
	oldest, newest time.Duration
	entry          Entry // the last given
	slots          []slot
}

func newHistory(limit int, per time.Duration) history {
	if per <= 0 {
		limit = 0
	}
	return history{
		limit: int32(min(max(limit, 0), math.MaxInt32)),
		per:   per,
		// Begun anywhere, so that an entry of an earlier ring in this one's
		// place is not taken for one of its own.
		entry: Entry(rand.Uint64()), //nolint:gosec // G404: nothing secret, only unlike
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
	*h.slot(h.kept - 1) = slot{at: h.now, entry: h.entry}
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
	for h.slot(h.told-1).at == gap { // the newest is none
		h.told++
	}
	return h.slot(h.told - 1).at
}

// undo finds the entry among those that are kept: they are in the order of their
// numbers, counted from the oldest.
func (h *history) undo(entry Entry) {
	if entry == 0 || h.used == 0 {
		return
	}
	first := h.slot(0).entry
	at := int32(sort.Search(int(h.kept), func(i int) bool { //nolint:gosec // G115: at most kept
		return h.slot(int32(i)).entry-first >= entry-first //nolint:gosec // G115: at most kept
	}))
	if at == h.kept {
		return
	}
	if s := h.slot(at); s.entry == entry && s.at != gap {
		s.at = gap
		h.used--
		h.trim()
	}
}

// trim drops the gaps at both ends.
func (h *history) trim() {
	if h.used == 0 {
		h.clear()
		return
	}
	for h.slot(0).at == gap {
		h.advance()
	}
	for h.slot(h.kept-1).at == gap {
		h.kept--
	}
	h.oldest, h.newest = h.slot(0).at, h.slot(h.kept-1).at
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
func (h *history) clear() { h.used, h.kept, h.head = 0, 0, 0 }

// dropOldest removes the oldest of several entries, and the gaps behind it.
func (h *history) dropOldest() {
	h.used--
	h.advance()
	for h.slot(0).at == gap {
		h.advance()
	}
	h.oldest = h.slot(0).at
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
func (h *history) slot(at int32) *slot {
	i := int(h.head) + int(at)
	if i >= len(h.slots) {
		i -= len(h.slots)
	}
	return &h.slots[i]
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
		if s := *h.slot(at); s.at != gap {
			*h.slot(kept) = s
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
	grown := make([]slot, min(max(2*len(h.slots), firstSlots), most))
	n := copy(grown, h.slots[h.head:])
	copy(grown[n:], h.slots[:h.head])
	h.slots, h.head = grown, 0
}
