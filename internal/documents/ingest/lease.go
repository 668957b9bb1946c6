package ingest

import (
	"context"
	"time"

	"github.com/fairleadhq/fairlead"
)

// mostOften is how often progress is stored at most.
const mostOften = time.Second

// keepLease renews the lease while the work goes on, however silent it is, and with it
// stores how far the work has come. It loses the job where it is another's, or has to be
// taken for one.
func (w *work) keepLease(ctx context.Context, lose context.CancelCauseFunc) {
	tick := time.NewTicker(min(mostOften, w.Timing.Lease/6))
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !w.isChanged() && time.Since(renewed) < w.Timing.Lease/3 {
			continue
		}
		asked := time.Now()
		err := w.renew(ctx)
		switch {
		case err == nil:
			renewed = asked
		case ctx.Err() != nil:
			return
		case fairlead.IsKind(err, fairlead.Gone), time.Since(renewed) >= w.Timing.Lease:
			lose(errLost)
			return
		}
	}
}

func (w *work) isChanged() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// renew renews the lease once.
func (w *work) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timing.Lease/3)
	defer cancel()
	w.mu.Lock()
	job := *w.job
	job.Document = w.now
	w.changed = false
	w.mu.Unlock()
	return w.Jobs.RenewJob(ctx, &job, w.Timing.Lease)
}

// sink takes what is read from a document.
type sink struct {
	progress func(d fairlead.Document) error
	content  func(part fairlead.DocumentContent) error
}

// Progress implements fairlead.DocumentSink.
func (s sink) Progress(d fairlead.Document) error { return s.progress(d) }

// Content implements fairlead.DocumentSink.
func (s sink) Content(part fairlead.DocumentContent) error { return s.content(part) }

// sink is the sink of the work, until ctx ends.
func (w *work) sink(ctx context.Context) sink {
	return sink{
		progress: func(d fairlead.Document) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.now.MediaType, w.now.Pages, w.now.PagesDone = d.MediaType, d.Pages, d.PagesDone
			w.changed = true
			return context.Cause(ctx)
		},
		content: func(part fairlead.DocumentContent) error {
			err := w.inTurn(ctx, func() error { return w.Contents.AddContent(ctx, w.job, part) })
			if err != nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.stored = err
			}
			return err
		},
	}
}

// inTurn does what takes the service's own processors when it is the work's turn. The
// error is that of do, or the end of ctx.
func (w *work) inTurn(ctx context.Context, do func() error) error {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-w.turn }()
	return do()
}

// refused is what the store refused of the document.
func (w *work) refused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stored
}
