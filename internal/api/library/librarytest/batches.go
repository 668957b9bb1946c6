package librarytest

import (
	"context"
	"maps"
	"slices"

	"github.com/fairleadhq/fairlead"
)

// batch is a batch: in are the files that it has in its store, and ByStatus and Withdrawn
// count those that have left it.
type batch struct {
	fairlead.VectorStoreBatch

	app fairlead.AppID
	in  []fairlead.DocumentID
}

// findBatch returns the app's batch, or nil. The caller holds the mutex.
func (l *Library) findBatch(app fairlead.AppID, store fairlead.VectorStoreID, id string) *batch {
	i := slices.IndexFunc(l.batches, func(b *batch) bool { return b.app == app && b.Store == store && b.ID == id })
	if i < 0 || l.findStore(app, store) < 0 {
		return nil
	}
	return l.batches[i]
}

// count has the batch that a file names count it. The caller holds the mutex.
func (l *Library) count(app fairlead.AppID, m *fairlead.VectorStoreFile) {
	if m.Batch == "" {
		return
	}
	b := l.findBatch(app, m.Store, m.Batch)
	if b == nil {
		b = &batch{app: app, VectorStoreBatch: fairlead.VectorStoreBatch{
			ID: m.Batch, Store: m.Store, Created: m.Added, ByStatus: make(map[fairlead.DocumentStatus]int),
		}}
		l.batches = append(l.batches, b)
	}
	if !slices.Contains(b.in, m.Document.ID) {
		b.in = append(b.in, m.Document.ID)
	}
}

// inBatch reports whether a file is one of the batch's. The caller holds the mutex.
func (l *Library) inBatch(id string, m *fairlead.VectorStoreFile) bool {
	return slices.ContainsFunc(l.batches, func(b *batch) bool {
		return b.ID == id && b.Store == m.Store && slices.Contains(b.in, m.Document.ID)
	})
}

// leave takes files out of their stores, and their batches count them. The caller holds
// the mutex, and documents that are deleted are still there.
func (l *Library) leave(which func(m *fairlead.VectorStoreFile) bool) {
	l.members = slices.DeleteFunc(l.members, func(m fairlead.VectorStoreFile) bool {
		if !which(&m) {
			return false
		}
		for _, b := range l.batches {
			if b.Store == m.Store {
				b.leave(l.status(m.Document.ID), m.Document.ID)
			}
		}
		return true
	})
}

// status is that of a document. The caller holds the mutex.
func (l *Library) status(id fairlead.DocumentID) fairlead.DocumentStatus {
	i := slices.IndexFunc(l.docs, func(d fairlead.Document) bool { return d.ID == id })
	return l.docs[i].Status
}

func (b *batch) leave(status fairlead.DocumentStatus, id fairlead.DocumentID) {
	i := slices.Index(b.in, id)
	if i < 0 {
		return
	}
	b.in = slices.Delete(b.in, i, i+1)
	switch {
	case status == fairlead.DocumentReady:
		b.ByStatus[status]++
	case status.Ended():
		b.ByStatus[fairlead.DocumentFailed]++
	default:
		b.Withdrawn++
	}
}

// told is a batch with the counts of all its files. The caller holds the mutex.
func (l *Library) told(b *batch) fairlead.VectorStoreBatch {
	now := b.VectorStoreBatch
	now.ByStatus = maps.Clone(b.ByStatus)
	for _, id := range b.in {
		now.ByStatus[l.status(id)]++
	}
	return now
}

// VectorStoreBatch implements fairlead.VectorStoreBatches.
func (l *Library) VectorStoreBatch(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id string,
) (fairlead.VectorStoreBatch, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.findBatch(app, store, id)
	if b == nil {
		return fairlead.VectorStoreBatch{}, false, nil
	}
	return l.told(b), true, nil
}

// CancelVectorStoreBatch implements fairlead.VectorStoreBatches.
func (l *Library) CancelVectorStoreBatch(
	_ context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id string,
) (fairlead.VectorStoreBatch, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.findBatch(app, store, id)
	if b == nil {
		return fairlead.VectorStoreBatch{}, false, nil
	}
	for _, file := range slices.Clone(b.in) {
		status := l.status(file)
		if status.Ended() {
			continue
		}
		b.Cancelled = true
		b.leave(status, file)
		l.leave(func(m *fairlead.VectorStoreFile) bool {
			return m.Store == store && m.Document.ID == file && m.Batch != "" && !l.wanted(m)
		})
	}
	return l.told(b), true, nil
}

// wanted reports whether a batch has a file. The caller holds the mutex.
func (l *Library) wanted(m *fairlead.VectorStoreFile) bool {
	return slices.ContainsFunc(l.batches, func(b *batch) bool { return b.Store == m.Store && slices.Contains(b.in, m.Document.ID) })
}
