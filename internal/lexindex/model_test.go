package lexindex

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// naive is an index that computes everything for each query.
type naive struct {
	fields  int
	groups  map[int64][]Doc // live, by number
	written map[int64][]Doc // all that were ever added, by the id of their first document
}

func newNaive(fields int) *naive {
	return &naive{fields: fields, groups: make(map[int64][]Doc), written: make(map[int64][]Doc)}
}

func (m *naive) add(group int64, docs []Doc) {
	m.groups[group] = docs
	m.written[docs[0].ID] = docs
}

func frequency(d Doc, t QueryTerm) (n int) {
	if t.Field >= len(d.Fields) {
		return 0
	}
	for _, term := range d.Fields[t.Field] {
		if term.Text == t.Text {
			n += term.Count
		}
	}
	return n
}

func length(d Doc, field int) (n int) {
	if field >= len(d.Fields) {
		return 0
	}
	for _, term := range d.Fields[field] {
		n += term.Count
	}
	return n
}

// present returns the documents that an index has, those removed but not merged away
// included.
func (m *naive) present(t *rapid.T, x *Index) (docs []Doc) {
	parts, err := x.views.parts()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		for i := range p.live.Groups() {
			g := p.live.Group(i)
			if p.live.LiveDocs() > 0 {
				docs = append(docs, m.written[p.live.ID(g.First)]...)
			}
		}
	}
	return docs
}

// scores computes the score of each document that has one.
func (m *naive) scores(q Query, present []Doc) map[int64]float64 {
	scores := make(map[int64]float64)
	for _, t := range q.Terms {
		with := 0
		for _, d := range present {
			if frequency(d, t) > 0 {
				with++
			}
		}
		idf := math.Log(1 + (float64(len(present)-with)+0.5)/(float64(with)+0.5))
		mean := m.mean(t.Field)
		for _, d := range m.within(q.Groups) {
			f := float64(frequency(d, t))
			if f == 0 || t.Weight == 0 {
				continue
			}
			l := float64(segment.Length(segment.LengthCode(uint64(length(d, t.Field)))))
			scores[d.ID] += float64(t.Weight) * idf * 2.2 * f / (f + 1.2*(.25+.75*l/mean))
		}
	}
	return scores
}

func (m *naive) mean(field int) (mean float64) {
	docs := m.within(nil)
	for _, d := range docs {
		mean += float64(length(d, field)) / float64(len(docs))
	}
	return mean
}

func (m *naive) within(groups []int64) (all []Doc) {
	for group, docs := range m.groups {
		if groups == nil || slices.Contains(groups, group) {
			all = append(all, docs...)
		}
	}
	return all
}

// addTo adds documents to an index.
func addTo(x *Index, group int64, docs []Doc) error {
	data, err := segment.NewBuilder(x.options.Fields).Build(group, docs)
	if err != nil {
		return err
	}
	return x.Add(context.Background(), group, data)
}

// near reports whether two scores are the same but for rounding. Beside what a query
// could score, a small one is exact to about 1e-9 of that.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-4*max(math.Abs(a), math.Abs(b), 1e-3) }

