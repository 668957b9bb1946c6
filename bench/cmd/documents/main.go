// Command documents measures the real program with documents: how fast they are taken
// in, how long searches take, what memory that needs, and what the calls of others feel
// of it. It prints tables as Markdown.
//
//	go run ./cmd/documents -fairlead ../bin/fairlead
//
// It starts the program with a new data directory and limits that refuse nothing, and
// a mock provider for the chats; it ends both, by their process ids, and removes the
// directory. Documents are made of real text (package papers); PDFs are those of the
// machine. Load and service share the processors, so the processor time of the service,
// its children included, stands beside the clock.
//
// The parts, in their order: settings and what is started (service.go), the calls
// (client.go), then a file for each part of the report.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead/bench/papers"
)

// wholeLimit bounds a run.
const wholeLimit = time.Hour

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // a program begins it
	ctx, cancel := context.WithTimeout(ctx, wholeLimit)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "documents:", err)
		os.Exit(1)
	}
}

// plan is what is measured.
type plan struct {
	fairlead, parts, pdfs string
	megabytes, chunks     int
	searches, bulk        int
	workers, uploads      int
	rate, rounds          int
	chat                  time.Duration
}

// bench is a run.
type bench struct {
	plan
	papers *papers.Papers
	client *client
	server *service
	out    io.Writer
	// made counts the documents, so that each is another.
	made int
	// ready are the ids of those that are searchable, and chunks how many they have.
	ready   []string
	hasMade int
}

func run(ctx context.Context, args []string, out io.Writer) error {
	p, err := parse(args)
	if err != nil {
		return err
	}
	text, err := papers.Read(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "documents")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return start(ctx, p, dir, func(server *service, client *client) error {
		b := &bench{plan: p, papers: text, client: client, server: server, out: out}
		fmt.Fprintf(out, "%d processors, %s, load at the start %s. Command: `cd bench && go run ./cmd/documents %s`.\n",
			runtime.NumCPU(), runtime.Version(), loadAverage(), strings.Join(args, " "))
		if err := b.all(ctx); err != nil {
			return fmt.Errorf("%w\nthe service's log ends with:\n%s", err, server.logEnd())
		}
		fmt.Fprintf(out, "\nLoad at the end %s.\n", loadAverage())
		return nil
	})
}

// all measures the parts that were chosen.
func (b *bench) all(ctx context.Context) error {
	if err := b.memory("started, with no documents"); err != nil {
		return err
	}
	if err := b.warmUp(ctx); err != nil {
		return err
	}
	parts := []struct {
		name    string
		measure func(context.Context) error
	}{
		{"ingest", b.ingest}, {"pdf", b.readPDFs}, {"search", b.search}, {"quotes", b.quotes}, {"busy", b.searchBusy}, {"chat", b.chats}, {"recovery", b.recover},
	}
	for _, part := range parts {
		if !strings.Contains(","+b.parts+",", ","+part.name+",") {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if err := b.memory("after " + part.name); err != nil {
			return err
		}
	}
	return nil
}

func parse(args []string) (plan, error) {
	var p plan
	f := flag.NewFlagSet("documents", flag.ContinueOnError)
	f.StringVar(&p.fairlead, "fairlead", "../bin/fairlead", "the fairlead `program` to measure (make build)")
	f.StringVar(&p.parts, "parts", "ingest,pdf,search,quotes,busy,chat,recovery", "what is measured, with commas between")
	f.StringVar(&p.pdfs, "pdfs", "/usr/share/doc/gnuplot/gnuplot.pdf,/usr/share/R/doc/manual/fullrefman.pdf", "the PDFs that are read, with commas between")
	f.IntVar(&p.megabytes, "mb", 24, "how many `megabytes` of each format are taken in")
	f.IntVar(&p.chunks, "chunks", 100_000, "how many chunks are searched")
	f.IntVar(&p.searches, "searches", 500, "how many searches each figure is of")
	f.IntVar(&p.bulk, "bulk", 100, "how many `megabytes` are taken in beside searches and chats")
	f.IntVar(&p.workers, "workers", 5, "documents that are read at the same time")
	f.IntVar(&p.uploads, "uploads", 8, "uploads at the same time")
	f.IntVar(&p.rate, "rate", 50, "chats a second")
	f.DurationVar(&p.chat, "chat", 10*time.Second, "how long each run of chats is")
	f.IntVar(&p.rounds, "rounds", 3, "how often each run of chats is made")
	if err := f.Parse(args); err != nil {
		return p, err
	}
	switch {
	case f.NArg() > 0:
		return p, fmt.Errorf("%q is no flag", f.Arg(0))
	case p.megabytes < 1 || p.chunks < 1 || p.searches < 1 || p.bulk < 1 || p.uploads < 1 || p.rate < 1 || p.rounds < 1:
		return p, errors.New("every number must be above 0")
	}
	return p, nil
}

// loadAverage is how busy the machine was in the last minute, 5 and 15.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
