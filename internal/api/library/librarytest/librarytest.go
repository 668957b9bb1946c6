// Package librarytest is a library of documents in memory, and a gateway that lets
// everybody in, for the tests of the faces of documents: what is uploaded is ready when
// the test says so, its text is its bytes, and each line is a page.
//
// Start with New and Serve.
package librarytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/library"
)

// Library keeps documents and vector stores. It implements what the faces need of both,
// and is safe for concurrent use.
type Library struct {
	mu      sync.Mutex
	made    int
	files   map[fairlead.DocumentID][]byte
	docs    []fairlead.Document
	stores  []fairlead.VectorStore
	members []fairlead.VectorStoreFile
	batches []*batch
	queries []fairlead.Query
	changed chan struct{} // closed and made anew when a document changes
}

// New returns an empty library.
func New() *Library {
	return &Library{files: make(map[fairlead.DocumentID][]byte), changed: make(chan struct{})}
}

func notFound() error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Message: "It is not there, says the store"}
}

// Upload implements library.Receiver.
func (l *Library) Upload(
	_ context.Context, of *fairlead.App, file io.Reader, rest func() (library.Details, error),
) (fairlead.Document, bool, error) {
	text, err := io.ReadAll(file)
	if err != nil {
		return fairlead.Document{}, false, err
	}
	details, err := rest()
	if err != nil {
		return fairlead.Document{}, false, err
	}
	app := of.ID
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := sha256.Sum256(text)
	for _, d := range l.docs {
		if d.App == app && d.SHA256 == sum {
			return d, false, nil
		}
	}
	l.made++
	d := fairlead.Document{
		ID: fairlead.DocumentID(fmt.Sprintf("file-%024d", l.made)), App: app, Number: int64(l.made), Name: details.Name,
		Purpose: details.Purpose, Bytes: int64(len(text)), SHA256: sum, Created: time.Unix(1_800_000_000+int64(l.made), 0),
		Metadata: details.Metadata, Status: fairlead.DocumentQueued,
	}
	l.docs = append(l.docs, d)
	l.files[d.ID] = text
	return d, true, nil
}

