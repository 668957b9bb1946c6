// Package files is the face of documents that speaks OpenAI's API: files, under
// /v1/files, and vector stores, under /v1/vector_stores. A file is a document and has
// its id; a vector store is a set of documents that is searched as one.
//
// Uploading and searching are operations, each with a deadline of its own; the rest reads
// and changes what the app has, and costs no window and no slot. An id of another app's
// is an id that is not there.
//
// Start with Face.Routes; wire.go has the objects.
package files

import (
	"context"
	"net/http"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/library"
	"github.com/fairleadhq/fairlead/internal/api/upload"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
)

// Name is what Records call this face: it is a part of the one that speaks OpenAI's API.
const Name = "openai"

// Files opens the files of documents, as they were uploaded. One that is not there is an
// error of Kind NotFound.
type Files interface {
	File(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Blob, fairlead.Document, error)
}

// Rewriter finds other ways to put what is asked: those that were given come first, and
// alone where it finds none. It blocks for a part of the time that ctx has.
type Rewriter interface {
	Rewrite(ctx context.Context, call *fairlead.Call, texts []string) []string
}

// Config is what the face needs.
type Config struct {
	Gateway  library.Gateway
	Receiver library.Receiver
	Shelf    library.Shelf
	Reader   library.Reader
	Files    Files
	Searcher fairlead.Searcher
	Rewriter Rewriter
	// Stores keep vector stores; Members change what is in them, and Contents tell it.
	Stores   fairlead.VectorStores
	Members  fairlead.VectorStoreFiles
	Contents fairlead.VectorStoreContents
	Batches  fairlead.VectorStoreBatches
	// Docks are shared with whatever else receives uploads.
	Docks *upload.Docks
	// MaxFile is the largest file, in bytes; 0 is no limit.
	MaxFile int64
}

// Face is the face.
type Face struct {
	config Config
	locks  locks
}

// New returns the face.
func New(config Config) *Face { return &Face{config: config} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/v1/files/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, _ string) []byte { return refusal.OpenAI(e) }

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	const file, store, batch = "/v1/files/{id}", "/v1/vector_stores/{store}", "/v1/vector_stores/{store}/file_batches"
	route := func(method, path string, handle func(x *api.Exchange) error) api.Route {
		return api.Route{Method: method, Path: path, Policy: api.AppKey, Handle: handle}
	}
	reading := func(method, path string, h library.Handler) api.Route {
		return route(method, path, library.Within(f.config.Gateway, library.ReadTime, h))
	}
	sending := func(path string, h library.Handler) api.Route {
		return route(http.MethodGet, path, library.Within(f.config.Gateway, library.TextTime, h))
	}
	return []api.Route{
		route(http.MethodPost, "/v1/files", f.upload),
		reading(http.MethodGet, "/v1/files", f.listFiles),
		reading(http.MethodGet, file, f.getFile),
		reading(http.MethodDelete, file, f.deleteFile),
		sending(file+"/content", f.fileContent),

		reading(http.MethodPost, "/v1/vector_stores", f.createStore),
		reading(http.MethodGet, "/v1/vector_stores", f.listStores),
		reading(http.MethodGet, store, f.getStore),
		reading(http.MethodPost, store, f.modifyStore),
		reading(http.MethodDelete, store, f.deleteStore),
		route(http.MethodPost, store+"/search", f.search),

		reading(http.MethodPost, store+"/files", f.addFile),
		reading(http.MethodGet, store+"/files", f.listMembers),
		reading(http.MethodGet, store+"/files/{id}", f.getMember),
		reading(http.MethodPost, store+"/files/{id}", f.modifyMember),
		reading(http.MethodDelete, store+"/files/{id}", f.removeMember),
		sending(store+"/files/{id}/content", f.memberContent),

		reading(http.MethodPost, batch, f.createBatch),
		reading(http.MethodGet, batch+"/{batch}", f.getBatch),
		reading(http.MethodGet, batch+"/{batch}/files", f.listBatch),
		reading(http.MethodPost, batch+"/{batch}/cancel", f.cancelBatch),
	}
}

// fileOf is the document that a path names.
func fileOf(x *api.Exchange) fairlead.DocumentID { return fairlead.DocumentID(x.R.PathValue("id")) }

// storeOf is the vector store that a path names.
func storeOf(x *api.Exchange) fairlead.VectorStoreID {
	return fairlead.VectorStoreID(x.R.PathValue("store"))
}
