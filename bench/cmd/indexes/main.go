// Command indexes measures full-text indexes beside one another: the service's own,
// SQLite's FTS5 (with all words of a query, and with its four rarest) and bleve, over the same chunks of real text and the same queries of
// twelve words, of which the best 50 chunks are wanted.
//
//	go run ./cmd/indexes -chunks 100000
//
// It prints a table as Markdown: how fast chunks are taken in, for each second of the
// processor's time and without the time that it takes to find their words; how much is on
// the disk; and how long a query takes, all chunks searched, and with those of one
// document and of ten alone. With -engines own it measures that one only, at any size,
// and how long it takes to open.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) //nolint:forbidigo // a program begins it
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "indexes:", err)
		os.Exit(1)
	}
}

// plan is what is measured.
type plan struct {
	chunks, perDocument int
	queries, words, k   int
	dir                 string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("indexes", flag.ContinueOnError)
	var p plan
	flags.IntVar(&p.chunks, "chunks", 100_000, "how many chunks are searched")
	flags.IntVar(&p.perDocument, "document", 100, "how many of them a document has")
	flags.IntVar(&p.queries, "queries", 300, "how many queries are timed")
	flags.IntVar(&p.words, "words", 12, "how many words a query has")
	flags.IntVar(&p.k, "k", 50, "how many chunks a query wants")
	flags.StringVar(&p.dir, "dir", "", "where indexes are made; a new directory by default")
	engines := flags.String("engines", "own,fts5,fts5-rarest,bleve", "what is measured, parted by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "indexes")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		p.dir = dir
	}
	return measureAll(ctx, p, strings.Split(*engines, ","), out)
}
