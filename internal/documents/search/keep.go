package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

const (
	// tidyEvery is how often what was added is brought to the disk.
	tidyEvery = 2 * time.Second
	// checkEvery is how often a shelf is compared with the store; soon after it was made
	// anew, as documents may have become ready meanwhile, or after that went wrong.
	checkEvery = 10 * time.Minute
	checkSoon  = 15 * time.Second
	// proveFor is how long documents are proven in a row, and provedAtOnce how many are
	// taken from the store at once.
	proveFor     = time.Second
	provedAtOnce = 64
)

// Add puts the chunks of a document, which need not be ready yet, into its app's shelf.
// When it returns, a search finds it as soon as it is ready. It blocks for the store and
// while it computes; errors are those of the store and the disk, the context's, and Busy
// with Code search_index_rebuilding: try again.
func (s *Searcher) Add(ctx context.Context, d fairlead.Document) error {
	r, err := s.room(d.App)
	if err != nil {
		return err
	}
	r.noteAdded(d.Number)
	if s.meaning != nil {
		s.meaning.Note(d.App, d.ID)
	}
	err = r.shelf.Put(ctx, d, s.config.Chunks, nil)
	if errors.Is(err, shelf.ErrDamaged) {
		return s.damaged(r)
	}
	return err
}

// Remove takes a document out of its app's shelf. No search finds it after the store has
// forgotten it, so that this is only tidying. It blocks for changes that are under way.
func (s *Searcher) Remove(ctx context.Context, app fairlead.AppID, number int64) error {
	r, err := s.room(app)
	if err != nil {
		return err
	}
	r.forget(number)
	if s.meaning != nil {
		s.meaning.Remove(app, number)
	}
	err = r.shelf.Remove(ctx, number, nil)
	if errors.Is(err, shelf.ErrDamaged) {
		_ = s.damaged(r)
		return nil
	}
	return err
}

// Close closes all shelves. Nothing can be done with the Searcher then.
func (s *Searcher) Close() error {
	var err error
	for _, r := range s.all() {
		r.opening.Lock()
		if r.shelf != nil {
			err = errors.Join(err, r.shelf.Close())
		}
		r.opening.Unlock()
	}
	return err
}

