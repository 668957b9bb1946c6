package files

import (
	"context"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
)

// noBatch is the error of a batch that is not there.
func noBatch() error {
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "file_batch_not_found", Message: "There is no batch of files with this id in the vector store",
	}
}

// batchOf is the batch that a path names.
func batchOf(x *api.Exchange) string { return x.R.PathValue("batch") }

// createBatch answers POST /v1/vector_stores/{store}/file_batches.
func (f *Face) createBatch(ctx context.Context, x *api.Exchange) error {
	body, err := x.ReadJSON(ctx)
	if err != nil {
		return err
	}
	id := newID("vsfb_")
	added, err := readBatch(body, storeOf(x), id)
	if err != nil {
		return err
	}
	if err := f.useStore(ctx, x.App.ID, storeOf(x)); err != nil {
		return err
	}
	if err := f.put(ctx, x.App.ID, added); err != nil {
		return err
	}
	x.R.SetPathValue("batch", id)
	return f.getBatch(ctx, x)
}

// readBatch reads {file_ids, attributes?, chunking_strategy?} or {files}, whose elements
// have what a file has that is added alone.
func readBatch(body []byte, store fairlead.VectorStoreID, id string) ([]fairlead.VectorStoreFile, error) {
	r := fields.New(body, "file_ids", "files", "attributes", "chunking_strategy")
	checkChunking(r)
	attributes := r.Metadata("attributes")
	alike := members(store, r.Texts("file_ids", maxAtOnce), id, attributes)
	var apart []fairlead.VectorStoreFile
	seen := make(map[string]bool)
	r.Objects("files", maxAtOnce, func(o *fields.Reader) {
		o.Need("file_id")
		file, own := o.Text("file_id", maxName), o.Metadata("attributes")
		checkChunking(o)
		if seen[file] {
			o.Refuse("file_id", "is there twice")
		}
		seen[file] = true
		apart = append(apart, members(store, []string{file}, id, own)...)
	}, "file_id", "attributes", "chunking_strategy")
	switch {
	case len(alike) > 0 && len(apart) > 0:
		r.Refuse("files", "and file_ids can't both be given")
	case len(apart) > 0 && len(attributes) > 0:
		r.Refuse("attributes", "would have no effect beside files; give each of the files its own")
	case len(alike) == 0 && len(apart) == 0:
		r.Refuse("file_ids", "or files must not be empty")
	}
	return append(alike, apart...), r.Err()
}

// findBatch returns a batch of a store of the app's.
func (f *Face) findBatch(ctx context.Context, x *api.Exchange) (fairlead.VectorStoreBatch, error) {
	b, ok, err := f.config.Batches.VectorStoreBatch(ctx, x.App.ID, storeOf(x), batchOf(x))
	if err == nil && !ok {
		err = f.missingBatch(ctx, x)
	}
	return b, err
}

// missingBatch is the error of a batch that is not there, or whose store is not.
func (f *Face) missingBatch(ctx context.Context, x *api.Exchange) error {
	if _, err := f.findStore(ctx, x.App.ID, storeOf(x)); err != nil {
		return err
	}
	return noBatch()
}

// tellBatch answers with a batch.
func tellBatch(x *api.Exchange, b *fairlead.VectorStoreBatch) error {
	o := batchObject(b)
	if o.Status == inProgress {
		x.AddHeader("Openai-Poll-After-Ms", strconv.Itoa(pollAfter))
	}
	return x.WriteJSON(o)
}

// getBatch answers GET /v1/vector_stores/{store}/file_batches/{batch}.
func (f *Face) getBatch(ctx context.Context, x *api.Exchange) error {
	b, err := f.findBatch(ctx, x)
	if err != nil {
		return err
	}
	return tellBatch(x, &b)
}

// listBatch answers GET /v1/vector_stores/{store}/file_batches/{batch}/files.
func (f *Face) listBatch(ctx context.Context, x *api.Exchange) error {
	if _, err := f.findBatch(ctx, x); err != nil {
		return err
	}
	return f.tellMembers(ctx, x, batchOf(x))
}

// cancelBatch answers POST /v1/vector_stores/{store}/file_batches/{batch}/cancel: files
// that are not ready are taken out of the store. They are read to their end all the same,
// as documents of the app's.
func (f *Face) cancelBatch(ctx context.Context, x *api.Exchange) error {
	b, ok, err := f.config.Batches.CancelVectorStoreBatch(ctx, x.App.ID, storeOf(x), batchOf(x))
	if err == nil && !ok {
		err = f.missingBatch(ctx, x)
	}
	if err != nil {
		return err
	}
	return tellBatch(x, &b)
}
