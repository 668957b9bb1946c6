package ingest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
)

// countEvery is how often waiting jobs are counted.
const countEvery = 5 * time.Second

// tend clears what deleted documents left at the start, and then now and then, and keeps
// the count of jobs, until ctx ends.
func (in *Ingester) tend(ctx context.Context) {
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

// tendBlobs deletes the files that are of no document, at the start and then now and
// then, until ctx ends. The file of a document that was deleted is gone at once; what is
// left here is what that failed for, and what was cut short by the end of the service,
// which may have been too young at the start.
func (in *Ingester) tendBlobs(ctx context.Context) {
	if in.Selector == nil {
		return
	}
	sweep := time.NewTicker(in.Timing.Blobs)
	defer sweep.Stop()
	for {
		in.sweepBlobs(ctx)
		select {
		case <-sweep.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweepBlobs deletes the files that are of no document. Between those that it asks about
// at once it rests, so that others hardly feel how many there are.
func (in *Ingester) sweepBlobs(ctx context.Context) {
	const rest = 100 * time.Millisecond
	err := in.Blobs.SweepBlobs(ctx, func(ids []fairlead.DocumentID) ([]bool, error) {
		if !pause(ctx, rest) {
			return nil, ctx.Err()
		}
		return in.known(ctx, ids)
	})
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
	unknown := make(map[fairlead.DocumentID]bool, len(ids))
	for _, id := range ids {
		unknown[id] = true
	}
	for _, app := range apps {
		if len(unknown) == 0 {
			break
		}
		documents, err := in.Selector.DocumentsByID(ctx, app, slices.Collect(maps.Keys(unknown)))
		if err != nil {
			return nil, err
		}
		for i := range documents {
			delete(unknown, documents[i].ID)
		}
	}
	kept := make([]bool, len(ids))
	for i, id := range ids {
		kept[i] = !unknown[id]
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
