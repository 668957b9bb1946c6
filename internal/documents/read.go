package documents

import (
	"context"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// readBytes is how much of a text is read at once.
	readBytes = 256 << 10
	// mostText is how long a Text may be.
	mostText = 4 << 20
	// readyAfter is when to come back for a document that is being ingested.
	readyAfter = 2 * time.Second
)

// Ready returns the app's document, if it is ready. Errors are those of Get; of Kind Busy,
// with Code "document_not_ready", while it is being ingested; and of Kind Invalid, with
// Code "document_" and its Status, where it never will be.
func (l *Library) Ready(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	d, err := l.Get(ctx, app, id)
	if err != nil {
		return d, err
	}
	return d, notReady(&d)
}

// notReady is the error of a document that can't be read; nil if it can.
func notReady(d *fairlead.Document) error {
	switch {
	case d.Status == fairlead.DocumentReady:
		return nil
	case !d.Status.Ended():
		return &fairlead.Error{
			Kind: fairlead.Busy, Code: "document_not_ready", Message: "The document is still being read", Param: "document_id",
			Detail: fmt.Sprintf("It is %s, with %d pages done", d.Status, d.PagesDone), RetryAfter: readyAfter,
		}
	}
	e := &fairlead.Error{
		Kind: fairlead.Invalid, Message: "The document has no text that could be read", Detail: d.Reason, Param: "document_id",
	}
	switch d.Status {
	case fairlead.DocumentNoText:
		e.Code = "document_no_text"
	case fairlead.DocumentLimitHit:
		e.Code = "document_limit_hit"
	case fairlead.DocumentUnsupported:
		e.Code = "document_unsupported"
	case fairlead.DocumentEncrypted:
		e.Code = "document_encrypted"
	case fairlead.DocumentFailed, fairlead.DocumentQueued, fairlead.DocumentExtracting, fairlead.DocumentIndexing, fairlead.DocumentReady:
		e.Code = "document_failed"
	}
	return e
}

// Content gives the whole canonical text of the app's document to w, piece by piece.
// Errors are those of Ready, before anything was given; of Kind Gone where the document
// is deleted meanwhile; and those of w.
func (l *Library) Content(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, w func(text []byte) error) error {
	d, err := l.Ready(ctx, app, id)
	if err != nil {
		return err
	}
	for at := int64(0); at < d.TextBytes; {
		text, ok, err := l.config.Text.Text(ctx, app, id, fairlead.TextSpan{Start: at, End: min(at+readBytes, d.TextBytes)})
		if err != nil {
			return err
		}
		if !ok || len(text) == 0 {
			return gone()
		}
		if err := w(text); err != nil {
			return err
		}
		at += int64(len(text))
	}
	return nil
}

// Text returns bytes [Start, End) of the canonical text of the app's document, cut at
// its end. Errors are those of Ready, and of Kind Invalid with Code "invalid_span" where
// the span is none, or longer than 4 MiB.
func (l *Library) Text(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, at fairlead.TextSpan) ([]byte, error) {
	if at.Start < 0 || at.End < at.Start || at.End-at.Start > mostText {
		return nil, invalid("start", "invalid_span", "The part of the text is not one that can be read", fmt.Sprintf("It may have %d bytes", mostText))
	}
	text, ok, err := l.config.Text.Text(ctx, app, id, at)
	if err != nil || ok {
		return text, err
	}
	return nil, l.whyNot(ctx, app, id)
}

// Outline returns how the app's document is laid out. Errors are those of Ready.
func (l *Library) Outline(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.DocumentOutline, error) {
	o, ok, err := l.config.Text.Outline(ctx, app, id)
	if err != nil || ok {
		return o, err
	}
	return o, l.whyNot(ctx, app, id)
}

// whyNot is the error of a document that had no text just now.
func (l *Library) whyNot(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) error {
	if _, err := l.Ready(ctx, app, id); err != nil {
		return err
	}
	// It has become ready since.
	return &fairlead.Error{
		Kind: fairlead.Busy, Code: "document_not_ready", Message: "The document is still being read", Param: "document_id", RetryAfter: readyAfter,
	}
}

func gone() error {
	return &fairlead.Error{Kind: fairlead.Gone, Code: "document_deleted", Message: "The document was deleted while it was read"}
}
