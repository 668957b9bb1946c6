package files

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
)

// pollAfter is how many milliseconds OpenAI's clients are told to wait between two looks
// at a file that is being read; they wait for 5 s otherwise.
const pollAfter = 500

// members are documents as files of a store.
func members(id fairlead.VectorStoreID, files []string, batch string, attributes map[string]any) []fairlead.VectorStoreFile {
	now := time.Now()
	all := make([]fairlead.VectorStoreFile, 0, len(files))
	seen := make(map[string]bool, len(files))
	for _, file := range files {
		if seen[file] {
			continue
		}
		seen[file] = true
		all = append(all, fairlead.VectorStoreFile{
			Store: id, Document: fairlead.Document{ID: fairlead.DocumentID(file)}, Attributes: attributes, Added: now, Batch: batch,
		})
	}
	return all
}

// put puts documents into a store. One that is not there, for whatever reason, is an
// error of its own, and none is put.
func (f *Face) put(ctx context.Context, app fairlead.AppID, files []fairlead.VectorStoreFile) error {
	if len(files) == 0 {
		return nil
	}
	err := f.config.Members.PutVectorStoreFiles(ctx, app, files)
	if !fairlead.IsKind(err, fairlead.NotFound) {
		return err
	}
	if _, gone := f.findStore(ctx, app, files[0].Store); gone != nil { // by now
		return gone
	}
	return library.NotFound()
}

// findMember returns a file of a store of the app's.
func (f *Face) findMember(ctx context.Context, x *api.Exchange) (fairlead.VectorStoreFile, error) {
	m, ok, err := f.config.Contents.VectorStoreFile(ctx, x.App.ID, storeOf(x), fileOf(x))
	if err == nil && !ok || fairlead.IsKind(err, fairlead.NotFound) {
		if _, err := f.findStore(ctx, x.App.ID, storeOf(x)); err != nil {
			return fairlead.VectorStoreFile{}, err
		}
		return fairlead.VectorStoreFile{}, noMember()
	}
	return m, err
}

// noMember is the error of a file that is not in the store.
func noMember() error {
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "vector_store_file_not_found", Message: "There is no file with this id in the vector store",
	}
}

// tellMember answers with a file of a store.
func tellMember(x *api.Exchange, f *fairlead.VectorStoreFile) error {
	m := memberObject(f)
	if m.Status == inProgress {
		x.AddHeader("Openai-Poll-After-Ms", strconv.Itoa(pollAfter))
	}
	return x.WriteJSON(m)
}

// addFile answers POST /v1/vector_stores/{store}/files.
func (f *Face) addFile(ctx context.Context, x *api.Exchange) error {
	body, err := x.ReadJSON(ctx)
	if err != nil {
		return err
	}
	r := fields.New(body, "file_id", "attributes", "chunking_strategy")
	r.Need("file_id")
	id, attributes := r.Text("file_id", maxName), r.Metadata("attributes")
	checkChunking(r)
	if err := r.Err(); err != nil {
		return err
	}
	if err := f.useStore(ctx, x.App.ID, storeOf(x)); err != nil {
		return err
	}
	if err := f.put(ctx, x.App.ID, members(storeOf(x), []string{id}, "", attributes)); err != nil {
		return err
	}
	x.R.SetPathValue("id", id)
	m, err := f.findMember(ctx, x)
	if err != nil {
		return err
	}
	return tellMember(x, &m)
}

// listMembers answers GET /v1/vector_stores/{store}/files.
func (f *Face) listMembers(ctx context.Context, x *api.Exchange) error {
	if _, err := f.findStore(ctx, x.App.ID, storeOf(x)); err != nil {
		return err
	}
	return f.tellMembers(ctx, x, "")
}

