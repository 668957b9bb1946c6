// Package documents keeps documents, what was read from them, and vector stores in one
// SQLite file of their own: a Store is each of the root's stores of documents. What
// ingests writes much, and the lock of this file is not that of the keys.
//
// What was read from a document belongs to a content: each attempt at a job has a new
// one, and a document names the one that counts. So the content of an attempt that
// failed, and of a document that was deleted, is gone for every reader in a moment,
// however long it is, and Sweep deletes its rows in small steps later. Nothing can be
// half visible: readers ask for the content of a document that is ready.
//
// The file may be open in several processes at once. Leases end by the clock on the
// wall, which they share. In one process writers take turns, so that none of them waits
// for SQLite's lock, which knows no order.
//
// A document that was added, deleted or finished is on disk when the method returns,
// with everything that was written before. Content alone is not: the loss of power may
// take the last of it, and then its job is due again.
//
// Start with the schema in migrations/, then documents.go and jobs.go. Vector stores are
// in package vectorstores.
package documents

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/fairleadhq/fairlead/internal/storage/documents/vectorstores"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// FileName is the usual name of the database in the data directory.
const FileName = "documents.db"

// maxConnections is how many of this process read at once; each has a cache of pages.
const maxConnections = 8

//go:embed migrations/*.sql
var migrations embed.FS

// Options are what a Store can be told beside its path. The zero Options are the usual.
type Options struct {
	// Now is the clock of leases and of what is due; nil means time.Now.
	Now func() time.Time
	// Alone says that no other process has the file open: whoever had a lease has ended,
	// so its jobs are due again, after a second where it was their first attempt.
	Alone bool
}

// Store is an open database file. It is safe for concurrent use.
type Store struct {
	*vectorstores.Stores

	file *litefile.File
	now  func() time.Time
}

// Open opens the database file at path and brings its schema up to date. A missing file
// is made, readable by its owner alone, and so is a missing directory. Open fails if the
// file is not a database, is damaged, or was written by a newer version of the program.
// It blocks for at most 30 s.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	schema, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	file, err := litefile.Open(ctx, litefile.Settings{
		Path: path, Migrations: schema, Connections: maxConnections, Pragmas: pragmas(),
	})
	if err != nil {
		return nil, err
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Store{Stores: vectorstores.New(file), file: file, now: options.Now}
	if options.Alone {
		if err := s.endLeases(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// pragmas are the settings of every connection: a cache of 4 MiB, and a log that gives
// its room back when it has been long. Larger pages make long texts cheaper; they count
// when the file is made.
func pragmas() []string {
	return []string{"page_size(8192)", "cache_size(-4096)", "journal_size_limit(67108864)"}
}

// Close closes the database. Calls still running fail.
func (s *Store) Close() error { return s.file.Close() }
