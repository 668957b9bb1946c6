package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/fairleadhq/fairlead"
)

// itsDoingError is a failure that may be the document's doing.
type itsDoingError struct{ error }

func itsDoing(err error) error { return itsDoingError{err} }

// Unwrap returns the failure.
func (e itsDoingError) Unwrap() error { return e.error }

// isItsDoing reports whether a failure may be the document's doing: whoever read it died,
// or what the service does with it went wrong in a way that was not thought of. All else
// is the service's: an attempt must not count then, or a bad hour would cost documents
// that were accepted.
func isItsDoing(err error) bool {
	_, is := errors.AsType[itsDoingError](err)
	code := fairlead.AsError(err).Code
	return is || code == "extractor_crashed" || code == "indexer_crashed"
}

const (
	// mostPause is the longest that a document is left alone while the service is at
	// fault, unless Timing.Pause is longer.
	mostPause = 5 * time.Minute
	// mostFaults is of how many documents it is remembered that the service was at fault.
	mostFaults = 100_000
)

// fault notes that the service was at fault once more, and returns how long the document
// is left alone.
func (in *Ingester) fault(id fairlead.DocumentID) time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.faults) >= mostFaults {
		clear(in.faults)
	}
	before := in.faults[id]
	in.faults[id] = before + 1
	const doublings = 10
	return max(in.Timing.Pause, min(in.Timing.Pause<<min(before, doublings), mostPause))
}

// faultless notes that the service was not at fault, or the document is gone.
func (in *Ingester) faultless(id fairlead.DocumentID) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.faults, id)
}

// settle does what is to be done about how the work ended. ctx is that of the Ingester.
func (w *work) settle(ctx context.Context, err error) {
	apart, cancel := w.apart(ctx)
	defer cancel()
	w.takeBack(apart)
	id := w.job.Document.ID
	switch {
	case errors.Is(err, errLost), fairlead.IsKind(err, fairlead.Gone):
		w.faultless(id)
		w.logger.Info("document is read by another, or was deleted")
	case ctx.Err() != nil:
		w.release(apart, fairlead.JobRelease{NotBefore: time.Now(), Undone: true}, ctx.Err())
	case !isItsDoing(err):
		wait := max(w.fault(id), fairlead.AsError(err).RetryAfter)
		w.release(apart, fairlead.JobRelease{NotBefore: time.Now().Add(wait), Undone: true}, err)
	case w.job.Attempt < w.Timing.Attempts:
		w.faultless(id)
		wait := w.Timing.Retry << (w.job.Attempt - 1)
		w.release(apart, fairlead.JobRelease{NotBefore: time.Now().Add(wait)}, err)
	default:
		w.faultless(id)
		w.logger.Warn("document is given up", "code", codeOf(err), "error", err)
		if err := w.finish(apart, poisoned(w.read, w.Timing.Attempts)); err != nil {
			w.logger.Warn("end of the document not stored", "error", err)
		}
	}
}

// takeBack takes the document out of the index, if it was put there in vain. A failure
// is no harm: what is not ready is not found.
func (w *work) takeBack(ctx context.Context) {
	d := &w.job.Document
	if !w.indexed {
		return
	}
	if kept, ok, err := w.Documents.Document(ctx, d.App, d.ID); err != nil || ok && kept.Status == fairlead.DocumentReady {
		return
	}
	if err := w.Index.Remove(ctx, d.App, d.Number); err != nil {
		w.logger.Warn("document not taken out of the index", "error", err)
	}
}

// release gives the job back. Where the store can't be told, the lease ends by itself.
func (w *work) release(ctx context.Context, r fairlead.JobRelease, why error) {
	w.logger.Warn("document is to be read again", "counted", !r.Undone, "not_before", r.NotBefore, "code", codeOf(why), "error", why)
	if err := w.Jobs.ReleaseJob(ctx, w.job, r); err != nil && !fairlead.IsKind(err, fairlead.Gone) {
		w.logger.Warn("job of the document not given back", "error", err)
	}
}

// codeOf is the code by which a failure is counted in logs.
func codeOf(err error) string {
	if errors.Is(err, context.Canceled) {
		return "canceled"
	}
	return fairlead.AsError(err).Code
}
