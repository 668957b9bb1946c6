package documents

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
	"github.com/fairleadhq/fairlead/internal/api/upload"
)

const (
	// purpose is what documents are for that come by this face.
	purpose = "user_data"
	// unnamed is the name of a file that has none.
	unnamed = "document"
	// answerTime is what is left of the operation's time for the answer, when a client
	// has waited for its document.
	answerTime = 2 * time.Second
)

// upload answers POST /documents/upload.
func (f *Face) upload(x *api.Exchange) error {
	call := x.Call()
	return x.Answer(call, api.Shape{}, func(emit fairlead.Emit) error {
		return f.config.Gateway.Run(x.Context(), call, fairlead.Upload, func(ctx context.Context) error {
			most, err := f.patience(x)
			if err != nil {
				return err
			}
			d, added, err := f.receive(ctx, x)
			if err != nil {
				return err
			}
			call.NoteReceived(d.Bytes)
			if added {
				x.Created()
			}
			return library.Answer(emit, one{Success: true, object: told(f.await(ctx, &d, most)), RequestID: x.ID})
		})
	})
}

// patience is how long the client will wait for its document to be ready.
func (f *Face) patience(x *api.Exchange) (time.Duration, error) {
	text := x.R.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	most := int(f.config.Limits.Wait / time.Second)
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, fields.Invalid("wait", "wait must be a number of seconds from 0 to "+strconv.Itoa(most))
	}
	return time.Duration(n) * time.Second, nil
}

// receive takes the file off the wire, in a place of its own, which is free again when
// it is stored.
func (f *Face) receive(ctx context.Context, x *api.Exchange) (d fairlead.Document, added bool, err error) {
	if err := f.config.Docks.Enter(x.App.ID); err != nil {
		return fairlead.Document{}, false, err
	}
	defer f.config.Docks.Leave(x.App.ID)
	wanted := upload.Wanted{Most: f.config.Limits.File, Field: knownField, Bare: true}
	err = upload.Receive(ctx, x, wanted, func(file io.Reader, rest func() (upload.Form, error)) error {
		var err error
		d, added, err = f.config.Receiver.Upload(ctx, x.App, file, func() (library.Details, error) {
			form, err := rest()
			if err != nil {
				return library.Details{}, err
			}
			return details(form)
		})
		return err
	})
	return d, added, err
}

// knownField knows the fields beside the file.
func knownField(name string) error {
	if name == "name" || name == "metadata" {
		return nil
	}
	return upload.Unknown(name)
}

// details are what a form says of its file.
func details(form upload.Form) (library.Details, error) {
	d := library.Details{Name: upload.Label(form.Fields["name"]), Purpose: purpose}
	if d.Name == "" {
		d.Name = form.Name
	}
	if d.Name == "" {
		d.Name = unnamed
	}
	if text := form.Fields["metadata"]; text != "" {
		var err error
		if d.Metadata, err = fields.Metadata([]byte(text)); err != nil {
			e := fairlead.AsError(err)
			e.Param, e.Message = "metadata", "metadata "+e.Message
			return library.Details{}, e
		}
	}
	return d, nil
}

// await returns the document when it is ready, or as it is after most. It is stored, so
// whatever goes wrong here is no error.
func (f *Face) await(ctx context.Context, d *fairlead.Document, most time.Duration) *fairlead.Document {
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)-answerTime)
	}
	if most <= 0 || d.Status.Ended() {
		return d
	}
	if now, err := f.config.Receiver.Wait(ctx, d.App, d.ID, most); err == nil {
		return &now
	}
	return d
}
