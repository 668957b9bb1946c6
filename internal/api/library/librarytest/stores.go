package librarytest

import (
	"context"
	"slices"

	"github.com/fairleadhq/fairlead"
)

// PutVectorStore implements fairlead.VectorStores.
func (l *Library) PutVectorStore(_ context.Context, s fairlead.VectorStore) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.findStore(s.App, s.ID); i >= 0 {
		l.stores[i] = s
		return nil
	}
	l.stores = append(l.stores, s)
	return nil
}

// findStore is where the app's store is. The caller holds the mutex.
func (l *Library) findStore(app fairlead.AppID, id fairlead.VectorStoreID) int {
	return slices.IndexFunc(l.stores, func(s fairlead.VectorStore) bool { return s.App == app && s.ID == id })
}

// VectorStore implements fairlead.VectorStores.
func (l *Library) VectorStore(_ context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (fairlead.VectorStore, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.findStore(app, id); i >= 0 {
		return l.stores[i], true, nil
	}
	return fairlead.VectorStore{}, false, nil
}

// ListVectorStores implements fairlead.VectorStores.
func (l *Library) ListVectorStores(_ context.Context, app fairlead.AppID, after fairlead.After) ([]fairlead.VectorStore, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := slices.DeleteFunc(slices.Clone(l.stores), func(s fairlead.VectorStore) bool { return s.App != app })
	return pageOf(own, after, func(s *fairlead.VectorStore) string { return string(s.ID) })
}

// DeleteVectorStore implements fairlead.VectorStores.
func (l *Library) DeleteVectorStore(_ context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.findStore(app, id)
	if i < 0 {
		return false, nil
	}
	l.leave(func(m *fairlead.VectorStoreFile) bool { return m.Store == id })
	l.stores = slices.Delete(l.stores, i, i+1)
	return true, nil
}

// PutVectorStoreFiles implements fairlead.VectorStoreFiles.
func (l *Library) PutVectorStoreFiles(_ context.Context, app fairlead.AppID, files []fairlead.VectorStoreFile) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range files {
		if l.find(app, m.Document.ID) < 0 || l.findStore(app, m.Store) < 0 {
			return notFound()
		}
	}
	for _, m := range files {
		l.count(app, &m)
		i := l.findMember(m.Store, m.Document.ID)
		if i < 0 {
			l.members = append(l.members, m)
			continue
		}
		l.members[i].Attributes = m.Attributes
		if m.Batch == "" {
			l.members[i].Batch = ""
		}
	}
	return nil
}

// SetVectorStoreFileAttributes implements fairlead.VectorStoreFiles.
func (l *Library) SetVectorStoreFileAttributes(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID, attributes map[string]any,
) (fairlead.VectorStoreFile, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.findMember(store, id)
	if i < 0 || l.findStore(app, store) < 0 {
		return fairlead.VectorStoreFile{}, false, nil
	}
	l.members[i].Attributes = attributes
	m := l.members[i]
	m.Document = l.docs[l.find(app, id)]
	return m, true, nil
}

// findMember is where a file of a store is. The caller holds the mutex.
func (l *Library) findMember(store fairlead.VectorStoreID, id fairlead.DocumentID) int {
	return slices.IndexFunc(l.members, func(m fairlead.VectorStoreFile) bool { return m.Store == store && m.Document.ID == id })
}

// of are the files of the app's store, with their documents as they are now. The caller
// holds the mutex.
func (l *Library) of(app fairlead.AppID, store fairlead.VectorStoreID) (all []fairlead.VectorStoreFile) {
	if l.findStore(app, store) < 0 {
		return nil
	}
	for _, m := range l.members {
		if i := l.find(app, m.Document.ID); m.Store == store && i >= 0 {
			m.Document = l.docs[i]
			all = append(all, m)
		}
	}
	return all
}

// VectorStoreFile implements fairlead.VectorStoreContents.
func (l *Library) VectorStoreFile(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID,
) (fairlead.VectorStoreFile, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.of(app, store) {
		if m.Document.ID == id {
			return m, true, nil
		}
	}
	return fairlead.VectorStoreFile{}, false, nil
}

// ListVectorStoreFiles implements fairlead.VectorStoreContents.
func (l *Library) ListVectorStoreFiles(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, which fairlead.VectorStoreFileList,
) ([]fairlead.VectorStoreFile, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	some := slices.DeleteFunc(l.of(app, store), func(m fairlead.VectorStoreFile) bool {
		return which.Batch != "" && !l.inBatch(which.Batch, &m) || which.Statuses != nil && !slices.Contains(which.Statuses, m.Document.Status)
	})
	return pageOf(some, which.After, func(m *fairlead.VectorStoreFile) string { return string(m.Document.ID) })
}

// RemoveVectorStoreFile implements fairlead.VectorStoreFiles.
func (l *Library) RemoveVectorStoreFile(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID,
) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.findMember(store, id)
	if i < 0 || l.findStore(app, store) < 0 {
		return false, nil
	}
	l.leave(func(m *fairlead.VectorStoreFile) bool { return m.Store == store && m.Document.ID == id })
	return true, nil
}

// CountVectorStoreFiles implements fairlead.VectorStoreContents.
func (l *Library) CountVectorStoreFiles(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID,
) (fairlead.DocumentCensus, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	census := fairlead.DocumentCensus{ByStatus: make(map[fairlead.DocumentStatus]int)}
	for _, m := range l.of(app, store) {
		census.ByStatus[m.Document.Status]++
		census.Bytes += m.Document.Bytes
	}
	return census, nil
}
