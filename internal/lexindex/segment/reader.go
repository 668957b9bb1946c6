package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
)

// ErrDamaged is the error of whatever reads a segment that was not written so.
var ErrDamaged = postings.ErrDamaged

// Reader reads a segment. It is safe for concurrent use until it is closed.
type Reader struct {
	data    []byte
	release func() error
	sum     Sum

	fields, docs, groups, blocks int

	terms    uint64
	sections [sectionKinds]section
}

// section is bytes [from, to) of a segment, and their sum.
type section struct {
	from, to int
	crc      uint32
}

// Open reads the footer of a segment, and checks everything but its terms. data must not
// change, and stay until the Reader is closed. The error is ErrDamaged.
func Open(data []byte) (*Reader, error) {
	if len(data) < headerSize+footerSize || !bytes.HasPrefix(data, []byte(magic)) || !bytes.HasSuffix(data, []byte(magic)) {
		return nil, fmt.Errorf("%w: no segment", ErrDamaged)
	}
	r := &Reader{data: data, release: func() error { return nil }}
	if err := r.readFooter(data[len(data)-footerSize:]); err != nil {
		return nil, err
	}
	if !r.consistent() {
		return nil, fmt.Errorf("%w: sizes of a segment", ErrDamaged)
	}
	for kind := indexSection; kind < sectionKinds; kind++ {
		if s := r.sections[kind]; crc32.Checksum(data[s.from:s.to], sums()) != s.crc {
			return nil, fmt.Errorf("%w: sum of section %d of a segment", ErrDamaged, kind)
		}
	}
	return r, nil
}

// OpenFile opens the segment in a file, which is mapped into memory where the system can
// do so, and must not be changed. Errors are ErrDamaged, or those of reading it.
func OpenFile(path string) (*Reader, error) {
	data, release, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	r, err := Open(data)
	if err != nil {
		_ = release()
		return nil, err
	}
	r.release = release
	return r, nil
}

// Close gives the memory back. Nothing of the Reader may be in use.
func (r *Reader) Close() error { return r.release() }

func (r *Reader) readFooter(footer []byte) error {
	le := binary.LittleEndian
	r.sum = Sum{CRC: le.Uint32(footer[footerSum:]), Bytes: int64(len(r.data))}
	if crc32.Checksum(footer[:footerSum], sums()) != r.sum.CRC {
		return fmt.Errorf("%w: footer of a segment", ErrDamaged)
	}
	for _, n := range [...]*int{&r.fields, &r.docs, &r.groups, &r.blocks} {
		*n = int(le.Uint32(footer))
		footer = footer[4:]
	}
	r.terms = le.Uint64(footer)
	footer = footer[8:]
	at := uint64(headerSize)
	for kind := range r.sections {
		bytes := le.Uint64(footer)
		if bytes > size(len(r.data)) || at+bytes > size(len(r.data)-footerSize) {
			return fmt.Errorf("%w: sections of a segment", ErrDamaged)
		}
		r.sections[kind] = section{from: count(at), to: count(at + bytes), crc: le.Uint32(footer[8:])}
		at += bytes
		footer = footer[12:]
	}
	if at+uint64(footerSize) != le.Uint64(footer) || le.Uint64(footer) != size(len(r.data)) {
		return fmt.Errorf("%w: length of a segment", ErrDamaged)
	}
	return nil
}

