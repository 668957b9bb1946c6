package files

import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
)

const (
	// idLength is how many characters of an id are random.
	idLength = 24
	// maxName is the longest name of a vector store, in bytes.
	maxName = 1024
	// maxDays is the longest time after which a vector store expires.
	maxDays = 365
	// maxAtOnce is how many files may be added to a store in one request.
	maxAtOnce = 2000
	// active is how old the time of a store's last use may be before it is noted anew.
	active = time.Minute
)

// newID makes an id of 120 bits.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text())[:idLength] }

// locks part the requests that change one vector store: the store can only be replaced
// as a whole. Those of other stores may share a lock.
type locks struct {
	once sync.Once
	seed maphash.Seed
	each [64]sync.Mutex
}

// lock locks a store, until its result is called.
func (l *locks) lock(id fairlead.VectorStoreID) (unlock func()) {
	l.once.Do(func() { l.seed = maphash.MakeSeed() })
	m := &l.each[maphash.String(l.seed, string(id))%uint64(len(l.each))]
	m.Lock()
	return m.Unlock
}

// noStore is the error of a vector store that is not there.
func noStore() error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "vector_store_not_found", Message: "There is no vector store with this id"}
}

// findStore returns the app's vector store.
func (f *Face) findStore(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (fairlead.VectorStore, error) {
	s, ok, err := f.config.Stores.VectorStore(ctx, app, id)
	if err == nil && !ok || fairlead.IsKind(err, fairlead.NotFound) {
		return fairlead.VectorStore{}, noStore()
	}
	return s, err
}

// useStore notes that a vector store of the app's is used. One that has expired can't be.
func (f *Face) useStore(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID) error {
	s, err := f.findStore(ctx, app, id)
	if err != nil {
		return err
	}
	now := time.Now()
	if s.Expired(now) {
		return &fairlead.Error{
			Kind: fairlead.Invalid, Code: "vector_store_expired", Message: "The vector store has expired",
			Detail: "change its expires_after to use it again",
		}
	}
	if now.Sub(s.Active) < active {
		return nil
	}
	_, err = f.change(ctx, app, id, func(s *fairlead.VectorStore) { s.Active = now })
	return err
}

// change changes a vector store, unless it is gone.
func (f *Face) change(
	ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID, how func(s *fairlead.VectorStore),
) (fairlead.VectorStore, error) {
	defer f.locks.lock(id)()
	s, err := f.findStore(ctx, app, id)
	if err != nil {
		return s, err
	}
	how(&s)
	return s, f.config.Stores.PutVectorStore(ctx, s)
}

// tellStore answers with a vector store.
func (f *Face) tellStore(ctx context.Context, x *api.Exchange, s *fairlead.VectorStore) error {
	census, err := f.config.Contents.CountVectorStoreFiles(ctx, x.App.ID, s.ID)
	if err != nil {
		return err
	}
	return x.WriteJSON(storeObject(s, census))
}

// createStore answers POST /v1/vector_stores.
func (f *Face) createStore(ctx context.Context, x *api.Exchange) error {
	body, err := x.ReadJSON(ctx)
	if err != nil {
		return err
	}
	r := fields.New(body, "name", "description", "metadata", "expires_after", "file_ids", "chunking_strategy")
	r.Unavailable("description", "it would have no effect; put it into metadata")
	now := time.Now()
	s := fairlead.VectorStore{
		ID: fairlead.VectorStoreID(newID("vs_")), App: x.App.ID, Name: r.Text("name", maxName), Metadata: r.Labels("metadata"),
		Created: now, Active: now, ExpiresAfter: expiresAfter(r),
	}
	checkChunking(r)
	ids := r.Texts("file_ids", maxAtOnce)
	if err := r.Err(); err != nil {
		return err
	}
	if err := f.config.Stores.PutVectorStore(ctx, s); err != nil {
		return err
	}
	if err := f.put(ctx, x.App.ID, members(s.ID, ids, "", nil)); err != nil {
		// What was asked for is not there as a whole, so none of it is.
		_, _ = f.config.Stores.DeleteVectorStore(context.WithoutCancel(ctx), x.App.ID, s.ID)
		return err
	}
	return f.tellStore(ctx, x, &s)
}

// expiresAfter reads when a store expires; 0 is never.
func expiresAfter(r *fields.Reader) (after time.Duration) {
	r.Object("expires_after", func(o *fields.Reader) {
		o.Need("anchor")
		o.Need("days")
		o.OneOf("anchor", anchor)
		after = time.Duration(o.Int("days", fields.Bounds{Least: 1, Most: maxDays, Default: 1})) * day
	}, "anchor", "days")
	return after
}

// checkChunking refuses a strategy of chunking that would have no effect.
func checkChunking(r *fields.Reader) {
	r.Object("chunking_strategy", func(o *fields.Reader) {
		o.Need("type")
		if o.OneOf("type", "auto", "static") == "static" {
			o.Unavailable("type", "a document is cut once, by its pages and headings, whatever stores it is in; leave chunking_strategy out")
		}
	}, "type", "static")
}

// listStores answers GET /v1/vector_stores.
func (f *Face) listStores(ctx context.Context, x *api.Exchange) error {
	cursor, err := fields.Page(x.R.URL.Query(), pageOfStores())
	if err != nil {
		return err
	}
	found, err := f.config.Stores.ListVectorStores(ctx, x.App.ID, cursor.Ask())
	if fairlead.IsKind(err, fairlead.NotFound) {
		return cursor.Unknown()
	}
	if err != nil {
		return err
	}
	found, more := fields.Cut(cursor, found)
	objects := make([]store, len(found))
	for i := range found {
		census, err := f.config.Contents.CountVectorStoreFiles(ctx, x.App.ID, found[i].ID)
		if err != nil {
			return err
		}
		objects[i] = storeObject(&found[i], census)
	}
	return x.WriteJSON(listOf(objects, more, func(s *store) string { return string(s.ID) }))
}

// pageOfStores is how long a page of vector stores or of their files is.
func pageOfStores() fields.Bounds { return fields.Bounds{Most: 100, Default: 20} }

// getStore answers GET /v1/vector_stores/{store}.
func (f *Face) getStore(ctx context.Context, x *api.Exchange) error {
	s, err := f.findStore(ctx, x.App.ID, storeOf(x))
	if err != nil {
		return err
	}
	return f.tellStore(ctx, x, &s)
}

// modifyStore answers POST /v1/vector_stores/{store}.
func (f *Face) modifyStore(ctx context.Context, x *api.Exchange) error {
	body, err := x.ReadJSON(ctx)
	if err != nil {
		return err
	}
	r := fields.New(body, "name", "metadata", "expires_after")
	name, metadata, expires := r.Text("name", maxName), r.Labels("metadata"), expiresAfter(r)
	if err := r.Err(); err != nil {
		return err
	}
	s, err := f.change(ctx, x.App.ID, storeOf(x), func(s *fairlead.VectorStore) {
		if r.Has("name") {
			s.Name = name
		}
		if r.Has("metadata") {
			s.Metadata = metadata
		}
		if r.Has("expires_after") {
			s.ExpiresAfter = expires
			if s.Expired(time.Now()) { // whoever changes when it expires means to use it
				s.Active = time.Now()
			}
		}
	})
	if err != nil {
		return err
	}
	return f.tellStore(ctx, x, &s)
}

// deleteStore answers DELETE /v1/vector_stores/{store}: its files stay.
func (f *Face) deleteStore(ctx context.Context, x *api.Exchange) error {
	defer f.locks.lock(storeOf(x))()
	ok, err := f.config.Stores.DeleteVectorStore(ctx, x.App.ID, storeOf(x))
	if err == nil && !ok || fairlead.IsKind(err, fairlead.NotFound) {
		return noStore()
	}
	if err != nil {
		return err
	}
	return x.WriteJSON(deleted{string(storeOf(x)), "vector_store.deleted", true})
}
