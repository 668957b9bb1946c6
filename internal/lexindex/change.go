package lexindex

import (
	"context"
	"errors"
	"math/bits"
	"slices"

	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

const (
	fanIn = 8 // how many segments are merged into one

	tierBits   = 3 // segments of a tier are at most 8 times as large as others
	memoryTier = 14
	fileTier   = 22
)

// Add adds a group of documents: its segment, made with segment.Builder and as many fields
// as the index has. It returns when a search finds the documents: all of them or, before
// that, none. It blocks for other Adds, and while memory is full for the disk, and keeps
// data. A group that is there is ErrExists, and what is not the group's segment is
// ErrNoSegment; other errors say that there was no room on the disk, or are the context's.
// Then nothing was added.
func (x *Index) Add(ctx context.Context, group int64, data []byte) error {
	p, err := inMemory(data)
	if err == nil {
		err = p.store.reader.Verify(ctx)
	}
	if errors.Is(err, ErrDamaged) {
		return ErrNoSegment
	}
	if err != nil {
		return err
	}
	if r := p.store.reader; r.Groups() != 1 || r.Group(0).Number != group || r.Fields() != x.options.Fields {
		return ErrNoSegment
	}
	x.adding.Lock()
	defer x.adding.Unlock()
	if err := x.makeRoom(group); err != nil {
		return err
	}
	if err := x.addPart(group, p); err != nil {
		return err
	}
	return x.mergeMemory()
}

// makeRoom flushes if there is much in memory.
func (x *Index) makeRoom(group int64) error {
	parts, err := x.views.parts()
	if err != nil {
		return err
	}
	held := int64(0)
	for i := range parts {
		if parts[i].live.Has(group) {
			return ErrExists
		}
		if !parts[i].store.inFile() {
			held += parts[i].bytes()
		}
	}
	if held < x.options.FlushBytes {
		return nil
	}
	return x.flush()
}

func inMemory(data []byte) (part, error) {
	r, err := segment.Open(data)
	if err != nil {
		return part{}, err
	}
	return part{live: segment.NewLive(r), store: &store{reader: r}}, nil
}

func (x *Index) addPart(group int64, p part) error {
	x.change.Lock()
	defer x.change.Unlock()
	parts, err := x.views.parts()
	if err != nil {
		return err
	}
	// After a crash the group must not be there as it was before it was removed.
	if _, removed := x.removed[group]; removed {
		if _, err := x.save(parts); err != nil {
			return err
		}
	}
	x.views.publish(append(slices.Clone(parts), p))
	return nil
}

// Remove removes a group, if it is there: searches that begin later don't find it. It does
// not wait for the disk: after a crash the group may be there again, unless there was a
// Flush since.
func (x *Index) Remove(group int64) error {
	x.change.Lock()
	defer x.change.Unlock()
	parts, err := x.views.parts()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(parts, func(p part) bool { return p.live.Has(group) })
	if i < 0 {
		return nil
	}
	parts = slices.Clone(parts)
	parts[i].live = parts[i].live.Without(group)
	if parts[i].store.inFile() {
		x.removed[group] = struct{}{}
	}
	x.views.publish(parts)
	return nil
}

// Flush writes what is only in memory to the disk, removals too. It blocks until it is
// there, and so do Adds.
func (x *Index) Flush() error {
	x.adding.Lock()
	defer x.adding.Unlock()
	return x.flush()
}

func (x *Index) flush() error {
	parts, err := x.views.parts()
	if err != nil {
		return err
	}
	memory := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.store.inFile() })
	if len(memory) > 0 {
		return x.mergeToFile(memory, never)
	}
	x.change.Lock()
	defer x.change.Unlock()
	if len(x.removed) == 0 {
		return nil
	}
	if parts, err = x.views.parts(); err != nil {
		return err
	}
	_, err = x.save(parts)
	return err
}

// tier tells how large a segment is; those up to 1<<first bytes are in the lowest tier.
func tier(size int64, first int) int {
	return max(bits.Len64(uint64(size))-first, 0) / tierBits //nolint:gosec // G115: never negative
}

// sameTier returns the segments of the lowest tier that has fanIn of them, or nil.
func sameTier(parts []part, first int) []part {
	byTier := make(map[int][]part)
	lowest := -1
	for i := range parts {
		t := tier(parts[i].bytes(), first)
		if byTier[t] = append(byTier[t], parts[i]); len(byTier[t]) >= fanIn && (lowest < 0 || t < lowest) {
			lowest = t
		}
	}
	return byTier[lowest]
}

// mergeMemory merges segments in memory until there are few of each tier. x.adding is held.
func (x *Index) mergeMemory() error {
	for {
		parts, err := x.views.parts()
		if err != nil {
			return err
		}
		memory := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.store.inFile() })
		sources := sameTier(memory, memoryTier)
		if sources == nil {
			return nil
		}
		if err := x.mergeInMemory(sources); err != nil {
			return err
		}
	}
}
