// Package library is what the faces of documents, the native one and OpenAI's, need of
// the documents and of the gateway, and what they have in common: how they look a
// document up, so that one of another app's is one that is not there, whoever asks.
//
// Start with Receiver, Shelf and Reader.
package library

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api"
)

// ReadTime bounds what is read of the store for one request, and TextTime how long a
// text or a file may be on its way to its reader.
const (
	ReadTime = 30 * time.Second
	TextTime = 5 * time.Minute
)

// Gateway is what the faces need of it.
type Gateway interface {
	// Run runs task as a call of the operation: it has the operation's deadline, passes
	// the entry gates, and ends in one Record.
	Run(ctx context.Context, call *fairlead.Call, op fairlead.Operation, task func(ctx context.Context) error) error
	Look(app *fairlead.App) error
	Standing(ctx context.Context, app *fairlead.App) (admission.Standing, error)
}

// Receiver stores files as documents.
type Receiver interface {
	// Upload reads file to its end, then asks rest for what is known of it, and returns
	// when the document and its file are on disk. added is false where the app had a
	// document of the same bytes: then that is returned. An error of file or rest is
	// returned as it is or wrapped, and leaves nothing behind.
	Upload(ctx context.Context, app *fairlead.App, file io.Reader, rest func() (Details, error)) (
		d fairlead.Document, added bool, err error)
	// Wait returns the document when it has ended, or else as it is after most.
	Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, most time.Duration) (fairlead.Document, error)
}

// Shelf is the documents of apps. A document that is not there, or another app's, is an
// error of Kind NotFound; so is an After.ID that is not there.
type Shelf interface {
	Get(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error)
	List(ctx context.Context, app fairlead.AppID, after fairlead.After, purpose string) ([]fairlead.Document, error)
	Delete(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error)
}

// Reader reads documents that are ready. One that is not there is an error of Kind
// NotFound, one that is still being ingested one of Kind Busy, and one that never will be
// ready one of Kind Invalid.
type Reader interface {
	Ready(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error)
	// Text is bytes [Start, End) of the canonical text, cut at its end.
	Text(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, at fairlead.TextSpan) ([]byte, error)
	Outline(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.DocumentOutline, error)
}

// Details are what an uploaded file is to have as a document.
type Details struct {
	Name     string
	Purpose  string
	Metadata map[string]any
}

// Handler answers an exchange within the time of ctx.
type Handler func(ctx context.Context, x *api.Exchange) error

// Within is a route's handle for what costs no window: the request is counted, and told
// how the windows stand, and h has so much time.
func Within(g Gateway, most time.Duration, h Handler) func(x *api.Exchange) error {
	return func(x *api.Exchange) error {
		standing, err := g.Standing(x.Context(), x.App)
		if err != nil {
			return err
		}
		x.NoteWindows(standing.Requests, standing.Tokens)
		if err := g.Look(x.App); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(x.Context(), most)
		defer cancel()
		return named(h(ctx, x))
	}
}

// named gives the end of a context the name that callers know.
func named(err error) error {
	if _, known := errors.AsType[*fairlead.Error](err); known || err == nil {
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fairlead.NewLate(err)
	case errors.Is(err, context.Canceled):
		return fairlead.NewCanceled(err)
	}
	return err
}

// NotFound is the error of a document that is not there, for whatever reason.
func NotFound() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Message: fairlead.NoDocument}
}

// Find returns the app's document; the error of one that is not there is NotFound's.
func Find(ctx context.Context, s Shelf, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	d, err := s.Get(ctx, app, id)
	if fairlead.IsKind(err, fairlead.NotFound) {
		return fairlead.Document{}, NotFound()
	}
	return d, err
}

// Delete deletes the app's document; the error of one that is not there is NotFound's.
func Delete(ctx context.Context, s Shelf, app fairlead.AppID, id fairlead.DocumentID) error {
	_, err := s.Delete(ctx, app, id)
	if fairlead.IsKind(err, fairlead.NotFound) {
		return NotFound()
	}
	return err
}

// Ready returns the app's document, if it can be read; the error of one that is not there
// is NotFound's.
func Ready(ctx context.Context, r Reader, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	d, err := r.Ready(ctx, app, id)
	if fairlead.IsKind(err, fairlead.NotFound) {
		return fairlead.Document{}, NotFound()
	}
	return d, err
}

// Answer emits v as a whole body.
func Answer(emit fairlead.Emit, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := emit(fairlead.Event{Head: &fairlead.Head{ContentType: "application/json"}}); err != nil {
		return err
	}
	if err := emit(fairlead.Event{Data: append(body, '\n')}); err != nil {
		return err
	}
	return emit(fairlead.Event{End: &fairlead.End{}})
}

// Send answers with what each emits, as a body of that head. It is cut where the
// context ends.
func Send(ctx context.Context, x *api.Exchange, head fairlead.Head, each func(emit func(data []byte) error) error) error {
	call := x.Call()
	defer context.AfterFunc(ctx, call.Interrupt)()
	return x.Answer(call, api.Shape{}, func(emit fairlead.Emit) error {
		if err := emit(fairlead.Event{Head: &head}); err != nil {
			return err
		}
		if err := each(func(data []byte) error { return emit(fairlead.Event{Data: data}) }); err != nil {
			return err
		}
		return emit(fairlead.Event{End: &fairlead.End{}})
	})
}

// WholeRunes is text without a character that was cut at its end.
func WholeRunes(text []byte) []byte {
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if at := len(text) - cut; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return text[:at]
			}
			return text
		}
	}
	return text
}
