package documents

import (
	"context"

	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// sweep deletes what was read of documents that are gone, and by attempts that failed.
func sweep() litefile.Sweep {
	return litefile.Sweep{
		Next:   `SELECT id FROM contents WHERE dropped = 1 ORDER BY id LIMIT 1`,
		Forget: `DELETE FROM contents WHERE id = ? AND dropped = 1`,
		Steps: []litefile.Step{
			{Statement: `DELETE FROM pieces WHERE id IN (SELECT id FROM pieces WHERE content = ? LIMIT ?)`, Limit: 100},
			{Statement: `DELETE FROM chunks WHERE number IN (SELECT number FROM chunks WHERE content = ? LIMIT ?)`, Limit: 500},
			{Statement: `DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE content = ? LIMIT ?)`, Limit: 200},
			{Statement: `DELETE FROM outlines WHERE id IN (SELECT id FROM outlines WHERE content = ? LIMIT ?)`, Limit: 20},
		},
	}
}

// Sweep deletes the rows of documents and vector stores that were deleted, and of
// attempts that failed. Nobody sees them, so it can be called at any time, from several
// processes too; what one call leaves when ctx ends, the next one deletes. It blocks until
// there is nothing left, and lets other writers go first after every step.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.file.Sweep(ctx, sweep()); err != nil {
		return s.file.Refused(ctx, "clear what was deleted", err)
	}
	return s.Stores.Sweep(ctx)
}
