// Package docs builds what the service does with documents: the store and the files, who
// reads them, the search, the analyses, and the faces over all that. It is a part of
// package server, which alone uses it.
//
// Start with Open.
package docs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	documentsface "github.com/fairleadhq/fairlead/internal/api/documents"
	"github.com/fairleadhq/fairlead/internal/api/documents/report"
	"github.com/fairleadhq/fairlead/internal/api/files"
	"github.com/fairleadhq/fairlead/internal/api/filesearch"
	"github.com/fairleadhq/fairlead/internal/api/upload"
	"github.com/fairleadhq/fairlead/internal/blob/disk"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/documents"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
	"github.com/fairleadhq/fairlead/internal/documents/ingest"
	"github.com/fairleadhq/fairlead/internal/documents/search"
	"github.com/fairleadhq/fairlead/internal/documents/search/indexer"
	"github.com/fairleadhq/fairlead/internal/documents/search/meaning"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/worker"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/places"
	store "github.com/fairleadhq/fairlead/internal/storage/documents"
	"github.com/fairleadhq/fairlead/internal/tokens/tiktoken"
)

// The folders of the data directory that are this package's.
const (
	filesDir = "files"
	indexDir = "index"
	cacheDir = "cache"
	spoolDir = "spool"

	dirMode  = 0o700
	fileMode = 0o600
)

// Config is what the documents are built of.
type Config struct {
	Dir       string // the service's data
	Documents config.Documents
	Workers   int
	Timeouts  config.Timeouts
	// Program is the one whose commands read and index documents; "" is this one.
	Program string
	Gate    fairlead.Gate
	Gateway *gateway.Gateway
	// App returns the app of that name, if there is one.
	App    func(id fairlead.AppID) (*fairlead.App, bool)
	Logger *slog.Logger
}

// Documents is what the service does with documents.
type Documents struct {
	config   Config
	lock     *os.File // on the directory
	store    *store.Store
	blobs    *disk.Store
	ingester *ingest.Ingester
	indexer  *indexer.Indexer // nil where there is no child to be had
	searcher *search.Searcher
	library  *documents.Library
	analyzer *analyze.Analyzer
	docks    *upload.Docks
}

