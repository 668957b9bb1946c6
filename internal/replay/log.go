package replay

import (
	"container/list"
	"slices"
	"sort"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// Events are stored in chunks, each twice as large as the one before. A chunk is
	// what one Take returns at most, unless one event alone is larger.
	firstChunk = 2 << 10
	mostChunk  = 16 << 10
	// eventBytes is for how many bytes of a chunk there is a mark of an event's end.
	eventBytes = 64
	markBytes  = 4
	// A log that is cut holds its last chunks, for readers that keep up.
	tailChunks = 2
	tailBytes  = tailChunks * (mostChunk + mostChunk/eventBytes*markBytes)
)

// Log is the log of one answer. One goroutine writes it, any may read.
type Log struct {
	table   *Logs
	options Options

	// What follows is the table's, under its mutex.

	name    name
	place   *list.Element // among the logs that are whole, have ended or are gone
	chunks  []*chunk
	held    int64 // bytes that it counts for
	first   int64 // the first event that it holds
	next    int64 // the number of the next event
	cut     bool  // it does not hold all events any more
	over    bool  // it has ended
	endedAt time.Time
	failure *fairlead.Error // why the answer is not whole
	cursors []*Cursor
	unread  time.Time // since when nobody has read it
	grace   *time.Timer
	stopped bool // Cancel was called
}

// chunk is some events, one after another. What is in it stays as it is.
type chunk struct {
	first int64 // its first event
	data  []byte
	ends  []uint32 // where each event ends
}

func (c *chunk) hasRoom(event []byte) bool {
	return cap(c.data)-len(c.data) >= len(event) && len(c.ends) < cap(c.ends)
}

func (c *chunk) add(event []byte) {
	c.data = append(c.data, event...)
	c.ends = append(c.ends, uint32(len(c.data))) //nolint:gosec // an event is far smaller than 4 GiB
}

func (c *chunk) bytes() int64 { return int64(cap(c.data) + cap(c.ends)*markBytes) }

// Name has the log be found by id from now on.
func (l *Log) Name(id string) {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	l.table.enter(l, id)
}

// Append adds an event, whose bytes it copies, and returns its number. It does not
// wait for any reader. An error, of Kind Busy, says that there is no room for an
// event of that size, whatever is dropped; one of Kind Internal that the log has
// ended.
func (l *Log) Append(event []byte) (seq int64, err error) {
	l.table.mu.Lock()
	over, seq := l.over, l.next
	stored := !over && l.store(event)
	if stored {
		l.next++
		l.wake()
	}
	l.table.mu.Unlock()
	switch {
	case over:
		return 0, &fairlead.Error{Kind: fairlead.Internal, Code: "internal_error", Message: "The answer has ended"}
	case !stored:
		return 0, l.table.noRoom()
	}
	return seq, nil
}

// store keeps the event, if there is anybody whom to keep it for. It reports
// whether there was room.
func (l *Log) store(event []byte) bool {
	if l.isUnread() {
		l.first = l.next + 1
		return true
	}
	if n := len(l.chunks); n > 0 && l.chunks[n-1].hasRoom(event) {
		l.chunks[n-1].add(event)
		return true
	}
	size := firstChunk
	if n := len(l.chunks); n > 0 {
		size = min(2*cap(l.chunks[n-1].data), mostChunk)
	}
	c := &chunk{first: l.next, ends: make([]uint32, 0, size/eventBytes)}
	size = max(size, len(event))
	if l.cut {
		l.drop(len(l.chunks) - tailChunks + 1)
	}
	if !l.table.room(int64(size + cap(c.ends)*markBytes)) {
		return false
	}
	if l.isUnread() { // it was cut to make the room
		l.first = l.next + 1
		return true
	}
	c.data = make([]byte, 0, size)
	c.add(event)
	l.chunks = append(l.chunks, c)
	l.held += c.bytes()
	l.table.bytes += c.bytes()
	return true
}

// isUnread reports whether nobody reads the log or ever will.
func (l *Log) isUnread() bool { return l.cut && len(l.cursors) == 0 }

// Close ends the log; failure says why the answer is not whole, and is what its
// readers are told. Closing again does nothing.
func (l *Log) Close(failure *fairlead.Error) {
	t := l.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.over {
		return
	}
	l.over, l.failure, l.endedAt = true, failure, time.Now()
	l.stopGrace()
	t.running--
	if !l.cut {
		t.whole.Remove(l.place)
	}
	l.place = t.ended.PushBack(l)
	t.sweepIn(t.config.Keep)
	l.wake()
}

// Discard takes the log away, as if it had never been: its work was not begun.
func (l *Log) Discard() {
	t := l.table
	l.Close(gone())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(l)
}

// takeStop returns what stops the work; nil if it was called, or there is nothing to
// stop.
func (l *Log) takeStop() func(cause *fairlead.Error) {
	if l.over || l.stopped {
		return nil
	}
	l.stopped = true
	return l.options.Cancel
}

// startGrace begins the time for which the work goes on with no reader.
func (l *Log) startGrace() {
	if l.options.Grace <= 0 || l.over {
		return
	}
	l.unread = time.Now()
	if l.grace != nil {
		l.grace.Reset(l.options.Grace)
		return
	}
	l.grace = time.AfterFunc(l.options.Grace, l.abandon)
}

func (l *Log) stopGrace() {
	if l.grace != nil {
		l.grace.Stop()
	}
}

// abandon stops the work of a log that nobody has read for a while.
func (l *Log) abandon() {
	l.table.mu.Lock()
	var stop func(cause *fairlead.Error)
	if len(l.cursors) == 0 && time.Since(l.unread) >= l.options.Grace { // or a reader came at this moment
		stop = l.takeStop()
	}
	l.table.mu.Unlock()
	if stop != nil {
		stop(&fairlead.Error{
			Kind: fairlead.Canceled, Code: "abandoned", Message: "The answer was stopped: its readers left and did not come back in time",
		})
	}
}

// cutOff drops what the log holds, but for its last events.
func (l *Log) cutOff() {
	l.cut = true
	keep := tailChunks - 1 // there will be another
	if len(l.cursors) == 0 {
		keep = 0
	}
	l.drop(len(l.chunks) - keep)
	l.wake()
}

// drop drops the first n chunks.
func (l *Log) drop(n int) {
	if n <= 0 {
		return
	}
	var bytes int64
	for _, c := range l.chunks[:n] {
		bytes += c.bytes()
	}
	l.chunks = slices.Delete(l.chunks, 0, n)
	l.first = l.next
	if len(l.chunks) > 0 {
		l.first = l.chunks[0].first
	}
	l.giveBack(bytes)
}

func (l *Log) giveBack(bytes int64) {
	l.held -= bytes
	l.table.bytes -= bytes
}

// wake tells the readers that there is something new.
func (l *Log) wake() {
	for _, c := range l.cursors {
		select {
		case c.ready <- struct{}{}:
		default: // it knows
		}
	}
}

// at is the events from number seq on, as far as one chunk has them.
func (l *Log) at(seq int64) Batch {
	i := sort.Search(len(l.chunks), func(i int) bool { return l.chunks[i].first > seq }) - 1
	c := l.chunks[i]
	skipped, start := int(seq-c.first), uint32(0)
	if skipped > 0 {
		start = c.ends[skipped-1]
	}
	return Batch{First: seq, Data: c.data[start:len(c.data):len(c.data)], ends: c.ends[skipped:], start: start}
}