// End has all that is queued end as status, for that reason.
func (l *Library) End(status fairlead.DocumentStatus, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.docs {
		d := &l.docs[i]
		if d.Status.Ended() {
			continue
		}
		d.Status, d.Reason = status, reason
		if status == fairlead.DocumentReady {
			text := l.files[d.ID]
			d.MediaType, d.TextBytes, d.Chunks = "text/plain", int64(len(text)), 1
			d.Pages = len(pages(text))
			d.PagesDone = d.Pages
		}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// pages are the lines of a text.
func pages(text []byte) (all []fairlead.Page) {
	at := 0
	for line := range bytes.Lines(text) {
		all = append(all, fairlead.Page{Number: len(all) + 1, Start: int64(at), End: int64(at + len(line))})
		at += len(line)
	}
	return all
}

// Wait implements library.Receiver.
func (l *Library) Wait(
	ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, most time.Duration,
) (fairlead.Document, error) {
	late := time.NewTimer(most)
	defer late.Stop()
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		d, err := l.Get(ctx, app, id)
		if err != nil || d.Status.Ended() {
			return d, err
		}
		select {
		case <-changed:
		case <-late.C:
			return d, nil
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
}

// find is where the app's document is. The caller holds the mutex.
func (l *Library) find(app fairlead.AppID, id fairlead.DocumentID) int {
	return slices.IndexFunc(l.docs, func(d fairlead.Document) bool { return d.App == app && d.ID == id })
}

// Get implements library.Shelf.
func (l *Library) Get(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.find(app, id); i >= 0 {
		return l.docs[i], nil
	}
	return fairlead.Document{}, notFound()
}

// List implements library.Shelf.
func (l *Library) List(
	_ context.Context, app fairlead.AppID, after fairlead.After, purpose string,
) ([]fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var own []fairlead.Document
	for _, d := range l.docs {
		if d.App == app && (purpose == "" || d.Purpose == purpose) {
			own = append(own, d)
		}
	}
	return pageOf(own, after, func(d *fairlead.Document) string { return string(d.ID) })
}

// pageOf cuts a page out of what is in the order of its making.
func pageOf[T any](all []T, after fairlead.After, id func(*T) string) ([]T, error) {
	all = slices.Clone(all)
	if after.Newest {
		slices.Reverse(all)
	}
	if after.ID != "" {
		at := -1
		for i := range all {
			if id(&all[i]) == after.ID {
				at = i
			}
		}
		if at < 0 {
			return nil, notFound()
		}
		all = all[at+1:]
	}
	return all[:min(len(all), after.Limit)], nil
}

// Delete implements library.Shelf.
func (l *Library) Delete(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.find(app, id)
	if i < 0 {
		return fairlead.Document{}, notFound()
	}
	d := l.docs[i]
	l.leave(func(m *fairlead.VectorStoreFile) bool { return m.Document.ID == id })
	l.docs = slices.Delete(l.docs, i, i+1)
	delete(l.files, id)
	return d, nil
}

// Ready implements library.Reader.
func (l *Library) Ready(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	d, err := l.Get(ctx, app, id)
	switch {
	case err != nil || d.Status == fairlead.DocumentReady:
		return d, err
	case d.Status.Ended():
		return d, &fairlead.Error{Kind: fairlead.Invalid, Code: "document_" + string(d.Status), Message: "It has no text"}
	}
	return d, &fairlead.Error{Kind: fairlead.Busy, Code: "document_not_ready", Message: "It is being read", RetryAfter: time.Second}
}

// text is that of the app's document, if it is ready.
func (l *Library) text(app fairlead.AppID, id fairlead.DocumentID) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.find(app, id); i >= 0 && l.docs[i].Status == fairlead.DocumentReady {
		return l.files[id], nil
	}
	return nil, notFound()
}

// Text implements library.Reader.
func (l *Library) Text(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, at fairlead.TextSpan) ([]byte, error) {
	text, err := l.text(app, id)
	if err != nil {
		return nil, err
	}
	end := min(at.End, int64(len(text)))
	return slices.Clone(text[min(at.Start, end):end]), nil
}

// Outline implements library.Reader.
func (l *Library) Outline(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.DocumentOutline, error) {
	text, err := l.text(app, id)
	return fairlead.DocumentOutline{Pages: pages(text)}, err
}

// blob is an open file.
type blob struct{ *bytes.Reader }

// Close implements io.Closer.
func (blob) Close() error { return nil }

// File opens a file as it was uploaded.
func (l *Library) File(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Blob, fairlead.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.find(app, id)
	if i < 0 {
		return nil, fairlead.Document{}, notFound()
	}
	return blob{bytes.NewReader(l.files[id])}, l.docs[i], nil
}

// Search implements fairlead.Searcher: it finds the lines that hold a query's text.
func (l *Library) Search(_ context.Context, call *fairlead.Call, q fairlead.Query) ([]fairlead.Passage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queries = append(l.queries, q)
	var found []fairlead.Passage
	for _, d := range l.docs {
		if d.App != call.App.ID || d.Status != fairlead.DocumentReady || q.Within.Documents != nil && !slices.Contains(q.Within.Documents, d.ID) {
			continue
		}
		attributes, in := d.Metadata, q.Within.Stores == nil
		for _, m := range l.members {
			if m.Document.ID == d.ID && slices.Contains(q.Within.Stores, m.Store) {
				attributes, in = m.Attributes, true
			}
		}
		for _, p := range pages(l.files[d.ID]) {
			line := strings.TrimSuffix(string(l.files[d.ID][p.Start:p.End]), "\n")
			if in && len(found) < q.Limit && slices.ContainsFunc(q.Texts, func(text string) bool { return strings.Contains(line, text) }) {
				found = append(found, fairlead.Passage{
					Document: d.ID, Name: d.Name, Score: 0.5, Page: p.Number, Start: p.Start, End: p.Start + int64(len(line)),
					Text: line, Metadata: attributes,
				})
			}
		}
	}
	return found, nil
}

// Queries are those that were searched for.
func (l *Library) Queries() []fairlead.Query {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.queries)
}
