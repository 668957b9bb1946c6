package litefile

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrate applies the migrations that are missing, each in a transaction of
// its own. Another process may do the same at the same time: whoever comes
// second at one fails there, sees that it is done, and goes on.
func migrate(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	want := sources[len(sources)-1].Version
	for {
		have, err := schemaVersion(ctx, db)
		if err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
		if have > want {
			return fmt.Errorf("its schema is version %d, but this program knows versions up to %d: "+
				"a newer fairlead wrote it; use that version or a newer one", have, want)
		}
		if have == want {
			return nil
		}
		if _, err := provider.UpByOne(ctx); err != nil {
			now, lookErr := schemaVersion(ctx, db)
			if lookErr != nil || now <= have {
				return fmt.Errorf("migrate schema from version %d: %w", have, err)
			}
		}
	}
}

// schemaVersion is the last migration that was applied, 0 for none. goose
// could tell it too, but takes an unreadable table for a missing one.
func schemaVersion(ctx context.Context, db *sql.DB) (int64, error) {
	var tables int
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`).Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	var version int64
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&version)
	return version, err
}
