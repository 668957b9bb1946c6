package search

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// closing is how long it may take to bring all to the disk at the end.
	closing = 10 * time.Second
	// mostGone is how many documents of an app are noted that are to be taken out.
	mostGone = 10_000
)

// Run keeps the shelves and the store alike, and makes the embeddings that are still to
// be made, until ctx ends; then it brings what is left to the disk. It must not be called
// twice, and always returns nil.
func (s *Searcher) Run(ctx context.Context) error {
	s.running.Store(true)
	defer s.running.Store(false)
	var group sync.WaitGroup
	group.Go(func() { s.upkeep(ctx) })
	group.Go(func() { s.clear(ctx) })
	if s.meaning != nil {
		group.Go(func() { s.meaning.Run(ctx) })
	}
	group.Wait()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	s.clearAll(ending)
	s.tidy(ending)
	return nil
}

// Forget has a document that the store has forgotten taken out of its app's shelf, soon.
// No search finds it anyway. It does not block; what a crash keeps it from doing is done
// when the shelf is compared with the store.
func (s *Searcher) Forget(app fairlead.AppID, number int64) {
	s.roomOf(app).noteGone(number)
	select {
	case s.gone <- struct{}{}:
	default:
	}
}

// noteGone notes that a document is to be taken out. Where there are too many, the shelf
// is compared with the store instead.
func (r *room) noteGone(number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.added, number)
	if len(r.gone) >= mostGone {
		r.next = time.Time{}
		return
	}
	r.gone = append(r.gone, number)
}

// takeGone returns the documents that are to be taken out, and forgets them.
func (r *room) takeGone() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := r.gone
	r.gone = nil
	return gone
}

// clear takes documents out of the shelves until ctx ends. It waits for whoever changes a
// shelf, and nobody waits for it.
func (s *Searcher) clear(ctx context.Context) {
	for {
		select {
		case <-s.gone:
			s.clearAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Searcher) clearAll(ctx context.Context) {
	for _, r := range s.all() {
		for _, number := range r.takeGone() {
			err := s.Remove(ctx, r.app, number)
			if ctx.Err() != nil {
				r.noteGone(number)
			} else if err != nil {
				s.complain(ctx, "deleted document not taken out of the search index", r.app, err)
			}
		}
	}
}
