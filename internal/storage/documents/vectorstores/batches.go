package vectorstores

import (
	"context"
	"database/sql"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// mostBatchFiles is how many files a store's batches may have named before the oldest of
// them are forgotten: twice as many as it holds.
const mostBatchFiles = 2 * mostFiles

const (
	selectBatch = `
		SELECT b.number, b.id, b.created, b.cancelled, b.left_ready, b.left_failed, b.left_unread
		FROM vector_stores v CROSS JOIN vector_store_batches b
		WHERE v.app = ?1 AND v.id = ?2 AND b.store = v.number AND b.id = ?3`
	countBatch = `
		SELECT d.status, count(*), sum(d.bytes)
		FROM vector_store_batch_files m CROSS JOIN vector_store_files f CROSS JOIN documents d
		WHERE m.batch = ?2 AND f.number = m.file AND d.number = f.document AND d.app = ?1
		GROUP BY d.status`
	// addBatch leaves one that is there as it is.
	addBatch = `
		INSERT INTO vector_store_batches (store, id, created, cancelled, files_so_far)
		VALUES (?1, ?2, ?3, 0, 0)
		ON CONFLICT (store, id) DO UPDATE SET cancelled = cancelled RETURNING number`
	addBatchFile = `INSERT INTO vector_store_batch_files (batch, file) VALUES (?, ?) ON CONFLICT DO NOTHING`
	// placeBatch has the batch ?2 of store ?1 be the last, with ?3 files more.
	placeBatch = `
		UPDATE vector_store_batches
		SET files_so_far = ?3 + (SELECT max(files_so_far) FROM vector_store_batches WHERE store = ?1)
		WHERE number = ?2`
	forgetBatches = `
		DELETE FROM vector_store_batches
		WHERE store = ?1 AND files_so_far <= (SELECT max(files_so_far) FROM vector_store_batches WHERE store = ?1) - ?2`

	// unread are the files of batch ?1 that are still to be read.
	unread = `
		SELECT m.file FROM vector_store_batch_files m CROSS JOIN vector_store_files f CROSS JOIN documents d
		WHERE m.batch = ?1 AND f.number = m.file AND d.number = f.document AND d.status IN ('queued', 'extracting', 'indexing')`
	withdrawFiles = `
		DELETE FROM vector_store_files WHERE number IN (` + unread + ` AND f.batch <> '' AND NOT EXISTS (
			SELECT 1 FROM vector_store_batch_files other WHERE other.file = m.file AND other.batch <> m.batch))`
	leaveFiles  = `DELETE FROM vector_store_batch_files WHERE batch = ?1 AND file IN (` + unread + `)`
	cancelBatch = `UPDATE vector_store_batches SET cancelled = 1, left_unread = left_unread + ?2 WHERE number = ?1`
)

// batch is a batch, and where it is.
type batch struct {
	fairlead.VectorStoreBatch

	number int64
}

// VectorStoreBatch implements fairlead.VectorStoreBatches.
func (s *Stores) VectorStoreBatch(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id string) (
	b fairlead.VectorStoreBatch, ok bool, err error,
) {
	found := batch{VectorStoreBatch: fairlead.VectorStoreBatch{Store: store}}
	err = litefile.Read(ctx, s.file.Durable(), func(tx *sql.Tx) error {
		ok, err = found.read(ctx, tx, app, id)
		return err
	})
	if err != nil || !ok {
		return fairlead.VectorStoreBatch{}, false, s.refused(ctx, "read a batch of files", err)
	}
	return found.VectorStoreBatch, true, nil
}

// read reads the batch of that id in its store; ok is false if there is none.
func (b *batch) read(ctx context.Context, tx *sql.Tx, app fairlead.AppID, id string) (ok bool, err error) {
	var (
		created       sql.NullInt64
		ready, failed int
	)
	ok, err = litefile.One(tx.QueryRowContext(ctx, selectBatch, string(app), string(b.Store), id),
		&b.number, &b.ID, &created, &b.Cancelled, &ready, &failed, &b.Withdrawn)
	if err != nil || !ok {
		return false, err
	}
	census, err := row.Census(ctx, tx, countBatch, string(app), b.number)
	if err != nil {
		return false, err
	}
	b.Created, b.ByStatus = litefile.ToTime(created), census.ByStatus
	for status, n := range map[fairlead.DocumentStatus]int{fairlead.DocumentReady: ready, fairlead.DocumentFailed: failed} {
		if n > 0 {
			b.ByStatus[status] += n
		}
	}
	return true, nil
}

// CancelVectorStoreBatch implements fairlead.VectorStoreBatches.
func (s *Stores) CancelVectorStoreBatch(ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id string) (
	b fairlead.VectorStoreBatch, ok bool, err error,
) {
	found := batch{VectorStoreBatch: fairlead.VectorStoreBatch{Store: store}}
	err = s.file.Write(ctx, func(tx *sql.Tx) error {
		if ok, err = found.read(ctx, tx, app, id); err != nil || !ok {
			return err
		}
		if err := found.cancel(ctx, tx); err != nil {
			return err
		}
		_, err = found.read(ctx, tx, app, id)
		return err
	})
	if err != nil || !ok {
		return fairlead.VectorStoreBatch{}, false, s.refused(ctx, "cancel a batch of files", err)
	}
	return found.VectorStoreBatch, true, nil
}

// cancel withdraws the files that are still to be read. What leaves the store counts
// itself; what stays there leaves the batch.
func (b *batch) cancel(ctx context.Context, tx *sql.Tx) error {
	gone, err := litefile.Affected(tx.ExecContext(ctx, withdrawFiles, b.number))
	if err != nil {
		return err
	}
	left, err := litefile.Affected(tx.ExecContext(ctx, leaveFiles, b.number))
	if err != nil || gone+left == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, cancelBatch, b.number, left)
	return err
}

// refused is the error of what a method was doing, if there is one.
func (s *Stores) refused(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	return s.file.Refused(ctx, doing, err)
}
