// Package lexindex is an embedded index that ranks documents by the words they
// share with a query (BM25). One Index is one directory, and knows nothing of
// any other: what must not be found together is put into two.
//
// What is added is a group of documents, at once, as a segment (package segment): a
// part of the index that never changes and can be searched from then on. Segments are
// made apart from the index, which need not be where there is time for it. Small segments are merged into larger ones in memory; Flush
// merges what is in memory into a file, and Merge, which is called when there is
// time for it, merges files. A group that is removed is only marked so; the next
// merge leaves it out.
//
// A search takes the segments as they are when it begins. Adding, flushing and
// merging put new segments in the place of old ones, and an old one is given back
// when its last search has ended; so neither waits for the other.
//
// The index is derived from something else, which is the truth. The file
// "manifest" names the segments, and is replaced as one; after a crash the index
// is as the manifest has it, without what was added and with what was removed
// since. Whoever owns it compares Groups with the truth when it is opened, and
// where bytes can't be what was written (ErrDamaged), deletes the directory and
// adds everything again.
//
// Start with Open.
package lexindex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/fairleadhq/fairlead/internal/lexindex/rank"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

var (
	// ErrDamaged is the error of an index that is not as it was written, or was written by
	// other rules: its owner deletes it and makes it again.
	ErrDamaged = segment.ErrDamaged
	// ErrExists is the error of Add for a group that is there.
	ErrExists = errors.New("the group is in the index")
	// ErrNoSegment is the error of Add for what is no segment of that group.
	ErrNoSegment = errors.New("the bytes are not the segment of the group")
	// ErrClosed is the error of an index that was closed.
	ErrClosed = errors.New("the index is closed")
)

// What is added.
type (
	// Doc is what is searched as one; its ID is unique in the index.
	Doc = segment.Doc
	// Term is a word of a Doc, as its analyser left it.
	Term = segment.Term
)

// Limits of what is added.
const (
	MaxFields = segment.MaxFields
	MaxTerm   = segment.MaxTerm // bytes of a term
)

// Options say how an index is made. What is 0 has a default.
type Options struct {
	// Fields is how many fields documents have, 1 by default.
	Fields int
	// Made names what turns texts into terms. An index that was made by something else
	// is of no use, and ErrDamaged.
	Made string
	// K1 and B are BM25's parameters, 1.2 and .75 by default. They count when searching,
	// and may be others each time.
	K1, B float64
	// FlushBytes is how many bytes of segments are kept in memory until Add flushes them,
	// 32 MiB by default.
	FlushBytes int64

	disk disk
}

func (o Options) complete(dir string) Options {
	o.Fields = cmp.Or(o.Fields, 1)
	o.K1, o.B = cmp.Or(o.K1, 1.2), cmp.Or(o.B, .75)
	o.FlushBytes = cmp.Or(o.FlushBytes, 32<<20)
	if o.disk == nil {
		o.disk = folder(dir)
	}
	return o
}

// Index is an index in a directory. It is safe for concurrent use. Nothing else may
// change the directory while it is open.
type Index struct {
	dir     string
	options Options

	// adding is held by whoever changes what is in memory, merging by whoever merges
	// files; each is taken before change.
	adding  sync.Mutex
	merging sync.Mutex

	// change is held by whoever puts other parts into the view.
	change  sync.Mutex
	next    uint64             // number of the next file
	removed map[int64]struct{} // groups of files that the manifest still has

	views views
}

