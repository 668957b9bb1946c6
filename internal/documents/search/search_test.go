package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

func TestFinds(t *testing.T) {
	st := newStage(t, nil)
	d := st.put(t, "a", fairlead.Document{Name: "report.pdf", Metadata: map[string]any{"year": 2018.0}, About: fairlead.About{Title: "Annual report", Language: "en"}},
		"The company reported higher net sales.", "Risk factors include currency fluctuations and litigation.", "Something else altogether.")
	st.put(t, "a", fairlead.Document{Name: "other.pdf"}, "Nothing of interest.")
	got := st.find(t, "a", asking("What are the risk factors?"))
	if len(got) != 1 || got[0].Document != d.ID || got[0].Page != 2 || got[0].Name != "report.pdf" || got[0].Metadata["year"] != 2018.0 {
		t.Fatalf("got %+v", got)
	}
	if got[0].Text != "Risk factors include currency fluctuations and litigation." || got[0].End-got[0].Start != int64(len(got[0].Text)) {
		t.Errorf("got %+v", got[0])
	}
	if st.gate.pool != fairlead.LocalPool || st.gate.passed != 1 {
		t.Errorf("entered %q %d times", st.gate.pool, st.gate.passed)
	}
	if got := st.find(t, "a", asking("annual")); len(got) != 3 {
		t.Errorf("by the title: got %d passages, want 3", len(got))
	}
}

func TestQuestions(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Synonyms = shelf.FinanceSynonyms })
	d := st.put(t, "a", fairlead.Document{About: fairlead.About{Language: "en"}},
		"Purchases of property, plant and equipment were $1,577 million in fiscal year 2018.", "It is what it is, and that is that.")
	german := st.put(t, "a", fairlead.Document{}, "Die Umsätze der Gesellschaft sind im Geschäftsjahr auf 1.577,00 Euro gestiegen, und das Ergebnis auch.")
	japanese := st.put(t, "a", fairlead.Document{}, "当社の売上高は前年より増加しました。")
	for _, test := range []struct {
		text string
		want fairlead.DocumentID
		page int
	}{
		{"capex FY18", d.ID, 1},
		{"FY2018 purchase of plants", d.ID, 1},
		{"that is it", d.ID, 2},
		{"Umsatz", german.ID, 1},
		{"Wie hoch war der Umsatz der Gesellschaft?", german.ID, 1},
		{"売上", japanese.ID, 1},
		{"“equipment” AND (NOT *:* OR) ~ ^3 \\", d.ID, 1},
		{strings.Repeat("lorem ipsum dolor sit amet consectetur ", 2600) + "equipment " + strings.Repeat("x", 5000), d.ID, 1},
		{strings.Repeat("the of and ", 9000) + "equipment", d.ID, 1},
	} {
		got := st.find(t, "a", asking(test.text))
		if len(got) == 0 || got[0].Document != test.want || got[0].Page != test.page {
			t.Errorf("%.60q: got %+v, want %s page %d", test.text, got, test.want, test.page)
		}
	}
	if got := st.find(t, "a", asking("1577")); len(got) != 2 {
		t.Errorf("got %d passages with the number, want 2", len(got))
	}
	if got := st.find(t, "a", asking("capex", "Umsatz", "売上高")); len(got) != 3 {
		t.Errorf("got %d passages in three ways, want 3", len(got))
	}
	if got := st.find(t, "a", asking("?!")); len(got) != 0 {
		t.Errorf("got %+v for no word at all", got)
	}
}

