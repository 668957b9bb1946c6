package responses_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

// shelf is a store in memory that notes what is done with it.
type shelf struct {
	mu    sync.Mutex
	rows  map[string]fairlead.Response
	names map[string]string // to the response that told of it
	calls []string
	fails error // of writes
	reads int
}

func newShelf() *shelf {
	return &shelf{rows: make(map[string]fairlead.Response), names: make(map[string]string)}
}

func (s *shelf) key(app fairlead.AppID, id string) string { return string(app) + "/" + id }

func (s *shelf) PutResponse(_ context.Context, r fairlead.Response, _ fairlead.ResponseRoom) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "put "+string(r.Status))
	if s.fails != nil {
		return s.fails
	}
	r.Items, r.Body = append([]byte{}, r.Items...), append([]byte{}, r.Body...)
	s.rows[s.key(r.App, r.ID)] = r
	return nil
}

func (s *shelf) UpdateResponse(_ context.Context, r fairlead.Response, _ fairlead.ResponseRoom) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "update "+string(r.Status))
	if s.fails != nil {
		return s.fails
	}
	row, ok := s.rows[s.key(r.App, r.ID)]
	if !ok || row.Status.Ended() {
		return nil
	}
	row.Status, row.Maker, row.KeptAs = r.Status, r.Maker, r.KeptAs
	if len(r.Body) > 0 {
		row.Body = append([]byte{}, r.Body...)
	}
	s.rows[s.key(r.App, r.ID)] = row
	return nil
}

func (s *shelf) Response(_ context.Context, app fairlead.AppID, id string) (fairlead.Response, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	r, ok := s.rows[s.key(app, id)]
	return r, ok, nil
}

func (s *shelf) DeleteResponse(_ context.Context, app fairlead.AppID, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rows[s.key(app, id)]
	delete(s.rows, s.key(app, id))
	for name, response := range s.names {
		if response == id {
			delete(s.names, name)
		}
	}
	return ok, nil
}

func (s *shelf) NoteResponseNames(_ context.Context, app fairlead.AppID, id string, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.names[s.key(app, name)] = id
	}
	return s.fails
}

func (s *shelf) HasResponseName(_ context.Context, app fairlead.AppID, name string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, has := s.names[s.key(app, name)]
	return has, nil
}

func (s *shelf) SweepResponses(_ context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, r := range s.rows {
		if !r.Expires.IsZero() && !now.Before(r.Expires) {
			delete(s.rows, key)
		}
	}
	return nil
}

func (s *shelf) FailResponses(_ context.Context, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	for key, r := range s.rows {
		if !r.Status.Ended() && (before.IsZero() || r.Created.Before(before)) {
			r.Status = fairlead.ResponseFailed
			s.rows[key] = r
		}
	}
	return nil
}

// fail has writes fail from now on; nil has them succeed again.
func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

func (s *shelf) row(t *testing.T, id string) fairlead.Response {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[s.key("a", id)]
	if !ok {
		t.Fatalf("there is no row %s", id)
	}
	return r
}

// breakWith has writes fail from now on; nil has them succeed.
func (s *shelf) breakWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

var _ responses.Config = responses.Config{Store: (*shelf)(nil), Sweeper: (*shelf)(nil), Names: (*shelf)(nil)}
