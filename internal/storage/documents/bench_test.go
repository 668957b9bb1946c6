package documents

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

func openBench(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), FileName), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkAddContent stores parts of 1 MiB with a chunk for each 2,000 bytes.
func BenchmarkAddContent(b *testing.B) {
	s := openBench(b)
	_, _, err := s.AddDocument(b.Context(), fairlead.Document{ID: "file-1", App: "a"}, fairlead.DocumentRoom{})
	if err != nil {
		b.Fatal(err)
	}
	job, err := s.ClaimJob(b.Context(), "test", time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	part := long(1 << 20)
	b.SetBytes(int64(len(part.Text)))
	for b.Loop() {
		if err := s.AddContent(b.Context(), job, part); err != nil {
			b.Fatal(err)
		}
		length := int64(len(part.Text))
		part.Offset += length
		for i := range part.Chunks {
			part.Chunks[i].Seq += len(part.Chunks)
			part.Chunks[i].Start += length
			part.Chunks[i].End += length
		}
	}
}

// BenchmarkChunksByNumber reads 50 chunks of anywhere in 40 documents of 1 MiB.
func BenchmarkChunksByNumber(b *testing.B) {
	s := openBench(b)
	for n := range 40 {
		ingest(b, s, fairlead.DocumentID(fmt.Sprint("file-", n)), long(1<<20))
	}
	random := rand.New(rand.NewPCG(1, 2))
	numbers := make([]int64, 50)
	for b.Loop() {
		for i := range numbers {
			numbers[i] = 1 + random.Int64N(40*524)
		}
		if _, err := s.ChunksByNumber(b.Context(), "a", numbers); err != nil {
			b.Fatal(err)
		}
	}
}

// fillDocuments stores that many documents that are ready, the quick way.
func fillDocuments(b *testing.B, s *Store, many int) {
	b.Helper()
	err := s.file.Relax(b.Context(), func(tx *sql.Tx) error {
		for n := range many {
			d := fairlead.Document{
				ID: fairlead.DocumentID("file-" + strconv.Itoa(n)), App: "a", Name: "report.pdf", Bytes: 100,
				SHA256: [32]byte([]byte(fmt.Sprintf("%32d", n))), Metadata: map[string]any{"year": 2018.0, "kind": "10-K"},
			}
			if err := insert(b.Context(), tx, d); err != nil {
				return err
			}
		}
		_, err := litefile.Affected(tx.ExecContext(b.Context(), `UPDATE documents SET status = 'ready'`))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkReadyDocuments reads a page of 1,000 of 100,000 documents.
func BenchmarkReadyDocuments(b *testing.B) {
	s := openBench(b)
	fillDocuments(b, s, 100_000)
	after := int64(0)
	for b.Loop() {
		page, err := s.ReadyDocuments(b.Context(), "a", after, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if after = 0; len(page) > 0 {
			after = page[len(page)-1].Number
		}
	}
}

// BenchmarkAddDocument is what an upload waits for, beside its file.
func BenchmarkAddDocument(b *testing.B) {
	s := openBench(b)
	for n := 0; b.Loop(); n++ {
		d := fairlead.Document{
			ID: fairlead.DocumentID("file-" + strconv.Itoa(n)), App: "a", SHA256: [32]byte([]byte(fmt.Sprintf("%32d", n))),
		}
		if _, _, err := s.AddDocument(b.Context(), d, fairlead.DocumentRoom{Documents: 1 << 30}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClaim claims and releases a job among 10,000 of 20 apps.
func BenchmarkClaim(b *testing.B) {
	s := openBench(b)
	err := s.file.Relax(b.Context(), func(tx *sql.Tx) error {
		for n := range 10_000 {
			d := fairlead.Document{
				ID: fairlead.DocumentID("file-" + strconv.Itoa(n)), App: fairlead.AppID(strconv.Itoa(n % 20)),
				SHA256: [32]byte([]byte(fmt.Sprintf("%32d", n))),
			}
			if err := insert(b.Context(), tx, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		job, err := s.ClaimJob(b.Context(), "test", time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.ReleaseJob(b.Context(), job, fairlead.JobRelease{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAddDocumentWhileSweeping tells how long the longest add takes while 200 MiB are
// swept.
func BenchmarkAddDocumentWhileSweeping(b *testing.B) {
	s := openBench(b)
	for n := range 4 {
		id := fairlead.DocumentID(fmt.Sprint("file-long", n))
		ingest(b, s, id, long(50<<20))
		if _, _, err := s.DeleteDocument(b.Context(), "a", id); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	swept := make(chan error, 1)
	go func() { swept <- s.Sweep(ctx) }()
	var longest time.Duration
	for n := 0; b.Loop(); n++ {
		began := time.Now()
		d := fairlead.Document{
			ID: fairlead.DocumentID("file-" + strconv.Itoa(n)), App: "a", SHA256: [32]byte([]byte(fmt.Sprintf("%32d", n))),
		}
		if _, _, err := s.AddDocument(b.Context(), d, fairlead.DocumentRoom{}); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(began))
	}
	b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
	cancel()
	if err := <-swept; err != nil && ctx.Err() == nil {
		b.Fatal(err)
	}
}
