package replay

import (
	"context"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Batch is some events, one after another. Its bytes must not be changed.
type Batch struct {
	// First is the number of the first.
	First int64
	// Data is all of them, joined.
	Data []byte

	ends  []uint32 // where each ends in its chunk
	start uint32   // where Data begins there
}

// Len is how many events there are.
func (b Batch) Len() int { return len(b.ends) }

// All returns the events with their numbers.
func (b Batch) All() iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		from := uint32(0)
		for i, end := range b.ends {
			to := end - b.start
			if !yield(b.First+int64(i), b.Data[from:to:to]) {
				return
			}
			from = to
		}
	}
}

// Cursor is a reader of a log. One goroutine uses it.
type Cursor struct {
	log    *Log
	next   int64 // the event that it reads next
	ready  chan struct{}
	closed bool
}

// Cursor returns a reader of the events after number after; one less than the first
// number is from the beginning. It must be closed. Errors are of Kind Gone, where
// those events are not there any more, and of Kind Invalid, where there is no event
// of that number yet.
func (l *Log) Cursor(after int64) (*Cursor, error) {
	t := l.table
	t.mu.Lock()
	defer t.mu.Unlock()
	from := max(min(after, math.MaxInt64-1), l.options.First-1) + 1
	switch {
	case from > l.next:
		return nil, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_value", Message: "The answer has no event of that number yet",
		}
	case from < l.first || l.isUnread() && !l.over:
		return nil, gone()
	}
	l.stopGrace()
	c := &Cursor{log: l, next: from, ready: make(chan struct{}, 1)}
	l.cursors = append(l.cursors, c)
	t.readers++
	return c, nil
}

// Take returns the events that are there and were not taken yet, as many as are
// stored together; none if there are none yet, and then Ready tells when to look
// again. The error is io.EOF at the end of an answer that is whole, and what Close
// was told at the end of one that is not. It is of Kind Gone if the reader fell
// behind what is kept.
func (c *Cursor) Take() (Batch, error) {
	l := c.log
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	switch {
	case c.next < l.first:
		return Batch{}, gone()
	case c.next < l.next:
		b := l.at(c.next)
		c.next += int64(b.Len())
		return b, nil
	case !l.over:
		return Batch{}, nil
	case l.failure != nil:
		return Batch{}, l.failure
	}
	return Batch{}, io.EOF
}

// Ready returns the channel by which a reader learns that Take may have more.
func (c *Cursor) Ready() <-chan struct{} { return c.ready }

// Next is Take that waits until there is something, or ctx ends.
func (c *Cursor) Next(ctx context.Context) (Batch, error) {
	for {
		if b, err := c.Take(); err != nil || b.Len() > 0 {
			return b, err
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return Batch{}, context.Cause(ctx)
		}
	}
}

// Close ends the reading. Closing again does nothing.
func (c *Cursor) Close() {
	l := c.log
	t := l.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	l.cursors = slices.DeleteFunc(l.cursors, func(other *Cursor) bool { return other == c })
	t.readers--
	if len(l.cursors) > 0 {
		return
	}
	l.startGrace()
	if l.cut && !l.over {
		l.drop(len(l.chunks)) // nobody will come back to it
	}
	if l.over && time.Since(l.endedAt) >= t.config.Keep {
		t.sweepIn(0) // it was kept for this reader
	}
}
