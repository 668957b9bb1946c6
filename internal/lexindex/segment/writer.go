package segment

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
)

// tables are what a segment knows of its documents and groups.
type tables struct {
	fields  int
	ids     []int64
	owners  []uint32
	lengths [][]uint8 // by field
	groups  []Group   // in order of their numbers
}

// Sum is the sum that a segment's footer has of itself, and how many bytes the segment
// has: together they tell it from any other.
type Sum struct {
	CRC   uint32
	Bytes int64
}

// writer writes a segment: its terms in order, then the tables.
type writer struct {
	out    *bufio.Writer
	sum    hash.Hash32 // of the section
	at     uint64
	begun  uint64 // where the section began
	sizes  [sectionKinds]uint64
	sums   [sectionKinds]uint32
	tables *tables
	err    error

	encoder postings.Encoder
	list    []byte // of one term
	key     []byte // of the term that is being written
	lengths []uint8

	last        []byte // the key before
	terms       uint64
	block       int    // terms in it
	lists       uint64 // where its posting lists begin
	entries     []byte
	index, keys []byte
}

func newWriter(out io.Writer, t *tables) *writer {
	w := &writer{out: bufio.NewWriterSize(out, 1<<16), sum: crc32.New(sums()), tables: t}
	var header [headerSize]byte
	copy(header[:], magic)
	w.write(header[:])
	w.begin()
	return w
}

func (w *writer) begin() { w.begun, w.lists = w.at, w.at; w.sum.Reset() }

func (w *writer) write(b []byte) {
	if w.err != nil {
		return
	}
	_, _ = w.sum.Write(b)
	_, w.err = w.out.Write(b)
	w.at += uint64(len(b))
}

func (w *writer) end(section int) {
	w.sizes[section], w.sums[section] = w.at-w.begun, w.sum.Sum32()
	w.begin()
}

// term begins a term: those that come ascend.
func (w *writer) term(key []byte) {
	w.key = append(w.key[:0], key...)
	w.lengths = w.tables.lengths[key[0]]
}

// posting adds one to the term: documents ascend.
func (w *writer) posting(document, frequency uint32) {
	w.encoder.Add(document, frequency, w.lengths[document])
}

// endTerm writes the term, if it has postings.
func (w *writer) endTerm() {
	n := w.encoder.Count()
	if n == 0 {
		return
	}
	w.list = w.encoder.Finish(w.list[:0])
	if len(w.list) > math.MaxUint32 && w.err == nil {
		w.err = fmt.Errorf("a posting list of %d bytes is too long", len(w.list))
	}
	w.write(w.list)
	shared := 0
	if w.block == 0 {
		w.keys = append(w.keys, w.key...)
	} else {
		for shared < min(len(w.key), len(w.last)) && w.key[shared] == w.last[shared] {
			shared++
		}
	}
	w.entries = binary.AppendUvarint(w.entries, size(shared))
	w.entries = binary.AppendUvarint(w.entries, size(len(w.key)-shared))
	w.entries = append(w.entries, w.key[shared:]...)
	w.entries = binary.AppendUvarint(w.entries, size(n))
	w.entries = binary.AppendUvarint(w.entries, uint64(len(w.list)))
	w.last, w.key = w.key, w.last
	w.terms++
	if w.block++; w.block == blockTerms {
		w.endBlock()
	}
}

// endBlock writes the entries of the terms whose lists were written.
func (w *writer) endBlock() {
	if w.block == 0 {
		return
	}
	w.index = binary.LittleEndian.AppendUint64(w.index, w.at)
	w.index = binary.LittleEndian.AppendUint32(w.index, word(len(w.keys)))
	if len(w.keys) > math.MaxUint32 && w.err == nil {
		w.err = fmt.Errorf("%d bytes of keys are too many", len(w.keys))
	}
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = short(w.block)
	w.write(head[:1+binary.PutUvarint(head[1:], w.lists)])
	w.write(w.entries)
	w.block, w.entries, w.lists = 0, w.entries[:0], w.at
}

// finish writes what comes behind the terms.
func (w *writer) finish() (Sum, error) {
	w.endBlock()
	w.end(termSection)
	w.write(w.index)
	w.end(indexSection)
	w.write(w.keys)
	w.end(keySection)
	w.writeTables()
	return w.footer()
}

func (w *writer) writeTables() {
	var number [8]byte
	for _, id := range w.tables.ids {
		binary.LittleEndian.PutUint64(number[:], unsigned(id))
		w.write(number[:])
	}
	w.end(idSection)
	for _, owner := range w.tables.owners {
		binary.LittleEndian.PutUint32(number[:], owner)
		w.write(number[:ownerSize])
	}
	w.end(ownerSection)
	for _, lengths := range w.tables.lengths {
		w.write(lengths)
	}
	w.end(lengthSection)
	row := make([]byte, 0, groupRow)
	for i := range w.tables.groups {
		g := &w.tables.groups[i]
		row = binary.LittleEndian.AppendUint64(row[:0], unsigned(g.Number))
		row = binary.LittleEndian.AppendUint32(row, g.First)
		row = binary.LittleEndian.AppendUint32(row, g.Docs)
		for _, length := range g.Lengths {
			row = binary.LittleEndian.AppendUint64(row, length)
		}
		w.write(row)
	}
	w.end(groupSection)
}

func (w *writer) footer() (Sum, error) {
	le := binary.LittleEndian
	b := make([]byte, 0, footerSize)
	for _, n := range [...]int{w.tables.fields, len(w.tables.ids), len(w.tables.groups), len(w.index) / indexEntry} {
		b = le.AppendUint32(b, word(n))
	}
	b = le.AppendUint64(b, w.terms)
	for i := range sectionKinds {
		b = le.AppendUint64(b, w.sizes[i])
		b = le.AppendUint32(b, w.sums[i])
	}
	b = le.AppendUint64(b, w.at+uint64(footerSize))
	crc := crc32.Checksum(b, sums())
	b = le.AppendUint32(b, crc)
	w.write(append(b, magic...))
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return Sum{CRC: crc, Bytes: signed(w.at)}, w.err
}
