// Package documents is where an app's documents are put, looked up, read and deleted. It
// joins what the store of documents, the store of their files and the ingester do to what
// a client asks for, and knows nothing of how it asks.
//
// Every method takes the app whose documents they are. A document of another app is one
// that is not there, with the same error.
//
// Start with Library.Upload; how a file becomes text is told in ingest, canon and chunk,
// below this folder.
package documents

import (
	"context"
	"log/slog"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/ingest"
)

// Ingester reads what is uploaded.
type Ingester interface {
	// Kick tells that there is a new document, Deleted that there is one less. Neither
	// blocks.
	Kick()
	Deleted(app fairlead.AppID, id fairlead.DocumentID)
	// Wait blocks until the document has ended, or ctx.
	Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error)
}

// Index is what finds documents.
type Index interface {
	// Forget has it forget a document that was deleted, soon. It does not block.
	Forget(app fairlead.AppID, number int64)
}

// Config is what a Library needs.
type Config struct {
	Store    fairlead.DocumentStore
	Text     fairlead.DocumentText
	Blobs    fairlead.BlobStore
	Ingester Ingester
	Index    Index
	// MaxFile is the most bytes of a file; 0 is no limit.
	MaxFile int64
	// Room is what an app may store; nil is no limit.
	Room   func(app *fairlead.App) fairlead.DocumentRoom
	Logger *slog.Logger
}

// Library is where documents are. It is safe for concurrent use.
type Library struct{ config Config }

// New returns a Library.
func New(config Config) *Library {
	if config.Room == nil {
		config.Room = func(*fairlead.App) fairlead.DocumentRoom { return fairlead.DocumentRoom{} }
	}
	return &Library{config}
}

// tidyTime is how long it may take to clear what is no longer wanted.
const tidyTime = 10 * time.Second

// Get returns the app's document. Errors are of Kind NotFound with Code
// "document_not_found", and those of the store.
func (l *Library) Get(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	if !isID(id) {
		return fairlead.Document{}, ingest.NotFound()
	}
	d, ok, err := l.config.Store.Document(ctx, app, id)
	if err != nil {
		return fairlead.Document{}, err
	}
	if !ok {
		return fairlead.Document{}, ingest.NotFound()
	}
	return d, nil
}

// List returns a page of the app's documents, of that purpose if it is not "". An
// After.ID that is not there is an error of Kind NotFound.
func (l *Library) List(ctx context.Context, app fairlead.AppID, after fairlead.After, purpose string) ([]fairlead.Document, error) {
	return l.config.Store.ListDocuments(ctx, app, after, purpose)
}

// Delete deletes the app's document, with its file, and all that was derived from it. It
// is on disk when it returns, and waits for no other document. Errors are those of Get.
func (l *Library) Delete(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	if !isID(id) {
		return fairlead.Document{}, ingest.NotFound()
	}
	d, ok, err := l.config.Store.DeleteDocument(ctx, app, id)
	if err != nil {
		return fairlead.Document{}, err
	}
	if !ok {
		return fairlead.Document{}, ingest.NotFound()
	}
	l.config.Ingester.Deleted(app, id)
	l.config.Index.Forget(app, d.Number)
	// The document is gone. A file that can't be deleted now is cleared by a sweep.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	l.deleteFile(ctx, id)
	return d, nil
}

func (l *Library) deleteFile(ctx context.Context, id fairlead.DocumentID) {
	if err := l.config.Blobs.DeleteBlob(ctx, id); err != nil {
		l.config.Logger.Warn("file not deleted", "document", id, "error", err)
	}
}

// Wait returns the app's document when it has ended, or as it is after that long. Errors
// are those of Get, and the error of ctx when that ends.
func (l *Library) Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, most time.Duration) (fairlead.Document, error) {
	d, err := l.Get(ctx, app, id)
	if err != nil || d.Status.Ended() || most <= 0 {
		return d, err
	}
	waiting, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ended, err := l.config.Ingester.Wait(waiting, app, id)
	switch {
	case err == nil:
		return ended, nil
	case ctx.Err() != nil:
		return d, ctx.Err()
	case waiting.Err() != nil:
		return l.Get(ctx, app, id)
	}
	return d, err
}

// File opens the file of the app's document, whatever became of that. The file is to be
// closed. Errors are those of Get.
func (l *Library) File(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Blob, fairlead.Document, error) { //nolint:ireturn // the store of files knows what it is
	d, err := l.Get(ctx, app, id)
	if err != nil {
		return nil, d, err
	}
	file, err := l.config.Blobs.OpenBlob(ctx, id)
	if fairlead.IsKind(err, fairlead.NotFound) {
		// It was deleted just now, or its file was lost.
		return nil, d, ingest.NotFound()
	}
	return file, d, err
}
