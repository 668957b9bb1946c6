package window

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// none is the link that leads nowhere.
	none = math.MaxUint32
	// chunkSize is the number of slots that are allocated at a time once the
	// first so many are used. Growing copies no more than one chunk, so that
	// no admission pays for the size of the ring.
	chunkSize = 1024
	// forgetPerAdmit is how many entries that have left the window an
	// admission removes. One would keep the limit; two let the memory of a past
	// burst shrink while entries come.
	forgetPerAdmit = 2
	// indexBits is how much of an Entry is the slot's index; the rest is its
	// number.
	indexBits = 32
)

// slot holds one admission. The slots in use form a list in the order of time;
// the others a list of free ones, linked by next alone.
type slot struct {
	at         time.Duration
	number     uint32 // of the admission; 0 in a free slot
	prev, next uint32
}

// history is the times of the last admissions, oldest first. It is a doubly
// linked list in an arena, and not a plain ring buffer, because an admission
// may be taken back from the middle. It has no lock of its own.
//
// Entries that have left the window may linger: they are at the head of the
// list, and count as used until someone looks.
type history struct {
	limit int
	per   time.Duration

	now    time.Duration // the latest seen
	number uint32        // of the last admission
	used   int           // slots in the list

	// first is the first chunk of slots, which grows as needed: most rings stay
	// small. The others are in chunks.
	first      []slot
	chunks     [][]slot
	made       uint32 // slots ever used since the last clear, free ones included
	head, tail uint32
	// oldest and newest are when head and tail came, so that asking for them reads
	// nothing else.
	oldest, newest time.Duration
	free           uint32
	// told is the entry whose leaving the last caller that was refused was told
	// of; none if nobody was refused since the last admission. Once an entry goes
	// there is room, and the next to ask is admitted; so of whoever is refused it
	// never names one that went.
	told uint32
}

func newHistory(limit int, per time.Duration) history {
	return history{
		limit: min(limit, math.MaxInt32), // so that an index never is none
		per:   per,
		// Begun anywhere, so that an entry of an earlier ring in this one's
		// place is not taken for one of its own.
		number: rand.Uint32(), //nolint:gosec // G404: nothing secret, only unlike
		head:   none,
		tail:   none,
		free:   none,
		told:   none,
	}
}

func (h *history) unlimited() bool { return h.limit <= 0 || h.per <= 0 }

func (h *history) admit(now time.Duration) (entry Entry, wait time.Duration, ok bool) {
	if h.unlimited() {
		return 0, 0, true
	}
	h.forget(now, forgetPerAdmit)
	if h.used >= h.limit {
		// Full after forgetting means that the oldest is still inside.
		return 0, h.left(h.nextPlace()), false
	}
	h.told = none
	i := h.take()
	h.number++
	if h.number == 0 { // 0 marks free slots
		h.number++
	}
	s := h.slot(i)
	*s = slot{at: h.now, number: h.number, prev: h.tail, next: none}
	if h.tail == none {
		h.head, h.oldest = i, h.now
	} else {
		h.slot(h.tail).next = i
	}
	h.tail, h.newest = i, h.now
	h.used++
	return Entry(uint64(s.number)<<indexBits | uint64(i)), 0, true
}

// nextPlace returns the entry whose leaving makes the place for the caller that
// is being refused: the oldest for the first since the last admission, the next
// one for each after it, and the newest for all that are beyond the limit. The
// history is full, so the list has limit entries, and none of them has left.
func (h *history) nextPlace() uint32 {
	if h.told == none {
		h.told = h.head
	} else if next := h.slot(h.told).next; next != none {
		h.told = next
	}
	return h.told
}

func (h *history) undo(entry Entry) {
	i, number := uint32(entry&math.MaxUint32), uint32(entry>>indexBits)
	if number != 0 && i < h.made && h.slot(i).number == number {
		h.remove(i)
	}
}

func (h *history) state(now time.Duration) (used int, reset time.Duration) {
	h.forget(now, h.used)
	if h.tail == none {
		return 0, 0
	}
	return h.used, h.leftOf(h.newest)
}

// forget moves the present to now and removes up to most entries that have
// left the window; all of them if none is inside.
func (h *history) forget(now time.Duration, most int) {
	h.now = max(h.now, now)
	if h.tail != none && h.leftOf(h.newest) <= 0 {
		h.clear()
		return
	}
	for ; most > 0 && h.head != none && h.leftOf(h.oldest) <= 0; most-- {
		h.remove(h.head)
	}
}

// left is how long the entry in slot i stays in the window; 0 or less if it
// has left. It can't overflow, as the present is never before an entry.
func (h *history) left(i uint32) time.Duration { return h.leftOf(h.slot(i).at) }

// leftOf is left of an entry that came at that time.
func (h *history) leftOf(at time.Duration) time.Duration { return h.per - (h.now - at) }

// clear removes every entry in constant time. The slots beyond made keep old
// numbers, but no index leads there until they are used anew.
func (h *history) clear() {
	h.used, h.made = 0, 0
	h.head, h.tail, h.free = none, none, none
}

// remove takes slot i out of the list and frees it.
func (h *history) remove(i uint32) {
	s := h.slot(i)
	if s.prev == none {
		h.head = s.next
		if s.next != none {
			h.oldest = h.slot(s.next).at
		}
	} else {
		h.slot(s.prev).next = s.next
	}
	if s.next == none {
		h.tail = s.prev
		if s.prev != none {
			h.newest = h.slot(s.prev).at
		}
	} else {
		h.slot(s.next).prev = s.prev
	}
	*s = slot{next: h.free}
	h.free = i
	h.used--
}

// take returns a slot that is in no list.
func (h *history) take() uint32 {
	if h.free != none {
		i := h.free
		h.free = h.slot(i).next
		return i
	}
	i := h.made
	h.made++
	if i < chunkSize {
		if int(i) == len(h.first) {
			h.first = append(h.first, slot{})
		}
		return i
	}
	if chunk := int(i)/chunkSize - 1; chunk == len(h.chunks) {
		h.chunks = append(h.chunks, make([]slot, chunkSize))
	}
	return i
}

func (h *history) slot(i uint32) *slot {
	if i < chunkSize {
		return &h.first[i]
	}
	return &h.chunks[int(i)/chunkSize-1][int(i)%chunkSize]
}
