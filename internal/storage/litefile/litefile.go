// Package litefile is what the stores in SQLite files have in common: a file is made
// with narrow modes, opened in several processes at once, and brought up to the schema
// that its store knows.
//
// The journal is a write-ahead log, so readers never wait, and writers wait for each
// other for a bounded time. A File has two pools of connections. What is written through
// Durable is on disk when the transaction has ended, with all that was written before
// it through either; what is written through Relaxed is with the operating system by
// then, which is fast, outlives the process and may be lost when the power goes.
//
// Start with Open; migrate.go keeps the schema, failure.go tells what went wrong.
package litefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	modernc "modernc.org/sqlite"
)

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
)

// Settings say which file is opened, and how.
type Settings struct {
	Path string
	// Migrations holds the .sql files that make the schema, at its root.
	Migrations fs.FS
	// Connections is how many of the durable pool may be in use at once.
	Connections int
	// Pragmas are settings of every connection, such as "cache_size(-4000)", beside
	// those that every file has.
	Pragmas []string
}

// File is an open database file. It is safe for concurrent use.
type File struct {
	durable, relaxed *sql.DB
	path             string
	// turn holds a token while someone writes by Write or Relax.
	turn chan struct{}
}

// Open opens the database file and brings its schema up to date. A missing file is
// made, readable by its owner alone, and so is a missing directory. Open fails if the
// file is not a database, is damaged, or was written by a newer version of the
// program. It blocks for at most 30 s.
func Open(ctx context.Context, settings Settings) (*File, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	path, err := filepath.Abs(settings.Path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", settings.Path, err)
	}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	settings.Path = path
	f := &File{path: path, turn: make(chan struct{}, 1)}
	if f.durable, err = pool(settings, fullySynchronous, settings.Connections); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := f.prepareSchema(ctx, settings.Migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, explain(err)), f.durable.Close())
	}
	if f.relaxed, err = pool(settings, normallySynchronous, 1); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), f.durable.Close())
	}
	return f, nil
}

// pool makes connections to the file, as many as are used at once.
func pool(settings Settings, sync synchronous, size int) (*sql.DB, error) {
	connector, err := modernc.NewConnector(dataSource(settings, sync))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// Durable is the pool whose transactions are on disk when they have ended. Reading is
// for it too.
func (f *File) Durable() *sql.DB { return f.durable }

// Relaxed is the pool for writing what need not outlive a loss of power. It is one
// connection: in this process writers wait for it in turn, and not for SQLite's lock.
func (f *File) Relaxed() *sql.DB { return f.relaxed }

// Close closes the database. Calls still running fail. Closing it twice does no harm.
func (f *File) Close() error {
	if err := errors.Join(f.relaxed.Close(), f.durable.Close()); err != nil {
		return fmt.Errorf("close database %s: %w", f.path, err)
	}
	return nil
}

// prepareFile makes the file, or narrows the mode of one that is there. It
// never opens a file that exists: closing it again would drop the locks that
// another File of this process holds on it.
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
	fullySynchronous    synchronous = "FULL"
	normallySynchronous synchronous = "NORMAL"
)

// dataSource is the driver's name for the file with the settings of every
// connection. Transactions that write take the lock at their start: one that
// had read before could not wait for it.
func dataSource(settings Settings, sync synchronous) string {
	pragmas := append([]string{
		"busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")",
		"synchronous(" + string(sync) + ")",
	}, settings.Pragmas...)
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(settings.Path), RawQuery: query.Encode()}
	return source.String()
}

// prepareSchema reads the file, so that a damaged one is told as such and not
// as a failed migration, and then changes it.
func (f *File) prepareSchema(ctx context.Context, migrations fs.FS) error {
	var tables int
	if err := f.durable.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	if err := f.useWriteAheadLog(ctx); err != nil {
		return err
	}
	return migrate(ctx, f.durable, migrations)
}

// useWriteAheadLog sets the journal's mode, which the file then keeps.
func (f *File) useWriteAheadLog(ctx context.Context) error {
	for {
		var mode string
		err := f.durable.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
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
