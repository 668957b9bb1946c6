// Package sqlite keeps the service's data in one SQLite file: a Store is a
// fairlead.KeyStore, a fairlead.SecretStore and a fairlead.ResponseStore.
//
// The file may be open in several processes at once, as it is when the command
// line revokes a key under a running server: the journal is a write-ahead log,
// so readers never wait, and writers wait for each other for a bounded time. A
// write is on disk when its method returns; that of a response is with the
// operating system, which is fast, outlives the process and may lose the last of
// them when the power goes. The schema is that of migrations/, applied by Open;
// start there, then keys.go and responses.go.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	modernc "modernc.org/sqlite"

	"github.com/fairleadhq/fairlead"
)

// FileName is the usual name of the database in the data directory.
const FileName = "fairlead.db"

const (
	fileMode = 0o600
	dirMode  = 0o700

	// busyTimeout is how long one statement waits for another process's write.
	busyTimeout = 5 * time.Second
	// openTimeout bounds opening, migrations included.
	openTimeout = 30 * time.Second
	// walRetry is the pause between tries to turn on the write-ahead log, which
	// SQLite refuses at once while another process does the same.
	walRetry = 10 * time.Millisecond

	maxConnections = 4
)

// SQLite's primary result codes that are told apart; see
// https://www.sqlite.org/rescode.html.
const (
	codeBusy        = 5
	codeCorrupt     = 11
	codeNotDatabase = 26
)

// Store is an open database file. It is safe for concurrent use.
type Store struct {
	db *sql.DB
	// quick writes what need not outlive a loss of power. It is one connection: in
	// this process writers wait for it in turn, and not for SQLite's lock.
	quick *sql.DB
	path  string
}

// Open opens the database file at path and brings its schema up to date. A
// missing file is made, readable by its owner alone, and so is a missing
// directory. Open fails if the file is not a database, is damaged, or was
// written by a newer version of the program. It blocks for at most 30 s.
func Open(ctx context.Context, path string) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	s := &Store{path: path}
	if s.db, err = pool(path, durable, maxConnections); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := s.prepareSchema(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, explain(err)), s.db.Close())
	}
	if s.quick, err = pool(path, relaxed, 1); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.db.Close())
	}
	return s, nil
}

// pool makes connections to the file, as many as are used at once.
func pool(path string, sync synchronous, size int) (*sql.DB, error) {
	connector, err := modernc.NewConnector(dataSource(path, sync))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// Close closes the database. Calls still running fail.
func (s *Store) Close() error {
	if err := errors.Join(s.quick.Close(), s.db.Close()); err != nil {
		return fmt.Errorf("close database %s: %w", s.path, err)
	}
	return nil
}

// prepareFile makes the file, or narrows the mode of one that is there. It
// never opens a file that exists: closing it again would drop the locks that
// another Store of this process holds on it.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if info.Mode().Perm()&^fileMode == 0 {
		return nil
	}
	return os.Chmod(path, fileMode)
}

// synchronous says when a write counts as done: on disk, or with the operating
// system.
type synchronous string

const (
	durable synchronous = "FULL"
	relaxed synchronous = "NORMAL"
)

// dataSource is the driver's name for the file with the settings of every
// connection. Transactions that write take the lock at their start: one that
// had read before could not wait for it.
func dataSource(path string, sync synchronous) string {
	query := url.Values{
		"_pragma": {
			"busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")",
			"synchronous(" + string(sync) + ")",
		},
		"_txlock": {"immediate"},
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	return source.String()
}

// prepareSchema reads the file, so that a damaged one is told as such and not
// as a failed migration, and then changes it.
func (s *Store) prepareSchema(ctx context.Context) error {
	var tables int
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	if err := s.useWriteAheadLog(ctx); err != nil {
		return err
	}
	return migrate(ctx, s.db)
}

// useWriteAheadLog sets the journal's mode, which the file then keeps.
func (s *Store) useWriteAheadLog(ctx context.Context) error {
	for {
		var mode string
		err := s.db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("the file system allows no write-ahead log (journal mode is %s)", mode)
		case !hasCode(err, codeBusy):
			return err
		}
		select {
		case <-time.After(walRetry):
		case <-ctx.Done():
			return err
		}
	}
}

// transact runs do in one transaction that may write.
func transact(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// rollback ends a transaction, which may have ended with its context already.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// failed makes the error that the store's methods return.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return &fairlead.Error{
		Kind:    fairlead.Internal,
		Code:    "storage_failed",
		Message: "The service could not use its storage",
		Err:     fmt.Errorf("%s in database %s: %w", doing, s.path, explain(err)),
	}
}

// explain adds what the operator can do to errors that have an answer.
func explain(err error) error {
	switch {
	case hasCode(err, codeNotDatabase), hasCode(err, codeCorrupt):
		return fmt.Errorf("the file is damaged or is not a database; restore it from a backup or move it away: %w", err)
	case hasCode(err, codeBusy):
		return fmt.Errorf("another process kept the file locked: %w", err)
	}
	return err
}

func hasCode(err error, primary int) bool {
	var e *modernc.Error
	return errors.As(err, &e) && e.Code()&0xff == primary
}
