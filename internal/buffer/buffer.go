// Package buffer keeps buffers for what is read from connections and written to
// them, so that a connection that waits holds none.
//
// Start with Buffers.
package buffer

import "sync"

const (
	// first is the size of a new buffer: most heads with a small body fit.
	first = 4 << 10
	// Kept is the size up to which a buffer is kept for others.
	Kept = 16 << 10
)

// Buffer holds bytes that were read and not taken yet, or that are to be
// written. It grows as it needs to.
type Buffer struct {
	data []byte
	at   int // before it, data was taken
}

// Room returns the room behind the bytes, at least one byte.
func (b *Buffer) Room() []byte {
	if len(b.data) == cap(b.data) && b.at > 0 {
		b.data, b.at = b.data[:copy(b.data, b.data[b.at:])], 0
	}
	if len(b.data) == cap(b.data) {
		larger := make([]byte, len(b.data), 2*cap(b.data))
		copy(larger, b.data)
		b.data = larger
	}
	return b.data[len(b.data):cap(b.data)]
}

// Fill says that n bytes were put into the room.
func (b *Buffer) Fill(n int) { b.data = b.data[:len(b.data)+n] }

// Bytes are the bytes that were not taken yet. What is appended to them can be
// given back with Set.
func (b *Buffer) Bytes() []byte { return b.data[b.at:] }

// Set makes data the bytes of the buffer.
func (b *Buffer) Set(data []byte) { b.data, b.at = data, 0 }

// Take says that the first n bytes are taken, and reports whether some are
// left.
func (b *Buffer) Take(n int) bool {
	b.at += n
	return b.at < len(b.data)
}

// Buffers are buffers that nobody uses at the moment.
type Buffers struct{ pool sync.Pool }

// Get returns an empty buffer of at least 4 KiB.
func (p *Buffers) Get() *Buffer {
	if b, ok := p.pool.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{data: make([]byte, 0, first)}
}

// Put takes back b, which the caller must not use any more. One of more than
// Kept bytes is let go.
func (p *Buffers) Put(b *Buffer) {
	if cap(b.data) > Kept {
		return
	}
	b.Set(b.data[:0])
	p.pool.Put(b)
}
