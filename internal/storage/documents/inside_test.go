package documents

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

func openInside(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), FileName), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// No statement looks at rows that it does not need: what an app waits for must not grow
// with what others have.
func TestNoStatementScans(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	statements := map[string]string{
		"selectDocument": selectDocument, "selectBySum": selectBySum, "selectRoom": selectRoom, "insertJob": insertJob,
		"deleteDocument": deleteDocument, "selectNumber": selectNumber, "listOldest": listOldest, "listNewest": listNewest,
		"listPurposeOldest": listPurposeOldest, "listPurposeNewest": listPurposeNewest, "selectReady": selectReady,
		"selectByID": selectByID, "selectUnmatched": selectUnmatched, "countByStatus": countByStatus, "countFiles": countFiles,
		"countBatch": countBatch, "selectNextDue": selectNextDue, "claimJob": claimJob, "beginContent": beginContent,
		"selectClaimed": selectClaimed, "renewJob": renewJob, "releaseJob": releaseJob, "finishJob": finishJob,
		"noteProgress": noteProgress, "dropContent": dropContent, "finishDocument": finishDocument, "selectHeld": selectHeld,
		"updateLength": updateLength, "selectTextBytes": selectTextBytes, "selectPieces": selectPieces,
		"selectReadyContent": selectReadyContent, "selectOutlines": selectOutlines, "selectChunks": selectChunks,
		"selectLastSeq": selectLastSeq, "selectChunksByNumber": selectChunksByNumber, "selectContent": selectContent,
		"upsertEmbedding": upsertEmbedding, "selectEmbeddings": selectEmbeddings,
		"selectEmbeddingsByNumber": selectEmbeddingsByNumber, "setPending": setPending, "selectStore": selectStore,
		"selectStoreNumber": selectStoreNumber, "selectStoreRoom": selectStoreRoom, "countStored": countStored, "listStoresOldest": listStoresOldest, "listStoresNewest": listStoresNewest,
		"deleteStore": deleteStore, "selectFile": selectFile, "selectFileNumber": selectFileNumber, "deleteFile": deleteFile,
		"listFilesOldest": listFiles + behind + oldestFirst, "listFilesNewest": listFiles + before + newestFirst,
		"listBatch": listFiles + behind + ofBatch + oldestFirst, "selectDropped": selectDropped, "forgetContent": forgetContent,
		"selectDroppedStore": selectDroppedStore, "forgetStore": forgetStore, "sweepFiles": sweepFiles,
	}
	for i, step := range steps() {
		statements[fmt.Sprint("step", i)] = step.statement
	}
	for name, statement := range statements {
		var plan []string
		err := litefile.Query(t.Context(), s.file.Durable(), func(rows *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			plan = append(plan, detail)
			return err
		}, "EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "selectReady" && !strings.Contains(strings.Join(plan, " "), "documents_ready") {
			t.Errorf("%s looks at documents that are not ready: %v", name, plan)
		}
		for _, step := range plan {
			sorts := strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && !strings.Contains(statement, "json_each") &&
				name != "selectNextDue" && name != "selectUnmatched" // they sort a few of each app
			small := strings.Contains(step, "wanted") || strings.HasPrefix(step, "SCAN apps") || strings.HasPrefix(step, "SCAN firsts") ||
				strings.Contains(step, "CONSTANT ROW") || strings.HasPrefix(step, "SCAN (subquery") || strings.Contains(step, "SCAN dropped_stores") ||
				strings.Contains(step, "COVERING INDEX contents_dropped")
			if sorts || strings.HasPrefix(step, "SCAN") && !small {
				t.Errorf("%s: %s\n%s", name, step, strings.Join(plan, "\n"))
			}
		}
	}
}

// Durability can't be tested without pulling a plug; that the connections ask for it can.
func TestConnectionSettings(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	for db, synchronous := range map[*sql.DB]string{s.file.Durable(): "2", s.file.Relaxed(): "1"} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": synchronous, "busy_timeout": "5000", "page_size": "8192", "cache_size": "-4096",
		} {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s: got %s, want %s", pragma, got, want)
			}
		}
	}
}

