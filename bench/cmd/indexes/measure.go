package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead/bench/corpus"
)

// engine is an index that is measured.
type engine interface {
	open(ctx context.Context, dir string) error
	// prepare returns what adds a document, whose chunks are numbered from first.
	prepare(ctx context.Context, group, first int, texts []string) func() error
	// search returns how many chunks it found, of the groups if there are any.
	search(ctx context.Context, query string, k int, groups []int) (int, error)
	// close returns when all is merged, as far as it will be, and on the disk.
	close(ctx context.Context) error
}

func measureAll(ctx context.Context, p plan, engines []string, out io.Writer) error {
	text, err := corpus.Read(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d chunks of %d bytes, queries of %d words for the best %d\n\n", p.chunks, corpus.ChunkBytes, p.words, p.k)
	fmt.Fprintln(out, "| engine | taken in, MB/cpu-s | disk, MB | open, ms | query p50/p99, ms | cpu p50/p99, ms | one document p50/p99 | ten documents p50/p99 | RSS, MB |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	known := map[string]engine{"own": &own{}, "fts5": &fts5{}, "fts5-rarest": &fts5{rarest: 4}, "bleve": &bleveIndex{}}
	for _, name := range engines {
		e, ok := known[name]
		if !ok {
			return fmt.Errorf("no engine %q", name)
		}
		row, err := measure(ctx, p, e, filepath.Join(p.dir, name), text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "| %s | %s |\n", name, strings.Join(row, " | "))
	}
	return nil
}

// measure returns a row of the table.
func measure(ctx context.Context, p plan, e engine, dir string, text *corpus.Text) ([]string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	if err := e.open(ctx, dir); err != nil {
		return nil, err
	}
	rate, err := ingest(ctx, p, e, text)
	if err != nil {
		return nil, err
	}
	bytes, err := diskBytes(dir)
	if err != nil {
		return nil, err
	}
	before := time.Now()
	if err := e.open(ctx, dir); err != nil {
		return nil, err
	}
	opened := time.Since(before)
	row := []string{fmt.Sprintf("%.1f", rate), fmt.Sprintf("%.0f", float64(bytes)/1e6), millis(opened)}
	for _, documents := range []int{0, 1, 10} {
		times, processor, err := ask(ctx, p, e, text, documents)
		if err != nil {
			return nil, err
		}
		row = append(row, quantiles(times))
		if documents == 0 {
			row = append(row, quantiles(processor))
		}
	}
	row = append(row, resident())
	return row, e.close(ctx)
}

// ingest adds all chunks, and closes the index. It returns how many MB a second of the processor's takes in.
func ingest(ctx context.Context, p plan, e engine, text *corpus.Text) (float64, error) {
	var spent time.Duration
	bytes := 0
	var texts []string
	for n := range p.chunks {
		texts = append(texts, text.Chunk(n))
		bytes += len(texts[len(texts)-1])
		if len(texts) < p.perDocument && n+1 < p.chunks {
			continue
		}
		add := e.prepare(ctx, n/p.perDocument+1, n+1-len(texts), texts)
		before := processorTime()
		if err := add(); err != nil {
			return 0, err
		}
		spent += processorTime() - before
		texts = nil
	}
	before := processorTime()
	if err := e.close(ctx); err != nil {
		return 0, err
	}
	spent += processorTime() - before
	return float64(bytes) / 1e6 / spent.Seconds(), nil
}

// ask asks all queries, of so many documents if that is not 0. It returns how long each
// took, and how much of the processor's time.
func ask(ctx context.Context, p plan, e engine, text *corpus.Text, documents int) (times, processor []time.Duration, err error) {
	const warm = 30
	for n := range p.queries + warm {
		var groups []int
		for i := range documents {
			groups = append(groups, (n*7919+i*104729)%(p.chunks/p.perDocument)+1)
		}
		query := text.Query(n, p.words)
		before, spent := time.Now(), processorTime()
		found, err := e.search(ctx, query, p.k, groups)
		if err != nil {
			return nil, nil, err
		}
		if n >= warm {
			times, processor = append(times, time.Since(before)), append(processor, processorTime()-spent)
		}
		if found == 0 && documents == 0 {
			return nil, nil, fmt.Errorf("nothing found for %q", query)
		}
	}
	return times, processor, nil
}

func quantiles(d []time.Duration) string {
	slices.Sort(d)
	return millis(d[len(d)/2]) + "/" + millis(d[len(d)*99/100])
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e6) }

// processorTime is how much of the processor's time this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is how much of the machine's memory this process has, in MB, as all and without
// the files that are mapped.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "-"
	}
	field := func(name string) (kilobytes int) {
		_, rest, _ := strings.Cut(string(status), "\n"+name+":")
		_, _ = fmt.Sscan(rest, &kilobytes)
		return kilobytes
	}
	return fmt.Sprintf("%d (%d without files)", field("VmRSS")/1000, field("RssAnon")/1000)
}
