package postings

import (
	"encoding/binary"
	"math"
)

// Encoder writes one list after the other. The zero Encoder is ready; it is used by one
// goroutine.
type Encoder struct {
	gaps, frequencies [Block]uint32
	lengths           [Block]uint8
	pending           int    // of the block that is being filled
	count             int    // of the list
	next              uint64 // the least document that may come
	front             frontier
	table, blocks     []byte
}

// Count is how many postings the list has by now.
func (e *Encoder) Count() int { return e.count }

// Add adds a posting. Documents ascend, and are less than 1<<32 - 1; the frequency is at
// least 1; length is the code of the document's length, shorter ones first.
func (e *Encoder) Add(document, frequency uint32, length uint8) {
	if e.pending == Block {
		e.flush()
	}
	e.gaps[e.pending] = low32(uint64(document) - e.next)
	e.frequencies[e.pending], e.lengths[e.pending] = frequency-1, length
	e.next = uint64(document) + 1
	e.pending++
	e.count++
}

// Finish appends the list to dst, and begins the next one.
func (e *Encoder) Finish(dst []byte) []byte {
	if e.count <= Short {
		for i := range e.pending {
			dst = binary.AppendUvarint(dst, uint64(e.gaps[i]))
			dst = binary.AppendUvarint(dst, uint64(e.frequencies[i]))
		}
	} else {
		e.flush()
		dst = append(append(dst, e.table...), e.blocks...)
	}
	e.table, e.blocks = e.table[:0], e.blocks[:0]
	e.pending, e.count, e.next = 0, 0, 0
	return dst
}

// flush writes the block that was filled.
func (e *Encoder) flush() {
	e.front.reset()
	for i := range e.pending {
		e.front.add(uint8(min(e.frequencies[i], MostFrequent-1)+1), e.lengths[i])
	}
	e.table = binary.LittleEndian.AppendUint32(e.table, low32(e.next-1))
	e.table = binary.LittleEndian.AppendUint32(e.table, word(min(len(e.blocks), math.MaxUint32)))
	e.table = binary.LittleEndian.AppendUint64(e.table, uint64(e.front.peaks()))
	gaps, frequencies := e.gaps[:e.pending], e.frequencies[:e.pending]
	gapWidth, frequencyWidth := widthOf(gaps), widthOf(frequencies)
	e.blocks = append(e.blocks, low8(word64(gapWidth)), low8(word64(frequencyWidth)))
	e.blocks = pack(e.blocks, gaps, gapWidth)
	e.blocks = pack(e.blocks, frequencies, frequencyWidth)
	e.pending = 0
}
