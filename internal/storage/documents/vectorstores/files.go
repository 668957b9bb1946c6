package vectorstores

import (
	"context"
	"database/sql"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	fileColumns = row.Columns + `, f.number, f.attributes, f.added, f.batch, f.chunking`
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
	listBatchFiles = `
		SELECT ` + fileColumns + `
		FROM vector_stores v CROSS JOIN vector_store_batches b CROSS JOIN vector_store_batch_files m
			CROSS JOIN vector_store_files f CROSS JOIN documents d
		WHERE v.app = ?1 AND v.id = ?2 AND b.store = v.number AND b.id = ?5 AND m.batch = b.number
			AND f.number = m.file AND d.number = f.document AND d.app = ?1`
	inStatuses  = ` AND d.status IN (SELECT value FROM json_each(?6))`
	countStored = `SELECT count(*) FROM vector_store_files WHERE store = ?`
	countFiles  = `
		SELECT d.status, count(*), sum(d.bytes)
		FROM vector_stores v CROSS JOIN vector_store_files f CROSS JOIN documents d
		WHERE v.app = ?1 AND v.id = ?2 AND f.store = v.number AND d.number = f.document AND d.app = ?1
		GROUP BY d.status`
	deleteFile    = `DELETE FROM vector_store_files WHERE number = (` + selectFileNumber + `)`
	setAttributes = `UPDATE vector_store_files SET attributes = ?4 WHERE number = (` + selectFileNumber + `)`
	upsertFile    = `
		INSERT INTO vector_store_files (store, document, attributes, added, batch, chunking)
		VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (store, document) DO UPDATE SET
			attributes = excluded.attributes,
			batch = CASE WHEN excluded.batch <> '' THEN batch ELSE '' END,
			chunking = coalesce(excluded.chunking, chunking)
		RETURNING number`
)

// PutVectorStoreFiles implements fairlead.VectorStoreFiles. Of a file that is in the store
// already Chunking changes too where it is given, and Added stays; one that is put there by
// itself has no Batch from then on, whatever batches count it. A batch is made at the time
// when the first of its files was Added.
func (s *Stores) PutVectorStoreFiles(ctx context.Context, app fairlead.AppID, files []fairlead.VectorStoreFile) error {
	if len(files) == 0 {
		return nil
	}
	err := s.file.Write(ctx, func(tx *sql.Tx) error {
		put := filing{app: app, stores: make(map[fairlead.VectorStoreID]*drawer)}
		for i := range files {
			if err := put.file(ctx, tx, &files[i]); err != nil {
				return err
			}
		}
		return put.end(ctx, tx)
	})
	return s.refused(ctx, "put documents into a vector store", err)
}

// filing puts an app's documents into its stores.
type filing struct {
	app    fairlead.AppID
	stores map[fairlead.VectorStoreID]*drawer
}

// drawer is a store into which documents are put.
type drawer struct {
	number  int64
	batches map[string]*pile
}

// pile is how many files of a batch are put into a store.
type pile struct{ batch, files int64 }

func (p *filing) file(ctx context.Context, tx *sql.Tx, f *fairlead.VectorStoreFile) error {
	store, err := p.store(ctx, tx, f.Store)
	if err != nil {
		return err
	}
	var document, number int64
	ok, err := litefile.One(tx.QueryRowContext(ctx, row.SelectNumber, string(p.app), string(f.Document.ID)), &document)
	if err == nil && !ok {
		err = row.NoDocument()
	}
	if err != nil {
		return err
	}
	attributes, err := litefile.FromMap(f.Attributes)
	if err != nil {
		return err
	}
	added := litefile.FromTime(f.Added)
	err = tx.QueryRowContext(ctx, upsertFile, store.number, document, attributes, added, f.Batch, f.Chunking).Scan(&number)
	if err != nil || f.Batch == "" {
		return err
	}
	of := store.batches[f.Batch]
	if of == nil {
		of = &pile{}
		store.batches[f.Batch] = of
		if err := tx.QueryRowContext(ctx, addBatch, store.number, f.Batch, added).Scan(&of.batch); err != nil {
			return err
		}
	}
	of.files++
	_, err = tx.ExecContext(ctx, addBatchFile, of.batch, number)
	return err
}

// store returns the app's store of that id, which must be there.
func (p *filing) store(ctx context.Context, tx *sql.Tx, id fairlead.VectorStoreID) (*drawer, error) {
	if known := p.stores[id]; known != nil {
		return known, nil
	}
	store := &drawer{batches: make(map[string]*pile)}
	ok, err := litefile.One(tx.QueryRowContext(ctx, selectStoreNumber, string(p.app), string(id)), &store.number)
	if err == nil && !ok {
		err = noVectorStore()
	}
	if err != nil {
		return nil, err
	}
	p.stores[id] = store
	return store, nil
}

