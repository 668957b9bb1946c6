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
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/plantest"
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

func TestNoStatementScans(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	statements := map[string]string{
		"selectDocument": selectDocument, "selectBySum": selectBySum, "selectRoom": selectRoom, "insertJob": insertJob,
		"deleteDocument": deleteDocument, "selectNumber": row.SelectNumber, "listOldest": listOldest, "listNewest": listNewest,
		"listPurposeOldest": listPurposeOldest, "listPurposeNewest": listPurposeNewest, "selectReady": selectReady,
		"selectByID": selectByID, "selectUnmatched": selectUnmatched, "countByStatus": countByStatus,
		"selectNextDue": selectNextDue, "claimJob": claimJob, "beginContent": beginContent,
		"selectClaimed": selectClaimed, "renewJob": renewJob, "releaseJob": releaseJob, "finishJob": finishJob,
		"noteProgress": noteProgress, "dropContent": dropContent, "finishDocument": finishDocument, "selectHeld": selectHeld,
		"updateLength": updateLength, "selectTextBytes": selectTextBytes, "selectPieces": selectPieces,
		"selectReadyContent": selectReadyContent, "selectOutlines": selectOutlines, "selectChunks": selectChunks,
		"selectChunksByNumber": selectChunksByNumber, "selectContent": selectContent,
		"upsertEmbedding": upsertEmbedding, "selectEmbeddings": selectEmbeddings,
		"selectEmbeddingsByNumber": selectEmbeddingsByNumber, "setPending": setPending,
		"next": sweep().Next, "forget": sweep().Forget,
	}
	for i, step := range sweep().Steps {
		statements[fmt.Sprint("step", i)] = step.Statement
	}
	if plan := plantest.Plan(t, s.file.Durable(), selectReady); !strings.Contains(strings.Join(plan, " "), "documents_ready") {
		t.Errorf("documents are looked at that are not ready: %v", plan)
	}
	plantest.Run(t, s.file.Durable(), statements, func(name, step string) bool {
		if strings.Contains(step, "TEMP B-TREE") { // they sort a few of each app
			return strings.Contains(statements[name], "json_each") || name == "selectNextDue" || name == "selectUnmatched"
		}
		return strings.Contains(step, "wanted") || strings.HasPrefix(step, "SCAN apps") || strings.HasPrefix(step, "SCAN firsts") ||
			strings.Contains(step, "CONSTANT ROW") || strings.HasPrefix(step, "SCAN (subquery") ||
			strings.Contains(step, "COVERING INDEX contents_dropped")
	})
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
			{Store: store, Document: fairlead.Document{ID: "file-1"}, Batch: "vsfb_1"},
			{Store: store, Document: fairlead.Document{ID: "file-2"}, Batch: "vsfb_2"},
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
		"vector_stores", "vector_store_files", "vector_store_batches", "vector_store_batch_files", "dropped_stores",
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
