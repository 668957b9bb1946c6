package search

import (
	"context"
	"fmt"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// read reads candidates from the store, in their order, until there are as many passages
// as are wanted. What the store does not give, is not what was asked for, or says again
// what a better one said, is left out.
func (s *Searcher) read(ctx context.Context, app fairlead.AppID, r *round, hits []shelf.Hit) ([]fairlead.Passage, error) {
	passages := make([]fairlead.Passage, 0, r.most)
	documents := make(map[fairlead.DocumentID]*fairlead.Document)
	for len(hits) > 0 && len(passages) < r.most {
		n := min(len(hits), 2*(r.most-len(passages))+8)
		chunks, err := s.chunks(ctx, app, hits[:n])
		if err != nil {
			return nil, err
		}
		if err := s.owners(ctx, app, chunks, documents); err != nil {
			return nil, err
		}
		for _, h := range hits[:n] {
			c := chunks[h.Chunk]
			if c == nil || len(passages) == r.most {
				continue
			}
			d := documents[c.Document]
			if d == nil || !r.wants(h, d) {
				continue
			}
			if p := passage(c, d, r.within, h.Score); !repeats(passages, &p) {
				passages = append(passages, p)
			}
		}
		hits = hits[n:]
	}
	return passages, nil
}

// wants reports whether a hit may be shown, in that document: it is the one that the
// index says, where it says one, and among those that are searched.
func (r *round) wants(h shelf.Hit, d *fairlead.Document) bool {
	return (h.Document == 0 || h.Document == d.Number) && r.within.has(d.Number)
}

// chunks reads chunks, by their numbers.
func (s *Searcher) chunks(ctx context.Context, app fairlead.AppID, hits []shelf.Hit) (map[int64]*fairlead.Chunk, error) {
	numbers := make([]int64, len(hits))
	for i, h := range hits {
		numbers[i] = h.Chunk
	}
	chunks, err := s.config.Chunks.ChunksByNumber(ctx, app, numbers)
	if err != nil {
		return nil, fmt.Errorf("read what was found: %w", err)
	}
	byNumber := make(map[int64]*fairlead.Chunk, len(chunks))
	for i := range chunks {
		byNumber[chunks[i].Number] = &chunks[i]
	}
	return byNumber, nil
}

// owners adds the documents of chunks to known, those that are ready.
func (s *Searcher) owners(ctx context.Context, app fairlead.AppID, chunks map[int64]*fairlead.Chunk, known map[fairlead.DocumentID]*fairlead.Document) error {
	var ids []fairlead.DocumentID
	for _, c := range chunks {
		if _, ok := known[c.Document]; !ok {
			known[c.Document] = nil
			ids = append(ids, c.Document)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	documents, err := s.config.Selector.DocumentsByID(ctx, app, ids)
	if err != nil {
		return fmt.Errorf("read whose it is what was found: %w", err)
	}
	for i := range documents {
		if d := &documents[i]; d.App == app && d.Status == fairlead.DocumentReady {
			known[d.ID] = d
		}
	}
	return nil
}

func passage(c *fairlead.Chunk, d *fairlead.Document, within *scope, score float64) fairlead.Passage {
	p := fairlead.Passage{
		Document: d.ID, Name: d.Name, Score: score, Page: c.Page, Section: c.Section, Start: c.Start, End: c.End,
		Text: c.Text, Context: c.Context, Metadata: d.Metadata,
	}
	if within.attributes != nil {
		p.Metadata = within.attributes[d.Number]
	}
	return p
}

// repeats reports whether more than half of a passage is in one before it, or the other
// way round.
func repeats(before []fairlead.Passage, p *fairlead.Passage) bool {
	for i := range before {
		b := &before[i]
		if b.Document != p.Document {
			continue
		}
		shared := min(b.End, p.End) - max(b.Start, p.Start)
		if 2*shared > min(b.End-b.Start, p.End-p.Start) {
			return true
		}
	}
	return false
}