// upkeep visits shelves: all of them at the start, then those whose turn it is. When all
// were visited, it proves what they have, once.
func (s *Searcher) upkeep(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	known := false
	proven := make(proofs)
	for {
		known = known || s.knowApps(ctx)
		for _, r := range s.all() {
			s.visit(ctx, r)
		}
		s.prove(ctx, proven)
		s.tidy(ctx)
		select {
		case r := <-s.urgent:
			s.visit(ctx, r)
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// knowApps makes rooms for the apps that have documents.
func (s *Searcher) knowApps(ctx context.Context) bool {
	apps, err := s.config.Selector.DocumentApps(ctx)
	if err != nil {
		s.complain(ctx, "apps with documents not read", "", err)
		return false
	}
	for _, app := range apps {
		s.roomOf(app)
	}
	return true
}

func (s *Searcher) tidy(ctx context.Context) {
	for _, r := range s.all() {
		opened := r.opened()
		if opened == nil {
			continue
		}
		if err := opened.Tidy(ctx); errors.Is(err, shelf.ErrDamaged) {
			_ = s.damaged(r)
		} else if err != nil {
			s.complain(ctx, "search index not tidied", r.app, err)
		}
	}
}

func (r *room) opened() *shelf.Shelf {
	r.opening.Lock()
	defer r.opening.Unlock()
	return r.shelf
}

// visit compares a shelf with the store, if it is due.
func (s *Searcher) visit(ctx context.Context, r *room) {
	if !r.begin(time.Now()) {
		return
	}
	err := s.check(ctx, r)
	if err != nil {
		s.complain(ctx, "search index not compared with the documents", r.app, err)
	}
	r.end(time.Now(), err)
}

// begin reports whether the shelf is to be visited now, and by the caller.
func (r *room) begin(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.visited || now.Before(r.next) {
		return false
	}
	r.visited, r.began, r.done = true, now, 0
	return true
}

func (r *room) end(now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visited = false
	r.next = now.Add(checkEvery)
	if r.anew || err != nil {
		r.next = now.Add(checkSoon)
	}
	if err != nil {
		return
	}
	r.anew = false
	select {
	case <-r.checked:
	default:
		close(r.checked)
	}
}

// check puts into a shelf what it lacks, and takes out what is there no more.
func (s *Searcher) check(ctx context.Context, r *room) error {
	if _, err := s.room(r.app); err != nil {
		return err
	}
	if err := s.mend(r); err != nil {
		return err
	}
	held, err := r.shelf.Held()
	if err != nil {
		return s.asDamage(r, err)
	}
	var missing []fairlead.Document
	err = s.eachReady(ctx, r.app, func(d *fairlead.Document) error {
		if n, has := held[d.Number]; !has && d.Chunks != 0 || has && n != d.Chunks {
			missing = append(missing, *d)
		}
		delete(held, d.Number)
		r.forget(d.Number)
		return nil
	})
	if err != nil {
		return err
	}
	for number := range held { // what is left is not ready
		if err := r.shelf.Remove(ctx, number, func() bool { return !r.wasAdded(number) }); err != nil {
			return s.asDamage(r, err)
		}
	}
	return s.putMissing(ctx, r, missing)
}

// mend makes a shelf anew that is broken.
func (s *Searcher) mend(r *room) error {
	r.mu.Lock()
	broken := r.broken
	r.mu.Unlock()
	if !broken {
		return nil
	}
	if err := r.shelf.Renew(); err != nil {
		return err
	}
	s.config.Logger.Warn("search index was damaged and is made anew", slog.String("app", string(r.app)))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken, r.anew = false, true
	return nil
}

func (s *Searcher) asDamage(r *room, err error) error {
	if errors.Is(err, shelf.ErrDamaged) {
		return s.damaged(r)
	}
	return err
}

// putMissing puts documents into a shelf. Between two of them others have their turn who
// are waited for.
func (s *Searcher) putMissing(ctx context.Context, r *room, missing []fairlead.Document) error {
	r.mu.Lock()
	r.total = len(missing)
	r.mu.Unlock()
	for i := range missing {
		err := r.shelf.Put(ctx, missing[i], s.config.Chunks, nil)
		if isOfOne(err) {
			s.complain(ctx, "document not put into the search index", r.app, err)
		} else if err != nil {
			return s.asDamage(r, err)
		}
		r.mu.Lock()
		r.done = i + 1
		r.mu.Unlock()
		select {
		case other := <-s.urgent:
			s.visit(ctx, other)
		default:
		}
	}
	return nil
}

// isOfOne reports whether an error is of one document, so that others can be gone on with:
// else a shelf would not be searched for as long as one document can't be indexed.
func isOfOne(err error) bool {
	if err == nil {
		return false
	}
	code := fairlead.AsError(err).Code
	return code == "indexer_crashed" || code == "indexer_killed" || code == "indexer_late"
}

// proofs are the Numbers up to which the documents of shelves were proven; allProven where
// that is done.
type proofs map[*room]int64

const allProven = math.MaxInt64

// prove compares the chunks of documents in shelves with the store's, for a little while.
// A visit has counted them only. Where the store was set back, to a backup or by a machine
// that died, it has given the chunks that it read anew other numbers, or given theirs to
// others; then their number may be the same, and none of them would be found.
func (s *Searcher) prove(ctx context.Context, proven proofs) {
	until := time.Now().Add(proveFor)
	for _, r := range s.all() {
		for proven[r] != allProven && r.hasAgreed() && time.Now().Before(until) && ctx.Err() == nil {
			after, err := s.proveSome(ctx, r, proven[r])
			if err != nil {
				s.complain(ctx, "search index not compared with the chunks of documents", r.app, err)
				break
			}
			proven[r] = after
		}
	}
}

// hasAgreed reports whether a shelf was found to have what the store has.
func (r *room) hasAgreed() bool {
	select {
	case <-r.isChecked():
		return true
	default:
		return false
	}
}

// proveSome proves documents from that Number on, puts in anew those that are not in the
// shelf as they are, and returns where to go on.
func (s *Searcher) proveSome(ctx context.Context, r *room, after int64) (next int64, err error) {
	documents, err := s.config.Selector.ReadyDocuments(ctx, r.app, after, provedAtOnce)
	if err != nil {
		return after, fmt.Errorf("read which documents are ready: %w", err)
	}
	for i := range documents {
		d := &documents[i]
		is, err := r.shelf.Holds(ctx, d, s.config.Chunks)
		if err == nil && !is {
			s.config.Logger.Info("document is put into the search index anew", slog.String("app", string(r.app)), slog.String("document", string(d.ID)))
			err = r.shelf.Put(ctx, *d, s.config.Chunks, nil)
		}
		if isOfOne(err) {
			s.complain(ctx, "document not put into the search index", r.app, err)
		} else if err != nil {
			return after, s.asDamage(r, err)
		}
		after = max(after, d.Number)
		select {
		case other := <-s.urgent:
			s.visit(ctx, other)
		default:
		}
	}
	if len(documents) < provedAtOnce {
		return allProven, nil
	}
	return after, nil
}

// complain logs what went wrong in the background, but for the end of the program.
func (s *Searcher) complain(ctx context.Context, message string, app fairlead.AppID, err error) {
	if ctx.Err() == nil {
		s.config.Logger.Warn(message, slog.String("app", string(app)), slog.Any("error", err)) //nolint:sloglint // the messages are constants, at each call
	}
}
