package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
)

// indexed reads an entry of the index: where the entries of a block are, and where its
// first key ends.
func (r *Reader) indexed(block int) (entries uint64, keyEnd uint32) {
	b := r.data[r.sections[indexSection].from+indexEntry*block:]
	return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
}

// firstKey is that of a block.
func (r *Reader) firstKey(block int) []byte {
	var from uint32
	if block > 0 {
		_, from = r.indexed(block - 1)
	}
	_, to := r.indexed(block)
	keys := r.data[r.sections[keySection].from:r.sections[keySection].to]
	return keys[from:to]
}

// entries reads the entries of a block, one after the other.
type entries struct {
	reader *Reader
	rest   []byte
	left   int    // entries that were not read yet
	next   uint64 // where the list behind that of the last entry is
	// Of the entry that was read last:
	key         [maxKey]byte
	keySize     int
	list        uint64
	count, size uint64
}

// enter begins to read a block.
func (e *entries) enter(r *Reader, block int) error {
	at, _ := r.indexed(block)
	s := r.sections[termSection]
	if at >= size(s.to) {
		return errEntries()
	}
	e.reader, e.rest, e.keySize = r, r.data[at:s.to], len(r.firstKey(block))
	copy(e.key[:], r.firstKey(block))
	e.left = int(e.rest[0])
	lists, n := binary.Uvarint(e.rest[1:])
	if e.left < 1 || e.left > blockTerms || n <= 0 || lists < headerSize || lists > at {
		return errEntries()
	}
	e.next, e.rest = lists, e.rest[1+n:]
	return e.readFirst()
}

func errEntries() error { return fmt.Errorf("%w: entries of a segment", ErrDamaged) }

// readFirst reads the first entry, whose key is in the index too.
func (e *entries) readFirst() error {
	first := e.key[:e.keySize]
	if !bytes.HasPrefix(e.rest, []byte{0}) {
		return errEntries()
	}
	var want [maxKey]byte
	n := copy(want[:], first)
	if err := e.read(); err != nil {
		return err
	}
	if !bytes.Equal(e.key[:e.keySize], want[:n]) {
		return errEntries()
	}
	return nil
}

// number takes a number off the rest.
func (e *entries) number() uint64 {
	v, n := binary.Uvarint(e.rest)
	if n <= 0 {
		e.rest = nil
		return 0
	}
	e.rest = e.rest[n:]
	return v
}

// read reads the next entry; there is one left.
func (e *entries) read() error {
	shared, more := e.number(), e.number()
	if shared > size(e.keySize) || more < 1 || shared+more > maxKey || more > size(len(e.rest)) {
		return errEntries()
	}
	e.keySize = count(shared) + copy(e.key[shared:shared+more], e.rest)
	e.rest = e.rest[more:]
	e.count, e.size = e.number(), e.number()
	end := size(e.reader.sections[termSection].to)
	if e.count < 1 || e.count > size(e.reader.docs) || e.size < 1 || e.size > end || e.next+e.size > end ||
		int(e.key[0]) >= e.reader.fields {
		return errEntries()
	}
	e.list = e.next
	e.next += e.size
	e.left--
	return nil
}

// postings returns the list of the entry that was read last.
func (e *entries) postings() (postings.List, error) {
	return postings.Parse(e.reader.data[e.list:], count(e.size), count(e.count), e.reader.docs)
}

// Find returns the posting list of a term; ok is false if there is none. The error is
// ErrDamaged.
func (r *Reader) Find(field int, text string) (l postings.List, ok bool, err error) {
	behind := sort.Search(r.blocks, func(i int) bool { return compare(r.firstKey(i), field, text) > 0 })
	if behind == 0 {
		return l, false, nil
	}
	var e entries
	if err := e.enter(r, behind-1); err != nil {
		return l, false, err
	}
	for {
		switch c := compare(e.key[:e.keySize], field, text); {
		case c == 0:
			l, err = e.postings()
			return l, err == nil, err
		case c > 0 || e.left == 0:
			return l, false, nil
		}
		if err := e.read(); err != nil {
			return l, false, err
		}
	}
}

// compare compares a key with that of a term. It is written so that nothing is allocated.
func compare(key []byte, field int, text string) int {
	if f := int(key[0]); f != field {
		return f - field
	}
	switch rest := key[1:]; {
	case string(rest) == text:
		return 0
	case string(rest) < text:
		return -1
	}
	return 1
}

// walk goes through all terms of a segment, in order.
type walk struct {
	entries

	block int // the next one
}

// advance reads the next term; ok is false behind the last.
func (w *walk) advance(r *Reader) (ok bool, err error) {
	if w.left > 0 {
		return true, w.read()
	}
	if w.block == r.blocks {
		return false, nil
	}
	w.block++
	return true, w.enter(r, w.block-1)
}
