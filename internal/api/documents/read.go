package documents

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
)

const (
	typeText = "text/plain; charset=utf-8"
	// piece is how much of a text is read at a time, and pageText the most that is told
	// of a page in one answer, in bytes.
	piece    = 256 << 10
	pageText = 1 << 20
)

// list answers GET /documents.
func (f *Face) list(ctx context.Context, x *api.Exchange) error {
	const most, usual = 100, 20
	query := x.R.URL.Query()
	cursor, err := fields.Page(query, fields.Bounds{Most: most, Default: usual})
	if err != nil {
		return err
	}
	found, err := f.config.Shelf.List(ctx, x.App.ID, cursor.Ask(), query.Get("purpose"))
	if fairlead.IsKind(err, fairlead.NotFound) {
		return cursor.Unknown()
	}
	if err != nil {
		return err
	}
	p := page{Success: true, Documents: []object{}}
	found, p.HasMore = fields.Cut(cursor, found)
	for i := range found {
		p.Documents = append(p.Documents, told(&found[i]))
		id := string(found[i].ID)
		p.LastID = &id
	}
	return x.WriteJSON(p)
}

// get answers GET /documents/{id}.
func (f *Face) get(ctx context.Context, x *api.Exchange) error {
	d, err := library.Find(ctx, f.config.Shelf, x.App.ID, idOf(x))
	if err != nil {
		return err
	}
	return x.WriteJSON(one{Success: true, object: told(&d)})
}

// delete answers DELETE /documents/{id}.
func (f *Face) delete(ctx context.Context, x *api.Exchange) error {
	if err := library.Delete(ctx, f.config.Shelf, x.App.ID, idOf(x)); err != nil {
		return err
	}
	return x.WriteJSON(struct {
		Success bool                `json:"success"`
		ID      fairlead.DocumentID `json:"document_id"`
		Deleted bool                `json:"deleted"`
	}{true, idOf(x), true})
}

// content answers GET /documents/{id}/content: the canonical text, or a part of it.
func (f *Face) content(ctx context.Context, x *api.Exchange) error {
	d, err := library.Ready(ctx, f.config.Reader, x.App.ID, idOf(x))
	if err != nil {
		return err
	}
	span, err := f.part(ctx, &d, x.R.URL.Query())
	if err != nil {
		return err
	}
	if x.R.Method == http.MethodHead {
		return x.Write(typeText, nil)
	}
	return library.Send(ctx, x, fairlead.Head{ContentType: typeText}, func(emit func(data []byte) error) error {
		for at := span.Start; at < span.End; {
			text, err := f.config.Reader.Text(ctx, d.App, d.ID, fairlead.TextSpan{Start: at, End: min(at+piece, span.End)})
			if err != nil {
				return err
			}
			if len(text) == 0 { // it was deleted meanwhile
				return library.NotFound()
			}
			if err := emit(text); err != nil {
				return err
			}
			at += int64(len(text))
		}
		return nil
	})
}

// part is which bytes of the text are asked for: those of a page, those from start to
// end, or all.
func (f *Face) part(ctx context.Context, d *fairlead.Document, query url.Values) (fairlead.TextSpan, error) {
	span := fairlead.TextSpan{End: d.TextBytes}
	if text := query.Get("page"); text != "" {
		p, err := f.pageOf(ctx, d, text)
		return fairlead.TextSpan{Start: p.Start, End: p.End}, err
	}
	for name, at := range map[string]*int64{"start": &span.Start, "end": &span.End} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return fairlead.TextSpan{}, fields.Invalid(name, name+" must be an offset in bytes")
		}
		*at = min(n, d.TextBytes)
	}
	if span.Start > span.End {
		return fairlead.TextSpan{}, fields.Invalid("start", "start must not be behind end")
	}
	return span, nil
}

// pageOf is the page of that number.
func (f *Face) pageOf(ctx context.Context, d *fairlead.Document, number string) (fairlead.Page, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > math.MaxInt32 {
		return fairlead.Page{}, fields.Invalid("page", "page must be the number of a page, from 1")
	}
	outline, err := f.config.Reader.Outline(ctx, d.App, d.ID)
	if fairlead.IsKind(err, fairlead.NotFound) {
		return fairlead.Page{}, library.NotFound()
	}
	if err != nil {
		return fairlead.Page{}, err
	}
	for _, p := range outline.Pages {
		if p.Number == n {
			return p, nil
		}
	}
	return fairlead.Page{}, &fairlead.Error{
		Kind: fairlead.NotFound, Code: "page_not_found", Message: "The document has no page of that number",
		Detail: fmt.Sprintf("it has %d pages", len(outline.Pages)),
	}
}

// page answers GET /documents/{id}/pages/{page}. Of a page that is very long it tells the
// beginning; the rest is to be had as content.
func (f *Face) page(ctx context.Context, x *api.Exchange) error {
	d, err := library.Ready(ctx, f.config.Reader, x.App.ID, idOf(x))
	if err != nil {
		return err
	}
	p, err := f.pageOf(ctx, &d, x.R.PathValue("page"))
	if err != nil {
		return err
	}
	if err := x.Reserve(min(p.End-p.Start, pageText)); err != nil {
		return err
	}
	text, err := f.config.Reader.Text(ctx, d.App, d.ID, fairlead.TextSpan{Start: p.Start, End: min(p.End, p.Start+pageText)})
	if err != nil {
		return err
	}
	text = library.WholeRunes(text)
	end := p.Start + int64(len(text))
	return x.WriteJSON(struct {
		Success  bool                `json:"success"`
		ID       fairlead.DocumentID `json:"document_id"`
		Page     int                 `json:"page"`
		Pages    int                 `json:"pages"`
		Start    int64               `json:"start"`
		End      int64               `json:"end"`
		Text     string              `json:"text"`
		CutShort bool                `json:"cut_short,omitempty"`
	}{true, d.ID, p.Number, d.Pages, p.Start, end, string(text), end < p.End})
}
