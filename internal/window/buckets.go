package window

import (
	"math"
	"math/rand/v2"
	"sort"
	"sync"
	"time"
)

const (
	// bucketsPerSpan is how finely Buckets divide a span: the entries of one
	// bucket come within a span's bucketsPerSpan-th part.
	bucketsPerSpan = 600
	// mostCount is the most that an entry counts for, so that it fits in 4 bytes.
	mostCount = math.MaxInt32
	// indexBits is how much of an Entry is the lower half of its number; the rest is
	// its tag.
	indexBits = 32
)

// Buckets admit entries that weigh: those of any span of a fixed length never
// count for more than a fixed number together. What an entry counts for may be
// corrected as long as it is in the window. Buckets may be used by several
// goroutines at once and never block beyond their own short lock.
//
// Entries that come close together share a bucket. It begins with its first
// entry, takes those that come within a 600th part of the span, and leaves as a
// whole, a span after its last entry. So no entry leaves early, and none counts
// for longer than the span and a 600th of it. Entries that come further apart
// than that have a bucket each and leave to the nanosecond.
//
// There are at most 601 buckets at a time, because they begin a 600th apart,
// and the oldest began less than a span and a 600th ago. What was admitted is
// also kept by entry, so that it can be corrected: in the order of arrival,
// which is the order in which buckets leave.
//
// As with a Ring, a now that is smaller than one seen before counts as that one.
type Buckets struct {
	mu      sync.Mutex
	now     time.Duration // the latest seen
	per     time.Duration
	limit   int
	used    int // what all entries in the window count for
	buckets queue[bucket]
	entries queue[weight]
	opened  time.Duration // when the newest bucket began
	width   time.Duration // of a bucket

	// asked is what all that were refused since the last admission asked for
	// together, at most limit: the next one is told when all of it fits.
	asked int
	tag   uint32 // of the last admission
	// walks says that nothing changed since the last refusal.
	walks bool
	// walked is where the search for that moment has come to: the buckets before
	// it count for passed. Refusals only ask for more, so it goes on from there
	// until something else changes.
	walked uint64
	passed int
}

// bucket is a number of entries that leave together. It has at least one, which
// may have been given back.
type bucket struct {
	last time.Duration // when its last entry came
	from uint32        // the lower half of the number of its first entry
	sum  uint32        // what its entries count for, if that is less than many
}

// many is the sum of a bucket whose entries have to be added up.
const many = math.MaxUint32

// weight is an entry. Its number and its tag make its Entry; the tag is 0 in
// one that was given back.
type weight struct {
	tag   uint32
	count uint32
}

// NewBuckets returns empty Buckets whose entries in any span of length per
// count for at most limit together. With a limit or a span of 0 or less they
// admit everything and count nothing. Memory is taken as entries come: 8 bytes
// for each that is in the window and 16 for each bucket, which is at most 10 KB.
// As they leave it is let go, but for a quarter of the most that it was.
func NewBuckets(limit int, per time.Duration) *Buckets {
	b := new(Buckets)
	b.Init(limit, per)
	return b
}

// Init makes the zero Buckets ones as NewBuckets returns them, for whoever keeps
// them by value.
func (b *Buckets) Init(limit int, per time.Duration) {
	b.limit, b.per = limit, per
	b.width = (per-1)/bucketsPerSpan + 1 // rounded up
	// Begun anywhere, so that an entry of earlier Buckets in the place of these is
	// not taken for one of theirs.
	b.tag = rand.Uint32() //nolint:gosec // G404: nothing secret, only unlike
}

// Limit is what NewBuckets was given.
func (b *Buckets) Limit() int { return b.limit }

// Take asks for an admission at now that counts for n. If n is more than the
// limit it counts for the limit; if it is less than 1 it counts for 1; and it
// counts for at most 2^31-1. If ok, it is counted under entry until its bucket
// leaves. If not, nothing is counted and wait is how long to stay away.
//
// The first that is refused after an admission is told, to the nanosecond, when
// n fits because enough buckets have left. Each further one is told when it
// fits beside those that were refused before it, or when all buckets have left
// if they do not fit into the window together. So those that fit are all
// admitted when they come back, if they stay away for as long as they were
// told, nobody else comes first and nothing is corrected upwards. Nothing is
// reserved.
//
// It takes constant time, but for the buckets and the chunks of entries that
// have left since the last call, and for a refusal the buckets, at most 601 in
// all, that must leave beyond those that the refusal before it was told of.
func (b *Buckets) Take(now time.Duration, n int) (entry Entry, wait time.Duration, ok bool) {
	if b.limit <= 0 || b.per <= 0 {
		return 0, 0, true
	}
	n = min(max(n, 1), b.limit, mostCount)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.take(now, n, 0)
}

