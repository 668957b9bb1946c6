package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) func() storagetest.Store {
		t.Helper()
		path := filepath.Join(t.TempDir(), sqlite.FileName)
		return func() storagetest.Store { return open(t, path) }
	})
}

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// raw opens the file without the store, to put it into states that the store
// never writes.
func raw(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, sqlite.FileName)
	s := open(t, path)
	if _, err := s.PutSecret(t.Context(), "x", fairlead.Digest{1}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s: got %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestOpenNarrowsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	path := filepath.Join(t.TempDir(), sqlite.FileName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("got mode %o, want 600", got)
	}
}

// A path is a name, not a piece of the driver's URL.
func TestOpenOddPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory&x#y%41", sqlite.FileName)
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 {
		t.Error("the database went elsewhere: the file is empty")
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string
	}{
		{"no database", func(t *testing.T, path string) {
			t.Helper()
			write(t, path, bytes.Repeat([]byte("not a database\n"), 1000))
		}, "the file is damaged or is not a database"},
		{"damaged schema", func(t *testing.T, path string) {
			t.Helper()
			open(t, path).Close()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// The first page, after the file's header of 100 bytes, holds the schema.
			for i := 100; i < min(len(content), 4096); i++ {
				content[i] = 0xff
			}
			write(t, path, content)
		}, "the file is damaged or is not a database"},
		{"newer schema", func(t *testing.T, path string) {
			t.Helper()
			open(t, path).Close()
			raw(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)`)
		}, "its schema is version 4711, but this program knows versions up to "},
		{"directory", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "it is not a regular file"},
		{"half a schema", func(t *testing.T, path string) {
			t.Helper()
			raw(t, path, `CREATE TABLE api_keys (id TEXT)`)
		}, "migrate schema from version 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), sqlite.FileName)
			tt.prepare(t, path)
			s, err := sqlite.Open(t.Context(), path)
			if err == nil {
				s.Close()
				t.Fatal("opened it")
			}
			if got := err.Error(); !strings.Contains(got, tt.want) || !strings.Contains(got, path) {
				t.Errorf("got %q, want one with %q and %q", got, tt.want, path)
			}
		})
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), sqlite.FileName))
	if err == nil {
		s.Close()
		t.Fatal("opened it")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// Several starters of the same new directory all get a whole schema.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), sqlite.FileName)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.KeysVersion(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestMigrationsApplyOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), sqlite.FileName)
	open(t, path).Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, 1)`); err == nil {
		t.Error("a migration could be noted twice")
	}
}

func TestDamagedTableNamesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), sqlite.FileName)
	open(t, path).Close()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(content); i++ {
		content[i] = 0xff
	}
	write(t, path, content)
	s, err := sqlite.Open(t.Context(), path)
	if err == nil {
		_, _, err = s.Keys(t.Context())
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v, want an error that says that %s is damaged", err, path)
	}
}

func TestSameDigestRefused(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), sqlite.FileName))
	if err := s.PutKey(t.Context(), fairlead.Key{ID: "key_1", Digest: fairlead.Digest{1}}); err != nil {
		t.Fatal(err)
	}
	before, err := s.KeysVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.PutKey(t.Context(), fairlead.Key{ID: "key_2", Digest: fairlead.Digest{1}})
	if !fairlead.IsKind(err, fairlead.Internal) {
		t.Errorf("got %v, want one of Kind Internal", err)
	}
	after, err := s.KeysVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after != before {
		t.Errorf("a write that failed changed the version from %d to %d", before, after)
	}
}

// Another process may be reading the file while this one turns on the
// write-ahead log, for which it must be alone.
func TestOpenWaitsForReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), sqlite.FileName)
	raw(t, path, `CREATE TABLE other (x)`)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	reader, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := reader.QueryRowContext(t.Context(), `SELECT count(*) FROM other`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := sqlite.Open(t.Context(), path)
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("Open did not wait for the reader: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("after the reader had gone: %v", err)
	}
}
