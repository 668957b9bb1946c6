package ingest

import (
	"context"
	"time"

	"github.com/fairleadhq/fairlead"
)

// countEvery is how often waiting jobs are counted.
const countEvery = 5 * time.Second

// tend clears what is left of other times at the start, and then now and then, and keeps
// the count of jobs, until ctx ends.
func (in *Ingester) tend(ctx context.Context) {
	in.sweepBlobs(ctx)
	sweep, count := time.NewTicker(in.Timing.Sweep), time.NewTicker(countEvery)
	defer sweep.Stop()
	defer count.Stop()
	in.sweep(ctx)
	in.count(ctx)
	for {
		select {
		case <-sweep.C:
			in.sweep(ctx)
		case <-count.C:
			in.count(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// sweepBlobs deletes the files that are of no document.
func (in *Ingester) sweepBlobs(ctx context.Context) {
	if in.Selector == nil {
		return
	}
	err := in.Blobs.SweepBlobs(ctx, func(ids []fairlead.DocumentID) ([]bool, error) { return in.known(ctx, ids) })
	if err != nil && ctx.Err() == nil {
		in.Logger.Warn("files of deleted documents not cleared", "error", err)
	}
}

// known tells which of the ids are those of documents, of any app.
func (in *Ingester) known(ctx context.Context, ids []fairlead.DocumentID) ([]bool, error) {
	apps, err := in.Selector.DocumentApps(ctx)
	if err != nil {
		return nil, err
	}
	there := make(map[fairlead.DocumentID]bool)
	for _, app := range apps {
		documents, err := in.Selector.DocumentsByID(ctx, app, ids)
		if err != nil {
			return nil, err
		}
		for i := range documents {
			there[documents[i].ID] = true
		}
	}
	kept := make([]bool, len(ids))
	for i, id := range ids {
		kept[i] = there[id]
	}
	return kept, nil
}

func (in *Ingester) sweep(ctx context.Context) {
	if in.Sweeper == nil {
		return
	}
	if err := in.Sweeper.Sweep(ctx); err != nil && ctx.Err() == nil {
		in.Logger.Warn("what was deleted not cleared", "error", err)
	}
}

func (in *Ingester) count(ctx context.Context) {
	if in.Counts == nil {
		return
	}
	waiting, _, err := in.Counts.CountJobs(ctx)
	if err != nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting = waiting
}
