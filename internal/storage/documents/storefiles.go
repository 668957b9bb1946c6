package documents

import (
	"context"
	"database/sql"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	fileColumns = columns + `, f.attributes, f.added, f.batch, f.chunking`
	// selectFile and what lists files take the app, the store and a document or a place.
	selectFile = `
		SELECT ` + fileColumns + `
		FROM vector_stores v CROSS JOIN documents d CROSS JOIN vector_store_files f
		WHERE v.app = ?1 AND v.id = ?2 AND d.id = ?3 AND d.app = ?1 AND f.store = v.number AND f.document = d.number`
	selectFileNumber = `
		SELECT f.number
		FROM vector_stores v CROSS JOIN documents d CROSS JOIN vector_store_files f
		WHERE v.app = ?1 AND v.id = ?2 AND d.id = ?3 AND d.app = ?1 AND f.store = v.number AND f.document = d.number`
	listFiles = `
		SELECT ` + fileColumns + `
		FROM vector_stores v CROSS JOIN vector_store_files f CROSS JOIN documents d
		WHERE v.app = ?1 AND v.id = ?2 AND f.store = v.number AND d.number = f.document AND d.app = ?1`
	behind      = ` AND f.number > ?3 `
	before      = ` AND f.number < ?3 `
	ofBatch     = ` AND f.batch = ?5 AND f.batch <> ''`
	inStatuses  = ` AND d.status IN (SELECT value FROM json_each(?6))`
	oldestFirst = ` ORDER BY f.number LIMIT ?4`
	newestFirst = ` ORDER BY f.number DESC LIMIT ?4`
	countStored = `SELECT count(*) FROM vector_store_files WHERE store = ?`
	deleteFile  = `DELETE FROM vector_store_files WHERE number = (` + selectFileNumber + `)`
	upsertFile  = `
		INSERT INTO vector_store_files (store, document, attributes, added, batch, chunking)
		VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (store, document) DO UPDATE SET
			attributes = excluded.attributes,
			batch = CASE WHEN excluded.batch <> '' THEN excluded.batch ELSE batch END,
			chunking = coalesce(excluded.chunking, chunking)`
)

// PutVectorStoreFiles implements fairlead.VectorStoreFiles. Of a file that is in the store
// already, Batch and Chunking change too where they are given, and Added stays.
func (s *Store) PutVectorStoreFiles(ctx context.Context, app fairlead.AppID, files []fairlead.VectorStoreFile) error {
	if len(files) == 0 {
		return nil
	}
	err := s.file.Write(ctx, func(tx *sql.Tx) error {
		put := filing{app: app, stores: make(map[fairlead.VectorStoreID]int64)}
		for i := range files {
			if err := put.file(ctx, tx, &files[i]); err != nil {
				return err
			}
		}
		return put.fits(ctx, tx)
	})
	if err != nil {
		return s.file.Refused(ctx, "put documents into a vector store", err)
	}
	return nil
}

// filing puts an app's documents into its stores, whose numbers it keeps.
type filing struct {
	app    fairlead.AppID
	stores map[fairlead.VectorStoreID]int64
}

func (p *filing) file(ctx context.Context, tx *sql.Tx, f *fairlead.VectorStoreFile) error {
	store, known := p.stores[f.Store]
	if !known {
		ok, err := litefile.One(tx.QueryRowContext(ctx, selectStoreNumber, string(p.app), string(f.Store)), &store)
		if err == nil && !ok {
			err = noVectorStore()
		}
		if err != nil {
			return err
		}
		p.stores[f.Store] = store
	}
	var document int64
	ok, err := litefile.One(tx.QueryRowContext(ctx, selectNumber, string(p.app), string(f.Document.ID)), &document)
	if err == nil && !ok {
		err = noDocument()
	}
	if err != nil {
		return err
	}
	attributes, err := litefile.FromMap(f.Attributes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, upsertFile, store, document, attributes, litefile.FromTime(f.Added), f.Batch, f.Chunking)
	return err
}

// fits returns an error if a store has more files now than it may.
func (p *filing) fits(ctx context.Context, tx *sql.Tx) error {
	for _, store := range p.stores {
		var files int
		err := tx.QueryRowContext(ctx, countStored, store).Scan(&files)
		if err == nil && files > mostFiles {
			err = storesFull("The vector store has no room for these files; take others out first", mostFiles)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// VectorStoreFile implements fairlead.VectorStoreFiles.
func (s *Store) VectorStoreFile(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID) (
	f fairlead.VectorStoreFile, ok bool, err error,
) {
	found, err := s.files(ctx, store, selectFile, string(app), string(store), string(id))
	if err != nil || len(found) == 0 {
		return fairlead.VectorStoreFile{}, false, err
	}
	return found[0], true, nil
}

// ListVectorStoreFiles implements fairlead.VectorStoreFiles: in the order in which they
// were put there. An After.ID that is not in the store is an error of Kind NotFound, and
// so is a store that is not there.
func (s *Store) ListVectorStoreFiles(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID,
	which fairlead.VectorStoreFileList,
) ([]fairlead.VectorStoreFile, error) {
	if _, ok, err := s.VectorStore(ctx, app, store); err != nil || !ok {
		if err == nil {
			err = noVectorStore()
		}
		return nil, err
	}
	number, err := s.cursor(ctx, which.After, selectFileNumber, string(app), string(store), which.After.ID)
	if err != nil {
		return nil, s.file.Refused(ctx, "list the files of a vector store", err)
	}
	statuses, err := litefile.FromList(which.Statuses)
	if err != nil {
		return nil, s.file.Refused(ctx, "list the files of a vector store", err)
	}
	statement, order := listFiles+behind, oldestFirst
	if which.After.Newest {
		statement, order = listFiles+before, newestFirst
	}
	if which.Batch != "" {
		statement += ofBatch
	}
	if which.Statuses != nil {
		statement += inStatuses
	}
	return s.files(ctx, store, statement+order, string(app), string(store), number, which.After.Limit, which.Batch, statuses)
}

func (s *Store) files(ctx context.Context, store fairlead.VectorStoreID, statement string, args ...any) (
	found []fairlead.VectorStoreFile, err error,
) {
	err = litefile.Query(ctx, s.file.Durable(), func(rows *sql.Rows) error {
		var (
			f          = fairlead.VectorStoreFile{Store: store}
			attributes string
			added      sql.NullInt64
		)
		err := scanDocument(rows, &f.Document, &attributes, &added, &f.Batch, &f.Chunking)
		if err != nil {
			return err
		}
		f.Added = litefile.ToTime(added)
		f.Attributes, err = litefile.ToMap[any](attributes)
		found = append(found, f)
		return err
	}, statement, args...)
	if err != nil {
		return nil, s.file.Refused(ctx, "read the files of a vector store", err)
	}
	return found, nil
}

// RemoveVectorStoreFile implements fairlead.VectorStoreFiles.
func (s *Store) RemoveVectorStoreFile(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID) (
	ok bool, err error,
) {
	err = s.file.Write(ctx, func(tx *sql.Tx) error {
		n, err := litefile.Affected(tx.ExecContext(ctx, deleteFile, string(app), string(store), string(id)))
		ok = n > 0
		return err
	})
	if err != nil {
		return false, s.file.Refused(ctx, "take a document out of a vector store", err)
	}
	return ok, nil
}
