package vectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// keeper keeps whole vectors, and compares them all.
type keeper struct {
	groups map[int64][]Vector
}

func (k *keeper) vectors(_ context.Context, ids []int64) (found []Vector, err error) {
	for _, vectors := range k.groups {
		for _, v := range vectors {
			if slices.Contains(ids, v.ID) {
				found = append(found, v)
			}
		}
	}
	return found, nil
}

func (k *keeper) nearest(q Query) []Hit {
	var hits []Hit
	for group, vectors := range k.groups {
		if q.Groups != nil && !slices.Contains(q.Groups, group) {
			continue
		}
		for _, v := range vectors {
			cosine := dot(q.Vector, v.Values) / math.Sqrt(dot(q.Vector, q.Vector)) / math.Sqrt(dot(v.Values, v.Values))
			hits = append(hits, Hit{v.ID, float32(cosine)})
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return hits[:min(len(hits), q.K)]
}

func random(r *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// TestSetIsNaive: whatever is added and removed, with enough candidates the nearest are
// those that comparing all finds.
func TestSetIsNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		run := &trial{
			Rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
			s:    New(rapid.IntRange(1, 200).Draw(t, "dimensions")), k: &keeper{make(map[int64][]Vector)},
		}
		t.Repeat(map[string]func(*rapid.T){"add": run.add, "remove": run.remove, "": run.check})
	})
}

type trial struct {
	*rand.Rand

	s  *Set
	k  *keeper
	id int64
}

func (run *trial) add(t *rapid.T) {
	group := run.Int64N(10) - 3
	var vectors []Vector
	for range run.IntN(5) {
		run.id += run.Int64N(5) + 1
		vectors = append(vectors, Vector{run.id, random(run.Rand, run.s.Dimensions())})
	}
	if err := run.s.Add(group, vectors); err != nil {
		t.Fatal(err)
	}
	run.k.groups[group] = append(run.k.groups[group], vectors...)
}

func (run *trial) remove(*rapid.T) {
	group := run.Int64N(10) - 3
	run.s.Remove(group)
	delete(run.k.groups, group)
}

func (run *trial) check(t *rapid.T) {
	q := Query{Vector: random(run.Rand, run.s.Dimensions()), K: 1 + run.IntN(20), Rescore: MostCandidates, Vectors: run.k.vectors}
	if run.IntN(2) == 0 {
		q.Groups = []int64{run.Int64N(10), 2, run.Int64N(10), 2}
	}
	got, err := run.s.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want := run.k.nearest(q)
	if !slices.EqualFunc(got, want, func(a, b Hit) bool { return a.ID == b.ID && math.Abs(float64(a.Score-b.Score)) < 1e-6 }) {
		t.Fatalf("found %v, want %v", got, want)
	}
	all := 0
	for _, g := range run.s.Groups() {
		if g.Count != len(run.k.groups[g.Number]) {
			t.Fatalf("%d vectors of group %d, want %d", g.Count, g.Number, len(run.k.groups[g.Number]))
		}
		all += g.Count
	}
	if run.s.Len() != all {
		t.Fatalf("%d vectors, and %d in groups", run.s.Len(), all)
	}
}