// take is TakeState with the mutex held and n within its bounds.
func (b *Buckets) take(now time.Duration, n, spare int) (entry Entry, wait time.Duration, ok bool) {
	b.leave(now)
	room := n + min(max(spare, 0), b.limit-n)
	if b.used > b.limit-room {
		return 0, b.refuse(room), false
	}
	b.asked = 0
	return b.add(n), 0, true
}

// TakeState is Take and then State, at once. It admits only where spare is free
// beside n, or all that n leaves of the limit if that is less; a refusal's wait is
// for both. What is spare is not counted.
func (b *Buckets) TakeState(now time.Duration, n, spare int) (a Admission) {
	b.mu.Lock()
	a = b.TakeStateLocked(now, n, spare)
	b.mu.Unlock()
	return a
}

// Lock and Unlock are for who wants TakeStateLocked or CorrectLocked together with
// something else under the one lock.
func (b *Buckets) Lock() { b.mu.Lock() }

// Unlock ends what Lock began.
func (b *Buckets) Unlock() { b.mu.Unlock() }

// TakeStateLocked is TakeState for whoever holds the lock.
func (b *Buckets) TakeStateLocked(now time.Duration, n, spare int) (a Admission) {
	if b.limit <= 0 || b.per <= 0 {
		return Admission{}
	}
	n = min(max(n, 1), b.limit, mostCount)
	a.Entry, a.Wait, _ = b.take(now, n, spare)
	a.Used, a.Reset = b.state()
	return a
}

// Try is Take for one who asks on behalf of all: wait is how long until n fits,
// however often it is asked.
func (b *Buckets) Try(now time.Duration, n int) (entry Entry, wait time.Duration, ok bool) {
	b.mu.Lock()
	b.asked = 0
	b.walkAnew()
	b.mu.Unlock()
	return b.Take(now, n)
}

// Correct sets what an entry counts for to n, as often as one likes: to 0 if n
// is less, and to at most 2^31-1. If that is more than there is room for, the
// rest is a debt: nothing is admitted until so much has left that there is room
// again. An entry whose bucket has left, that was undone, or that is of other
// Buckets is ignored. It takes about constant time.
func (b *Buckets) Correct(entry Entry, n int) {
	b.mu.Lock()
	b.CorrectLocked(entry, n)
	b.mu.Unlock()
}

// CorrectLocked is Correct for whoever holds the lock.
func (b *Buckets) CorrectLocked(entry Entry, n int) {
	if number, ok := b.find(entry); ok {
		b.set(number, uint32(min(max(n, 0), mostCount)))
	}
}

// Undo takes an admission back as if it had never been, with all that was
// corrected. An entry that Correct would ignore is ignored. It takes about
// constant time.
func (b *Buckets) Undo(entry Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	number, ok := b.find(entry)
	if !ok {
		return
	}
	b.set(number, 0)
	*b.entries.at(number) = weight{}
	b.trim()
}

// State tells what the entries in the window at now count for together, which
// is more than the limit if there is a debt, and how long until they count for
// nothing if nothing comes.
func (b *Buckets) State(now time.Duration) (used int, reset time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leave(now)
	return b.state()
}

// state is State at the time that was seen last, with the mutex held.
func (b *Buckets) state() (used int, reset time.Duration) {
	if b.used == 0 {
		return 0, 0
	}
	newest := b.buckets.next - 1
	for b.buckets.at(newest).sum == 0 { // all corrected to nothing
		newest--
	}
	return b.used, b.left(newest)
}

// leave moves the present to now and removes the buckets that have left.
func (b *Buckets) leave(now time.Duration) {
	b.now = max(b.now, now)
	oldest, entries := b.buckets.first, b.entries.next
	for ; oldest < b.buckets.next && b.left(oldest) <= 0; oldest++ {
		b.used -= b.sum(oldest)
	}
	if oldest == b.buckets.first {
		return
	}
	if oldest < b.buckets.next {
		entries = b.start(oldest)
	}
	b.buckets.dropTo(oldest)
	b.entries.dropTo(entries)
	b.walkAnew()
}

// left is how long a bucket stays in the window; 0 or less if it has left.
func (b *Buckets) left(number uint64) time.Duration {
	return b.per - (b.now - b.buckets.at(number).last)
}

