package documents_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// raw opens the file without the store, to put it into states that the store never
// writes.
func raw(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// damage writes over the bytes [start, end) of a file.
func damage(t *testing.T, path string, start, end int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := start; i < min(end, len(content)); i++ {
		content[i] = 0xff
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string
	}{
		{"no database", func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, bytes.Repeat([]byte("no database\n"), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the file is damaged or is not a database"},
		{"damaged schema", func(t *testing.T, path string) {
			t.Helper()
			open(t, path, documents.Options{}).Close()
			damage(t, path, 100, 8192)
		}, "the file is damaged or is not a database"},
		{"newer schema", func(t *testing.T, path string) {
			t.Helper()
			open(t, path, documents.Options{}).Close()
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
			raw(t, path, `CREATE TABLE documents (id TEXT)`)
		}, "migrate schema from version 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), documents.FileName)
			tt.prepare(t, path)
			s, err := documents.Open(t.Context(), path, documents.Options{})
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

func TestDamagedTableNamesFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), documents.FileName)
	open(t, path, documents.Options{}).Close()
	damage(t, path, 8192, 1<<30)
	s, err := documents.Open(t.Context(), path, documents.Options{})
	if err == nil {
		_, err = s.ListDocuments(t.Context(), "a", fairlead.After{Limit: 1}, "")
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v, want an error that says that %s is damaged", err, path)
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, documents.FileName)
	open(t, path, documents.Options{})
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

func TestOpenCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := documents.Open(ctx, filepath.Join(t.TempDir(), documents.FileName), documents.Options{})
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// Several starters of the same new directory all get a whole schema.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), documents.FileName)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := documents.Open(t.Context(), path, documents.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, _, err := s.CountJobs(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A store that is alone has no lease of another's; one that is not leaves leases alone.
func TestOpenAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), documents.FileName)
	first := open(t, path, documents.Options{})
	if _, _, err := first.AddDocument(t.Context(), sample.Document("a", 1), fairlead.DocumentRoom{}); err != nil {
		t.Fatal(err)
	}
	job, err := first.ClaimJob(t.Context(), "first", time.Minute)
	if err != nil || job == nil {
		t.Fatalf("no job: %v", err)
	}
	if other, err := open(t, path, documents.Options{}).ClaimJob(t.Context(), "other", time.Minute); err != nil || other != nil {
		t.Errorf("beside another: got %v, %v, want no job", other, err)
	}
	now := time.Now()
	third := open(t, path, documents.Options{Alone: true, Now: func() time.Time { return now }})
	if early, err := third.ClaimJob(t.Context(), "alone", time.Minute); err != nil || early != nil {
		t.Errorf("at once: got %v, %v, want no job", early, err)
	}
	now = now.Add(time.Second)
	alone, err := third.ClaimJob(t.Context(), "alone", time.Minute)
	if err != nil || alone == nil || alone.Document.ID != job.Document.ID || alone.Attempt != 2 {
		t.Errorf("alone: got %+v, %v, want the job again", alone, err)
	}
	if err := first.RenewJob(t.Context(), job, time.Minute); !fairlead.IsKind(err, fairlead.Gone) {
		t.Errorf("the first still has its job: %v", err)
	}
}

// A file of the time when a batch was what its files said keeps its batches.
func TestBatchesOfBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), documents.FileName)
	first, err := os.ReadFile("migrations/00001_documents.sql")
	if err != nil {
		t.Fatal(err)
	}
	before, err := litefile.Open(t.Context(), litefile.Settings{
		Path: path, Migrations: fstest.MapFS{"00001_documents.sql": {Data: first}}, Connections: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, path, `
		INSERT INTO documents SELECT n.value, 'a', 'file-' || n.value, '', '', '', 1, randomblob(32), 0, '', s.value, '', '', 0, 0, 0, 0, 0, 0,
				'', '', '', '', NULL
			FROM json_each('[1, 2, 3, 4]') n JOIN json_each('["ready", "queued", "failed", "ready"]') s ON s.key = n.key;
		INSERT INTO vector_stores (number, app, id, name, metadata, expires_after) VALUES (1, 'a', 'vs_1', '', '', 0), (2, 'b', 'vs_1', '', '', 0);
		INSERT INTO vector_store_files (store, document, attributes, added, batch) VALUES
			(1, 1, '', 7000000, 'vsfb_1'), (1, 2, '', 8000000, 'vsfb_1'), (1, 3, '', 5000000, 'vsfb_2'), (1, 4, '', 5000000, ''),
			(3, 3, '', 5000000, 'vsfb_1');
		INSERT INTO dropped_stores VALUES (3);`)
	s := open(t, path, documents.Options{})
	for id, want := range map[string]fairlead.VectorStoreBatch{
		"vsfb_1": {Created: time.Unix(7, 0).UTC(), ByStatus: map[fairlead.DocumentStatus]int{fairlead.DocumentReady: 1, fairlead.DocumentQueued: 1}},
		"vsfb_2": {Created: time.Unix(5, 0).UTC(), ByStatus: map[fairlead.DocumentStatus]int{fairlead.DocumentFailed: 1}},
	} {
		want.ID, want.Store = id, "vs_1"
		if got, ok, err := s.VectorStoreBatch(t.Context(), "a", "vs_1", id); !ok || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v, %v\nwant %+v", got, ok, err, want)
		}
		if got, ok, err := s.VectorStoreBatch(t.Context(), "b", "vs_1", id); ok || err != nil {
			t.Errorf("b has %+v, %v", got, err)
		}
	}
	got, ok, err := s.CancelVectorStoreBatch(t.Context(), "a", "vs_1", "vsfb_1")
	if !ok || err != nil || !got.Cancelled || got.Withdrawn != 1 {
		t.Errorf("cancelled: %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := s.DeleteDocument(t.Context(), "a", "file-1"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got, _, err := s.VectorStoreBatch(t.Context(), "a", "vs_1", "vsfb_1"); err != nil || got.ByStatus[fairlead.DocumentReady] != 1 {
		t.Errorf("when its file is deleted: %+v, %v", got, err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}