// TestBlocksAreTidied: memory of what was removed is used again, and the shortlist is
// that of sorting all by distance and id.
func TestBlocksAreTidied(t *testing.T) {
	t.Parallel()
	const groups, each = 60, 500
	r := rand.New(rand.NewPCG(2, 1))
	s := New(8) // few bits: most distances are equal
	all := make(map[int64][]Vector)
	id := int64(0)
	for group := range int64(groups) {
		var vectors []Vector
		for range each {
			id++
			vectors = append(vectors, Vector{id, random(r, 8)})
		}
		r.Shuffle(each, func(i, j int) { vectors[i], vectors[j] = vectors[j], vectors[i] })
		if err := s.Add(group, vectors); err != nil {
			t.Fatal(err)
		}
		all[group] = vectors
	}
	full := s.Bytes()
	for group := range int64(groups) {
		if group%10 != 0 {
			s.Remove(group)
			delete(all, group)
		}
	}
	if s.Len() != groups/10*each || s.Bytes() > full/2 {
		t.Errorf("%d vectors in %d bytes, and there were %d", s.Len(), s.Bytes(), full)
	}
	for _, rescore := range []int{1, 7, 400} {
		q := Query{Vector: random(r, 8), K: 1, Rescore: rescore}
		got, err := s.candidates(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		code, want := make([]uint64, 1), []candidate{}
		encode(code, q.Vector)
		for _, vectors := range all {
			for _, v := range vectors {
				other := make([]uint64, 1)
				encode(other, v.Values)
				counts := make([]int32, 1)
				distances(counts, code, other)
				want = append(want, candidate{counts[0], v.ID})
			}
		}
		slices.SortFunc(want, compareCandidates)
		if !slices.EqualFunc(got, want[:rescore], func(id int64, c candidate) bool { return id == c.id }) {
			t.Errorf("%d candidates are others than the nearest", rescore)
		}
	}
}

// TestRefused: what has no direction is not added, and finds nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := New(2)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := Vector{1, []float32{1, 0}}
	given := func(context.Context, []int64) ([]Vector, error) {
		return []Vector{{1, []float32{nan, 1}}, {7, []float32{1, 1}}}, nil
	}
	for _, values := range [][]float32{{}, {1}, {1, 2, 3}, {nan, 1}, {1, inf}, {-inf, 1}, {0, 0}} {
		if err := s.Add(1, []Vector{good, {2, values}}); !errors.Is(err, ErrVector) || s.Len() > 0 {
			t.Errorf("%v was added: %v", values, err)
		}
		if _, err := s.Search(t.Context(), Query{Vector: values, K: 1, Rescore: 1, Vectors: given}); !errors.Is(err, ErrVector) {
			t.Errorf("%v was searched: %v", values, err)
		}
	}
	if err := s.Add(1, []Vector{good, {2, []float32{math.MaxFloat32, -1e-40}}}); err != nil {
		t.Error(err)
	}
	for _, q := range []Query{{K: 0, Rescore: 1}, {K: 2, Rescore: 1}, {K: 1, Rescore: MostCandidates + 1}} {
		q.Vector, q.Vectors = good.Values, given
		if _, err := s.Search(t.Context(), q); err == nil {
			t.Errorf("%d of %d were searched", q.K, q.Rescore)
		}
	}
	q := Query{Vector: good.Values, K: 9, Rescore: 9, Vectors: given}
	if hits, err := s.Search(t.Context(), q); err != nil || len(hits) != 0 {
		t.Errorf("found %v, %v", hits, err)
	}
	q.Vectors = func(context.Context, []int64) ([]Vector, error) { return nil, context.Canceled }
	if _, err := s.Search(t.Context(), q); !errors.Is(err, context.Canceled) {
		t.Errorf("the keeper's error became %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Search(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("the context's error became %v", err)
	}
}

// clusters makes vectors that stand in clusters and lean to one side.
type clusters struct {
	*rand.Rand

	lean    []float64
	centres [][]float32
}

func newClusters(r *rand.Rand, dimensions int) *clusters {
	c := &clusters{Rand: r, lean: make([]float64, dimensions)}
	for i := range c.lean {
		c.lean[i] = r.NormFloat64() / 2
	}
	for range 100 {
		c.centres = append(c.centres, random(r, dimensions))
	}
	return c
}

func (c *clusters) next() []float32 {
	v, centre := make([]float32, len(c.lean)), c.centres[c.IntN(len(c.centres))]
	for i := range v {
		v[i] = float32(c.lean[i]+.7*c.NormFloat64()) + centre[i]
	}
	return v
}

// TestRecall: of the ten that are nearest, 400 candidates have nearly all.
func TestRecall(t *testing.T) {
	t.Parallel()
	const dimensions, count, queries = 384, 20_000, 20
	c := newClusters(rand.New(rand.NewPCG(3, 1)), dimensions)
	s, vectors := New(dimensions), make([]Vector, count)
	for i := range vectors {
		vectors[i] = Vector{int64(i), c.next()}
	}
	if err := s.Add(1, vectors); err != nil {
		t.Fatal(err)
	}
	k := &keeper{map[int64][]Vector{1: vectors}}
	found := 0
	for range queries {
		q := Query{Vector: c.next(), K: 10, Rescore: 400, Vectors: func(_ context.Context, ids []int64) (all []Vector, _ error) {
			for _, id := range ids {
				all = append(all, vectors[id])
			}
			return all, nil
		}}
		got, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range k.nearest(q) {
			if slices.ContainsFunc(got, func(h Hit) bool { return h.ID == want.ID }) {
				found++
			}
		}
	}
	if recall := float64(found) / (10 * queries); recall < .98 {
		t.Errorf("recall %.3f", recall)
	}
}

// TestAllAtOnce searches while groups come and go.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	s := New(64)
	ctx, stop := context.WithCancel(t.Context())
	var changing, searching sync.WaitGroup
	for part := range int64(2) {
		changing.Go(func() { comeAndGo(t, s, part) })
	}
	for range 2 {
		searching.Go(func() {
			r := rand.New(rand.NewPCG(9, 1))
			for ctx.Err() == nil {
				searchSome(t, s, r)
			}
		})
	}
	changing.Wait()
	stop()
	searching.Wait()
}

func comeAndGo(t *testing.T, s *Set, part int64) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(part), 1))
	for i := range int64(100) {
		vectors := make([]Vector, 100)
		for j := range vectors {
			vectors[j] = Vector{part<<32 | i<<10 | int64(j), random(r, 64)}
		}
		if err := s.Add(i, vectors); err != nil {
			t.Error(err)
		}
		if i%4 != 0 {
			s.Remove(i - 1)
		}
	}
}

func searchSome(t *testing.T, s *Set, r *rand.Rand) {
	t.Helper()
	q := Query{Vector: random(r, 64), K: 10, Rescore: 50, Vectors: func(_ context.Context, ids []int64) (all []Vector, _ error) {
		for _, id := range ids {
			all = append(all, Vector{id, random(r, 64)})
		}
		return all, nil
	}}
	if r.IntN(2) == 0 {
		q.Groups = []int64{4, 8, 15, 16, 23, 42}
	}
	if _, err := s.Search(t.Context(), q); err != nil {
		t.Error(err)
	}
}

func BenchmarkCandidates(b *testing.B) {
	for _, dimensions := range []int{384, 1536} {
		b.Run(fmt.Sprint(dimensions), func(b *testing.B) {
			const count = 100_000
			r := rand.New(rand.NewPCG(1, 1))
			s := New(dimensions)
			code := make([]uint64, s.words)
			for i := range int64(count) {
				for j := range code {
					code[j] = r.Uint64()
				}
				s.put(i/100, i, code)
			}
			q := Query{Vector: random(r, dimensions), K: 10, Rescore: 400}
			for b.Loop() {
				if _, err := s.candidates(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
