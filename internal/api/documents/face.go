// Package documents is the native face of documents: they are uploaded, listed, read and
// deleted under /documents, searched, and analysed, there and by /investment/insights.
//
// Uploading, searching and analysing are operations, each with a deadline of its own; the
// rest reads and deletes what the app has, and costs no window and no slot. An id of
// another app's document is an id that is not there.
//
// Start with Face.Routes.
package documents

import (
	"net/http"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/library"
	"github.com/fairleadhq/fairlead/internal/api/upload"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
)

// Name is what Records call this face: it is a part of the native one.
const Name = "native"

// Limits bound what the face takes.
type Limits struct {
	// File is the largest file, in bytes; 0 is no limit.
	File int64
	// Wait is the longest that a client may wait for a document to be ready.
	Wait time.Duration
}

// Config is what the face needs.
type Config struct {
	Gateway  library.Gateway
	Receiver library.Receiver
	Shelf    library.Shelf
	Reader   library.Reader
	Searcher fairlead.Searcher
	Analyst  Analyst
	// Docks are shared with whatever else receives uploads.
	Docks  *upload.Docks
	Limits Limits
}

// Face is the face.
type Face struct{ config Config }

// New returns the face.
func New(config Config) *Face { return &Face{config: config} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/documents/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	return refusal.Native(e, requestID)
}

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	route := func(method, path string, handle func(x *api.Exchange) error) api.Route {
		return api.Route{Method: method, Path: path, Policy: api.AppKey, Handle: handle}
	}
	within := func(most time.Duration, h library.Handler) func(x *api.Exchange) error {
		return library.Within(f.config.Gateway, most, h)
	}
	return []api.Route{
		route(http.MethodPost, "/documents/upload", f.upload),
		route(http.MethodGet, "/documents", within(library.ReadTime, f.list)),
		route(http.MethodGet, "/documents/{id}", within(library.ReadTime, f.get)),
		route(http.MethodDelete, "/documents/{id}", within(library.ReadTime, f.delete)),
		route(http.MethodGet, "/documents/{id}/content", within(library.TextTime, f.content)),
		route(http.MethodGet, "/documents/{id}/pages/{page}", within(library.ReadTime, f.page)),
		route(http.MethodPost, "/documents/search", f.search),
		route(http.MethodPost, "/documents/analyze", f.analyze),
		route(http.MethodPost, "/investment/insights", f.insights),
	}
}

// idOf is the document that a path names.
func idOf(x *api.Exchange) fairlead.DocumentID { return fairlead.DocumentID(x.R.PathValue("id")) }