// check compares what was found with the naive scores.
func check(t fataler, q Query, got []Hit, scores map[int64]float64) {
	t.Helper()
	seen := make(map[int64]bool)
	least := float64(q.MinScore) // of what must have been found
	for i, h := range got {
		want, ok := scores[h.ID]
		if !ok || seen[h.ID] || !near(float64(h.Score), want) {
			t.Fatalf("hit %d is %+v, want score %v", i, h, want)
		}
		if i > 0 && (h.Score > got[i-1].Score || h.Score == got[i-1].Score && h.ID < got[i-1].ID) {
			t.Fatalf("hit %+v comes behind %+v", h, got[i-1])
		}
		seen[h.ID] = true
		if i == q.K-1 {
			least = float64(h.Score)
		}
	}
	for id, score := range scores {
		if !seen[id] && score > max(least, 1e-3) && !near(score, least) {
			t.Fatalf("document %d with score %v is missing; there are %d, and the least is %v", id, score, len(got), least)
		}
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// draws makes documents and queries at random, over a small vocabulary, in which some terms are
// frequent.
type draws struct {
	*rand.Rand

	fields, words int
	next          int64
}

func (r *draws) word() string {
	return fmt.Sprintf("w%d", int(float64(r.words)*math.Pow(r.Float64(), 3)))
}

func (r *draws) docs(n int) []Doc {
	docs := make([]Doc, n)
	for i := range docs {
		r.next += 1 + r.Int64N(3)
		docs[i] = Doc{ID: r.next, Fields: make([][]Term, r.IntN(r.fields+1))}
		for field := range docs[i].Fields {
			for range r.IntN(30) {
				docs[i].Fields[field] = append(docs[i].Fields[field], Term{Text: r.word(), Count: 1 + r.IntN(1+r.IntN(6))})
			}
		}
	}
	return docs
}

func (r *draws) query() Query {
	q := Query{K: 1 + r.IntN(20)}
	for range 1 + r.IntN(12) {
		q.Terms = append(q.Terms, QueryTerm{r.IntN(r.fields), r.word(), float32(r.IntN(5))})
	}
	if r.IntN(4) == 0 {
		q.MinScore = r.Float32() * 10
	}
	return q
}

// hasty is a directory whose files need not last.
type hasty struct{ folder }

func (h hasty) Create(name string) (io.WriteCloser, error) { return os.Create(h.path(name)) }

func (h hasty) Sync() error { return nil }

// TestIndexIsNaive: whatever is added, removed, flushed, merged and opened again, what
// is found is what a naive computation finds.
func TestIndexIsNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		r := &draws{Rand: rand.New(rand.NewPCG(seed, 0)), fields: rapid.IntRange(1, MaxFields).Draw(rt, "fields"), words: rapid.IntRange(2, 300).Draw(rt, "words")}
		run := &trial{T: rt, r: r, dir: t.TempDir(), m: newNaive(r.fields)}
		run.options = Options{Fields: r.fields, Made: "test", disk: hasty{folder(run.dir)}, FlushBytes: rapid.SampledFrom([]int64{1, 20_000, 1 << 20}).Draw(rt, "flush")}
		run.open()
		rt.Repeat(map[string]func(*rapid.T){
			"add": run.add, "add more": run.add, "remove": run.remove, "flush": run.flush, "merge": run.merge, "reopen": run.reopen, "": run.search,
		})
		if err := run.x.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

type trial struct {
	*rapid.T

	r       *draws
	dir     string
	options Options
	x       *Index
	m       *naive
}

func (run *trial) must(err error) {
	run.Helper()
	if err != nil {
		run.Fatal(err)
	}
}

func (run *trial) open() {
	x, err := Open(run.dir, run.options)
	run.must(err)
	run.x = x
}

func (run *trial) add(*rapid.T) {
	group := run.r.Int64N(40) - 5
	_, there := run.m.groups[group]
	docs := run.r.docs(1 + run.r.IntN(1+run.r.IntN(80)))
	err := addTo(run.x, group, docs)
	if there {
		if err != ErrExists { //nolint:errorlint // exactly
			run.Fatalf("adding a group that is there: %v", err)
		}
		return
	}
	run.must(err)
	run.m.add(group, docs)
}

func (run *trial) remove(*rapid.T) {
	group := run.r.Int64N(40) - 5
	run.must(run.x.Remove(group))
	delete(run.m.groups, group)
}

// unchanged checks that f changes nothing that is found, if it drops no document.
func (run *trial) unchanged(f func() error) {
	run.Helper()
	q := run.r.query()
	before, err := run.x.Search(run.Context(), q)
	run.must(err)
	removed := run.x.Stats().RemovedDocs
	run.must(f())
	after, err := run.x.Search(run.Context(), q)
	run.must(err)
	if run.x.Stats().RemovedDocs == removed && !slices.Equal(before, after) {
		run.Fatalf("found %v, and before %v", after, before)
	}
}

func (run *trial) flush(*rapid.T) { run.unchanged(run.x.Flush) }

func (run *trial) merge(*rapid.T) {
	run.unchanged(func() error {
		err := run.x.Merge(run.Context())
		for err == nil && run.x.MergeDue() {
			err = run.x.Merge(run.Context())
		}
		return err
	})
}

func (run *trial) reopen(*rapid.T) {
	run.unchanged(func() error {
		if err := run.x.Close(); err != nil {
			return err
		}
		run.open()
		return run.x.Verify(run.Context())
	})
}

func (run *trial) search(t *rapid.T) {
	groups, err := run.x.Groups()
	run.must(err)
	var want []Group
	for number, docs := range run.m.groups {
		want = append(want, Group{number, len(docs)})
	}
	slices.SortFunc(want, func(a, b Group) int { return cmp.Compare(a.Number, b.Number) })
	if !slices.Equal(groups, want) {
		t.Fatalf("groups %v, want %v", groups, want)
	}
	q := run.r.query()
	if run.r.IntN(2) == 0 {
		q.Groups = []int64{}
		for range run.r.IntN(20) {
			q.Groups = append(q.Groups, run.r.Int64N(45)-7)
		}
	}
	got, err := run.x.Search(run.Context(), q)
	run.must(err)
	for _, h := range got {
		if !slices.ContainsFunc(run.m.groups[h.Group], func(d Doc) bool { return d.ID == h.ID }) {
			t.Fatalf("hit %+v is not of that group", h)
		}
	}
	check(t, q, got, run.m.scores(q, run.m.present(t, run.x)))
	checkPruned(t, run.x, q, got)
}

// checkPruned compares what was found with what is when no document is passed over,
// because all are wanted: to the last digit, and in order.
func checkPruned(t fataler, x *Index, q Query, got []Hit) {
	t.Helper()
	q.K = MaxHits
	all, err := x.Search(t.Context(), q)
	if err != nil || len(all) < len(got) || !slices.Equal(all[:len(got)], got) {
		t.Fatalf("found %v, want %v, %v", got, all[:min(len(all), len(got))], err)
	}
}

// TestTies: of many documents with the same scores, those with the lowest ids are found.
func TestTies(t *testing.T) {
	t.Parallel()
	r := &draws{Rand: rand.New(rand.NewPCG(8, 8)), fields: 1, words: 5}
	x, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ids := r.Perm(20_000)
	for group := range int64(20) {
		slices.Sort(ids[:1000])
		docs := make([]Doc, 1000)
		for i := range docs {
			docs[i] = Doc{ID: int64(ids[i]), Fields: [][]Term{{{Text: "same", Count: 1}, {Text: r.word(), Count: 1}, {Text: r.word(), Count: 1}}}}
		}
		ids = ids[1000:]
		if err := addTo(x, group, docs); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 {
		q := r.query()
		q.K = 1 + r.IntN(200)
		q.Terms = append(q.Terms, QueryTerm{Text: "same", Weight: float32(r.IntN(2))})
		got, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		checkPruned(t, x, q, got)
	}
}

// TestManyDocuments searches segments of many windows and blocks, where most of them are
// passed over.
func TestManyDocuments(t *testing.T) {
	t.Parallel()
	r := &draws{Rand: rand.New(rand.NewPCG(7, 7)), fields: 2, words: 3000}
	x, err := Open(t.TempDir(), Options{Fields: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	m := newNaive(2)
	for group := range int64(40) {
		docs := r.docs(100 + r.IntN(900))
		if err := addTo(x, group, docs); err != nil {
			t.Fatal(err)
		}
		m.add(group, docs)
	}
	for group := range int64(3) {
		if err := x.Remove(7 * group); err != nil {
			t.Fatal(err)
		}
		delete(m.groups, 7*group)
	}
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	var present []Doc
	for _, docs := range m.groups {
		present = append(present, docs...)
	}
	for range 12 {
		q := r.query()
		if r.IntN(2) == 0 {
			q.Groups = []int64{3, 17, 18, 4, 7, 39}[:1+r.IntN(6)]
		}
		got, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		check(t, q, got, m.scores(q, present))
		checkPruned(t, x, q, got)
	}
}
