package litefile

import (
	"context"
	"database/sql"
)

// Sweep is how rows that nobody sees any more are deleted: those of one owner after the
// other, in steps.
type Sweep struct {
	// Next finds an owner of such rows. Forget deletes what says so, once they are gone.
	Next, Forget string
	Steps        []Step
}

// Step deletes up to Limit rows of an owner: so few that others hardly notice the wait.
// Statement takes the owner and the limit.
type Step struct {
	Statement string
	Limit     int64
}

// Sweep blocks until there is nothing left to delete, and lets other writers go first
// after every step. What one call leaves when ctx ends, the next one deletes.
func (f *File) Sweep(ctx context.Context, s Sweep) error {
	for {
		var owner int64
		if ok, err := One(f.durable.QueryRowContext(ctx, s.Next), &owner); err != nil || !ok {
			return err
		}
		for _, step := range s.Steps {
			if err := f.sweepRows(ctx, owner, step); err != nil {
				return err
			}
		}
		err := f.Relax(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, s.Forget, owner)
			return err
		})
		if err != nil {
			return err
		}
	}
}

func (f *File) sweepRows(ctx context.Context, owner int64, step Step) error {
	for {
		var deleted int64
		err := f.Relax(ctx, func(tx *sql.Tx) error {
			n, err := Affected(tx.ExecContext(ctx, step.Statement, owner, step.Limit))
			deleted = n
			return err
		})
		if err != nil || deleted < step.Limit {
			return err
		}
	}
}