// consistent reports whether counts, sizes and tables agree.
func (r *Reader) consistent() bool {
	has := func(kind, n int) bool { return r.sections[kind].to-r.sections[kind].from == n }
	if r.fields < 1 || r.fields > MaxFields || r.docs < 1 || r.docs > MaxDocuments || r.groups < 1 || r.groups > r.docs ||
		!has(indexSection, r.blocks*indexEntry) || !has(idSection, r.docs*idSize) || !has(ownerSection, r.docs*ownerSize) ||
		!has(lengthSection, r.docs*r.fields) || !has(groupSection, r.groups*groupRow) {
		return false
	}
	docs, last := 0, int64(math.MinInt64)
	for i := range r.groups {
		g := r.Group(i)
		if i > 0 && g.Number <= last || g.Docs == 0 || int64(g.First)+int64(g.Docs) > int64(r.docs) {
			return false
		}
		last, docs = g.Number, docs+int(g.Docs)
	}
	for i := range r.docs {
		if int(binary.LittleEndian.Uint32(r.data[r.sections[ownerSection].from+ownerSize*i:])) >= r.groups {
			return false
		}
	}
	at, keys := uint32(0), word(r.sections[keySection].to-r.sections[keySection].from)
	for i := range r.blocks {
		entries, end := r.indexed(i)
		if end <= at || end > keys || end-at > maxKey || entries >= size(r.sections[termSection].to) {
			return false
		}
		at = end
	}
	return docs == r.docs
}

// verifyStep is how many bytes Verify reads before it looks whether it should end.
const verifyStep = 1 << 20

// Verify compares the sum of the terms, which Open does not. It reads the whole segment,
// and blocks until it has, or ctx ends. The error is ErrDamaged or the context's.
func (r *Reader) Verify(ctx context.Context) error {
	s := r.sections[termSection]
	sum := crc32.New(sums())
	for at := s.from; at < s.to; at += verifyStep {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, _ = sum.Write(r.data[at:min(at+verifyStep, s.to)])
	}
	if sum.Sum32() != s.crc {
		return fmt.Errorf("%w: sum of a segment's terms", ErrDamaged)
	}
	return nil
}

// Sum tells the segment from others.
func (r *Reader) Sum() Sum { return r.sum }

// Fields is how many fields its documents have.
func (r *Reader) Fields() int { return r.fields }

// Docs is how many documents there are, those that were removed included.
func (r *Reader) Docs() int { return r.docs }

// Terms is how many terms there are, in all fields.
func (r *Reader) Terms() uint64 { return r.terms }

// Groups is how many groups there are, those that were removed included.
func (r *Reader) Groups() int { return r.groups }

// Group returns one of them; they are in the order of their numbers.
func (r *Reader) Group(i int) Group {
	row := r.data[r.sections[groupSection].from+groupRow*i:]
	le := binary.LittleEndian
	g := Group{Number: signed(le.Uint64(row)), First: le.Uint32(row[8:]), Docs: le.Uint32(row[12:])}
	for field := range g.Lengths {
		g.Lengths[field] = le.Uint64(row[16+8*field:])
	}
	return g
}

func (r *Reader) number(i int) int64 {
	return signed(binary.LittleEndian.Uint64(r.data[r.sections[groupSection].from+groupRow*i:]))
}

// SeekGroup returns the first group, from the given one on, whose number is not less;
// Groups() if there is none.
func (r *Reader) SeekGroup(from int, number int64) int {
	if from >= r.groups || r.number(from) >= number {
		return from
	}
	low, step := from, 1
	for low+step < r.groups && r.number(low+step) < number {
		low += step
		step *= 2
	}
	high := min(low+step, r.groups)
	for high-low > 1 {
		if middle := low + (high-low)/2; r.number(middle) < number {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// Owner returns the number of a document's group.
func (r *Reader) Owner(document uint32) int64 {
	return r.number(int(binary.LittleEndian.Uint32(r.data[r.sections[ownerSection].from+ownerSize*int(document):])))
}

// ID returns a document's id.
func (r *Reader) ID(document uint32) int64 {
	return signed(binary.LittleEndian.Uint64(r.data[r.sections[idSection].from+idSize*int(document):]))
}

// Lengths returns the code of each document's length in a field.
func (r *Reader) Lengths(field int) []uint8 {
	from := r.sections[lengthSection].from + r.docs*field
	return r.data[from : from+r.docs]
}
