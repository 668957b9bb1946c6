package documents_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents"
	"github.com/fairleadhq/fairlead/internal/documents/ingest"
)

// room is all stores in memory.
type room struct {
	mu        sync.Mutex
	documents map[fairlead.DocumentID]fairlead.Document
	texts     map[fairlead.DocumentID]string
	blobs     map[fairlead.DocumentID][]byte
	removed   []int64
	kicks     int
	full      error // of AddDocument
	ended     chan struct{}
}

func newRoom() *room {
	return &room{
		documents: make(map[fairlead.DocumentID]fairlead.Document), texts: make(map[fairlead.DocumentID]string),
		blobs: make(map[fairlead.DocumentID][]byte), ended: make(chan struct{}),
	}
}

func (r *room) AddDocument(_ context.Context, d fairlead.Document, most fairlead.DocumentRoom) (fairlead.Document, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full != nil {
		return fairlead.Document{}, false, r.full
	}
	n := 0
	for _, old := range r.documents {
		if old.App == d.App && old.SHA256 == d.SHA256 {
			return old, false, nil
		}
		if old.App == d.App {
			n++
		}
	}
	if most.Documents > 0 && n >= most.Documents {
		return fairlead.Document{}, false, &fairlead.Error{Kind: fairlead.Limited, Code: "documents_full"}
	}
	d.Number = int64(len(r.documents) + 1)
	r.documents[d.ID] = d
	return d, true, nil
}

func (r *room) Document(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := r.documents[id]
	if !ok || d.App != app {
		return fairlead.Document{}, false, nil
	}
	return d, true, nil
}

func (r *room) ListDocuments(context.Context, fairlead.AppID, fairlead.After, string) ([]fairlead.Document, error) {
	return slices.Collect(maps.Values(r.documents)), nil
}

func (r *room) DeleteDocument(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, bool, error) {
	d, ok, err := r.Document(ctx, app, id)
	if ok {
		delete(r.documents, id)
	}
	return d, ok, err
}

func (r *room) AddContent(context.Context, *fairlead.DocumentJob, fairlead.DocumentContent) error {
	return nil
}

func (r *room) Text(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, at fairlead.TextSpan) ([]byte, bool, error) {
	d := r.documents[id]
	if d.App != app || d.Status != fairlead.DocumentReady {
		return nil, false, nil
	}
	text := r.texts[id]
	end := min(at.End, int64(len(text)))
	return []byte(text[min(at.Start, end):end]), true, nil
}

func (r *room) Outline(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.DocumentOutline, bool, error) {
	d := r.documents[id]
	return fairlead.DocumentOutline{Pages: []fairlead.Page{{Number: 1, End: d.TextBytes}}}, d.App == app && d.Status == fairlead.DocumentReady, nil
}

func (r *room) PutBlob(_ context.Context, id fairlead.DocumentID, from io.Reader) (fairlead.BlobSum, error) {
	b, err := io.ReadAll(from)
	if err != nil {
		return fairlead.BlobSum{}, err
	}
	r.blobs[id] = b
	return fairlead.BlobSum{Bytes: int64(len(b)), SHA256: sha256.Sum256(b)}, nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

func (r *room) OpenBlob(_ context.Context, id fairlead.DocumentID) (fairlead.Blob, error) {
	b, ok := r.blobs[id]
	if !ok {
		return nil, &fairlead.Error{Kind: fairlead.NotFound, Code: "no_blob"}
	}
	return file{bytes.NewReader(b)}, nil
}

func (r *room) DeleteBlob(_ context.Context, id fairlead.DocumentID) error {
	delete(r.blobs, id)
	return nil
}

func (r *room) SweepBlobs(context.Context, func([]fairlead.DocumentID) ([]bool, error)) error {
	return nil
}

func (r *room) Forget(_ fairlead.AppID, number int64) { r.removed = append(r.removed, number) }

func (r *room) Kick() { r.kicks++ }

func (r *room) Deleted(fairlead.AppID, fairlead.DocumentID) {}

func (r *room) Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	select {
	case <-r.ended:
		d, ok, err := r.Document(ctx, app, id)
		if !ok {
			return d, ingest.NotFound()
		}
		return d, err
	case <-ctx.Done():
		return fairlead.Document{}, ctx.Err()
	}
}

// become has a document have a status and text.
func (r *room) become(id fairlead.DocumentID, status fairlead.DocumentStatus, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.documents[id]
	d.Status, d.TextBytes, d.Reason = status, int64(len(text)), "Because"
	r.documents[id], r.texts[id] = d, text
}

func open() (*room, *documents.Library) {
	r := newRoom()
	return r, documents.New(documents.Config{
		Store: r, Text: r, Blobs: r, Ingester: r, Index: r, MaxFile: 1000,
		Room:   func(*fairlead.App) fairlead.DocumentRoom { return fairlead.DocumentRoom{Documents: 3} },
		Logger: slog.New(slog.DiscardHandler),
	})
}

