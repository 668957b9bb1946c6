package segment

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Builder makes segments of one group each. It keeps its memory from one to the next,
// and is used by one goroutine.
type Builder struct {
	fields int
	known  [MaxFields]map[string]uint32 // text to its number in words
	words  []entry
	// Postings as they come; of each the number of its word.
	of, documents, frequencies []uint32
	// Postings in the order of their words.
	sorted []uint32
	order  []uint32
}

// entry is a term of the group.
type entry struct {
	text  string
	field int
	count uint32 // postings
	last  uint32 // its latest posting
	from  uint32 // its first one, when they are sorted
}

// NewBuilder returns a builder for documents with so many fields.
func NewBuilder(fields int) *Builder {
	b := &Builder{fields: fields}
	for i := range fields {
		b.known[i] = make(map[string]uint32)
	}
	return b
}

// Build returns the segment of a group. docs must have ascending IDs; they are not kept.
// An error says what is wrong with them.
func (b *Builder) Build(group int64, docs []Doc) ([]byte, error) {
	defer b.reset()
	t := &tables{fields: b.fields, lengths: make([][]uint8, b.fields)}
	t.ids, t.owners = make([]int64, len(docs)), make([]uint32, len(docs))
	for i := range t.lengths {
		t.lengths[i] = make([]uint8, len(docs))
	}
	g := Group{Number: group, Docs: word(len(docs))}
	if len(docs) == 0 || len(docs) > MaxDocuments {
		return nil, fmt.Errorf("a group of %d documents", len(docs))
	}
	last := int64(math.MinInt64)
	for i := range docs {
		if i > 0 && docs[i].ID <= last {
			return nil, fmt.Errorf("document %d comes behind %d", docs[i].ID, last)
		}
		last = docs[i].ID
		t.ids[i] = last
		if len(docs[i].Fields) > b.fields {
			return nil, fmt.Errorf("a document with %d fields, not %d", len(docs[i].Fields), b.fields)
		}
		for field, terms := range docs[i].Fields {
			length, err := b.gather(word(i), field, terms)
			if err != nil {
				return nil, err
			}
			t.lengths[field][i] = LengthCode(length)
			g.Lengths[field] += length
		}
	}
	if len(b.of) > mostEntries {
		return nil, fmt.Errorf("a group with %d postings", len(b.of))
	}
	t.groups = []Group{g}
	b.sort()
	return b.write(t)
}

// gather takes the terms of a field of a document, and returns its length.
func (b *Builder) gather(document uint32, field int, terms []Term) (length uint64, err error) {
	known := b.known[field]
	for _, term := range terms {
		if term.Text == "" || len(term.Text) > MaxTerm || term.Count < 1 || term.Count > math.MaxInt32 {
			return 0, fmt.Errorf("a term of %d bytes, %d times", len(term.Text), term.Count)
		}
		length += size(term.Count)
		number, ok := known[term.Text]
		if !ok {
			number = word(len(b.words))
			known[term.Text] = number
			b.words = append(b.words, entry{text: term.Text, field: field})
		}
		w := &b.words[number]
		if w.count > 0 && b.documents[w.last] == document {
			more := uint64(b.frequencies[w.last]) + size(term.Count)
			b.frequencies[w.last] = low(min(more, math.MaxInt32))
			continue
		}
		w.count, w.last = w.count+1, word(len(b.of))
		b.of = append(b.of, number)
		b.documents = append(b.documents, document)
		b.frequencies = append(b.frequencies, word(term.Count))
	}
	return length, nil
}

// sort puts words in order, and postings in the order of their words.
func (b *Builder) sort() {
	b.order = slices.Grow(b.order[:0], len(b.words))
	for i := range b.words {
		b.order = append(b.order, word(i))
	}
	slices.SortFunc(b.order, func(i, j uint32) int {
		v, w := &b.words[i], &b.words[j]
		if v.field != w.field {
			return v.field - w.field
		}
		return strings.Compare(v.text, w.text)
	})
	from := uint32(0)
	for _, i := range b.order {
		w := &b.words[i]
		w.from, w.last = from, from
		from += w.count
	}
	b.sorted = slices.Grow(b.sorted[:0], len(b.of))[:len(b.of)]
	for posting, number := range b.of {
		w := &b.words[number]
		b.sorted[w.last] = word(posting)
		w.last++
	}
}

func (b *Builder) write(t *tables) ([]byte, error) {
	var out bytes.Buffer
	w := newWriter(&out, t)
	key := make([]byte, 0, maxKey)
	for _, i := range b.order {
		term := &b.words[i]
		key = append(append(key[:0], short(term.field)), term.text...)
		w.term(key)
		for _, posting := range b.sorted[term.from : term.from+term.count] {
			w.posting(b.documents[posting], b.frequencies[posting])
		}
		w.endTerm()
	}
	if _, err := w.finish(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// keptWords is how many words' memory is kept for the next group.
const keptWords = 1 << 20

func (b *Builder) reset() {
	if len(b.words) > keptWords {
		*b = *NewBuilder(b.fields)
		return
	}
	for i := range b.fields {
		clear(b.known[i])
	}
	clear(b.words) // they hold texts of the caller's
	b.words, b.of, b.documents, b.frequencies = b.words[:0], b.of[:0], b.documents[:0], b.frequencies[:0]
}
