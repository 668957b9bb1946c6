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
	"embed"
	"fmt"
	"io/fs"

	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// FileName is the usual name of the database in the data directory.
const FileName = "fairlead.db"

const maxConnections = 4

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open database file. It is safe for concurrent use.
type Store struct {
	file *litefile.File
	db   *sql.DB
	// quick writes what need not outlive a loss of power.
	quick *sql.DB
}

// Open opens the database file at path and brings its schema up to date. A
// missing file is made, readable by its owner alone, and so is a missing
// directory. Open fails if the file is not a database, is damaged, or was
// written by a newer version of the program. It blocks for at most 30 s.
func Open(ctx context.Context, path string) (*Store, error) {
	schema, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	file, err := litefile.Open(ctx, litefile.Settings{Path: path, Migrations: schema, Connections: maxConnections})
	if err != nil {
		return nil, err
	}
	return &Store{file: file, db: file.Durable(), quick: file.Relaxed()}, nil
}

// Close closes the database. Calls still running fail.
func (s *Store) Close() error { return s.file.Close() }