func upload(t *testing.T, l *documents.Library, app fairlead.AppID, body string) fairlead.Document {
	t.Helper()
	d, added, err := l.Upload(t.Context(), &fairlead.App{ID: app}, documents.Upload{Name: "a.txt", Body: strings.NewReader(body)})
	if err != nil || !added {
		t.Fatalf("Upload: %v, added %v", err, added)
	}
	return d
}

// fails holds an error to a Kind and a Code.
func fails(t *testing.T, err error, kind fairlead.Kind, code string) {
	t.Helper()
	if e := fairlead.AsError(err); e == nil || e.Kind != kind || e.Code != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	} else if code == "document_not_found" && e.Message != fairlead.NoDocument {
		t.Errorf("got message %q", e.Message)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	r, l := open()
	app := &fairlead.App{ID: "a"}
	d, added, err := l.Upload(t.Context(), app, documents.Upload{
		Name: `C:\reports/q3\report 3.pdf `, Purpose: "assistants", Metadata: map[string]any{"year": 2018.0, "final": true, "by": "me"},
		Body: strings.NewReader("bytes"),
	})
	if err != nil || !added {
		t.Fatalf("got %v, added %v", err, added)
	}
	if d.Name != "report 3.pdf" || d.Bytes != 5 || d.SHA256 != sha256.Sum256([]byte("bytes")) || d.Status != fairlead.DocumentQueued ||
		d.Created.IsZero() || len(d.ID) != 29 || !strings.HasPrefix(string(d.ID), "file-") {
		t.Errorf("got %+v", d)
	}
	if r.kicks != 1 || string(r.blobs[d.ID]) != "bytes" {
		t.Errorf("got %d kicks and the file %q", r.kicks, r.blobs[d.ID])
	}
	again, added, err := l.Upload(t.Context(), app, documents.Upload{Body: strings.NewReader("bytes")})
	if err != nil || added || again.ID != d.ID || len(r.blobs) != 1 || r.kicks != 1 {
		t.Errorf("the same again: got %+v, added %v, %v, with %d files", again, added, err, len(r.blobs))
	}
	if other := upload(t, l, "b", "bytes"); other.ID == d.ID {
		t.Error("two apps share a document")
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	r, l := open()
	app := &fairlead.App{ID: "a"}
	left := errors.New("the client left")
	many := make(map[string]any)
	for i := range 17 {
		many[strings.Repeat("k", i+1)] = ""
	}
	for code, u := range map[string]documents.Upload{
		"name_too_long":   {Name: strings.Repeat("x", 256)},
		"invalid_name":    {Name: "a\nb"},
		"invalid_purpose": {Purpose: strings.Repeat("p", 65)},
		"file_empty":      {Body: strings.NewReader("")},
	} {
		if u.Body == nil {
			u.Body = strings.NewReader("x")
		}
		_, _, err := l.Upload(t.Context(), app, u)
		fails(t, err, fairlead.Invalid, code)
	}
	for _, metadata := range []map[string]any{
		many,
		{"": 1.0},
		{strings.Repeat("k", 65): 1.0},
		{"a\x00": 1.0},
		{"a": strings.Repeat("é", 513)},
		{"a": "\xff"},
		{"a": 1},
		{"a": nil},
		{"a": math.NaN()},
		{"a": []any{}},
	} {
		_, _, err := l.Upload(t.Context(), app, documents.Upload{Metadata: metadata, Body: strings.NewReader("x")})
		fails(t, err, fairlead.Invalid, "invalid_metadata")
	}
	_, _, err := l.Upload(t.Context(), app, documents.Upload{Body: strings.NewReader(strings.Repeat("x", 1001))})
	fails(t, err, fairlead.TooLarge, "file_too_large")
	_, _, err = l.Upload(t.Context(), app, documents.Upload{Body: io.MultiReader(strings.NewReader("x"), failing{left})})
	if !errors.Is(err, left) {
		t.Errorf("got %v of a body that broke off", err)
	}
	r.full = &fairlead.Error{Kind: fairlead.Busy, Code: "storage_full"}
	_, _, err = l.Upload(t.Context(), app, documents.Upload{Body: strings.NewReader("x")})
	fails(t, err, fairlead.Busy, "storage_full")
	if len(r.blobs) != 0 || len(r.documents) != 0 || r.kicks != 0 {
		t.Errorf("left are %d files, %d documents, %d kicks", len(r.blobs), len(r.documents), r.kicks)
	}
	r.full = nil
	for _, body := range []string{"1", "2", strings.Repeat("x", 1000)} {
		upload(t, l, "a", body)
	}
	_, _, err = l.Upload(t.Context(), app, documents.Upload{Body: strings.NewReader("4")})
	fails(t, err, fairlead.Limited, "documents_full")
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestForeignIsUnknown asks for a document of another app by every method.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	r, l := open()
	d := upload(t, l, "a", "bytes")
	r.become(d.ID, fairlead.DocumentReady, "text")
	ctx := t.Context()
	for _, id := range []fairlead.DocumentID{d.ID, "file-AAAAAAAAAAAAAAAAAAAAAAAA", "file-1", "", "x' OR 1"} {
		for name, ask := range map[string]func() error{
			"Get":     func() error { _, err := l.Get(ctx, "b", id); return err },
			"Delete":  func() error { _, err := l.Delete(ctx, "b", id); return err },
			"Wait":    func() error { _, err := l.Wait(ctx, "b", id, time.Second); return err },
			"File":    func() error { _, _, err := l.File(ctx, "b", id); return err },
			"Content": func() error { return l.Content(ctx, "b", id, nil) },
			"Text":    func() error { _, err := l.Text(ctx, "b", id, fairlead.TextSpan{End: 1}); return err },
			"Outline": func() error { _, err := l.Outline(ctx, "b", id); return err },
			"Ready":   func() error { _, err := l.Ready(ctx, "b", id); return err },
		} {
			if err := ask(); err == nil || *fairlead.AsError(err) != *fairlead.AsError(ingest.NotFound()) {
				t.Errorf("%s(%q): got %v", name, id, err)
			}
		}
	}
	if _, ok := r.documents[d.ID]; !ok || len(r.removed) != 0 {
		t.Error("another app deleted it")
	}
}

func TestReading(t *testing.T) {
	t.Parallel()
	r, l := open()
	ctx := t.Context()
	d := upload(t, l, "a", "bytes")
	_, err := l.Text(ctx, "a", d.ID, fairlead.TextSpan{End: 4})
	fails(t, err, fairlead.Busy, "document_not_ready")
	if fairlead.AsError(err).RetryAfter <= 0 {
		t.Error("it does not say when to come back")
	}
	fails(t, l.Content(ctx, "a", d.ID, nil), fairlead.Busy, "document_not_ready")
	for _, status := range []fairlead.DocumentStatus{
		fairlead.DocumentNoText, fairlead.DocumentLimitHit, fairlead.DocumentUnsupported, fairlead.DocumentEncrypted, fairlead.DocumentFailed,
	} {
		r.become(d.ID, status, "")
		_, err := l.Outline(ctx, "a", d.ID)
		fails(t, err, fairlead.Invalid, "document_"+string(status))
	}
	text := strings.Repeat("text ", 200_000)
	r.become(d.ID, fairlead.DocumentReady, text)
	var got strings.Builder
	if err := l.Content(ctx, "a", d.ID, func(p []byte) error {
		if len(p) > 256<<10 {
			t.Errorf("got a piece of %d bytes", len(p))
		}
		got.Write(p)
		return nil
	}); err != nil || got.String() != text {
		t.Errorf("got %d bytes, %v", got.Len(), err)
	}
	if p, err := l.Text(ctx, "a", d.ID, fairlead.TextSpan{Start: 5, End: 9}); err != nil || string(p) != "text" {
		t.Errorf("got %q, %v", p, err)
	}
	for _, span := range []fairlead.TextSpan{{Start: -1, End: 1}, {Start: 2, End: 1}, {End: 5 << 20}} {
		_, err := l.Text(ctx, "a", d.ID, span)
		fails(t, err, fairlead.Invalid, "invalid_span")
	}
	if o, err := l.Outline(ctx, "a", d.ID); err != nil || len(o.Pages) != 1 {
		t.Errorf("got %+v, %v", o, err)
	}
	f, _, err := l.File(ctx, "a", d.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "bytes" {
		t.Errorf("got %q, %v", b, err)
	}
	if list, err := l.List(ctx, "a", fairlead.After{Limit: 10}, ""); err != nil || len(list) != 1 {
		t.Errorf("got %d documents, %v", len(list), err)
	}
	// It is deleted between two pieces.
	err = l.Content(ctx, "a", d.ID, func([]byte) error { _, err := l.Delete(ctx, "a", d.ID); return err })
	fails(t, err, fairlead.Gone, "document_deleted")
}

func TestDelete(t *testing.T) {
	t.Parallel()
	r, l := open()
	d := upload(t, l, "a", "bytes")
	if got, err := l.Delete(t.Context(), "a", d.ID); err != nil || got.ID != d.ID {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(r.blobs) != 0 || !slices.Equal(r.removed, []int64{d.Number}) {
		t.Errorf("left are %d files, removed %v", len(r.blobs), r.removed)
	}
	_, err := l.Delete(t.Context(), "a", d.ID)
	fails(t, err, fairlead.NotFound, "document_not_found")
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, l := open()
		d := upload(t, l, "a", "bytes")
		began := time.Now()
		if got, err := l.Wait(t.Context(), "a", d.ID, 10*time.Second); err != nil || got.Status != fairlead.DocumentQueued || time.Since(began) != 10*time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(began))
		}
		if got, err := l.Wait(t.Context(), "a", d.ID, 0); err != nil || got.Status != fairlead.DocumentQueued {
			t.Errorf("got %+v, %v", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Wait(ctx, "a", d.ID, 10*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		go func() {
			<-time.After(3 * time.Second)
			r.become(d.ID, fairlead.DocumentReady, "text")
			close(r.ended)
		}()
		began = time.Now()
		if got, err := l.Wait(t.Context(), "a", d.ID, 10*time.Second); err != nil || got.Status != fairlead.DocumentReady || time.Since(began) != 3*time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(began))
		}
	})
}
