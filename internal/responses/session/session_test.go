package session

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// room is memory of so many bytes.
type room struct {
	mu   sync.Mutex
	left int64
}

func (r *room) Reserve(n int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.left {
		return fairlead.NewBusy("memory_pressure", "", time.Second)
	}
	r.left -= n
	return nil
}

func (r *room) Return(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += n
}

func (r *room) want(t *testing.T, want int64) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left != want {
		t.Errorf("%d bytes are left, want %d", r.left, want)
	}
}

func has(s *Session, id string) bool {
	n := s.Find(id)
	if n == nil {
		return false
	}
	s.Drop(n)
	return true
}

// TestMemory: what is kept is in the memory's books, the oldest goes first when there
// is no room, and all is given back.
func TestMemory(t *testing.T) {
	memory := &room{left: 100}
	s := New(Limits{}, memory)
	for _, id := range []string{"a", "b", "c"} {
		s.Keep(id, nil, []byte(strings.Repeat(id, 30)))
	}
	memory.want(t, 10)
	s.Keep("d", nil, []byte(strings.Repeat("d", 50)))
	for id, want := range map[string]bool{"a": false, "b": false, "c": true, "d": true} {
		if got := has(s, id); got != want {
			t.Errorf("%s is kept: %v, want %v", id, got, want)
		}
	}
	memory.want(t, 20)
	s.Keep("d", nil, []byte("again"))
	memory.want(t, 65)
	held := s.Find("c")
	s.Keep("e", held, []byte(strings.Repeat("e", 80))) // "c" is held, so there is no room at all
	memory.want(t, 70)
	if has(s, "c") || has(s, "d") || has(s, "e") {
		t.Error("there is something where there is no room")
	}
	s.Drop(held)
	memory.want(t, 100)
	s.Keep("e", nil, []byte(strings.Repeat("e", 101)))
	memory.want(t, 100)
}

// TestEnd: a turn that is under way when its connection ends holds what it continues,
// and keeps nothing.
func TestEnd(t *testing.T) {
	memory := &room{left: 100}
	s := New(Limits{}, memory)
	s.Keep("a", nil, []byte("one"))
	held := s.Find("a")
	s.Keep("b", held, []byte(",two"))
	s.End()
	memory.want(t, 97)
	if got := string(held.Items()); got != "one" {
		t.Errorf("the turn goes on from %q", got)
	}
	s.Keep("c", held, []byte("three"))
	if has(s, "a") || has(s, "c") {
		t.Error("an ended session keeps something")
	}
	s.Drop(held)
	memory.want(t, 100)
}

// TestLimits: what is beyond them is given back too.
func TestLimits(t *testing.T) {
	memory := &room{left: 1000}
	s := New(Limits{Turns: 2, Bytes: 50}, memory)
	for _, id := range []string{"a", "b", "c"} {
		s.Keep(id, nil, []byte("twenty bytes of text"))
	}
	memory.want(t, 960)
	s.Keep("d", nil, []byte(strings.Repeat("d", 45)))
	memory.want(t, 955)
	s.Keep("e", nil, []byte(strings.Repeat("e", 51)))
	memory.want(t, 955)
	if !has(s, "d") || has(s, "c") || has(s, "e") {
		t.Error("the oldest go, and what is too long alone is not kept")
	}
	s.End()
	memory.want(t, 1000)
}

// TestAtOnce: turns of several lanes leave nothing behind.
func TestAtOnce(t *testing.T) {
	memory := &room{left: 200}
	s := New(Limits{Turns: 5}, memory)
	var wg sync.WaitGroup
	for _, lane := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			for range 200 {
				before := s.Find(lane)
				s.Keep(lane, before, []byte(strings.Repeat(lane, 20)))
				if before != nil {
					s.Drop(before)
				}
			}
		})
	}
	wg.Wait()
	s.End()
	memory.want(t, 200)
}
