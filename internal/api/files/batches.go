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
	b, err := f.findBatch(ctx, x)
	if err != nil {
		return err
	}
	return tellBatch(x, b)
}

// readBatch reads {file_ids, attributes?, chunking_strategy?} or {files}, whose elements
// have what a file has that is added alone.
func readBatch(body []byte, store fairlead.VectorStoreID, id string) ([]fairlead.VectorStoreFile, error) {
	r := fields.New(body, "file_ids", "files", "attributes", "chunking_strategy")
	checkChunking(r)
	added := members(store, r.Texts("file_ids", maxAtOnce), id, r.Metadata("attributes"))
	if r.Has("file_ids") && r.Has("files") {
		r.Refuse("files", "and file_ids can't both be given")
	}
	seen := make(map[string]bool)
	r.Objects("files", maxAtOnce, func(o *fields.Reader) {
		o.Need("file_id")
		file, attributes := o.Text("file_id", maxName), o.Metadata("attributes")
		checkChunking(o)
		if seen[file] {
			o.Refuse("file_id", "is there twice")
		}
		seen[file] = true
		added = append(added, members(store, []string{file}, id, attributes)...)
	}, "file_id", "attributes", "chunking_strategy")
	if len(added) == 0 {
		r.Refuse("file_ids", "or files must not be empty")
	}
	return added, r.Err()
}

// findBatch returns a batch of a store of the app's: it is what its files are.
func (f *Face) findBatch(ctx context.Context, x *api.Exchange) (batch, error) {
	if _, err := f.findStore(ctx, x.App.ID, storeOf(x)); err != nil {
		return batch{}, err
	}
	first, err := f.config.Members.ListVectorStoreFiles(ctx, x.App.ID, storeOf(x), fairlead.VectorStoreFileList{
		After: fairlead.After{Limit: 1}, Batch: batchOf(x),
	})
	if err != nil {
		return batch{}, err
	}
	if len(first) == 0 {
		return batch{}, noBatch()
	}
	census, err := f.config.Counts.CountVectorStoreFiles(ctx, x.App.ID, storeOf(x), batchOf(x))
	if err != nil {
		return batch{}, err
	}
	b := batch{
		ID: batchOf(x), Object: "vector_store.file_batch", Created: first[0].Added.Unix(), Store: storeOf(x), FileCounts: countsOf(census),
	}
	b.Status = b.FileCounts.status()
	return b, nil
}

// tellBatch answers with a batch.
func tellBatch(x *api.Exchange, b batch) error {
	if b.Status == inProgress {
		x.AddHeader("Openai-Poll-After-Ms", strconv.Itoa(pollAfter))
	}
	return x.WriteJSON(b)
}

// getBatch answers GET /v1/vector_stores/{store}/file_batches/{batch}.
func (f *Face) getBatch(ctx context.Context, x *api.Exchange) error {
	b, err := f.findBatch(ctx, x)
	if err != nil {
		return err
	}
	return tellBatch(x, b)
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
	b, err := f.findBatch(ctx, x)
	if err != nil {
		return err
	}
	taken, err := f.takeOut(ctx, x)
	if err != nil {
		return err
	}
	if taken == 0 { // it had ended before
		return tellBatch(x, b)
	}
	census, err := f.config.Counts.CountVectorStoreFiles(ctx, x.App.ID, storeOf(x), b.ID)
	if err != nil {
		return err
	}
	b.FileCounts = countsOf(census)
	b.FileCounts.Cancelled, b.FileCounts.Total = taken, b.FileCounts.Total+taken
	b.Status = cancelled
	return tellBatch(x, b)
}

// takeOut takes the files of a batch that are not ready out of the store.
func (f *Face) takeOut(ctx context.Context, x *api.Exchange) (taken int, err error) {
	const atOnce = 100
	waiting, _ := statusesOf(inProgress)
	for {
		found, err := f.config.Members.ListVectorStoreFiles(ctx, x.App.ID, storeOf(x), fairlead.VectorStoreFileList{
			After: fairlead.After{Limit: atOnce}, Batch: batchOf(x), Statuses: waiting,
		})
		if err != nil || len(found) == 0 {
			return taken, err
		}
		for _, m := range found {
			ok, err := f.config.Members.RemoveVectorStoreFile(ctx, x.App.ID, storeOf(x), m.Document.ID)
			if err != nil {
				return taken, err
			}
			if ok {
				taken++
			}
		}
	}
}
