package segment

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"runtime"
	"slices"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
)

// gone is the new number of a document that was removed.
const gone = math.MaxUint32

// source is a segment that is merged.
type source struct {
	*Live

	walk  walk
	place int
	first uint32   // the new number of its first document
	moved []uint32 // the new number of each, if any was removed
}

// merger merges segments.
type merger struct {
	sources []*source
	heap    []*source // those that have a term left, the least of them first
	out     *writer
	buffer  postings.Buffer
	key     []byte
}

// Merge writes one segment that has what is left of others, which must not have a live
// group in common and at least one live document. It needs about 20 bytes of memory for
// each document. It blocks until it is written, or ended, which it calls now and then,
// returns an error. Errors are ErrDamaged, that one and those of out.
func Merge(from []*Live, out io.Writer, ended func() error) (Sum, error) {
	m := &merger{}
	t := &tables{fields: from[0].fields, lengths: make([][]uint8, from[0].fields)}
	for i, live := range from {
		s := &source{Live: live, place: i, first: word(len(t.ids))}
		s.move(t)
		m.sources = append(m.sources, s)
	}
	slices.SortFunc(t.groups, func(a, b Group) int { return cmp.Compare(a.Number, b.Number) })
	t.owners = make([]uint32, len(t.ids))
	for i := range t.groups {
		g := &t.groups[i]
		for document := g.First; document < g.First+g.Docs; document++ {
			t.owners[document] = word(i)
		}
	}
	m.out = newWriter(out, t)
	if err := m.terms(ended); err != nil {
		return Sum{}, err
	}
	return m.out.finish()
}

// move gives the live documents their new numbers, and adds them to the tables.
func (s *source) move(t *tables) {
	docs := s.Reader.docs
	if s.deadDocs != nil {
		s.moved = make([]uint32, docs)
	}
	next := s.first
	for document := range docs {
		if s.moved != nil {
			s.moved[document] = gone
			if s.deadDocs.has(document) {
				continue
			}
			s.moved[document] = next
		}
		next++
		t.ids = append(t.ids, s.ID(word(document)))
	}
	for field := range t.lengths {
		for document, length := range s.Lengths(field) {
			if !s.deadDocs.has(document) {
				t.lengths[field] = append(t.lengths[field], length)
			}
		}
	}
	for i := range s.groups {
		if s.IsLive(i) {
			g := s.Group(i)
			g.First = s.renumber(g.First)
			t.groups = append(t.groups, g)
		}
	}
}

// renumber returns the new number of a document, or gone.
func (s *source) renumber(document uint32) uint32 {
	if s.moved == nil {
		return s.first + document
	}
	return s.moved[document]
}

// termsAtOnce is how many terms are merged before it looks whether it should end, and lets
// others have the processor: some 20 µs' worth, as whoever computes for longer is made to
// give way only after 10 ms.
const termsAtOnce = 32

// terms merges the terms of all sources.
func (m *merger) terms(ended func() error) error {
	for _, s := range m.sources {
		if err := m.push(s); err != nil {
			return err
		}
	}
	for n := 0; len(m.heap) > 0; n++ {
		if n%termsAtOnce == 0 {
			runtime.Gosched()
			if err := ended(); err != nil {
				return err
			}
		}
		m.key = append(m.key[:0], m.heap[0].current()...)
		m.out.term(m.key)
		for len(m.heap) > 0 && bytes.Equal(m.heap[0].current(), m.key) {
			s := m.pop()
			if err := m.copy(s); err != nil {
				return err
			}
			if err := m.push(s); err != nil {
				return err
			}
		}
		m.out.endTerm()
		if m.out.err != nil {
			return m.out.err
		}
	}
	return nil
}

func (s *source) current() []byte { return s.walk.key[:s.walk.keySize] }

// copy writes the postings of the source's current term.
func (m *merger) copy(s *source) error {
	list, err := s.walk.postings()
	if err != nil {
		return err
	}
	for block := range list.Blocks() {
		if err := list.Read(block, &m.buffer); err != nil {
			return err
		}
		frequencies := m.buffer.Frequencies()
		for i, document := range m.buffer.Documents[:m.buffer.Count] {
			if document = s.renumber(document); document != gone {
				m.out.posting(document, frequencies[i]+1)
			}
		}
	}
	return nil
}

// push reads the next term of a source, and puts it into the heap if there is one.
func (m *merger) push(s *source) error {
	before := append(make([]byte, 0, maxKey), s.current()...)
	ok, err := s.walk.advance(s.Reader)
	if err != nil || !ok {
		return err
	}
	if bytes.Compare(s.current(), before) <= 0 {
		return errEntries()
	}
	m.heap = append(m.heap, s)
	for i := len(m.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !m.less(i, parent) {
			break
		}
		m.heap[i], m.heap[parent] = m.heap[parent], m.heap[i]
		i = parent
	}
	return nil
}

// pop takes the least out of the heap.
func (m *merger) pop() *source {
	least, last := m.heap[0], len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && m.less(child+1, child) {
			child++
		}
		if child >= last || !m.less(child, i) {
			return least
		}
		m.heap[i], m.heap[child] = m.heap[child], m.heap[i]
		i = child
	}
}

// less orders by term, and sources of the same term by their place, so that documents
// ascend.
func (m *merger) less(i, j int) bool {
	a, b := m.heap[i], m.heap[j]
	if c := bytes.Compare(a.current(), b.current()); c != 0 {
		return c < 0
	}
	return a.place < b.place
}
