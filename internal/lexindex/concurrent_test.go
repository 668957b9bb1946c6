package lexindex

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// TestAllAtOnce searches while groups are added, removed, flushed and merged. A group is
// found whole or not at all, and never after it was removed.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	x, err := Open(t.TempDir(), Options{FlushBytes: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{T: t, x: x, gone: make(map[int64]bool)}
	ctx, stop := context.WithCancel(t.Context())
	var changing, searching sync.WaitGroup
	changing.Go(c.change)
	changing.Go(func() {
		for range crowdGroups {
			if err := errors.Join(x.Merge(ctx), x.Flush()); err != nil {
				t.Error(err)
			}
		}
	})
	for range 3 {
		searching.Go(func() {
			for ctx.Err() == nil {
				c.search()
			}
		})
	}
	changing.Wait()
	stop()
	searching.Wait()
	c.search()
	if s := x.Stats(); s.Memory+s.Files > 30 {
		t.Errorf("many segments are left: %+v", s)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []error{x.Flush(), x.Merge(t.Context()), x.Remove(1), x.Verify(t.Context())} {
		if !errors.Is(p, ErrClosed) {
			t.Errorf("a closed index: %v", p)
		}
	}
}

const crowdGroups, crowdDocs = 300, 7

// crowd changes and searches an index at the same time.
type crowd struct {
	*testing.T

	x  *Index
	mu sync.Mutex
	// gone are groups that were removed: none is found by a search that begins later.
	gone map[int64]bool
}

func (c *crowd) change() {
	r := rand.New(rand.NewPCG(1, 1))
	for group := range int64(crowdGroups) {
		if err := addTo(c.x, group, uniform(group, crowdDocs)); err != nil {
			c.Error(err)
		}
		if group%3 > 0 {
			continue
		}
		old := r.Int64N(group + 1)
		if err := c.x.Remove(old); err != nil {
			c.Error(err)
		}
		c.mu.Lock()
		c.gone[old] = true
		c.mu.Unlock()
	}
}

func (c *crowd) search() {
	c.mu.Lock()
	gone := maps.Clone(c.gone)
	c.mu.Unlock()
	hits, err := c.x.Search(c.Context(), Query{Terms: []QueryTerm{{Text: "same", Weight: 1}}, K: MaxHits})
	if err != nil {
		c.Error(err)
	}
	found := make(map[int64]int)
	for i, h := range hits {
		if gone[h.Group] || i > 0 && h.ID <= hits[i-1].ID {
			c.Errorf("hit %+v: its group was removed, or it is behind one of a higher id", h)
		}
		found[h.Group]++
	}
	for group, n := range found {
		if n != crowdDocs {
			c.Errorf("%d documents of group %d", n, group)
		}
	}
}

// uniform returns documents that all have the same score.
func uniform(group int64, n int) []Doc {
	docs := make([]Doc, n)
	for i := range docs {
		docs[i] = Doc{ID: group*1000 + int64(i), Fields: [][]Term{{{Text: "same", Count: 2}, {Text: "word", Count: 1}}}}
	}
	return docs
}

// TestRemovedWhileItIsMerged: what is removed while a merge is under way is removed from
// what comes of it; what was removed and added again before, is not.
func TestRemovedWhileItIsMerged(t *testing.T) {
	t.Parallel()
	x, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	add := func(group int64) {
		if err := addTo(x, group, uniform(group, 3)); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(group int64) {
		if err := x.Remove(group); err != nil {
			t.Fatal(err)
		}
	}
	for group := range int64(4) {
		add(group)
	}
	remove(1)
	add(1)
	sources, _ := x.views.parts()
	made, err := x.write(livesOf(sources), never)
	if err != nil {
		t.Fatal(err)
	}
	remove(2)
	remove(3)
	add(3)
	if err := x.install(sources, &made); err != nil {
		t.Fatal(err)
	}
	groups, err := x.Groups()
	if want := []Group{{0, 3}, {1, 3}, {3, 3}}; err != nil || !slices.Equal(groups, want) {
		t.Errorf("groups %v, %v; want %v", groups, err, want)
	}
}
