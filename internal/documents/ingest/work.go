package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// errLost is why work ends whose job is another's by now, or nobody's.
var errLost = errors.New("the job is lost")

// mostDeaths is how many attempts may end with the whole service. That is hardly a
// document's doing, as another process reads it: a service that is killed a few times
// must not lose what it has accepted.
const mostDeaths = 10

// work is one attempt at a document.
type work struct {
	*Ingester

	job    *fairlead.DocumentJob
	logger *slog.Logger // tells ids only
	// read is the document as it has become.
	read fairlead.Document
	// indexed says that the index was told of it.
	indexed bool

	mu      sync.Mutex
	now     fairlead.Document // how far it is
	changed bool              // since the lease was renewed
	stored  error             // what the store refused
}

// work does a job, whatever comes of it.
func (in *Ingester) work(ctx context.Context, job *fairlead.DocumentJob) {
	d := &job.Document
	w := &work{Ingester: in, job: job, read: *d, now: *d}
	w.logger = in.Logger.With("document", d.ID, "app", d.App, "attempt", job.Attempt)
	w.now.Status = fairlead.DocumentExtracting
	working, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	in.begin(d.ID, func() { lose(errLost) })
	defer in.end(d.ID)
	var group sync.WaitGroup
	group.Go(func() { w.keepLease(working, lose) })
	if err := w.run(working); err != nil {
		if cause := context.Cause(working); cause != nil {
			err = errors.Join(cause, err)
		}
		w.settle(ctx, err)
	} else {
		in.faultless(d.ID)
	}
	lose(nil)
	group.Wait()
	in.watch.wake(owned{d.App, d.ID})
}

func (in *Ingester) begin(id fairlead.DocumentID, stop func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.running[id] = stop
}

func (in *Ingester) end(id fairlead.DocumentID) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.running, id)
}

// run does the job up to its end, with success. A panic, wherever it comes from, may be
// the document's doing.
func (w *work) run(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil { // p may quote the document
			err = itsDoing(fmt.Errorf("a panic at %s", debug.Stack()))
		}
	}()
	if w.job.Attempt > mostDeaths {
		// Whoever tried it died over it each time.
		return w.finish(ctx, poisoned(w.read, mostDeaths))
	}
	if err := w.renew(ctx); err != nil {
		return err
	}
	w.logger.Info("document is being read")
	if err := w.readFile(ctx); err != nil {
		return err
	}
	if w.read.Status == fairlead.DocumentReady {
		if err := w.index(ctx); err != nil {
			return err
		}
	}
	return w.finish(ctx, w.read)
}

// readFile has the file read into the store.
func (w *work) readFile(ctx context.Context) error {
	file, err := w.Blobs.OpenBlob(ctx, w.job.Document.ID)
	if fairlead.IsKind(err, fairlead.NotFound) {
		w.read.Status, w.read.Code, w.read.Reason = fairlead.DocumentFailed, "file_missing", "The document's file is not there"
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	err = w.Reader.ReadDocument(ctx, file, &w.read, w.sink(ctx))
	if stored := w.refused(); stored != nil {
		return stored
	}
	if err == nil && !w.read.Status.Ended() {
		return itsDoing(fmt.Errorf("the reader left the document as %s", w.read.Status))
	}
	return err
}

// index has the index take the document up.
func (w *work) index(ctx context.Context) error {
	w.mu.Lock()
	w.now.Status, w.now.PagesDone = fairlead.DocumentIndexing, w.read.Pages
	w.now.Pages, w.now.MediaType = w.read.Pages, w.read.MediaType
	w.mu.Unlock()
	if err := w.renew(ctx); err != nil {
		return err
	}
	w.indexed = true
	w.read.EmbeddingPending = w.EmbeddingPending
	return w.Index.Add(ctx, w.read)
}

// finishTries is how often the end of a job is told the store: what it ends was dear.
const finishTries = 3

// finish ends the job. It is not broken off by the end of ctx: whether the document is
// ready must be known.
func (w *work) finish(ctx context.Context, d fairlead.Document) error {
	job := *w.job
	job.Document = d
	for try := 1; ; try++ {
		err := w.finishOnce(ctx, &job)
		if err == nil {
			w.logger.Info("document has ended", "status", d.Status, "code", d.Code, "pages", d.Pages, "chunks", d.Chunks)
			return nil
		}
		if try == finishTries || fairlead.IsKind(err, fairlead.Gone) || !pause(ctx, time.Duration(try)*time.Second) {
			return err
		}
	}
}

func (w *work) finishOnce(ctx context.Context, job *fairlead.DocumentJob) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	ctx, cancel := w.apart(ctx)
	defer cancel()
	return w.Jobs.FinishJob(ctx, job)
}

// pause waits, and reports whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// poisoned is what becomes of a document over which every attempt failed.
func poisoned(d fairlead.Document, attempts int) fairlead.Document {
	d.Status, d.Code = fairlead.DocumentFailed, "poison_document"
	d.Reason = fmt.Sprintf("The document could not be read in %d attempts", attempts)
	d.Chunks, d.TextBytes, d.EmbeddingPending = 0, 0, false
	return d
}