// add counts an entry, in the newest bucket if that is still open.
func (b *Buckets) add(n int) Entry {
	b.tag++
	if b.tag == 0 { // 0 marks what was given back
		b.tag++
	}
	number, entry := b.entries.push()
	entry.tag, entry.count = b.tag, uint32(n) //nolint:gosec // G115: at most mostCount
	if b.buckets.empty() || b.now-b.opened >= b.width {
		b.opened = b.now
		_, opened := b.buckets.push()
		opened.from, opened.sum = uint32(number), 0 //nolint:gosec // G115: its lower half
	}
	at := b.buckets.next - 1
	newest := b.buckets.at(at)
	newest.last = b.now
	if sum := int(newest.sum) + n; sum < many {
		newest.sum = uint32(sum) //nolint:gosec // G115: never negative
	} else {
		b.addTo(at, n)
	}
	b.used += n
	b.walkAnew()
	return Entry(uint64(b.tag)<<indexBits | number&math.MaxUint32)
}

// find returns the number of an entry that is in the window. The window holds
// fewer than 2^32 entries, so that the lower half of a number tells which.
func (b *Buckets) find(entry Entry) (number uint64, ok bool) {
	first := b.entries.first
	number = first + (uint64(entry)-first)&math.MaxUint32
	tag := uint32(entry >> indexBits)
	return number, tag != 0 && b.entries.has(number) && b.entries.at(number).tag == tag
}

// set makes an entry count for count.
func (b *Buckets) set(number uint64, count uint32) {
	entry := b.entries.at(number)
	more := int(count) - int(entry.count)
	entry.count = count
	b.addTo(b.bucketOf(number), more)
	b.used += more
	b.walkAnew()
}

// start is the number of a bucket's first entry. There are fewer than 2^32 entries, so
// that the lower half of it and the number of the first of all tell it.
func (b *Buckets) start(number uint64) uint64 {
	first := b.entries.first
	return first + uint64(b.buckets.at(number).from-uint32(first)) //nolint:gosec // G115: its lower half
}

// bucketOf finds the bucket of an entry: the newest that began no later.
func (b *Buckets) bucketOf(entry uint64) (number uint64) {
	first, newest := b.buckets.first, b.buckets.next-1
	if b.start(newest) <= entry { // most are corrected soon
		return newest
	}
	later := sort.Search(int(newest-first), func(i int) bool { //nolint:gosec // G115: at most 600
		return b.start(first+uint64(i)) > entry //nolint:gosec // G115: never negative
	})
	return first + uint64(later) - 1 //nolint:gosec // G115: never negative
}

// sum is what the entries of a bucket count for.
func (b *Buckets) sum(number uint64) int {
	if sum := b.buckets.at(number).sum; sum < many {
		return int(sum)
	}
	return b.addUp(number)
}

// addTo notes that an entry of a bucket counts for so much more now.
func (b *Buckets) addTo(number uint64, more int) {
	changed := b.buckets.at(number)
	sum := int(changed.sum)
	if sum < many {
		sum += more
	} else {
		sum = b.addUp(number)
	}
	changed.sum = uint32(min(sum, many)) //nolint:gosec // G115: never negative
}

// addUp adds up the entries of a bucket. It is for those that count for 4 billion:
// two or more of the largest that there can be.
func (b *Buckets) addUp(number uint64) (sum int) {
	end := b.entries.next
	if number+1 < b.buckets.next {
		end = b.start(number + 1)
	}
	for entry := b.start(number); entry < end; entry++ {
		sum += int(b.entries.at(entry).count)
	}
	return sum
}

// trim forgets the newest entries if they were given back, and the buckets that
// have none left, so that callers that come and give back in a flood leave no
// memory behind.
func (b *Buckets) trim() {
	for !b.entries.empty() && b.entries.at(b.entries.next-1).tag == 0 {
		b.entries.pop()
	}
	for !b.buckets.empty() && b.start(b.buckets.next-1) >= b.entries.next {
		b.buckets.pop()
		// When the bucket before began is not known any more, but it was a width
		// ago or more: it is closed.
		b.opened = b.now - b.width
	}
}

// refuse tells one that asked for n how long to stay away. What all buckets
// count for is used, and asked is at most limit, so the search ends with the
// newest bucket at the latest.
func (b *Buckets) refuse(n int) time.Duration {
	b.asked = min(b.asked, b.limit-n) + n
	mustLeave := b.used - (b.limit - b.asked)
	if !b.walks {
		b.walks, b.walked, b.passed = true, b.buckets.first, 0
	}
	for ; b.passed < mustLeave; b.walked++ {
		b.passed += b.sum(b.walked)
	}
	return b.left(b.walked - 1)
}

// walkAnew makes the next refusal search from the oldest bucket.
func (b *Buckets) walkAnew() { b.walks = false }
