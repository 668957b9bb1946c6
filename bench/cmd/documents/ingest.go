package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/bench/papers"
	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

const (
	// waitSeconds is how long an upload waits for its document; then it is asked for.
	waitSeconds = 250
	// askEvery is how often the state of a document is asked for.
	askEvery = 20 * time.Millisecond
)

// file is one to upload.
type file struct {
	name string
	data []byte
}

// files makes files of 2 to 5 MB in the formats in turn, about so many bytes in all.
func (b *bench) files(total int, formats ...papers.Format) (all []file) {
	const least, spread = 2_000_000, 3_000_001
	for i := 0; total > 0; i++ {
		format := formats[i%len(formats)]
		b.made++
		size := min(least+b.made*1_234_577%spread, max(total, least))
		data := b.papers.Document(b.made, format, size)
		total -= len(data)
		all = append(all, file{fmt.Sprintf("paper-%d.%s", b.made, format), data})
	}
	return all
}

// take uploads files, several at the same time, and waits until each is ready. It
// returns how many bytes and chunks they have.
func (b *bench) take(ctx context.Context, files []file) (bytes int64, chunks int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan file)
	go func() {
		defer close(next)
		for _, f := range files {
			select {
			case next <- f:
			case <-ctx.Done():
				return
			}
		}
	}()
	var mu sync.Mutex
	var group sync.WaitGroup
	for range b.uploads {
		group.Go(func() {
			for f := range next {
				d, failed := b.takeOne(ctx, f)
				mu.Lock()
				if failed != nil {
					err = errors.Join(err, failed)
					cancel()
				} else {
					bytes, chunks = bytes+int64(len(f.data)), chunks+d.Chunks
					b.ready = append(b.ready, d.ID)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	b.hasMade += chunks
	return bytes, chunks, err
}

func (b *bench) takeOne(ctx context.Context, f file) (*document, error) {
	d, err := b.client.upload(ctx, f.name, f.data, waitSeconds)
	for err == nil && !d.settled() {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(askEvery):
		}
		d, err = b.client.read(ctx, d.ID)
	}
	if err == nil && d.Status != "ready" {
		err = fmt.Errorf("%s ended as %s %s", f.name, d.Status, d.Code)
	}
	return d, err
}

// warmUp has a PDF read, after which the compiled reader of PDFs is on the disk: a new
// service makes it once.
func (b *bench) warmUp(ctx context.Context) error {
	_, _, err := b.take(ctx, []file{{"first.pdf", pdftest.Report(1)}})
	return err
}

// ingest measures how fast text is taken in, from the first byte of the first upload
// until the last document is searchable.
func (b *bench) ingest(ctx context.Context) error {
	fmt.Fprintf(b.out, "\n| taken in | files | MB | chunks | s | MB/s | cpu-s, service | cpu-s, children | MB for each cpu-s |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, format := range []papers.Format{papers.Text, papers.Markdown, papers.HTML} {
		if err := b.timed(ctx, string(format), b.files(b.megabytes*1e6, format)); err != nil {
			return err
		}
	}
	return nil
}

// timed takes files in and prints a row of the table.
func (b *bench) timed(ctx context.Context, name string, files []file) error {
	before, err := b.server.processor()
	if err != nil {
		return err
	}
	begin := time.Now()
	bytes, chunks, err := b.take(ctx, files)
	if err != nil {
		return err
	}
	took := time.Since(begin).Seconds()
	after, err := b.server.processor()
	if err != nil {
		return err
	}
	used, mb := after.minus(before), float64(bytes)/1e6
	fmt.Fprintf(b.out, "| %s | %d | %.1f | %d | %.1f | %.2f | %.1f | %.1f | %.2f |\n",
		name, len(files), mb, chunks, took, mb/took, used.own.Seconds(), used.children.Seconds(), mb/used.sum().Seconds())
	return nil
}

// readPDFs measures how fast PDFs are read, one at a time, and how long after its last
// page each is found.
func (b *bench) readPDFs(ctx context.Context) error {
	fmt.Fprintf(b.out, "\n| PDF | MB | pages | chunks | s | pages/s | pages for each cpu-s | of the children's alone | last page to first hit, s |\n|---|---|---|---|---|---|---|---|---|\n")
	for name := range strings.SplitSeq(b.pdfs, ",") {
		data, err := os.ReadFile(name) //nolint:gosec // G304: whoever runs it names it
		if err != nil {
			fmt.Fprintf(b.out, "| %s | not here |\n", filepath.Base(name))
			continue
		}
		if err := b.readPDF(ctx, filepath.Base(name), data); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) readPDF(ctx context.Context, name string, data []byte) error {
	before, err := b.server.processor()
	if err != nil {
		return err
	}
	begin := time.Now()
	d, err := b.client.upload(ctx, name, data, 0)
	if err != nil {
		return err
	}
	var lastPage time.Time
	for {
		if d, err = b.client.read(ctx, d.ID); err != nil {
			return err
		}
		if lastPage.IsZero() && d.Status != "queued" && (d.Status != "extracting" || d.Pages > 0 && d.Done == d.Pages) {
			lastPage = time.Now()
		}
		if d.settled() {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
	}
	ready := time.Now()
	if d.Status != "ready" {
		return fmt.Errorf("%s ended as %s %s", name, d.Status, d.Code)
	}
	hits, err := b.client.find(ctx, "the value of a function", []string{d.ID})
	if err != nil || len(hits) == 0 {
		return errors.Join(err, fmt.Errorf("%d hits in %s", len(hits), name))
	}
	found := time.Now()
	after, err := b.server.processor()
	if err != nil {
		return err
	}
	used, took, pages := after.minus(before), ready.Sub(begin).Seconds(), float64(d.Pages)
	fmt.Fprintf(b.out, "| %s | %.1f | %d | %d | %.1f | %.0f | %.0f | %.0f | %.2f |\n", name, float64(len(data))/1e6, d.Pages, d.Chunks, took, pages/took,
		pages/used.sum().Seconds(), pages/used.children.Seconds(), found.Sub(lastPage).Seconds())
	b.hasMade += d.Chunks
	return nil
}
