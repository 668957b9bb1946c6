package docs

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
	"github.com/fairleadhq/fairlead/internal/documents"
	"github.com/fairleadhq/fairlead/internal/documents/search/indexer"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/worker"
	"github.com/fairleadhq/fairlead/internal/gateway"
)

// TestMain is the program of the children too.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[1] {
	case worker.Command:
		err = worker.Serve(context.Background(), os.Stdin, os.Stdout, worker.Pipeline{
			Choose: func(*extract.Source) (string, extract.Extractor, error) { return "text/plain", manyPages{}, nil },
			NewBuilder: func(_ *extract.Source, emit func(fairlead.DocumentContent) error) worker.Builder {
				return &builder{emit: emit}
			},
		})
	case indexer.Command:
		err = indexer.Serve(context.Background(), os.Stdin, os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// readPages is how many pages every document has here: more than a worker lets through
// that was told nothing.
const readPages = 10_500

type manyPages struct{}

func (manyPages) Extract(context.Context, *extract.Source, extract.Emit) (fairlead.About, error) {
	return fairlead.About{}, nil
}

// builder makes those pages, with a chunk on the first.
type builder struct {
	emit func(fairlead.DocumentContent) error
}

func (*builder) Add(extract.Block) error { return nil }

func (b *builder) Close(fairlead.About) (worker.Sum, error) {
	const text = "some words"
	part := fairlead.DocumentContent{Text: []byte(text), Chunks: []fairlead.Chunk{{End: int64(len(text)), Page: 1, LastPage: 1, Tokens: 2}}}
	for n := range readPages {
		part.Pages = append(part.Pages, fairlead.Page{Number: n + 1, Start: int64(len(text)), End: int64(len(text))})
	}
	return worker.Sum{Pages: readPages, Chunks: 1, TextBytes: int64(len(text))}, b.emit(part)
}

// TestReadAndEmbed: without a limit of pages there is none; and a document that is ready
// says from the first moment that its vectors are still to be made, which is begun.
func TestReadAndEmbed(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"", "embedder"} {
		asked := make(chan fairlead.AppID, 100)
		d, err := Open(t.Context(), Config{
			Dir: t.TempDir(), Program: program, Workers: 1, Logger: slog.New(slog.DiscardHandler),
			Documents: config.Documents{MaxUploads: 1, Embeddings: config.Embeddings{Model: model}},
			Gateway:   gateway.New(gateway.Config{}),
			App: func(id fairlead.AppID) (*fairlead.App, bool) {
				asked <- id
				return nil, false
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var group sync.WaitGroup
		group.Go(func() { _ = d.Run(ctx) })
		kept, _, err := d.library.Upload(ctx, &fairlead.App{ID: "a"}, documents.Upload{Name: "x.txt", Body: strings.NewReader("x")})
		if err != nil {
			t.Fatal(err)
		}
		kept, err = d.library.Wait(ctx, "a", kept.ID, time.Minute)
		if err != nil || kept.Status != fairlead.DocumentReady || kept.Pages != readPages || kept.EmbeddingPending != (model != "") {
			t.Errorf("with model %q: got %+v, %v", model, kept, err)
		}
		if model != "" {
			select {
			case app := <-asked:
				if app != "a" {
					t.Errorf("vectors are made for app %q", app)
				}
			case <-ctx.Done():
				t.Error("no vectors are made")
			}
		}
		cancel()
		group.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLimitsOfWorkers: what the configuration says is what they get.
func TestLimitsOfWorkers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pages, want int
		time        time.Duration
	}{
		{0, math.MaxInt, time.Second},
		{7, 7, time.Hour},
		{20_000, 20_000, math.MaxInt64},
	} {
		d := Documents{config: Config{Documents: config.Documents{
			MaxPages: test.pages, MaxText: 1 << 20, Worker: config.DocumentWorker{Memory: 1 << 30, Time: strictyaml.Duration(test.time)},
		}}}
		got := d.workers().Limits
		if got.Document.Pages != test.want || got.Document.Text != 1<<20 || got.Memory != 1<<30 {
			t.Errorf("for %d pages: got %+v", test.pages, got)
		}
		if got.CPU < min(test.time, time.Hour) || got.Wall < got.CPU {
			t.Errorf("for %v: got %v of the processor's, %v in all", test.time, got.CPU, got.Wall)
		}
	}
}
