package postings

import (
	"encoding/binary"
	"math"
)

// List is a posting list that can be read. It holds no copy of the bytes it was parsed
// from: they must stay.
type List struct {
	bytes     []byte // with Slack
	size      int    // without
	documents uint64 // how many the segment has
	count     int
	blocks    int // 0 for a short list
}

// Parse reads the head of a list of count postings that takes the first size of those
// bytes; Slack more are there. documents is how many the segment has. The error is
// ErrDamaged.
func Parse(bytes []byte, size, count, documents int) (List, error) {
	l := List{bytes: bytes, size: size, documents: uint64(max(documents, 0)), count: count}
	if count < 1 || count > documents || size < 1 || size > len(bytes)-Slack {
		return List{}, ErrDamaged
	}
	if count > Short {
		l.blocks = (count-1)/Block + 1
		if l.blocks > size/entrySize {
			return List{}, ErrDamaged
		}
	}
	return l, nil
}

// Count is how many postings it has.
func (l *List) Count() int { return l.count }

// Short reports whether it is read whole: it has one block then, and no peaks.
func (l *List) Short() bool { return l.blocks == 0 }

// Blocks is how many blocks it has.
func (l *List) Blocks() int { return max(l.blocks, 1) }

// Last is the last document of a block; of a short list it is more than any document.
func (l *List) Last(block int) uint32 {
	if l.blocks == 0 {
		return math.MaxUint32
	}
	return binary.LittleEndian.Uint32(l.bytes[block*entrySize:])
}

// Peaks bounds the postings of a block. A short list has none.
func (l *List) Peaks(block int) Peaks {
	if l.blocks == 0 {
		return 0
	}
	return Peaks(binary.LittleEndian.Uint64(l.bytes[block*entrySize+8:]))
}

// Seek returns the first block, from the given one on, whose last document is not before
// that one; Blocks() if there is none.
func (l *List) Seek(block int, document uint32) int {
	n := l.Blocks()
	if block >= n || l.Last(block) >= document {
		return block
	}
	// The block sought is usually near: look ever further ahead, then between.
	low, step := block, 1
	for low+step < n && l.Last(low+step) < document {
		low += step
		step *= 2
	}
	high := min(low+step, n) // blocks up to low are before it; high is not, or is the end
	for high-low > 1 {
		if middle := low + (high-low)/2; l.Last(middle) < document {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// Buffer holds a block that was read. The zero Buffer holds none.
type Buffer struct {
	// Documents are the first Count of these.
	Documents [Block]uint32
	Count     int

	frequencies [Block]uint32 // less 1; those of a short list, or when they were read
	packed      []byte        // those of a block that were not read yet
	width       int
}

// Read reads a block: its documents ascend, and are less than the segment has. The error
// is ErrDamaged.
func (l *List) Read(block int, to *Buffer) error {
	if l.blocks == 0 {
		return l.readShort(to)
	}
	var base uint64
	if block > 0 {
		base = uint64(l.Last(block-1)) + 1
	}
	n := min(l.count-block*Block, Block)
	at := l.blocks*entrySize + int(binary.LittleEndian.Uint32(l.bytes[block*entrySize+4:]))
	if at+2 > l.size {
		return ErrDamaged
	}
	gapWidth, frequencyWidth := int(l.bytes[at]), int(l.bytes[at+1])
	gaps := at + 2
	frequencies := gaps + lanes(n)*gapWidth
	if gapWidth > 32 || frequencyWidth > 32 || frequencies+lanes(n)*frequencyWidth > l.size {
		return ErrDamaged
	}
	unpack(&to.Documents, l.bytes[gaps:], lanes(n), gapWidth)
	next := base
	for i := range to.Documents[:n] {
		next += uint64(to.Documents[i])
		to.Documents[i] = low32(next)
		next++
	}
	if next != uint64(l.Last(block))+1 || next > l.documents {
		return ErrDamaged
	}
	to.Count, to.packed, to.width = n, l.bytes[frequencies:], frequencyWidth
	return nil
}

func (l *List) readShort(to *Buffer) error {
	rest := l.bytes[:l.size]
	var next uint64
	for i := range l.count {
		gap, n := binary.Uvarint(rest)
		if n <= 0 || gap >= l.documents {
			return ErrDamaged
		}
		rest = rest[n:]
		frequency, n := binary.Uvarint(rest)
		if n <= 0 || frequency >= math.MaxUint32 {
			return ErrDamaged
		}
		rest = rest[n:]
		next += gap
		if next >= l.documents {
			return ErrDamaged
		}
		to.Documents[i], to.frequencies[i] = low32(next), low32(frequency)
		next++
	}
	to.Count, to.packed = l.count, nil
	return nil
}

// Frequency is that of document i of the block.
func (b *Buffer) Frequency(i int) uint32 {
	if b.packed == nil {
		return b.frequencies[i] + 1
	}
	return pick(b.packed, i, b.width) + 1
}

// Frequencies returns those of all its documents, each less 1. They are valid until the
// next block is read.
func (b *Buffer) Frequencies() []uint32 {
	if b.packed != nil {
		unpack(&b.frequencies, b.packed, lanes(b.Count), b.width)
		b.packed = nil
	}
	return b.frequencies[:b.Count]
}