// Open opens the documents of a data directory. It blocks on storage; nothing runs before
// Run. The gateway is named by Serve, as it is built later.
func Open(ctx context.Context, c Config) (_ *Documents, err error) {
	d := &Documents{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	for _, dir := range []string{indexDir, cacheDir, spoolDir} {
		if err := os.MkdirAll(filepath.Join(c.Dir, dir), dirMode); err != nil {
			return nil, fmt.Errorf("make the folders of documents: %w", err)
		}
	}
	if d.lock, err = lock(c.Dir); err != nil {
		return nil, err
	}
	if d.store, err = store.Open(ctx, filepath.Join(c.Dir, store.FileName), store.Options{Alone: true}); err != nil {
		return nil, err
	}
	if d.blobs, err = disk.Open(filepath.Join(c.Dir, filesDir), disk.Options{}); err != nil {
		return nil, err
	}
	d.build()
	return d, nil
}

// build makes the parts from the inside out.
func (d *Documents) build() {
	c := &d.config
	var maker shelf.Maker // nil has the service make segments itself
	if c.Program != "" || indexer.Supported() {
		d.indexer = indexer.New(indexer.Config{Command: d.command(indexer.Command)})
		maker = d.indexer
	}
	d.searcher = search.New(search.Config{
		Dir: filepath.Join(c.Dir, indexDir), Selector: d.store, Chunks: d.store, Stores: d.store, Files: d.store,
		Gate: c.Gate, Logger: c.Logger, Maker: maker, Synonyms: shelf.FinanceSynonyms,
		Model: c.Gateway.Inner(), Errand: d.errand, Embeddings: d.store,
		Embed:   meaning.Embed(c.Documents.Embeddings),
		Rewrite: c.Documents.Rewrite.Model,
		Rerank:  search.Rerank{Model: c.Documents.Rerank.Model, Kind: c.Documents.Rerank.By, Candidates: c.Documents.Rerank.Candidates},
	})
	d.ingester = ingest.New(ingest.Config{
		Jobs: d.store, Documents: d.store, Contents: d.store, Blobs: d.blobs, Reader: worker.New(d.workers()), Index: d.searcher,
		Selector: d.store, Counts: d.store, Sweeper: d.store,
		EmbeddingPending: c.Documents.Embeddings.Model != "",
		Workers:          c.Workers, Logger: c.Logger,
	})
	d.library = documents.New(documents.Config{
		Store: d.store, Text: d.store, Blobs: d.blobs, Ingester: d.ingester, Index: d.searcher,
		MaxFile: int64(c.Documents.MaxFile), Logger: c.Logger,
		Room: func(*fairlead.App) fairlead.DocumentRoom {
			return fairlead.DocumentRoom{Documents: c.Documents.MaxDocumentsPerApp, Bytes: int64(c.Documents.MaxBytesPerApp)}
		},
	})
	limits := c.Documents.Analysis
	d.analyzer = analyze.New(analyze.Config{
		Text: d.store, Chunks: d.store, Documents: d.ingester, Model: c.Gateway.Inner(), Resolve: d.resolve, Gate: c.Gate,
		Tokens: new(tiktoken.Counter),
		Limits: analyze.Limits{Calls: limits.MaxCalls, Parallel: limits.Parallel, InputTokens: limits.WindowTokens},
	})
	d.docks = upload.NewDocks(places.New(c.Documents.MaxUploads, nil), (c.Documents.MaxUploads+1)/2) //nolint:mnd // half of them
}

// longestTime is the longest that a document can be read. More can't be reckoned with.
const longestTime = math.MaxInt64 / 4

// workers is how documents are read.
func (d *Documents) workers() worker.Config {
	c := &d.config.Documents
	pages := c.MaxPages
	if pages == 0 {
		pages = math.MaxInt // to a worker, 0 is its own limit
	}
	longest := min(c.Worker.Time.Std(), longestTime)
	return worker.Config{
		Command: d.command(worker.Command), CacheDir: filepath.Join(d.config.Dir, cacheDir), SpoolDir: filepath.Join(d.config.Dir, spoolDir),
		Limits: worker.Limits{
			Document: extract.Limits{Pages: pages, Text: int64(c.MaxText)},
			Memory:   int64(c.Worker.Memory), PDFMemory: int64(c.Worker.Memory) / 3, //nolint:mnd // it grows by copying
			CPU: longest, Wall: 3 * longest, //nolint:mnd // it yields to everything else
		},
	}
}

// command is a command of the program, or nil for this one's.
func (d *Documents) command(name string) []string {
	if d.config.Program == "" {
		return nil
	}
	return []string{d.config.Program, name}
}

// errand makes a call of an app's for what remains to be done for its documents.
func (d *Documents) errand(
	ctx context.Context, app fairlead.AppID, op fairlead.Operation, task func(ctx context.Context, call *fairlead.Call) error,
) error {
	known, ok := d.config.App(app)
	if !ok {
		return &fairlead.Error{Kind: fairlead.NotFound, Code: "app_unknown", Message: "There is no such app"}
	}
	return d.config.Gateway.Errand(ctx, known, op, task)
}

// resolve finds out who analyses documents.
func (d *Documents) resolve(app *fairlead.App, model string) (analyze.Resolved, error) {
	target, err := d.config.Gateway.Resolve(app, model)
	if err != nil {
		return analyze.Resolved{}, err
	}
	return analyze.Resolved{Offline: target.Provider == fairlead.LocalPool}, nil
}

// Run reads documents and keeps the indexes until ctx ends. It blocks until all that runs
// has ended.
func (d *Documents) Run(ctx context.Context) error {
	var group sync.WaitGroup
	errs := make([]error, 2) //nolint:mnd // one for each
	group.Go(func() { errs[0] = d.ingester.Run(ctx) })
	group.Go(func() { errs[1] = d.searcher.Run(ctx) })
	group.Wait()
	return errors.Join(errs...)
}

// Close closes everything.
func (d *Documents) Close() error {
	var all []error
	if d.searcher != nil {
		all = append(all, d.searcher.Close())
	}
	if d.indexer != nil {
		all = append(all, d.indexer.Close())
	}
	if d.blobs != nil {
		all = append(all, d.blobs.Close())
	}
	if d.store != nil {
		all = append(all, d.store.Close())
	}
	if d.lock != nil {
		all = append(all, d.lock.Close())
	}
	return errors.Join(all...)
}

// Stats is how the documents stand: how many wait to be read and are being read, how many
// uploads are being received, and how many found no place since the start.
type Stats struct {
	Waiting, Reading, Uploads int
	Refused                   int64
}

// Stats tells how the documents stand.
func (d *Documents) Stats() Stats {
	jobs, uploads := d.ingester.Stats(), d.docks.Stats()
	return Stats{Waiting: jobs.Waiting, Reading: jobs.Running, Uploads: uploads.Taken, Refused: uploads.Refused}
}

// Grounder finds what models are to answer from.
func (d *Documents) Grounder() *grounding.Grounder { return grounding.New(d.searcher) }

// FileSearch is the tool of that name.
func (d *Documents) FileSearch() *filesearch.Tool { return filesearch.New(d.Grounder(), d.store) }

// Faces are the faces of documents.
func (d *Documents) Faces() []api.Face {
	c := &d.config
	receiver := receiver{d.library}
	return []api.Face{
		documentsface.New(documentsface.Config{
			Gateway: c.Gateway, Receiver: receiver, Shelf: d.library, Reader: d.library, Searcher: d.searcher,
			Analyst: report.New(d.analyzer), Docks: d.docks,
			Limits: documentsface.Limits{File: int64(c.Documents.MaxFile), Wait: longestWait(c.Timeouts.Upload.Std())},
		}),
		files.New(files.Config{
			Gateway: c.Gateway, Receiver: receiver, Shelf: d.library, Reader: d.library, Files: d.library,
			Searcher: d.searcher, Rewriter: d.searcher, Docks: d.docks,
			Stores: d.store, Members: d.store, Contents: d.store, Batches: d.store,
			MaxFile: int64(c.Documents.MaxFile),
		}),
	}
}

// longestWait is the longest that a client may wait for its upload to be read.
func longestWait(upload time.Duration) time.Duration {
	const longest = time.Hour
	if upload <= 0 {
		return longest
	}
	return min(upload, longest)
}
