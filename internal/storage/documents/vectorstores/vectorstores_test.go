package vectorstores_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents"
	"github.com/fairleadhq/fairlead/internal/storage/documents/vectorstores"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/plantest"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/vectorstoretest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	vectorstoretest.Run(t, func(t *testing.T) func(now func() time.Time) sample.Store {
		t.Helper()
		path := filepath.Join(t.TempDir(), documents.FileName)
		return func(now func() time.Time) sample.Store { return open(t, path, now) }
	})
}

func open(t *testing.T, path string, now func() time.Time) *documents.Store {
	t.Helper()
	s, err := documents.Open(t.Context(), path, documents.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// opened opens an empty store, and beside it its file.
func opened(t *testing.T) (*documents.Store, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), documents.FileName)
	s := open(t, path, nil)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return s, db
}

func TestNoStatementScans(t *testing.T) {
	t.Parallel()
	_, db := opened(t)
	plantest.Run(t, db, vectorstores.Statements(), func(_, step string) bool {
		return strings.Contains(step, "CONSTANT ROW") || strings.Contains(step, "json_each") || strings.Contains(step, "SCAN dropped_stores")
	})
}

// insert inserts n rows at once: statement selects from n.
func insert(t *testing.T, db *sql.DB, statement string, n int) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) `+statement, n)
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Limited || e.Code != "vector_stores_full" || !e.NoRetry {
		t.Errorf("got %v, want vector_stores_full", err)
	}
}

// add adds a document of a's.
func add(t *testing.T, s *documents.Store, n int) fairlead.Document {
	t.Helper()
	d, _, err := s.AddDocument(t.Context(), sample.Document("a", n), fairlead.DocumentRoom{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An app may have so many vector stores; those that are there can be changed all the
// same, and another app has room of its own.
func TestFull(t *testing.T) {
	t.Parallel()
	s, db := opened(t)
	put := func(app fairlead.AppID, id fairlead.VectorStoreID) error {
		return s.PutVectorStore(t.Context(), fairlead.VectorStore{App: app, ID: id, Created: time.Now()})
	}
	insert(t, db, `INSERT INTO vector_stores (app, id, name, metadata, expires_after) SELECT 'a', 'vs_' || n, '', '', 0 FROM n`,
		vectorstores.MostStores-1)
	if err := put("a", "vs_last"); err != nil {
		t.Fatal(err)
	}
	wantFull(t, put("a", "vs_more"))
	if err := errors.Join(put("a", "vs_last"), put("b", "vs_more")); err != nil {
		t.Error(err)
	}
	if ok, err := s.DeleteVectorStore(t.Context(), "a", "vs_5"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := put("a", "vs_more"); err != nil {
		t.Error(err)
	}
}

// A vector store may have so many files: of what does not fit none is there.
func TestFilesFull(t *testing.T) {
	t.Parallel()
	s, db := opened(t)
	if err := s.PutVectorStore(t.Context(), fairlead.VectorStore{App: "a", ID: "vs_a", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	// The numbers of the documents below are none of those that the store has.
	insert(t, db, `INSERT INTO sqlite_sequence (name, seq) SELECT 'documents', 100000 FROM n`, 1)
	insert(t, db, `INSERT INTO vector_store_files (store, document, attributes, batch)
		SELECT number, n, '', '' FROM n CROSS JOIN vector_stores`, vectorstores.MostFiles-1)
	var files []fairlead.VectorStoreFile
	for n := range 2 {
		files = append(files, fairlead.VectorStoreFile{Store: "vs_a", Document: add(t, s, n), Added: time.Now(), Batch: "vsfb_1"})
	}
	wantFull(t, s.PutVectorStoreFiles(t.Context(), "a", files))
	if _, ok, err := s.VectorStoreFile(t.Context(), "a", "vs_a", files[0].Document.ID); ok || err != nil {
		t.Errorf("a part of what did not fit is there: %v", err)
	}
	if _, ok, err := s.VectorStoreBatch(t.Context(), "a", "vs_a", "vsfb_1"); ok || err != nil {
		t.Errorf("the batch of what did not fit is there: %v", err)
	}
	for range 2 { // it fits; then it is changed
		if err := s.PutVectorStoreFiles(t.Context(), "a", files[:1]); err != nil {
			t.Error(err)
		}
	}
	wantFull(t, s.PutVectorStoreFiles(t.Context(), "a", files[1:]))
}

// Batches of a store are bounded by how many files they have named: the oldest go, with
// their rows, and those of another store stay.
func TestBatchesAreForgotten(t *testing.T) {
	t.Parallel()
	s, db := opened(t)
	insert(t, db, `INSERT INTO vector_stores (app, id, name, metadata, expires_after) SELECT 'a', 'vs_' || n, '', '', 0 FROM n`, 2)
	file := fairlead.VectorStoreFile{Document: add(t, s, 1)}
	put := func(store fairlead.VectorStoreID, n int) {
		t.Helper()
		file.Store, file.Batch = store, fmt.Sprint("vsfb_", n)
		if err := s.PutVectorStoreFiles(t.Context(), "a", []fairlead.VectorStoreFile{file}); err != nil {
			t.Fatal(err)
		}
	}
	has := func(store fairlead.VectorStoreID, n int) bool {
		t.Helper()
		b, ok, err := s.VectorStoreBatch(t.Context(), "a", store, fmt.Sprint("vsfb_", n))
		if err != nil || ok && b.ByStatus[fairlead.DocumentQueued] != 1 {
			t.Errorf("batch %d: %+v, %v", n, b, err)
		}
		return ok
	}
	put("vs_2", 0)
	for n := range 4 {
		put("vs_1", n)
	}
	// The last of the four has named all files that may be named, but for the others'.
	_, err := db.ExecContext(t.Context(), `UPDATE vector_store_batches SET files_so_far = ? WHERE id = 'vsfb_3'`, vectorstores.MostBatchFiles-1)
	if err != nil {
		t.Fatal(err)
	}
	put("vs_1", 4)
	if !has("vs_1", 0) {
		t.Error("a batch was forgotten too early")
	}
	put("vs_1", 5) // has the first forgotten
	put("vs_1", 2) // is new again, and has the second forgotten
	put("vs_1", 6)
	for n, want := range []bool{false, false, true, true, true, true, true} {
		if has("vs_1", n) != want {
			t.Errorf("batch %d: %v, want %v", n, !want, want)
		}
	}
	if !has("vs_2", 0) {
		t.Error("a batch of another store was forgotten")
	}
	if files, batches := count(t, db, "vector_store_batch_files"), count(t, db, "vector_store_batches"); files != 6 || batches != 6 {
		t.Errorf("there are rows of %d files in %d batches, want 6 in 6", files, batches)
	}
}
