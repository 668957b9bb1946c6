package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/client/internal/form"
)

// Upload is a file that is to become a document.
type Upload struct {
	// Name is the file's; its ending may tell what it is.
	Name string
	// Body is read while it is sent. If it is an io.Seeker its length is told, and an
	// upload that was refused can be tried again; else it is tried once.
	Body io.Reader
	// Metadata holds strings, numbers and bools, by which searches can be filtered.
	Metadata map[string]any
	// Wait is how long to wait for the document to be ready, in whole seconds; 0 is not
	// at all.
	Wait time.Duration
	// Class is the call's class; "" is the client's (WithClass).
	Class Class
}

// UploadDocument stores a file as a document. When it returns the document is on the
// service's disk, and it will be read; Wait says whether that is waited for. The same
// bytes again are the same document. Errors are those of Chat.
func (c *Client) UploadDocument(ctx context.Context, u Upload) (*Document, error) {
	if u.Body == nil {
		return nil, &badRequestError{errors.New("the upload has no Body")}
	}
	f, err := form.New(u.Body, u.Name, u.Metadata)
	if err != nil {
		return nil, &badRequestError{err}
	}
	path := "/documents/upload"
	if u.Wait >= time.Second {
		path += "?" + url.Values{"wait": {strconv.FormatInt(int64(u.Wait/time.Second), 10)}}.Encode()
	}
	what := call{method: http.MethodPost, path: path, accept: "application/json", class: u.Class, form: f}
	if what.class == "" {
		what.class = c.class
	}
	return c.document(ctx, what)
}
