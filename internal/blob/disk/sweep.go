package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/fairleadhq/fairlead"
)

// sweptAtOnce is how many blobs keep is asked about at once.
const sweptAtOnce = 1000

// SweepBlobs implements fairlead.BlobStore. PutBlobs that are under way when it is called
// are left alone too, and so is a blob that is younger than Options.Grace. It asks keep about at most 1000 blobs at once, and returns the
// first error, of keep as it is.
func (s *Store) SweepBlobs(ctx context.Context, keep func(ids []fairlead.DocumentID) (kept []bool, err error)) error {
	defer s.beginSweep()()
	if err := s.sweepIncoming(ctx); err != nil {
		return s.failed("clear interrupted blobs", err)
	}
	sweep := sweep{store: s, keep: keep, before: time.Now().Add(-s.grace)}
	err := s.each(ctx, ".", func(entry fs.DirEntry) error {
		shelf := entry.Name()
		if !entry.IsDir() || len(shelf) != 2 {
			return nil
		}
		return s.each(ctx, shelf, func(entry fs.DirEntry) error { return sweep.see(shelf, entry) })
	})
	if err == nil {
		err = sweep.decide()
	}
	if sweep.refused != nil {
		return sweep.refused
	}
	if err != nil {
		return s.failed("sweep blobs", err)
	}
	return nil
}

// beginSweep begins to note what is put, and returns what notes the end of the sweep.
func (s *Store) beginSweep() (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweeps++
	for id := range maps.Keys(s.putting) {
		s.begun[id] = true
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.sweeps--; s.sweeps == 0 {
			clear(s.begun)
		}
	}
}

// each calls do with the entries of a directory, a few of which it has in memory.
func (s *Store) each(ctx context.Context, dir string, do func(entry fs.DirEntry) error) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(sweptAtOnce)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := errors.Join(ctx.Err(), do(entry)); err != nil {
				return err
			}
		}
	}
}

// sweepIncoming deletes the files under passing names that nobody writes any more.
func (s *Store) sweepIncoming(ctx context.Context) error {
	return s.each(ctx, incoming, func(entry fs.DirEntry) error {
		err := s.sweepOne(incoming + "/" + entry.Name())
		if errors.Is(err, fs.ErrNotExist) { // it has its own name by now
			return nil
		}
		return err
	})
}

func (s *Store) sweepOne(name string) error {
	file, err := s.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if lock(file) != nil || time.Since(info.ModTime()) < abandoned || !s.isAt(name, file) {
		return nil // someone writes it
	}
	return s.root.Remove(name)
}

// sweep gathers blobs until it is worth asking about them.
type sweep struct {
	store   *Store
	keep    func(ids []fairlead.DocumentID) ([]bool, error)
	before  time.Time
	asked   []fairlead.DocumentID
	refused error // by keep
}

func (w *sweep) see(dir string, entry fs.DirEntry) error {
	id := fairlead.DocumentID(entry.Name())
	if !valid(id) || shelf(id) != dir {
		return nil // not ours
	}
	if w.store.grace > 0 {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.ModTime().After(w.before) {
			return nil
		}
	}
	w.asked = append(w.asked, id)
	if len(w.asked) < sweptAtOnce {
		return nil
	}
	return w.decide()
}

// decide asks about the blobs gathered, and deletes those that nobody needs.
func (w *sweep) decide() error {
	if len(w.asked) == 0 {
		return nil
	}
	kept, err := w.keep(w.asked)
	if err == nil && len(kept) != len(w.asked) {
		return errors.New("keep did not answer for each blob")
	}
	if err != nil {
		w.refused = err
		return err
	}
	for i, id := range w.asked {
		if kept[i] {
			continue
		}
		if err := w.store.discard(id); err != nil {
			return err
		}
	}
	w.asked = w.asked[:0]
	return nil
}

// discard deletes a blob, unless it was put since the sweep began: the mutex keeps
// whoever puts it now from giving it its name before that.
func (s *Store) discard(id fairlead.DocumentID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun[id] {
		return nil
	}
	if err := s.root.Remove(path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
