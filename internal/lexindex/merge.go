package lexindex

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// mergeBytes is how large files are at most that are merged with others: so a merge takes
// no longer than some minutes, however large the index.
const mergeBytes = 2 << 30

// MergeDue reports whether there is something for Merge to do.
func (x *Index) MergeDue() bool {
	parts, err := x.views.parts()
	return err == nil && due(parts) != nil
}

// due returns files that should become one: those of one size, or one of which half was
// removed, or all.
func due(parts []part) []part {
	var files []part
	for i := range parts {
		p := &parts[i]
		if !p.store.inFile() {
			continue
		}
		if 2*p.live.LiveDocs() < p.live.Docs() {
			return []part{*p}
		}
		if p.bytes() < mergeBytes {
			files = append(files, *p)
		}
	}
	sources := sameTier(files, fileTier)
	return sources[:min(len(sources), 2*fanIn)]
}

// Merge merges some files into one, if there are any for which that is due, and deletes
// them: one step, for as long as MergeDue. It blocks until that is on the disk, which can
// take seconds of computing for each 100 MB, or until ctx ends; it neither blocks searches
// nor, for long, anything else. Errors are ErrDamaged, the context's, and those of the
// disk; the index is as before then.
func (x *Index) Merge(ctx context.Context) error {
	x.merging.Lock()
	defer x.merging.Unlock()
	v, err := x.views.take()
	if err != nil {
		return err
	}
	defer x.views.give(v)
	sources := due(v.parts)
	if sources == nil {
		return nil
	}
	// What is merged gets new sums, so nothing wrong must get in.
	err = guarded(func() error {
		for i := range sources {
			if err := sources[i].live.Verify(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return x.mergeToFile(sources, ctx.Err)
}

// never is for merges that are not ended early.
func never() error { return nil }

func livesOf(parts []part) (lives []*segment.Live) {
	for _, p := range parts {
		if p.live.LiveDocs() > 0 {
			lives = append(lives, p.live)
		}
	}
	return lives
}

// mergeInMemory puts one segment in the place of some.
func (x *Index) mergeInMemory(sources []part) error {
	var out bytes.Buffer
	for i := range sources {
		out.Grow(int(sources[i].bytes()))
	}
	if _, err := segment.Merge(livesOf(sources), &out, never); err != nil {
		return err
	}
	p, err := inMemory(bytes.Clone(out.Bytes()))
	if err != nil {
		return err
	}
	x.change.Lock()
	defer x.change.Unlock()
	parts, err := x.views.parts()
	if err != nil {
		return err
	}
	x.views.publish(exchanged(parts, sources, &p))
	return nil
}

// exchanged returns parts with p, if it is not nil, in the place of its sources: without
// the groups that were removed from them since they were merged.
func exchanged(parts, sources []part, p *part) []part {
	var removed []int64
	parts = slices.DeleteFunc(slices.Clone(parts), func(q part) bool {
		i := slices.IndexFunc(sources, func(s part) bool { return s.store == q.store })
		if i >= 0 {
			removed = append(removed, q.live.RemovedSince(sources[i].live)...)
		}
		return i >= 0
	})
	if p == nil {
		return parts
	}
	merged := *p
	if len(removed) > 0 {
		merged.live = p.live.Without(removed...)
	}
	return append(parts, merged)
}

// mergeToFile puts a segment in a file in the place of some.
func (x *Index) mergeToFile(sources []part, ended func() error) error {
	var made *part
	if lives := livesOf(sources); len(lives) > 0 {
		p, err := x.write(lives, ended)
		if err != nil {
			return err
		}
		made = &p
	}
	if err := x.install(sources, made); err != nil {
		return err
	}
	for _, s := range sources {
		if s.store.inFile() {
			// A file that stays is deleted when the index is next opened.
			_ = x.options.disk.Remove(fileName(s.store.number))
		}
	}
	return nil
}

// write writes a segment into a new file, and opens it.
func (x *Index) write(lives []*segment.Live, ended func() error) (p part, err error) {
	x.change.Lock()
	number := x.next
	x.next++
	x.change.Unlock()
	disk, name := x.options.disk, fileName(number)
	defer func() {
		if err != nil {
			_ = disk.Remove(name)
		}
	}()
	f, err := disk.Create(name)
	if err != nil {
		return part{}, err
	}
	var sum segment.Sum
	err = guarded(func() error {
		var err error
		sum, err = segment.Merge(lives, f, ended)
		return err
	})
	if err := errors.Join(err, f.Close()); err != nil {
		return part{}, err
	}
	if err := disk.Sync(); err != nil {
		return part{}, err
	}
	r, err := openSegment(filepath.Join(x.dir, name))
	if err != nil {
		return part{}, err
	}
	p = part{live: segment.NewLive(r), store: &store{reader: r, number: number}}
	if r.Sum() != sum {
		closeParts([]part{p})
		return part{}, ErrDamaged
	}
	return p, nil
}

// install puts a segment that was written in the place of others, in the manifest and
// then in the view. Where the manifest is not replaced, the file is deleted.
func (x *Index) install(sources []part, made *part) error {
	x.change.Lock()
	defer x.change.Unlock()
	parts, err := x.views.parts()
	replaced := false
	if err == nil {
		parts = exchanged(parts, sources, made)
		replaced, err = x.save(parts)
	}
	if replaced {
		// Even if that could not be made to last: what the disk has now names the new file.
		x.views.publish(parts)
		return err
	}
	if made != nil {
		closeParts([]part{*made})
		_ = x.options.disk.Remove(fileName(made.store.number))
	}
	return err
}