// end returns an error if a store has more files now than it may, and has it forget
// batches that are too old.
func (p *filing) end(ctx context.Context, tx *sql.Tx) error {
	for _, store := range p.stores {
		var files int
		err := tx.QueryRowContext(ctx, countStored, store.number).Scan(&files)
		if err == nil && files > mostFiles {
			err = full("The vector store has no room for these files; take others out first", mostFiles)
		}
		if err != nil {
			return err
		}
		if err := store.end(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

func (d *drawer) end(ctx context.Context, tx *sql.Tx) error {
	for _, of := range d.batches {
		if _, err := tx.ExecContext(ctx, placeBatch, d.number, of.batch, of.files); err != nil {
			return err
		}
	}
	if len(d.batches) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, forgetBatches, d.number, mostBatchFiles)
	return err
}

// SetVectorStoreFileAttributes implements fairlead.VectorStoreFiles.
func (s *Stores) SetVectorStoreFileAttributes(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID,
	id fairlead.DocumentID, attributes map[string]any,
) (f fairlead.VectorStoreFile, ok bool, err error) {
	err = s.file.Write(ctx, func(tx *sql.Tx) error {
		column, err := litefile.FromMap(attributes)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, setAttributes, string(app), string(store), string(id), column); err != nil {
			return err
		}
		found, err := files(ctx, tx, store, selectFile, string(app), string(store), string(id))
		if ok = len(found) > 0; ok {
			f = found[0]
		}
		return err
	})
	if err != nil {
		return fairlead.VectorStoreFile{}, false, s.file.Refused(ctx, "change the attributes of a file", err)
	}
	return f, ok, nil
}

// VectorStoreFile implements fairlead.VectorStoreContents.
func (s *Stores) VectorStoreFile(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID) (
	f fairlead.VectorStoreFile, ok bool, err error,
) {
	found, err := files(ctx, s.file.Durable(), store, selectFile, string(app), string(store), string(id))
	if err != nil || len(found) == 0 {
		return fairlead.VectorStoreFile{}, false, s.refused(ctx, "read a file of a vector store", err)
	}
	return found[0], true, nil
}

// ListVectorStoreFiles implements fairlead.VectorStoreContents: in the order in which they
// were put there. An After.ID that is not in the store is an error of Kind NotFound, and
// so is a store that is not there.
func (s *Stores) ListVectorStoreFiles(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID,
	which fairlead.VectorStoreFileList,
) (found []fairlead.VectorStoreFile, err error) {
	if _, ok, err := s.VectorStore(ctx, app, store); err != nil || !ok {
		if err == nil {
			err = noVectorStore()
		}
		return nil, err
	}
	number := which.Behind
	if number == 0 {
		number, err = row.Behind(ctx, s.file.Durable(), which.After, selectFileNumber, string(app), string(store), which.After.ID)
	}
	if err != nil {
		return nil, s.refused(ctx, "list the files of a vector store", err)
	}
	statuses, err := litefile.FromList(which.Statuses)
	if err == nil {
		found, err = files(ctx, s.file.Durable(), store, listing(&which), string(app), string(store), number, which.After.Limit, which.Batch, statuses)
	}
	return found, s.refused(ctx, "list the files of a vector store", err)
}

// listing is the statement that lists these files.
func listing(which *fairlead.VectorStoreFileList) string {
	statement, place := listFiles, "f.number"
	if which.Batch != "" {
		statement, place = listBatchFiles, "m.file"
	}
	if which.Statuses != nil {
		statement += inStatuses
	}
	if which.After.Newest {
		return statement + ` AND ` + place + ` < ?3 ORDER BY ` + place + ` DESC LIMIT ?4`
	}
	return statement + ` AND ` + place + ` > ?3 ORDER BY ` + place + ` LIMIT ?4`
}

// files are those of a store that a statement finds.
func files(ctx context.Context, db litefile.Querier, store fairlead.VectorStoreID, statement string, args ...any) (
	found []fairlead.VectorStoreFile, err error,
) {
	err = litefile.Query(ctx, db, func(rows *sql.Rows) error {
		var (
			f          = fairlead.VectorStoreFile{Store: store}
			attributes string
			added      sql.NullInt64
		)
		err := row.Scan(rows, &f.Document, &f.Number, &attributes, &added, &f.Batch, &f.Chunking)
		if err != nil {
			return err
		}
		f.Added = litefile.ToTime(added)
		f.Attributes, err = litefile.ToMap[any](attributes)
		found = append(found, f)
		return err
	}, statement, args...)
	return found, err
}

// CountVectorStoreFiles implements fairlead.VectorStoreContents. A store that is not there
// has none.
func (s *Stores) CountVectorStoreFiles(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID) (
	fairlead.DocumentCensus, error,
) {
	census, err := row.Census(ctx, s.file.Durable(), countFiles, string(app), string(store))
	return census, s.refused(ctx, "count the files of a vector store", err)
}

// RemoveVectorStoreFile implements fairlead.VectorStoreFiles.
func (s *Stores) RemoveVectorStoreFile(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID) (
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
