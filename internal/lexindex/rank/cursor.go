package rank

import (
	"sort"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
)

const none = -1

// cursor goes through the posting list of a term.
type cursor struct {
	list    postings.List
	weight  float32
	curve   *curve
	lengths []uint8

	block int // the first one that does not end before the window
	// What is known of the block that was read last, and of the one bounded last.
	read    int
	at      int // of its postings, the next one
	buffer  postings.Buffer
	bounded int
	bound   uint32
	short   bool

	most   uint32 // that it adds to a document of the window
	others uint32 // most, with those of all cursors before it
}

func (c *cursor) reset() {
	c.block, c.read, c.at, c.bounded, c.short = 0, none, 0, none, c.list.Short()
}

// load reads a block.
func (c *cursor) load(block int) error {
	if c.read == block {
		return nil
	}
	c.read = none
	if err := c.list.Read(block, &c.buffer); err != nil {
		return err
	}
	c.read, c.at = block, 0
	return nil
}

// boundOf is the most that a document of a block gets.
func (c *cursor) boundOf(block int) (uint32, error) {
	if c.bounded == block {
		return c.bound, nil
	}
	if c.short {
		if err := c.load(0); err != nil {
			return 0, err
		}
		c.bound = 0
		for i, document := range c.buffer.Documents[:c.buffer.Count] {
			c.bound = max(c.bound, c.score(document, c.buffer.Frequency(i)))
		}
	} else {
		c.bound = bound(c.list.Peaks(block), c.weight, c.curve)
	}
	c.bounded = block
	return c.bound, nil
}

func (c *cursor) score(document, frequency uint32) uint32 {
	return score(c.weight, float32(frequency), c.curve[c.lengths[document]])
}

// enter goes to a window, which lies behind those before, and finds out how much a
// document of it gets at most.
func (c *cursor) enter(from, to uint32) error {
	c.most = 0
	c.block = c.list.Seek(c.block, from)
	blocks := c.list.Blocks()
	for block := c.block; block < blocks; block++ {
		if block > c.block && c.list.Last(block-1) >= to-1 {
			break
		}
		if block == c.read && !c.hasAny(from, to) {
			continue
		}
		most, err := c.boundOf(block)
		if err != nil {
			return err
		}
		if c.short && !c.hasAny(from, to) {
			most = 0
		}
		c.most = max(c.most, most)
	}
	return nil
}

// hasAny reports whether the block that was read has a document in [from, to).
func (c *cursor) hasAny(from, to uint32) bool {
	c.skip(from)
	return c.at < c.buffer.Count && c.buffer.Documents[c.at] < to
}

// skip goes to the first posting of the block that was read whose document is not before
// that one.
func (c *cursor) skip(document uint32) {
	documents := c.buffer.Documents[c.at:c.buffer.Count]
	if len(documents) == 0 || documents[0] >= document {
		return
	}
	if len(documents) <= 8 || documents[7] >= document {
		for c.at < c.buffer.Count && c.buffer.Documents[c.at] < document {
			c.at++
		}
		return
	}
	c.at += sort.Search(len(documents), func(i int) bool { return documents[i] >= document })
}

// gather adds what the term adds to the documents of the window.
func (c *cursor) gather(w *window) error {
	for block := c.block; block < c.list.Blocks(); block++ {
		if block > c.block && c.list.Last(block-1) >= w.to-1 {
			return nil
		}
		if err := c.load(block); err != nil {
			return err
		}
		c.skip(w.from)
		frequencies := c.buffer.Frequencies()
		documents := c.buffer.Documents[:len(frequencies)]
		at := c.at
		for ; at < len(documents); at++ {
			document := documents[at]
			if document >= w.to {
				break
			}
			if i := document - w.from; i < windowSize {
				w.scores[i] += score(c.weight, float32(frequencies[at]+1), c.curve[c.lengths[document]])
				w.found[i>>6] |= 1 << (i & 63)
			}
		}
		c.at = at
	}
	return nil
}

// lookUp returns what the term adds to a document, which lies behind those looked up
// before. The document needs that much; where the block can't give it, it is not read.
func (c *cursor) lookUp(document, need uint32) (uint32, error) {
	c.block = c.list.Seek(c.block, document)
	if c.block >= c.list.Blocks() {
		return 0, nil
	}
	if c.read != c.block {
		most, err := c.boundOf(c.block)
		if err != nil {
			return 0, err
		}
		if most < need {
			return 0, nil
		}
		if err := c.load(c.block); err != nil {
			return 0, err
		}
	}
	c.skip(document)
	if c.at < c.buffer.Count && c.buffer.Documents[c.at] == document {
		return c.score(document, c.buffer.Frequency(c.at)), nil
	}
	return 0, nil
}