func TestRefusals(t *testing.T) {
	st := newStage(t, nil)
	st.put(t, "a", fairlead.Document{}, "text")
	for name, q := range map[string]fairlead.Query{
		"no text": {}, "blank": asking(" \n"), "many": asking(make([]string, mostTexts+1)...), "limit": {Texts: []string{"x"}, Limit: 51},
		"negative": {Texts: []string{"x"}, Limit: -1}, "threshold": {Texts: []string{"x"}, Rank: fairlead.Ranking{Threshold: math.NaN()}},
		"ranker": {Texts: []string{"x"}, Rank: fairlead.Ranking{Ranker: "unheard-of"}},
	} {
		_, err := st.Search(t.Context(), callOf("a"), q)
		if e, ok := errors.AsType[*fairlead.Error](err); !ok || e.Kind != fairlead.Invalid || e.Code != "invalid_value" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := st.Search(t.Context(), callOf("a"), fairlead.Query{Texts: []string{"x"}, Within: fairlead.Within{Filter: &fairlead.Filter{}}})
	wantError(t, err, fairlead.Invalid, "invalid_filter")
	st.gate.refuse = fairlead.NewBusy("queue_full", "full", time.Second)
	_, err = st.Search(t.Context(), callOf("a"), asking("text"))
	wantError(t, err, fairlead.Busy, "queue_full")
	st.gate.refuse = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.Search(ctx, callOf("a"), asking("text")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestIsolation: whatever is asked, nobody gets what is another's.
func TestIsolation(t *testing.T) {
	st := newStage(t, nil)
	mine := st.put(t, "mine", fairlead.Document{Metadata: map[string]any{"app": "mine"}}, "the common secret of mine")
	theirs := st.put(t, "theirs", fairlead.Document{Metadata: map[string]any{"app": "theirs"}}, "the common secret of theirs")
	st.library.addStore(fairlead.VectorStore{ID: "vs_t", App: "theirs"})
	st.library.addStore(fairlead.VectorStore{ID: "vs_m", App: "mine"})
	st.library.addFiles([]fairlead.VectorStoreFile{
		{Store: "vs_m", Document: mine}, {Store: "vs_m", Document: theirs}, // as if that had been possible
	}...)
	filters := []*fairlead.Filter{
		nil,
		{Op: fairlead.FilterEq, Key: "app", Value: "theirs"},
		{Op: fairlead.FilterNe, Key: "app", Value: "mine"},
		{Op: fairlead.FilterNin, Key: "none", Value: []any{}},
		{Op: fairlead.FilterOr, Filters: []fairlead.Filter{{Op: fairlead.FilterEq, Key: "app", Value: "theirs"}, {Op: fairlead.FilterNe, Key: "x", Value: "y"}}},
		{Op: fairlead.FilterEq, Key: "app' OR '1'='1", Value: "' OR 1=1 --"},
	}
	for _, f := range filters {
		for _, stores := range [][]fairlead.VectorStoreID{nil, {"vs_m"}} {
			for _, p := range st.find(t, "mine", fairlead.Query{Texts: []string{"common secret theirs"}, Within: fairlead.Within{Filter: f, Stores: stores}}) {
				if p.Document != mine.ID {
					t.Errorf("%+v: got %+v", f, p)
				}
			}
		}
	}
	_, foreign := st.Search(t.Context(), callOf("mine"), fairlead.Query{Texts: []string{"secret"}, Within: fairlead.Within{Documents: []fairlead.DocumentID{theirs.ID}}})
	_, missing := st.Search(t.Context(), callOf("mine"), fairlead.Query{Texts: []string{"secret"}, Within: fairlead.Within{Documents: []fairlead.DocumentID{"file-99"}}})
	a, b := errorOf(t, foreign, fairlead.NotFound, "document_not_found"), errorOf(t, missing, fairlead.NotFound, "document_not_found")
	if a.Message != fairlead.NoDocument || a.Message != b.Message || strings.ReplaceAll(a.Detail, string(theirs.ID), "file-99") != b.Detail {
		t.Errorf("a foreign document says %q, %q, a missing one %q, %q", a.Message, a.Detail, b.Message, b.Detail)
	}
	_, foreign = st.Search(t.Context(), callOf("mine"), fairlead.Query{Texts: []string{"secret"}, Within: fairlead.Within{Stores: []fairlead.VectorStoreID{"vs_t"}}})
	wantError(t, foreign, fairlead.NotFound, "vector_store_not_found")

	// The shelf of one app with the chunks of another, as if an index were mixed up.
	r, err := st.room("mine")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.shelf.Put(t.Context(), theirs, st.library, nil); err != nil {
		t.Fatal(err)
	}
	if got := documentsOf(st.find(t, "mine", asking("common secret"))); !slices.Equal(got, []fairlead.DocumentID{mine.ID}) {
		t.Errorf("got %v", got)
	}
}

func TestWithin(t *testing.T) {
	st := newStage(t, nil)
	put := func(status fairlead.DocumentStatus, year float64) fairlead.Document {
		return st.put(t, "a", fairlead.Document{Status: status, Metadata: map[string]any{"year": year}}, "the same text in all")
	}
	one, two, three := put("", 2017), put("", 2018), put("", 2019)
	reading, scan := put(fairlead.DocumentIndexing, 2018), put(fairlead.DocumentNoText, 2018)
	st.library.addStore(fairlead.VectorStore{ID: "vs_1", App: "a"})
	st.library.addStore(fairlead.VectorStore{ID: "vs_old", App: "a", Active: time.Now().Add(-time.Hour), ExpiresAfter: time.Minute})
	st.library.addFiles([]fairlead.VectorStoreFile{
		{Store: "vs_1", Document: two, Attributes: map[string]any{"kind": "x"}},
		{Store: "vs_1", Document: three, Attributes: map[string]any{"kind": "y"}},
		{Store: "vs_1", Document: reading, Attributes: map[string]any{"kind": "x"}},
	}...)
	ids := func(list ...fairlead.Document) []fairlead.DocumentID {
		got := []fairlead.DocumentID{}
		for _, d := range list {
			got = append(got, d.ID)
		}
		return got
	}
	year := func(op fairlead.FilterOp, v any) *fairlead.Filter {
		return &fairlead.Filter{Op: op, Key: "year", Value: v}
	}
	x := &fairlead.Filter{Op: fairlead.FilterEq, Key: "kind", Value: "x"}
	for name, test := range map[string]struct {
		within fairlead.Within
		want   []fairlead.DocumentID
	}{
		"all":                  {fairlead.Within{}, ids(one, two, three)},
		"documents":            {fairlead.Within{Documents: ids(one, three, one)}, ids(one, three)},
		"one without text":     {fairlead.Within{Documents: ids(one, scan)}, ids(one)},
		"no documents":         {fairlead.Within{Documents: ids()}, nil},
		"filter":               {fairlead.Within{Filter: year(fairlead.FilterGte, 2018.0)}, ids(two, three)},
		"filter of another":    {fairlead.Within{Filter: year(fairlead.FilterEq, "2018")}, nil},
		"documents and filter": {fairlead.Within{Documents: ids(one, two), Filter: year(fairlead.FilterGt, 2017.0)}, ids(two)},
		"store":                {fairlead.Within{Stores: []fairlead.VectorStoreID{"vs_1"}}, ids(two, three)},
		"store and documents":  {fairlead.Within{Stores: []fairlead.VectorStoreID{"vs_1"}, Documents: ids(one, three)}, ids(three)},
		"store and filter":     {fairlead.Within{Stores: []fairlead.VectorStoreID{"vs_1", "vs_1"}, Filter: x}, ids(two)},
		"no stores":            {fairlead.Within{Stores: []fairlead.VectorStoreID{}}, nil},
	} {
		got := st.find(t, "a", fairlead.Query{Texts: []string{"same text"}, Within: test.within})
		found := documentsOf(got)
		slices.Sort(found)
		if !slices.Equal(found, test.want) {
			t.Errorf("%s: got %v, want %v", name, found, test.want)
		}
		for _, p := range got {
			if _, has := p.Metadata["kind"]; has != (test.within.Stores != nil) {
				t.Errorf("%s: got metadata %v", name, p.Metadata)
			}
		}
	}
	st.library.change(reading.ID, func(d *fairlead.Document) { d.Created, d.Pages, d.PagesDone = time.Now().Add(-10*time.Second), 20, 10 })
	_, err := st.Search(t.Context(), callOf("a"), fairlead.Query{Texts: []string{"x"}, Within: fairlead.Within{Documents: ids(one, reading)}})
	if e := errorOf(t, err, fairlead.Busy, "document_not_ready"); e.RetryAfter < 9*time.Second || e.RetryAfter > 15*time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	_, err = st.Search(t.Context(), callOf("a"), fairlead.Query{Texts: []string{"x"}, Within: fairlead.Within{Stores: []fairlead.VectorStoreID{"vs_old"}}})
	wantError(t, err, fairlead.Gone, "vector_store_expired")
}

// TestFilesLeaveWhileSearched: a store of more files than are read at once is searched to
// its end, though the file at which a page ended leaves it meanwhile, and comes again.
func TestFilesLeaveWhileSearched(t *testing.T) {
	st := newStage(t, nil)
	st.library.addStore(fairlead.VectorStore{ID: "vs_1", App: "a"})
	var edge fairlead.Document
	for range pageOfDocuments {
		edge = st.library.put("a", fairlead.Document{})
		st.library.addFiles(fairlead.VectorStoreFile{Store: "vs_1", Document: edge})
	}
	last := st.put(t, "a", fairlead.Document{}, "a needle in the last file")
	st.library.addFiles(fairlead.VectorStoreFile{Store: "vs_1", Document: last})
	for name, meanwhile := range map[string]func(){
		"goes":  func() { st.library.removeFile(edge.ID) },
		"comes": func() { st.library.addFiles(fairlead.VectorStoreFile{Store: "vs_1", Document: edge}) },
		"moves": func() {
			st.library.removeFile(edge.ID)
			st.library.addFiles(fairlead.VectorStoreFile{Store: "vs_1", Document: edge})
		},
	} {
		st.library.removeFile(edge.ID)
		st.library.removeFile(last.ID)
		st.library.addFiles(fairlead.VectorStoreFile{Store: "vs_1", Document: edge}, fairlead.VectorStoreFile{Store: "vs_1", Document: last})
		st.library.listed = sync.OnceFunc(meanwhile)
		got := st.find(t, "a", fairlead.Query{Texts: []string{"needle"}, Within: fairlead.Within{Stores: []fairlead.VectorStoreID{"vs_1"}}})
		if found := documentsOf(got); !slices.Equal(found, []fairlead.DocumentID{last.ID}) {
			t.Errorf("%s: got %v, want %s", name, found, last.ID)
		}
	}
}

// TestNoRepeats: of two passages that overlap by more than half one is shown.
func TestNoRepeats(t *testing.T) {
	st := newStage(t, nil)
	d := st.put(t, "a", fairlead.Document{}, "overlapping words here", "overlapping words yonder", "overlapping words outside")
	for i, at := range [][2]int64{{0, 100}, {40, 140}, {101, 200}} {
		st.library.chunks[d.ID][i].Start, st.library.chunks[d.ID][i].End = at[0], at[1]
	}
	got := st.find(t, "a", asking("overlapping words"))
	if len(got) != 2 {
		t.Fatalf("got %+v", got)
	}
	for _, q := range []fairlead.Query{{Texts: []string{"overlapping"}, Limit: 1}} {
		if got := st.find(t, "a", q); len(got) != 1 {
			t.Errorf("got %d, want 1", len(got))
		}
	}
	all := st.find(t, "a", asking("overlapping outside"))
	some := st.find(t, "a", fairlead.Query{Texts: []string{"overlapping outside"}, Rank: fairlead.Ranking{Threshold: all[0].Score}})
	if len(some) != 1 {
		t.Errorf("got %d above the threshold, want 1", len(some))
	}
}

// TestManyGone: where most of what an index finds is no more, the rest is found all the
// same.
func TestManyGone(t *testing.T) {
	st := newStage(t, nil)
	var gone []fairlead.DocumentID
	for range 300 {
		gone = append(gone, st.put(t, "a", fairlead.Document{}, "many of these").ID)
	}
	left := st.put(t, "a", fairlead.Document{}, "one of many of these, with a long text behind it that makes it less good than any of the others")
	for _, id := range gone {
		st.library.remove(id)
	}
	if got := documentsOf(st.find(t, "a", asking("many these"))); !slices.Equal(got, []fairlead.DocumentID{left.ID}) {
		t.Errorf("got %v", got)
	}
}

func TestRemove(t *testing.T) {
	st := newStage(t, nil)
	d := st.put(t, "a", fairlead.Document{}, "some text")
	if err := st.Remove(t.Context(), "a", d.Number); err != nil {
		t.Fatal(err)
	}
	if got := st.find(t, "a", asking("text")); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	if err := st.Remove(t.Context(), "b", 77); err != nil {
		t.Error(err)
	}
}

// TestLongDocument: a document of several parts comes and goes as one.
func TestLongDocument(t *testing.T) {
	st := newStage(t, nil)
	texts := make([]string, 5000)
	for i := range texts {
		texts[i] = fmt.Sprintf("chunk word%d", i)
	}
	d := st.put(t, "a", fairlead.Document{}, texts...)
	other := st.put(t, "a", fairlead.Document{}, "another word4711")
	for _, within := range []fairlead.Within{{}, {Documents: []fairlead.DocumentID{d.ID}}} {
		for _, i := range []int{0, 2047, 2048, 4711, 4999} {
			got := st.find(t, "a", fairlead.Query{Texts: []string{fmt.Sprintf("word%d", i)}, Within: within})
			if len(got) == 0 || !slices.ContainsFunc(got, func(p fairlead.Passage) bool { return p.Text == texts[i] }) {
				t.Errorf("word%d: got %+v", i, got)
			}
		}
	}
	if err := st.Add(t.Context(), d); err != nil { // again
		t.Fatal(err)
	}
	r, _ := st.room("a")
	if held, err := r.shelf.Held(); err != nil || held[d.Number] != 5000 || held[other.Number] != 1 {
		t.Errorf("got %v %v", held, err)
	}
	if err := st.Remove(t.Context(), "a", d.Number); err != nil {
		t.Fatal(err)
	}
	if held, err := r.shelf.Held(); err != nil || len(held) != 1 {
		t.Errorf("got %v %v", held, err)
	}
}

// TestTogether: searches while documents come and go find what is there, and nothing else.
func TestTogether(t *testing.T) {
	st := newStage(t, nil)
	stays := st.put(t, "a", fairlead.Document{}, "a word that stays")
	ctx, cancel := context.WithCancel(t.Context())
	var group, keeper sync.WaitGroup
	keeper.Go(func() { _ = st.Run(ctx) })
	for w := range 3 {
		group.Go(func() {
			for range 40 {
				d := st.library.put("a", fairlead.Document{}, fmt.Sprintf("a word of %d", w))
				added := st.Add(ctx, d)
				st.library.remove(d.ID)
				if err := errors.Join(added, st.Remove(ctx, "a", d.Number)); err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() {
			for range 100 {
				passages, err := st.Search(ctx, callOf("a"), asking("word"))
				if err != nil || !slices.Contains(documentsOf(passages), stays.ID) {
					t.Errorf("got %v %v", documentsOf(passages), err)
				}
			}
		})
	}
	group.Wait()
	cancel()
	keeper.Wait()
	if got := documentsOf(st.find(t, "a", asking("word"))); !slices.Equal(got, []fairlead.DocumentID{stays.ID}) {
		t.Errorf("got %v", got)
	}
}
