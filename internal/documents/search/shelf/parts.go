package shelf

import (
	"context"
	"errors"
	"fmt"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/lexindex"
)

// A document is in the index as one group of chunks, and a long one as several, so that
// terms of only so many are in memory at a time. A group's number is the document's with
// that of the part behind it.
const (
	partBits   = 12
	partChunks = 2048
	mostParts  = 1 << partBits
)

// parts tells of how many groups documents are, by their numbers; those of one are left
// out.
type parts map[int64]int

func partsOf(groups []lexindex.Group) parts {
	p := make(parts)
	for _, g := range groups {
		if n := int(g.Number & (mostParts - 1)); n > 0 {
			number := g.Number >> partBits
			p[number] = max(p[number], n+1)
		}
	}
	return p
}

// groups are the numbers of the groups of documents, or nil for nil.
func (p parts) groups(documents []int64) []int64 {
	if documents == nil {
		return nil
	}
	list := make([]int64, 0, len(documents))
	for _, number := range documents {
		for n := range max(p[number], 1) {
			list = append(list, number<<partBits|int64(n))
		}
	}
	return list
}

// adding is a document that is being put in, part by part.
type adding struct {
	shelf  *Shelf
	making Making
	number int64
	parts  int
	chunks int // of the part
}

// add adds chunks.
func (a *adding) add(ctx context.Context, chunks []fairlead.Chunk) error {
	if err := a.making.Add(ctx, chunks); err != nil {
		return err
	}
	if a.chunks += len(chunks); a.chunks < partChunks {
		return ctx.Err()
	}
	return a.flush(ctx)
}

// flush adds what was gathered as one part.
func (a *adding) flush(ctx context.Context) error {
	if a.chunks == 0 {
		return nil
	}
	if a.parts == mostParts {
		return fmt.Errorf("a document of more than %d chunks", mostParts*partChunks)
	}
	group := a.number<<partBits | int64(a.parts)
	a.parts++
	a.shelf.noteParts(a.number, a.parts)
	a.chunks = 0
	segment, err := a.making.Build(ctx, group)
	if err != nil {
		return err
	}
	return a.shelf.read(func(index *lexindex.Index) error { return index.Add(ctx, group, segment) })
}

// noteParts notes of how many groups a document is.
func (s *Shelf) noteParts(number int64, n int) {
	s.state.Lock()
	defer s.state.Unlock()
	if n > 1 {
		s.parts[number] = n
	} else {
		delete(s.parts, number)
	}
	s.changed = true
}

// remove takes all parts of a document out. The caller has the turn to write.
func (s *Shelf) remove(number int64) error {
	err := s.read(func(index *lexindex.Index) error {
		var err error
		for _, group := range s.parts.groups([]int64{number}) {
			err = errors.Join(err, index.Remove(group))
		}
		return err
	})
	if err == nil {
		s.noteParts(number, 0)
	}
	return err
}
