package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// library is a store of documents in memory.
type library struct {
	mu        sync.Mutex
	documents map[fairlead.DocumentID]fairlead.Document
	chunks    map[fairlead.DocumentID][]fairlead.Chunk
	stores    map[fairlead.VectorStoreID]fairlead.VectorStore
	files     map[fairlead.VectorStoreID][]fairlead.VectorStoreFile
	vectors   map[string]map[int64][]float32 // by space
	notBefore map[fairlead.DocumentID]time.Time
	number    int64
	placed    int64  // the last Number of a file in a store
	listed    func() // is called when a page of files was read
	fails     error
}

func newLibrary() *library {
	return &library{
		documents: make(map[fairlead.DocumentID]fairlead.Document), chunks: make(map[fairlead.DocumentID][]fairlead.Chunk),
		stores: make(map[fairlead.VectorStoreID]fairlead.VectorStore), files: make(map[fairlead.VectorStoreID][]fairlead.VectorStoreFile),
		vectors: make(map[string]map[int64][]float32), notBefore: make(map[fairlead.DocumentID]time.Time),
	}
}

// put stores a document whose chunks are texts.
func (l *library) put(app fairlead.AppID, d fairlead.Document, texts ...string) fairlead.Document {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	d.App, d.Number, d.Chunks = app, l.number, len(texts)
	d.ID = fairlead.DocumentID(fmt.Sprintf("file-%d", l.number))
	if d.Status == "" {
		d.Status = fairlead.DocumentReady
	}
	at := int64(0)
	for i, text := range texts {
		l.number++
		end := at + int64(len(text))
		l.chunks[d.ID] = append(l.chunks[d.ID], fairlead.Chunk{
			Number: l.number, Document: d.ID, Seq: i, Start: at, End: end, Page: i + 1, LastPage: i + 1, Text: text,
		})
		at = end + 1
	}
	l.documents[d.ID] = d
	return d
}

func (l *library) change(id fairlead.DocumentID, edit func(d *fairlead.Document)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.documents[id]
	edit(&d)
	l.documents[id] = d
}

func (l *library) pending(id fairlead.DocumentID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.documents[id].EmbeddingPending
}

func (l *library) remove(id fairlead.DocumentID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.documents, id)
	delete(l.chunks, id)
}

func (l *library) sorted(keep func(d *fairlead.Document) bool) []fairlead.Document {
	var list []fairlead.Document
	for _, d := range l.documents {
		if keep(&d) {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b fairlead.Document) int { return int(a.Number - b.Number) })
	return list
}

func (l *library) ReadyDocuments(_ context.Context, app fairlead.AppID, after int64, limit int) ([]fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.sorted(func(d *fairlead.Document) bool {
		return d.App == app && d.Number > after && d.Status == fairlead.DocumentReady
	})
	return list[:min(limit, len(list))], l.fails
}

func (l *library) DocumentsByID(_ context.Context, app fairlead.AppID, ids []fairlead.DocumentID) ([]fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sorted(func(d *fairlead.Document) bool { return d.App == app && slices.Contains(ids, d.ID) }), l.fails
}

func (l *library) DocumentApps(context.Context) ([]fairlead.AppID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var apps []fairlead.AppID
	for _, d := range l.documents {
		if !slices.Contains(apps, d.App) {
			apps = append(apps, d.App)
		}
	}
	return apps, l.fails
}

func (l *library) PendingEmbeddings(_ context.Context, limit int) ([]fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	list := l.sorted(func(d *fairlead.Document) bool {
		return d.EmbeddingPending && d.Status == fairlead.DocumentReady && !now.Before(l.notBefore[d.ID])
	})
	turn, has := make(map[fairlead.DocumentID]int), make(map[fairlead.AppID]int)
	for _, d := range list {
		turn[d.ID] = has[d.App]
		has[d.App]++
	}
	slices.SortStableFunc(list, func(a, b fairlead.Document) int { return turn[a.ID] - turn[b.ID] })
	return list[:min(limit, len(list))], l.fails
}

func (l *library) Chunks(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, from, limit int) ([]fairlead.Chunk, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.documents[id].App != app {
		return nil, l.fails
	}
	all := l.chunks[id]
	from = min(from, len(all))
	return slices.Clone(all[from:min(from+limit, len(all))]), l.fails
}

