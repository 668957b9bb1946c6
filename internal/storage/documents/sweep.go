package documents

import (
	"context"
	"database/sql"
	"errors"

	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	selectDropped      = `SELECT id FROM contents WHERE dropped = 1 ORDER BY id LIMIT 1`
	forgetContent      = `DELETE FROM contents WHERE id = ? AND dropped = 1`
	selectDroppedStore = `SELECT store FROM dropped_stores ORDER BY store LIMIT 1`
	forgetStore        = `DELETE FROM dropped_stores WHERE store = ?`
	sweepFiles         = `
		DELETE FROM vector_store_files
		WHERE number IN (SELECT number FROM vector_store_files WHERE store = ? LIMIT ?)`
)

// step deletes up to limit rows of a content: so few that others hardly notice the wait.
type step struct {
	statement string
	limit     int64
}

func steps() []step {
	return []step{
		{`DELETE FROM pieces WHERE id IN (SELECT id FROM pieces WHERE content = ? LIMIT ?)`, 100},
		{`DELETE FROM chunks WHERE number IN (SELECT number FROM chunks WHERE content = ? LIMIT ?)`, 500},
		{`DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE content = ? LIMIT ?)`, 200},
		{`DELETE FROM outlines WHERE id IN (SELECT id FROM outlines WHERE content = ? LIMIT ?)`, 20},
	}
}

// Sweep deletes the rows of documents and vector stores that were deleted, and of
// attempts that failed. Nobody sees them, so it can be called at any time, from several
// processes too; what one call leaves when ctx ends, the next one deletes. It blocks until
// there is nothing left, and lets other writers go first after every step.
func (s *Store) Sweep(ctx context.Context) error {
	err := s.sweepEach(ctx, selectDropped, forgetContent, steps())
	if err == nil {
		err = s.sweepEach(ctx, selectDroppedStore, forgetStore, []step{{sweepFiles, 200}})
	}
	if err != nil {
		return s.file.Refused(ctx, "clear what was deleted", err)
	}
	return nil
}

// sweepEach takes the steps for each owner of rows that next finds, and then forgets it.
func (s *Store) sweepEach(ctx context.Context, next, forget string, steps []step) error {
	for {
		var owner int64
		err := s.file.Durable().QueryRowContext(ctx, next).Scan(&owner)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, step := range steps {
			if err := s.sweepRows(ctx, owner, step); err != nil {
				return err
			}
		}
		if err := s.file.Relax(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, forget, owner)
			return err
		}); err != nil {
			return err
		}
	}
}

func (s *Store) sweepRows(ctx context.Context, owner int64, step step) error {
	for {
		var deleted int64
		err := s.file.Relax(ctx, func(tx *sql.Tx) error {
			n, err := litefile.Affected(tx.ExecContext(ctx, step.statement, owner, step.limit))
			deleted = n
			return err
		})
		if err != nil || deleted < step.limit {
			return err
		}
	}
}
