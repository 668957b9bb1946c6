// Package vectorstores keeps vector stores, which documents are in them, and the batches
// with which these came. Its Stores work on the file of the documents, whose package has
// the schema.
//
// A batch has its files while they are in the store. One that leaves it, with its document
// or without, is counted by its batches as what it was then: a trigger sees to it, so that
// no way out is forgotten.
//
// Start with Stores and files.go; batches.go has the batches.
package vectorstores

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	storeColumns = `v.id, v.app, v.name, v.metadata, v.created, v.active, v.expires_after`
	upsertStore  = `
		INSERT INTO vector_stores (app, id, name, metadata, created, active, expires_after)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (app, id) DO UPDATE SET
			name = excluded.name, metadata = excluded.metadata, created = excluded.created, active = excluded.active,
			expires_after = excluded.expires_after`
	selectStore       = `SELECT ` + storeColumns + ` FROM vector_stores v WHERE v.app = ? AND v.id = ?`
	selectStoreNumber = `SELECT number FROM vector_stores WHERE app = ? AND id = ?`
	listStoresOldest  = `SELECT ` + storeColumns + ` FROM vector_stores v WHERE v.app = ? AND v.number > ? ORDER BY v.number LIMIT ?`
	listStoresNewest  = `SELECT ` + storeColumns + ` FROM vector_stores v WHERE v.app = ? AND v.number < ? ORDER BY v.number DESC LIMIT ?`
	deleteStore       = `DELETE FROM vector_stores WHERE app = ? AND id = ?`
	// selectStoreRoom takes the app, an id and the most stores that an app may have.
	selectStoreRoom = `
		SELECT count(*) < ?3 OR EXISTS (SELECT 1 FROM vector_stores WHERE app = ?1 AND id = ?2) FROM vector_stores WHERE app = ?1`
)

// Stores implements the root's interfaces of vector stores. It is safe for concurrent use.
type Stores struct{ file *litefile.File }

// New returns the vector stores of the file of documents.
func New(file *litefile.File) *Stores { return &Stores{file} }

// mostStores is how many vector stores an app may have, and mostFiles how many files each.
const mostStores, mostFiles = 1_000, 10_000

// PutVectorStore implements fairlead.VectorStores.
func (s *Stores) PutVectorStore(ctx context.Context, v fairlead.VectorStore) error {
	err := s.file.Write(ctx, func(tx *sql.Tx) error {
		metadata, err := litefile.FromMap(v.Metadata)
		if err != nil {
			return err
		}
		var room bool
		err = tx.QueryRowContext(ctx, selectStoreRoom, string(v.App), string(v.ID), mostStores).Scan(&room)
		if err == nil && !room {
			err = full("The app has no room for another vector store; delete others first", mostStores)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, upsertStore, string(v.App), string(v.ID), v.Name, metadata,
			litefile.FromTime(v.Created), litefile.FromTime(v.Active), v.ExpiresAfter.Microseconds())
		return err
	})
	if err != nil {
		return s.file.Refused(ctx, "write vector store "+string(v.ID), err)
	}
	return nil
}

// VectorStore implements fairlead.VectorStores.
func (s *Stores) VectorStore(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (
	v fairlead.VectorStore, ok bool, err error,
) {
	found, err := s.vectorStores(ctx, selectStore, string(app), string(id))
	if err != nil || len(found) == 0 {
		return fairlead.VectorStore{}, false, err
	}
	return found[0], true, nil
}

// ListVectorStores implements fairlead.VectorStores. An After.ID that is not there is an
// error of Kind NotFound.
func (s *Stores) ListVectorStores(ctx context.Context, app fairlead.AppID, after fairlead.After) ([]fairlead.VectorStore, error) {
	number, err := row.Behind(ctx, s.file.Durable(), after, selectStoreNumber, string(app), after.ID)
	if err != nil {
		return nil, s.file.Refused(ctx, "list vector stores", err)
	}
	statement := listStoresOldest
	if after.Newest {
		statement = listStoresNewest
	}
	return s.vectorStores(ctx, statement, string(app), number, after.Limit)
}

func (s *Stores) vectorStores(ctx context.Context, statement string, args ...any) (found []fairlead.VectorStore, err error) {
	err = litefile.Query(ctx, s.file.Durable(), func(rows *sql.Rows) error {
		var (
			v               fairlead.VectorStore
			metadata        string
			created, active sql.NullInt64
			expiresAfter    int64
		)
		err := rows.Scan(&v.ID, &v.App, &v.Name, &metadata, &created, &active, &expiresAfter)
		if err != nil {
			return err
		}
		v.Created, v.Active = litefile.ToTime(created), litefile.ToTime(active)
		v.ExpiresAfter = time.Duration(expiresAfter) * time.Microsecond
		v.Metadata, err = litefile.ToMap[string](metadata)
		found = append(found, v)
		return err
	}, statement, args...)
	if err != nil {
		return nil, s.file.Refused(ctx, "read vector stores", err)
	}
	return found, nil
}

// DeleteVectorStore implements fairlead.VectorStores. The rows of its files are left to
// Sweep.
func (s *Stores) DeleteVectorStore(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (ok bool, err error) {
	err = s.file.Write(ctx, func(tx *sql.Tx) error {
		n, err := litefile.Affected(tx.ExecContext(ctx, deleteStore, string(app), string(id)))
		ok = n > 0
		return err
	})
	if err != nil {
		return false, s.file.Refused(ctx, "delete vector store "+string(id), err)
	}
	return ok, nil
}

// sweep deletes what was in stores that are gone: the files last, which no batch counts
// any more.
func sweep() litefile.Sweep {
	return litefile.Sweep{
		Next:   `SELECT store FROM dropped_stores ORDER BY store LIMIT 1`,
		Forget: `DELETE FROM dropped_stores WHERE store = ?`,
		Steps: []litefile.Step{
			{Statement: `
				DELETE FROM vector_store_batch_files WHERE (batch, file) IN (
					SELECT m.batch, m.file FROM vector_store_batches b CROSS JOIN vector_store_batch_files m
					WHERE b.store = ? AND m.batch = b.number LIMIT ?)`, Limit: 200},
			{Statement: `
				DELETE FROM vector_store_batches
				WHERE number IN (SELECT number FROM vector_store_batches WHERE store = ? LIMIT ?)`, Limit: 200},
			{Statement: `
				DELETE FROM vector_store_files
				WHERE number IN (SELECT number FROM vector_store_files WHERE store = ? LIMIT ?)`, Limit: 200},
		},
	}
}

// Sweep deletes what was in vector stores that were deleted, which nobody sees any more.
// It blocks until there is nothing left, and lets other writers go first now and then.
func (s *Stores) Sweep(ctx context.Context) error {
	return s.refused(ctx, "clear what was in vector stores", s.file.Sweep(ctx, sweep()))
}

func noVectorStore() error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "vector_store_not_found", Message: "There is no such vector store"}
}

func full(message string, most int) error {
	return &fairlead.Error{Kind: fairlead.Limited, Code: "vector_stores_full", NoRetry: true, Message: message, Detail: fmt.Sprintf("It may have %d", most)}
}