// Open opens the index in dir, which is made if it is not there. It blocks until the
// tables of all segments are read; the terms, which are most of it, are checked by
// Verify. Errors are ErrDamaged, and those of the file system.
func Open(dir string, options Options) (*Index, error) {
	options = options.complete(dir)
	if options.Fields < 1 || options.Fields > MaxFields || options.K1 < 0 || options.B < 0 || options.B > 1 {
		return nil, fmt.Errorf("an index with %d fields, k1 %v and b %v", options.Fields, options.K1, options.B)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	x := &Index{dir: dir, options: options, removed: make(map[int64]struct{})}
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	x.next = m.Next
	parts, err := x.openParts(m)
	if err != nil {
		return nil, err
	}
	if err := x.sweep(parts); err != nil {
		closeParts(parts)
		return nil, err
	}
	x.views.publish(parts)
	return x, nil
}

// openParts opens the segments that the manifest names.
func (x *Index) openParts(m *manifest) (parts []part, err error) {
	defer func() {
		if err != nil {
			closeParts(parts)
		}
	}()
	if len(m.Segments) > 0 && (m.Fields != x.options.Fields || m.Made != x.options.Made) {
		return nil, fmt.Errorf("%w: it was made by %q with %d fields", ErrDamaged, m.Made, m.Fields)
	}
	seen := make(map[int64]struct{})
	for _, s := range m.Segments {
		r, err := openSegment(filepath.Join(x.dir, fileName(s.Number)))
		if err != nil {
			return parts, err
		}
		p := part{live: segment.NewLive(r), store: &store{reader: r, number: s.Number}}
		parts = append(parts, p)
		if r.Sum() != s.Sum || r.Fields() != m.Fields || s.Number >= m.Next {
			return parts, fmt.Errorf("%w: a segment is not the one that was written", ErrDamaged)
		}
		parts[len(parts)-1].live = p.live.Without(s.Removed...)
		for _, g := range groupsOf(parts[len(parts)-1].live, nil) {
			if _, twice := seen[g.Number]; twice {
				return parts, fmt.Errorf("%w: a group is there twice", ErrDamaged)
			}
			seen[g.Number] = struct{}{}
		}
	}
	return parts, nil
}

// openSegment opens the segment in a file; one that is not there is ErrDamaged.
func openSegment(path string) (r *segment.Reader, err error) {
	err = guarded(func() error {
		r, err = segment.OpenFile(path)
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: a segment is missing", ErrDamaged)
	}
	return r, err
}

// sweep deletes files that were being written when the index was last in use.
func (x *Index) sweep(parts []part) error {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		used := slices.ContainsFunc(parts, func(p part) bool { return fileName(p.store.number) == name })
		if used || name != newManifest && filepath.Ext(name) != segmentExt {
			continue
		}
		if err := x.options.disk.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// Close flushes what is in memory, and gives everything back when the last search has
// ended. The error is that of the Flush; the index is closed all the same.
func (x *Index) Close() error {
	err := x.Flush()
	x.change.Lock()
	defer x.change.Unlock()
	x.views.close()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// Group is a group that is in the index.
type Group struct {
	Number int64
	Docs   int
}

// Groups returns the groups that are in the index, in order of their numbers.
func (x *Index) Groups() ([]Group, error) {
	v, err := x.views.take()
	if err != nil {
		return nil, err
	}
	defer x.views.give(v)
	var all []Group
	err = guarded(func() error {
		for i := range v.parts {
			all = groupsOf(v.parts[i].live, all)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Group) int { return cmp.Compare(a.Number, b.Number) })
	return all, err
}

func groupsOf(l *segment.Live, to []Group) []Group {
	for i := range l.Groups() {
		if l.IsLive(i) {
			g := l.Group(i)
			to = append(to, Group{Number: g.Number, Docs: int(g.Docs)})
		}
	}
	return to
}

// Verify reads all files, and compares their sums with what was written. It blocks until
// it has, or ctx ends. The error is ErrDamaged, or the context's.
func (x *Index) Verify(ctx context.Context) error {
	v, err := x.views.take()
	if err != nil {
		return err
	}
	defer x.views.give(v)
	return guarded(func() error {
		for i := range v.parts {
			if err := v.parts[i].live.Verify(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// Stats tell how large an index is.
type Stats struct {
	Groups, Docs int // without those removed
	RemovedDocs  int // that a merge will leave out
	Files        int // segments in files, and their bytes
	FileBytes    int64
	Memory       int // segments in memory, and their bytes
	MemoryBytes  int64
}

// Stats does not block for long. They are 0 for an index that is closed.
func (x *Index) Stats() Stats {
	v, err := x.views.take()
	if err != nil {
		return Stats{}
	}
	defer x.views.give(v)
	var s Stats
	for i := range v.parts {
		p := &v.parts[i]
		s.Groups += p.live.LiveGroups()
		s.Docs += p.live.LiveDocs()
		s.RemovedDocs += p.live.Docs() - p.live.LiveDocs()
		if p.store.inFile() {
			s.Files++
			s.FileBytes += p.bytes()
		} else {
			s.Memory++
			s.MemoryBytes += p.bytes()
		}
	}
	return s
}

func (x *Index) formula() rank.Formula { return rank.Formula{K1: x.options.K1, B: x.options.B} }