func ingest(tb testing.TB, s *Store, id fairlead.DocumentID, part fairlead.DocumentContent) {
	tb.Helper()
	d := fairlead.Document{ID: id, App: "a", SHA256: [32]byte([]byte(fmt.Sprintf("%32s", id))), Created: time.Now()}
	_, _, err := s.AddDocument(tb.Context(), d, fairlead.DocumentRoom{})
	if err != nil {
		tb.Fatal(err)
	}
	job, err := s.ClaimJob(tb.Context(), "test", time.Minute)
	if err != nil || job == nil {
		tb.Fatal(job, err)
	}
	if err := s.AddContent(tb.Context(), job, part); err != nil {
		tb.Fatal(err)
	}
	job.Document.Status, job.Document.TextBytes = fairlead.DocumentReady, int64(len(part.Text))
	if err := s.FinishJob(tb.Context(), job); err != nil {
		tb.Fatal(err)
	}
}

// long is a part of that many bytes, with a chunk for each 2,000.
func long(size int) fairlead.DocumentContent {
	part := fairlead.DocumentContent{Text: bytes.Repeat([]byte("0123456789 abcdefgh\n"), size/20)}
	for start := 0; start < len(part.Text); start += 2000 {
		part.Chunks = append(part.Chunks, fairlead.Chunk{
			Seq: len(part.Chunks), Start: int64(start), End: int64(min(start+2000, len(part.Text))), Page: 1, LastPage: 1,
			Section: "A heading > Another one", Tokens: 450,
		})
	}
	part.Pages = []fairlead.Page{{Number: 1, End: int64(len(part.Text))}}
	return part
}

