package litefile

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
)

// Write runs do in a transaction of the durable pool, Relax in one of the relaxed. Among
// those who write with these two in this process one writes at a time, in the order of
// their coming: SQLite's own lock, for which they don't wait then, knows no order.
func (f *File) Write(ctx context.Context, do func(tx *sql.Tx) error) error {
	return f.inTurn(ctx, f.durable, do)
}

// Relax is as Write, for what need not outlive a loss of power.
func (f *File) Relax(ctx context.Context, do func(tx *sql.Tx) error) error {
	return f.inTurn(ctx, f.relaxed, do)
}

func (f *File) inTurn(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
		return Transact(ctx, db, do)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Transact runs do in one transaction that may write. It is rolled back if do fails.
func Transact(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// Read runs do in a transaction that sees the file as it is now, whatever is written
// meanwhile.
func Read(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) (err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	return do(tx)
}

// rollback ends a transaction, which may have ended with its context already.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// Querier is a *sql.DB or a *sql.Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// rowsAtOnce is how many rows are read in a row, before others get the processor: some 20
// to 50 µs' worth, as whoever computes for longer is made to give way only after 10 ms.
const rowsAtOnce = 8

// Query runs a statement that reads, and hands each of its rows to scan, in order.
func Query(ctx context.Context, db Querier, scan func(rows *sql.Rows) error, statement string, args ...any) error {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if n%rowsAtOnce == 0 {
			runtime.Gosched()
		}
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// One reads the columns of a row, if there is one.
func One(row *sql.Row, columns ...any) (ok bool, err error) {
	err = row.Scan(columns...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Affected is how many rows a statement has changed.
func Affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