func (l *library) ChunksByNumber(_ context.Context, app fairlead.AppID, numbers []int64) ([]fairlead.Chunk, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []fairlead.Chunk
	for id, chunks := range l.chunks {
		if d := l.documents[id]; d.App != app || d.Status != fairlead.DocumentReady {
			continue
		}
		for _, c := range chunks {
			if slices.Contains(numbers, c.Number) {
				list = append(list, c)
			}
		}
	}
	return list, l.fails
}

func (l *library) PutVectorStore(_ context.Context, s fairlead.VectorStore) error {
	l.addStore(s)
	return nil
}

func (l *library) addStore(s fairlead.VectorStore) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stores[s.ID] = s
}

func (l *library) VectorStore(_ context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (fairlead.VectorStore, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.stores[id]
	return s, ok && s.App == app, l.fails
}

func (l *library) ListVectorStores(context.Context, fairlead.AppID, fairlead.After) ([]fairlead.VectorStore, error) {
	return nil, errors.ErrUnsupported
}

func (l *library) DeleteVectorStore(context.Context, fairlead.AppID, fairlead.VectorStoreID) (bool, error) {
	return false, errors.ErrUnsupported
}

func (l *library) addFiles(files ...fairlead.VectorStoreFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range files {
		l.placed++
		f.Number = l.placed
		l.files[f.Store] = append(l.files[f.Store], f)
	}
}

// removeFile takes a file out of all stores.
func (l *library) removeFile(id fairlead.DocumentID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for store, files := range l.files {
		l.files[store] = slices.DeleteFunc(files, func(f fairlead.VectorStoreFile) bool { return f.Document.ID == id })
	}
}

func (l *library) VectorStoreFile(context.Context, fairlead.AppID, fairlead.VectorStoreID, fairlead.DocumentID) (fairlead.VectorStoreFile, bool, error) {
	return fairlead.VectorStoreFile{}, false, errors.ErrUnsupported
}

func (l *library) ListVectorStoreFiles(_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, which fairlead.VectorStoreFileList) ([]fairlead.VectorStoreFile, error) {
	if l.listed != nil {
		defer l.listed()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	behind := which.Behind
	if id := which.After.ID; id != "" && behind == 0 {
		i := slices.IndexFunc(l.files[store], func(f fairlead.VectorStoreFile) bool { return string(f.Document.ID) == id })
		if i < 0 {
			return nil, &fairlead.Error{Kind: fairlead.NotFound, Code: "cursor_not_found", Message: "It is gone"}
		}
		behind = l.files[store][i].Number
	}
	var list []fairlead.VectorStoreFile
	for _, f := range l.files[store] {
		f.Document = l.documents[f.Document.ID]
		if f.Number > behind && f.Document.App == app && slices.Contains(which.Statuses, f.Document.Status) && len(list) < which.After.Limit {
			list = append(list, f)
		}
	}
	return list, l.fails
}

func (l *library) CountVectorStoreFiles(context.Context, fairlead.AppID, fairlead.VectorStoreID) (fairlead.DocumentCensus, error) {
	return fairlead.DocumentCensus{}, errors.ErrUnsupported
}

// gate counts who is in.
type gate struct {
	mu     sync.Mutex
	held   int
	passed int
	pool   string
	refuse error
}

func (g *gate) Enter(_ context.Context, call *fairlead.Call, pool string) (fairlead.Lease, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse != nil {
		return fairlead.Lease{}, g.refuse
	}
	g.held++
	g.passed++
	g.pool = pool
	call.NoteWait(0, fairlead.Granted)
	return fairlead.NewLease(call, g, 1, fairlead.LeaseWait{}), nil
}

func (g *gate) Release(uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held--
	return true
}

func (g *gate) Undo(ticket uint64) bool { return g.Release(ticket) }
func (g *gate) Correct(uint64, int)     {}

// stage is a Searcher over a library.
type stage struct {
	*Searcher
	library *library
	gate    *gate
	log     *strings.Builder
}

func newStage(t *testing.T, edit func(c *Config)) *stage {
	t.Helper()
	st := &stage{library: newLibrary(), gate: &gate{}, log: &strings.Builder{}}
	st.open(t, t.TempDir(), edit)
	return st
}

func (st *stage) open(t *testing.T, dir string, edit func(c *Config)) {
	t.Helper()
	config := Config{
		Dir: dir, Selector: st.library, Chunks: st.library, Stores: st.library, Files: st.library, Gate: st.gate,
		Logger: slog.New(slog.DiscardHandler), Embeddings: st.library,
	}
	if edit != nil {
		edit(&config)
	}
	st.Searcher = New(config)
	t.Cleanup(func() { st.Close() })
}

// put stores a document and puts it into its shelf.
func (st *stage) put(t *testing.T, app fairlead.AppID, d fairlead.Document, texts ...string) fairlead.Document {
	t.Helper()
	d = st.library.put(app, d, texts...)
	if err := st.Add(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func callOf(app fairlead.AppID) *fairlead.Call {
	return &fairlead.Call{ID: "req_1_1", App: &fairlead.App{ID: app}, Operation: fairlead.Search, Arrived: time.Now()}
}

// find searches, and returns what was found.
func (st *stage) find(t *testing.T, app fairlead.AppID, q fairlead.Query) []fairlead.Passage {
	t.Helper()
	passages, err := st.Search(t.Context(), callOf(app), q)
	if err != nil {
		t.Fatalf("%q: %v", q.Texts, err)
	}
	last := 1.0
	for _, p := range passages {
		if p.Score <= 0 || p.Score > last {
			t.Errorf("%q: a score of %v after one of %v", q.Texts, p.Score, last)
		}
		last = p.Score
	}
	if st.gate.held != 0 {
		t.Errorf("%d leases are held", st.gate.held)
	}
	return passages
}

func asking(texts ...string) fairlead.Query { return fairlead.Query{Texts: texts} }

// documentsOf are the documents of passages.
func documentsOf(passages []fairlead.Passage) []fairlead.DocumentID {
	var ids []fairlead.DocumentID
	for _, p := range passages {
		ids = append(ids, p.Document)
	}
	return ids
}

// wantError wants err to be of that kind and code.
func wantError(t *testing.T, err error, kind fairlead.Kind, code string) {
	t.Helper()
	_ = errorOf(t, err, kind, code)
}

// errorOf returns err, which is to be of that kind and code.
func errorOf(t *testing.T, err error, kind fairlead.Kind, code string) *fairlead.Error {
	t.Helper()
	e, ok := errors.AsType[*fairlead.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		t.Fatalf("got error %v, want %v %s", err, kind, code)
	}
	return e
}

func (l *library) PutEmbeddings(_ context.Context, _ fairlead.AppID, _ fairlead.DocumentID, space string, vectors []fairlead.Embedding) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.vectors[space] == nil {
		l.vectors[space] = make(map[int64][]float32)
	}
	for _, v := range vectors {
		l.vectors[space][v.Chunk] = slices.Clone(v.Vector)
	}
	return l.fails
}

func (l *library) DocumentEmbeddings(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, of fairlead.EmbeddingRange) ([]fairlead.Embedding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []fairlead.Embedding
	for _, c := range l.chunks[id] {
		if v := l.vectors[of.Space][c.Number]; v != nil && c.Number > of.After && len(list) < of.Limit && l.documents[id].App == app {
			list = append(list, fairlead.Embedding{Chunk: c.Number, Vector: v})
		}
	}
	return list, l.fails
}

func (l *library) EmbeddingsByNumber(_ context.Context, app fairlead.AppID, space string, numbers []int64) ([]fairlead.Embedding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []fairlead.Embedding
	for id, chunks := range l.chunks {
		for _, c := range chunks {
			if v := l.vectors[space][c.Number]; v != nil && l.documents[id].App == app && slices.Contains(numbers, c.Number) {
				list = append(list, fairlead.Embedding{Chunk: c.Number, Vector: v})
			}
		}
	}
	return list, l.fails
}

func (l *library) SetEmbeddingPending(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, state fairlead.EmbeddingState) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, ok := l.documents[id]; ok && d.App == app {
		d.EmbeddingPending = state.Pending
		l.documents[id], l.notBefore[id] = d, state.NotBefore
	}
	return l.fails
}
