// Package shelf is the index of one app: what its documents' chunks are found by, in a
// directory of its own. A chunk is found by its words, and less surely by what stands
// above it: the title of its document, the headings, the company and the period that it
// is about. Words are made terms by package language, in the document's language; what
// is asked is made terms in all the languages that the shelf has, as words don't tell
// which one they are of.
//
// A shelf is derived from the store of documents and can be made anew from it. One that is
// damaged, or was made by other rules, is emptied when it is opened, and its owner puts
// in again what is missing.
//
// Start with Shelf.
package shelf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/fairleadhq/fairlead/internal/language"
	"github.com/fairleadhq/fairlead/internal/lexindex"
)

// The fields of what is searched.
const (
	body    = iota // the chunk's own text
	heading        // what stands above it
	fields
)

// layout changes with what is put into which field.
const layout = 1

// ErrDamaged is the error of a shelf that can't be read any more: Renew it.
var ErrDamaged = lexindex.ErrDamaged

// Shelf is the index of one app. It is safe for concurrent use.
type Shelf struct {
	dir   string
	words *Words
	maker Maker

	// writing is held, by one, while documents are put in or taken out.
	writing chan struct{}

	// state guards what follows; who searches holds it for reading.
	state     sync.RWMutex
	index     *lexindex.Index
	languages languages
	changed   bool // since it was tidied
	parts     parts
}

// writer is what of an index writes to the disk. That takes no context: what was begun is
// brought to its end.
type writer interface {
	Flush() error
	Close() error
}

// Open opens the shelf in dir, which is made if it is not there. fresh says that it is
// empty: it is new, or what was there was of no use. maker makes what is put in. It blocks
// on the disk; errors are those of the file system.
func Open(dir string, words *Words, maker Maker) (s *Shelf, fresh bool, err error) {
	s = &Shelf{dir: dir, words: words, maker: maker, writing: make(chan struct{}, 1)}
	if err := s.open(); errors.Is(err, lexindex.ErrDamaged) {
		return s, true, s.Renew()
	} else if err != nil {
		return nil, false, fmt.Errorf("open a search index: %w", err)
	}
	held, err := s.Held()
	return s, len(held) == 0, err
}

func (s *Shelf) open() error {
	index, err := lexindex.Open(filepath.Join(s.dir, "words"), lexindex.Options{
		Fields: fields, Made: fmt.Sprintf("language %d, layout %d", language.Version, layout),
	})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.languagesFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, writer(index).Close())
	}
	groups, err := index.Groups()
	if err != nil {
		return errors.Join(err, writer(index).Close())
	}
	s.index, s.languages, s.parts = index, readLanguages(string(text)), partsOf(groups)
	return nil
}

func (s *Shelf) languagesFile() string { return filepath.Join(s.dir, "languages") }

// Renew empties the shelf. It blocks until searches have ended.
func (s *Shelf) Renew() error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.index != nil {
		_ = writer(s.index).Close() // what it could not write is thrown away
		s.index = nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("empty a search index: %w", err)
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("open a search index: %w", err)
	}
	return nil
}

// Close writes what is not on the disk yet. Nothing can be done with the shelf then.
func (s *Shelf) Close() error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.index == nil {
		return nil
	}
	index := s.index
	s.index = nil
	return errors.Join(s.languages.write(s.languagesFile()), writer(index).Close())
}

// read calls use with the index, which is not closed meanwhile.
func (s *Shelf) read(use func(index *lexindex.Index) error) error {
	s.state.RLock()
	defer s.state.RUnlock()
	if s.index == nil {
		return lexindex.ErrClosed
	}
	return use(s.index)
}

// Held returns how many chunks it has of each document, by the documents' numbers.
func (s *Shelf) Held() (map[int64]int, error) {
	held := make(map[int64]int)
	err := s.read(func(index *lexindex.Index) error {
		groups, err := index.Groups()
		for _, g := range groups {
			held[g.Number>>partBits] += g.Docs
		}
		return err
	})
	return held, err
}

// Stats tell how large it is.
func (s *Shelf) Stats() lexindex.Stats {
	var stats lexindex.Stats
	_ = s.read(func(index *lexindex.Index) error {
		stats = index.Stats()
		return nil
	})
	return stats
}

// Tidy brings what was changed to the disk, and merges what should be one. It blocks for
// seconds where there is much, or until ctx ends.
func (s *Shelf) Tidy(ctx context.Context) error {
	s.state.Lock()
	changed := s.changed
	s.changed = false
	s.state.Unlock()
	if changed {
		if err := s.saveLanguages(); err != nil {
			return fmt.Errorf("write a search index: %w", err)
		}
	}
	return s.read(func(index *lexindex.Index) error {
		if changed {
			if err := writer(index).Flush(); err != nil {
				return err
			}
		}
		for index.MergeDue() && ctx.Err() == nil {
			if err := index.Merge(ctx); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// write waits for its turn to change the shelf, which done gives back.
func (s *Shelf) write(ctx context.Context) (done func(), err error) {
	select {
	case s.writing <- struct{}{}:
		return func() { <-s.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