// What was deleted leaves no row.
func TestSweepLeavesNothing(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	ingest(t, s, "file-1", long(3<<20))
	chunks, err := s.Chunks(t.Context(), "a", "file-1", 0, 600)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []fairlead.Embedding
	for _, c := range chunks {
		vectors = append(vectors, fairlead.Embedding{Chunk: c.Number, Vector: []float32{1, 2}})
	}
	if err := s.PutEmbeddings(t.Context(), "a", "file-1", "m", vectors); err != nil {
		t.Fatal(err)
	}
	ingest(t, s, "file-2", long(3<<20))
	for _, store := range []fairlead.VectorStoreID{"vs_1", "vs_2"} {
		if err := s.PutVectorStore(t.Context(), fairlead.VectorStore{ID: store, App: "a"}); err != nil {
			t.Fatal(err)
		}
		err := s.PutVectorStoreFiles(t.Context(), "a", []fairlead.VectorStoreFile{
			{Store: store, Document: fairlead.Document{ID: "file-1"}}, {Store: store, Document: fairlead.Document{ID: "file-2"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 2; n++ {
		_, err1 := s.DeleteVectorStore(t.Context(), "a", fairlead.VectorStoreID(fmt.Sprint("vs_", n)))
		_, _, err2 := s.DeleteDocument(t.Context(), "a", fairlead.DocumentID(fmt.Sprint("file-", n)))
		if err := errors.Join(err1, err2, s.Sweep(t.Context())); err != nil {
			t.Fatal(err)
		}
		var files int
		err := s.file.Durable().QueryRowContext(t.Context(), `SELECT count(*) FROM vector_store_files`).Scan(&files)
		if want := 2 - n; err != nil || files != want {
			t.Errorf("%d files are in stores, %v, want %d", files, err, want)
		}
	}
	for _, table := range []string{
		"documents", "document_totals", "document_jobs", "contents", "pieces", "outlines", "chunks", "embeddings",
		"vector_stores", "vector_store_files", "dropped_stores",
	} {
		var rows int
		if err := s.file.Durable().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows != 0 {
			t.Errorf("%s has %d rows", table, rows)
		}
	}
}

// A database that may not grow answers as one on a full disk, and goes on when it may.
func TestFull(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	ingest(t, s, "file-1", long(100_000))
	s.file.Durable().SetMaxOpenConns(1)
	limit := func(pages int) {
		t.Helper()
		for _, db := range []*sql.DB{s.file.Durable(), s.file.Relaxed()} {
			var got int
			if err := db.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&got); err != nil {
				t.Fatal(err)
			}
		}
	}
	limit(1)
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		d := fairlead.Document{ID: fairlead.DocumentID(fmt.Sprint("file-more", n)), App: "a", SHA256: [32]byte{byte(n), byte(n >> 8), 1}}
		_, _, err = s.AddDocument(t.Context(), d, fairlead.DocumentRoom{})
	}
	wantFull := func(err error) {
		t.Helper()
		if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Busy || e.Code != "storage_full" || e.RetryAfter <= 0 || e.Message == "" {
			t.Errorf("got %+v, want storage_full", e)
		}
	}
	wantFull(err)
	limit(1 << 30)
	job, err := s.ClaimJob(t.Context(), "test", time.Minute)
	if err != nil || job == nil {
		t.Fatal(job, err)
	}
	limit(1)
	wantFull(s.AddContent(t.Context(), job, long(200_000)))
	if text, ok, err := s.Text(t.Context(), "a", "file-1", fairlead.TextSpan{End: 10}); string(text) != "0123456789" || !ok || err != nil {
		t.Errorf("reading: %q, %v, %v", text, ok, err)
	}
	limit(1 << 30)
	if err := s.AddContent(t.Context(), job, long(200_000)); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

// rows inserts n rows at once: statement selects from n.
func (s *Store) rows(t *testing.T, statement string, n int) {
	t.Helper()
	err := s.file.Relax(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) `+statement, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Limited || e.Code != "vector_stores_full" || !e.NoRetry {
		t.Errorf("got %v, want vector_stores_full", err)
	}
}

// An app may have so many vector stores; those that are there can be changed all the
// same, and another app has room of its own.
func TestVectorStoresFull(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	put := func(app fairlead.AppID, id fairlead.VectorStoreID) error {
		return s.PutVectorStore(t.Context(), fairlead.VectorStore{App: app, ID: id, Created: time.Now()})
	}
	s.rows(t, `INSERT INTO vector_stores (app, id, name, metadata, expires_after) SELECT 'a', 'vs_' || n, '', '', 0 FROM n`, mostStores-1)
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
func TestVectorStoreFilesFull(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	if err := s.PutVectorStore(t.Context(), fairlead.VectorStore{App: "a", ID: "vs_a", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	// The numbers of the documents below are none of those that the store has.
	s.rows(t, `INSERT INTO sqlite_sequence (name, seq) SELECT 'documents', 100000 FROM n`, 1)
	s.rows(t, `INSERT INTO vector_store_files (store, document, attributes, batch)
		SELECT number, n, '', '' FROM n CROSS JOIN vector_stores`, mostFiles-1)
	var files []fairlead.VectorStoreFile
	for n, id := range []fairlead.DocumentID{"file-x", "file-y"} {
		d := fairlead.Document{ID: id, App: "a", SHA256: [32]byte{byte(n)}, Created: time.Now()}
		if _, _, err := s.AddDocument(t.Context(), d, fairlead.DocumentRoom{}); err != nil {
			t.Fatal(err)
		}
		files = append(files, fairlead.VectorStoreFile{Store: "vs_a", Document: d, Added: time.Now()})
	}
	wantFull(t, s.PutVectorStoreFiles(t.Context(), "a", files))
	if _, ok, err := s.VectorStoreFile(t.Context(), "a", "vs_a", "file-x"); ok || err != nil {
		t.Errorf("a part of what did not fit is there: %v", err)
	}
	for range 2 { // it fits; then it is changed
		if err := s.PutVectorStoreFiles(t.Context(), "a", files[:1]); err != nil {
			t.Error(err)
		}
	}
	wantFull(t, s.PutVectorStoreFiles(t.Context(), "a", files[1:]))
}
