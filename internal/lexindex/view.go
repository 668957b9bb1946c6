package lexindex

import (
	"runtime/debug"
	"sync"

	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// store is a segment that is open. It is closed when no view has it any more.
type store struct {
	reader *segment.Reader
	number uint64 // of its file; 0 if it is in memory
	views  int    // guarded by views.mu
}

func (s *store) inFile() bool { return s.number != 0 }

// part is a segment, without what was removed from it by now.
type part struct {
	live  *segment.Live
	store *store
}

func (p *part) bytes() int64 { return p.live.Sum().Bytes }

func closeParts(parts []part) {
	for _, p := range parts {
		_ = p.store.reader.Close()
	}
}

// view is what an index has at one time. It does not change.
type view struct {
	parts []part
	users int // guarded by views.mu
}

// views hands out the view that there is.
type views struct {
	mu      sync.Mutex
	current *view // nil when it is closed
}

// take returns the view, to be given back.
func (v *views) take() (*view, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current == nil {
		return nil, ErrClosed
	}
	v.current.users++
	return v.current, nil
}

// give gives a view back, and closes what is in use no more.
func (v *views) give(taken *view) {
	if unused := v.leave(taken); len(unused) > 0 {
		closeParts(unused)
	}
}

func (v *views) leave(taken *view) (unused []part) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if taken.users--; taken.users > 0 {
		return nil
	}
	for _, p := range taken.parts {
		if p.store.views--; p.store.views == 0 {
			unused = append(unused, p)
		}
	}
	return unused
}

// parts returns what the current view has. Whoever calls it sees to it that no other is
// published meanwhile.
func (v *views) parts() ([]part, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current == nil {
		return nil, ErrClosed
	}
	return v.current.parts, nil
}

// publish puts parts in the place of the view that there is.
func (v *views) publish(parts []part) { v.replace(&view{parts: parts, users: 1}) }

// close ends it: there is no view any more.
func (v *views) close() { v.replace(nil) }

func (v *views) replace(next *view) {
	before := v.exchange(next)
	if before != nil {
		v.give(before)
	}
}

func (v *views) exchange(next *view) (before *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if next != nil {
		for _, p := range next.parts {
			p.store.views++
		}
	}
	before, v.current = v.current, next
	return before
}

// guarded calls f. A page of a file that can't be read, because the disk fails or the file
// was cut, would end the program; so it is ErrDamaged.
func guarded(f func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = ErrDamaged
		default:
			panic(cause)
		}
	}()
	return f()
}
