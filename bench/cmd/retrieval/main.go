// Command retrieval tells how well passages are found in a collection whose answers are
// known, and how fast, beside plain BM25. It prints a table as Markdown.
//
//	go run ./cmd/retrieval -corpus DIR -queries DIR/queries.jsonl -qrels DIR/qrels/test.tsv
//
// It takes collections as BEIR, TREC and SMART (Cranfield) have them. One can be made of
// the manual pages of the machine, in a language that it has them in:
//
//	go run ./cmd/retrieval -make /usr/share/man/de -corpus DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fairleadhq/fairlead/bench/retrieval"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil { //nolint:forbidigo // a program begins it
		fmt.Fprintln(os.Stderr, "retrieval:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("retrieval", flag.ContinueOnError)
	var files retrieval.Files
	flags.StringVar(&files.Corpus, "corpus", "", "the documents: a folder with corpus.jsonl, or a file")
	flags.StringVar(&files.Queries, "queries", "", "the questions; left out, queries.jsonl beside the documents")
	flags.StringVar(&files.Judgements, "qrels", "", "the judgements; left out, qrels/test.tsv beside the documents")
	pages := flags.String("make", "", "make a collection of the manual pages in this folder, and write it to -corpus")
	synonyms := flags.Bool("synonyms", false, "look for synonyms of finance too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if files.Corpus == "" {
		flags.Usage()
		return errors.New("no -corpus")
	}
	if *pages != "" {
		if err := makeCollection(*pages, files.Corpus); err != nil {
			return err
		}
	}
	if files.Queries == "" {
		files.Queries = filepath.Join(files.Corpus, "queries.jsonl")
	}
	if files.Judgements == "" {
		files.Judgements = filepath.Join(files.Corpus, "qrels", "test.tsv")
	}
	use := shelf.NoSynonyms
	if *synonyms {
		use = shelf.FinanceSynonyms
	}
	return measure(ctx, files, use, out)
}

func makeCollection(pages, dir string) error {
	made, err := retrieval.Make(pages)
	if err != nil {
		return err
	}
	return made.Write(dir)
}

func measure(ctx context.Context, files retrieval.Files, synonyms shelf.Synonyms, out io.Writer) error {
	c, err := retrieval.Read(files)
	if err != nil {
		return err
	}
	own, err := retrieval.NewShelf(synonyms)
	if err != nil {
		return err
	}
	defer own.Close()
	ours, err := retrieval.Measure(ctx, own, c)
	if err != nil {
		return err
	}
	plain, err := retrieval.Measure(ctx, &retrieval.Plain{}, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d documents, %.1f MB\n\n", len(c.Documents), float64(ours.Bytes)/1e6)
	retrieval.Report(out, []string{"fairlead", "plain BM25"}, []retrieval.Figures{ours, plain})
	return nil
}
