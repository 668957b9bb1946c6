package files

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
	"github.com/fairleadhq/fairlead/internal/api/upload"
)

// piece is how much of a file is read at a time.
const piece = 64 << 10

// purposes are what files may be for.
func purposes() []string {
	return []string{"assistants", "batch", "fine-tune", "vision", "user_data", "evals"}
}

// upload answers POST /v1/files. The same bytes again are the same file.
func (f *Face) upload(x *api.Exchange) error {
	call := x.Call()
	return x.Answer(call, api.Shape{}, func(emit fairlead.Emit) error {
		return f.config.Gateway.Run(x.Context(), call, fairlead.Upload, func(ctx context.Context) error {
			d, err := f.receive(ctx, x)
			if err != nil {
				return err
			}
			call.NoteReceived(d.Bytes)
			return library.Answer(emit, fileObject(&d))
		})
	})
}

// receive takes the file off the wire, in a place of its own.
func (f *Face) receive(ctx context.Context, x *api.Exchange) (d fairlead.Document, err error) {
	if err := f.config.Docks.Enter(x.App.ID); err != nil {
		return fairlead.Document{}, err
	}
	defer f.config.Docks.Leave(x.App.ID)
	wanted := upload.Wanted{Most: f.config.MaxFile, Field: knownField}
	err = upload.Receive(ctx, x, wanted, func(file io.Reader, rest func() (upload.Form, error)) error {
		var err error
		d, _, err = f.config.Receiver.Upload(ctx, x.App, file, func() (library.Details, error) {
			form, err := rest()
			if err != nil {
				return library.Details{}, err
			}
			return details(form)
		})
		return err
	})
	return d, err
}

// knownField knows the fields beside the file.
func knownField(name string) error {
	switch {
	case name == "purpose":
		return nil
	case name == "expires_after" || strings.HasPrefix(name, "expires_after["):
		return &fairlead.Error{
			Kind: fairlead.Unsupported, Code: "not_available", Param: "expires_after",
			Message: "expires_after is not available here", Detail: "a file stays until it is deleted",
		}
	}
	return upload.Unknown(name)
}

// details are what a form says of its file.
func details(form upload.Form) (library.Details, error) {
	d := library.Details{Name: form.Name, Purpose: form.Fields["purpose"]}
	if d.Name == "" {
		d.Name = "file"
	}
	switch {
	case d.Purpose == "":
		return library.Details{}, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "missing_field", Param: "purpose", Message: "The form has no purpose",
		}
	case !slices.Contains(purposes(), d.Purpose):
		return library.Details{}, fields.Invalid("purpose", "purpose must be one of "+strings.Join(purposes(), ", "))
	}
	return d, nil
}

// listFiles answers GET /v1/files.
func (f *Face) listFiles(ctx context.Context, x *api.Exchange) error {
	const most = 10_000
	query := x.R.URL.Query()
	cursor, err := fields.Page(query, fields.Bounds{Most: most, Default: most})
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
	found, more := fields.Cut(cursor, found)
	objects := make([]file, len(found))
	for i := range found {
		objects[i] = fileObject(&found[i])
	}
	return x.WriteJSON(listOf(objects, more, func(f *file) string { return string(f.ID) }))
}

// getFile answers GET /v1/files/{id}.
func (f *Face) getFile(ctx context.Context, x *api.Exchange) error {
	d, err := library.Find(ctx, f.config.Shelf, x.App.ID, fileOf(x))
	if err != nil {
		return err
	}
	return x.WriteJSON(fileObject(&d))
}

// deleteFile answers DELETE /v1/files/{id}.
func (f *Face) deleteFile(ctx context.Context, x *api.Exchange) error {
	if err := library.Delete(ctx, f.config.Shelf, x.App.ID, fileOf(x)); err != nil {
		return err
	}
	return x.WriteJSON(deleted{string(fileOf(x)), "file", true})
}

// fileContent answers GET /v1/files/{id}/content: the bytes that were uploaded.
func (f *Face) fileContent(ctx context.Context, x *api.Exchange) error {
	blob, d, err := f.config.Files.File(ctx, x.App.ID, fileOf(x))
	if fairlead.IsKind(err, fairlead.NotFound) {
		return library.NotFound()
	}
	if err != nil {
		return err
	}
	defer blob.Close()
	media := d.MediaType
	if media == "" {
		media = "application/octet-stream"
	}
	head := fairlead.Head{ContentType: media, Header: map[string]string{
		// It is whatever an app was given: no page that a browser shows here.
		"Content-Disposition":     disposition(d.Name),
		"Content-Security-Policy": "default-src 'none'; sandbox",
	}}
	if x.R.Method == http.MethodHead {
		for name, value := range head.Header {
			x.AddHeader(name, value)
		}
		return x.Write(media, nil)
	}
	return library.Send(ctx, x, head, func(emit func(data []byte) error) error { return copyOut(ctx, blob, emit) })
}

// disposition has browsers store a file under its name.
func disposition(name string) string {
	if value := mime.FormatMediaType("attachment", map[string]string{"filename": name}); value != "" {
		return value
	}
	return "attachment"
}

// copyOut emits what from gives, to its end.
func copyOut(ctx context.Context, from io.Reader, emit func(data []byte) error) error {
	buf := make([]byte, piece)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if err := emit(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}