// tellMembers answers with a page of a store's files, or of a batch's if that is not "".
func (f *Face) tellMembers(ctx context.Context, x *api.Exchange, batch string) error {
	query := x.R.URL.Query()
	cursor, err := fields.Page(query, pageOfStores())
	if err != nil {
		return err
	}
	which := fairlead.VectorStoreFileList{After: cursor.Ask(), Batch: batch}
	if filter := query.Get("filter"); filter != "" {
		var some bool
		which.Statuses, some = statusesOf(filter)
		switch {
		case filter == cancelled: // what is cancelled is not in the store
			return x.WriteJSON(listOf[member](nil, false, nil))
		case !some:
			return fields.Invalid("filter", "filter must be in_progress, completed, failed or cancelled")
		}
	}
	found, err := f.config.Contents.ListVectorStoreFiles(ctx, x.App.ID, storeOf(x), which)
	switch {
	case fairlead.IsKind(err, fairlead.NotFound) && cursor.ID == "": // the store is gone by now
		return noStore()
	case fairlead.IsKind(err, fairlead.NotFound):
		return cursor.Unknown()
	case err != nil:
		return err
	}
	found, more := fields.Cut(cursor, found)
	objects := make([]member, len(found))
	for i := range found {
		objects[i] = memberObject(&found[i])
	}
	return x.WriteJSON(listOf(objects, more, func(m *member) string { return string(m.ID) }))
}

// getMember answers GET /v1/vector_stores/{store}/files/{id}.
func (f *Face) getMember(ctx context.Context, x *api.Exchange) error {
	m, err := f.findMember(ctx, x)
	if err != nil {
		return err
	}
	return tellMember(x, &m)
}

// modifyMember answers POST /v1/vector_stores/{store}/files/{id}.
func (f *Face) modifyMember(ctx context.Context, x *api.Exchange) error {
	body, err := x.ReadJSON(ctx)
	if err != nil {
		return err
	}
	r := fields.New(body, "attributes")
	attributes := r.Metadata("attributes")
	if !r.Has("attributes") {
		r.Need("attributes")
	}
	if err := r.Err(); err != nil {
		return err
	}
	if _, err := f.findMember(ctx, x); err != nil {
		return err
	}
	m, ok, err := f.config.Members.SetVectorStoreFileAttributes(ctx, x.App.ID, storeOf(x), fileOf(x), attributes)
	if err != nil {
		return err
	}
	if !ok { // by now
		return noMember()
	}
	return tellMember(x, &m)
}

// removeMember answers DELETE /v1/vector_stores/{store}/files/{id}: the file stays.
func (f *Face) removeMember(ctx context.Context, x *api.Exchange) error {
	if _, err := f.findMember(ctx, x); err != nil {
		return err
	}
	ok, err := f.config.Members.RemoveVectorStoreFile(ctx, x.App.ID, storeOf(x), fileOf(x))
	if err != nil {
		return err
	}
	if !ok {
		return noMember()
	}
	return x.WriteJSON(deleted{string(fileOf(x)), "vector_store.file.deleted", true})
}

// textPiece is how much text one element of a file's content has, at most.
const textPiece = 256 << 10

// memberContent answers GET /v1/vector_stores/{store}/files/{id}/content: the text, in
// pieces that make the whole when they are put one behind the other.
func (f *Face) memberContent(ctx context.Context, x *api.Exchange) error {
	if _, err := f.findMember(ctx, x); err != nil {
		return err
	}
	d, err := library.Ready(ctx, f.config.Reader, x.App.ID, fileOf(x))
	if err != nil {
		return err
	}
	if x.R.Method == http.MethodHead {
		return x.Write("application/json", nil)
	}
	return library.Send(ctx, x, fairlead.Head{ContentType: "application/json"}, func(emit func(data []byte) error) error {
		if err := emit([]byte(`{"object":"vector_store.file_content.page","data":[`)); err != nil {
			return err
		}
		if err := f.pieces(ctx, &d, emit); err != nil {
			return err
		}
		return emit([]byte(`],"has_more":false,"next_page":null}` + "\n"))
	})
}

// pieces emits the text of a document as elements of a list.
func (f *Face) pieces(ctx context.Context, d *fairlead.Document, emit func(data []byte) error) error {
	for at := int64(0); at < d.TextBytes; {
		text, err := f.config.Reader.Text(ctx, d.App, d.ID, fairlead.TextSpan{Start: at, End: min(at+textPiece, d.TextBytes)})
		if err != nil {
			return err
		}
		if text = library.WholeRunes(text); len(text) == 0 { // it was deleted meanwhile
			return library.NotFound()
		}
		element, err := json.Marshal(content{"text", string(text)})
		if err != nil {
			return err
		}
		if at > 0 {
			element = append([]byte(","), element...)
		}
		if err := emit(element); err != nil {
			return err
		}
		at += int64(len(text))
	}
	return nil
}

// content is a piece of text.
type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}
