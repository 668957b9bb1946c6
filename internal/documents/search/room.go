package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// room is where an app's shelf stands, and how far it agrees with the store.
type room struct {
	app fairlead.AppID

	opening sync.Mutex // held while the shelf is opened
	shelf   *shelf.Shelf

	mu sync.Mutex
	// checked is closed when the shelf agrees with the store.
	checked chan struct{}
	// broken says that the shelf has to be made anew, anew that it was empty when it was
	// opened: what is not in it yet would be missed.
	broken, anew bool
	visited      bool // somebody is at it
	next         time.Time
	began        time.Time
	done, total  int
	// added are documents that came while the program ran: they may not be ready yet.
	added map[int64]bool
	// gone are documents that were deleted and are to be taken out.
	gone []int64
}

// room returns the app's room, with its shelf open.
func (s *Searcher) room(app fairlead.AppID) (*room, error) {
	r := s.roomOf(app)
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.shelf != nil {
		return r, nil
	}
	opened, fresh, err := shelf.Open(filepath.Join(s.config.Dir, folder(app)), s.words, s.config.Maker)
	if err != nil {
		return nil, err
	}
	r.shelf = opened
	r.mu.Lock()
	defer r.mu.Unlock()
	r.anew = fresh
	return r, nil
}

func (s *Searcher) roomOf(app fairlead.AppID) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[app]
	if r == nil {
		r = &room{app: app, checked: make(chan struct{}), added: make(map[int64]bool)}
		s.rooms[app] = r
	}
	return r
}

// all returns the rooms that there are.
func (s *Searcher) all() []*room {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*room, 0, len(s.rooms))
	for _, r := range s.rooms {
		list = append(list, r)
	}
	return list
}

// folder names the folder of an app: whatever an app is called, it is a name for files.
func folder(app fairlead.AppID) string {
	sum := sha256.Sum256([]byte(app))
	return hex.EncodeToString(sum[:16])
}

// ready returns the app's room when it agrees with the store, which is waited for a
// little. A shelf that is being made anew is not searched; one that may lack what came
// last before a crash is.
func (s *Searcher) ready(ctx context.Context, app fairlead.AppID) (*room, error) {
	const longest = 2 * time.Second
	r, err := s.room(app)
	if err != nil || !s.running.Load() {
		return r, err
	}
	checked := r.isChecked()
	select {
	case <-checked:
		return r, nil
	default:
	}
	select {
	case s.urgent <- r:
	default: // somebody else's turn, and then its own
	}
	timer := time.NewTimer(part(ctx, 3, longest))
	defer timer.Stop()
	select {
	case <-checked:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
	}
	if wait, is := r.rebuilding(time.Now()); is {
		return nil, rebuilding(wait)
	}
	return r, nil
}

func (r *room) isChecked() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checked
}

// rebuilding reports whether the shelf is being made anew, and for how much longer.
func (r *room) rebuilding(now time.Time) (wait time.Duration, is bool) {
	const (
		unknown = 5 * time.Second
		longest = 10 * time.Minute
	)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.anew && !r.broken {
		return 0, false
	}
	if r.done == 0 {
		return unknown, true
	}
	left := time.Duration(float64(now.Sub(r.began)) / float64(r.done) * float64(r.total-r.done))
	return min(max(left, time.Second), longest), true
}

// damaged notes that the shelf has to be made anew, and returns what a search is told.
func (s *Searcher) damaged(r *room) error {
	r.mu.Lock()
	if !r.broken {
		r.broken, r.next, r.done = true, time.Time{}, 0
		select {
		case <-r.checked:
			r.checked = make(chan struct{})
		default:
		}
	}
	r.mu.Unlock()
	select {
	case s.urgent <- r:
	default:
	}
	wait, _ := r.rebuilding(time.Now())
	return rebuilding(wait)
}

// noteAdded notes that a document came while the program ran.
func (r *room) noteAdded(number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added[number] = true
}

// forget notes that it is gone, or ready.
func (r *room) forget(number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.added, number)
}

func (r *room) wasAdded(number int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.added[number]
}
