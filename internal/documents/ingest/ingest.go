// Package ingest turns uploaded files into documents that can be searched.
//
// The idea: a job is a row of the store, with a lease. An Ingester claims jobs as long as
// it has workers free; a worker has the file read, stores what comes, keeps the lease
// while it does, has the index take the document up, and finishes the job: only then the
// document is found. Whatever interrupts it, the process being killed too, leaves a lease
// that ends and content that nobody sees, and the work begins anew. What may fail by the
// document's doing, as whoever read it died, is tried a few times and then left with a
// reason; whatever else fails, such as a full disk, is the service's doing, and is tried
// until it works.
//
// Start with Ingester.Run, then work.run.
package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Index makes documents findable. It is told of a document before its job is finished,
// and searches only documents that the store has as ready. Its methods block on storage.
type Index interface {
	// Add takes up the chunks of a document, in place of what it had of it.
	Add(ctx context.Context, d fairlead.Document) error
	// Remove forgets the document of that number; it is no error if it knows none.
	Remove(ctx context.Context, app fairlead.AppID, number int64) error
}

// Documents reads documents.
type Documents interface {
	Document(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (d fairlead.Document, ok bool, err error)
}

// Contents stores what is read from documents.
type Contents interface {
	AddContent(ctx context.Context, job *fairlead.DocumentJob, part fairlead.DocumentContent) error
}

// JobCounts counts jobs.
type JobCounts interface {
	CountJobs(ctx context.Context) (waiting, running int, err error)
}

// Sweeper clears what deleted documents left.
type Sweeper interface {
	Sweep(ctx context.Context) error
}

// Config is what an Ingester needs.
type Config struct {
	Jobs      fairlead.DocumentJobs
	Documents Documents
	Contents  Contents
	Blobs     fairlead.BlobStore
	Reader    fairlead.DocumentReader
	Index     Index
	// Selector tells which blobs are of documents, Counts how many jobs wait, and Sweeper
	// clears the store. Where they are nil that is not done.
	Selector fairlead.DocumentSelector
	Counts   JobCounts
	Sweeper  Sweeper
	// EmbeddingPending is what documents are to have that have become ready.
	EmbeddingPending bool
	// Workers is how many documents are read at the same time; at least 1.
	Workers int
	Timing  Timing
	Logger  *slog.Logger
}

// Timing is how long an Ingester waits for what. Zero values are those of DefaultTiming.
type Timing struct {
	// Lease is how long a job stays a worker's that is not heard of.
	Lease time.Duration
	// Poll is how often it is looked for jobs that nobody told of, and for the end of
	// documents that another process reads.
	Poll time.Duration
	// Retry is how long a document is left alone after an attempt that failed; it doubles
	// with each. Pause is how long where the service is at fault; it doubles too while
	// that goes on, up to a few minutes.
	Retry, Pause time.Duration
	// Sweep is how often what was deleted is cleared, and Blobs how often files that are of
	// no document, all of which are looked at then.
	Sweep, Blobs time.Duration
	// Attempts is how often a document is tried.
	Attempts int
}

// DefaultTiming is the timing that a service has.
func DefaultTiming() Timing {
	return Timing{
		Lease: time.Minute, Poll: 2 * time.Second, Retry: 10 * time.Second, Pause: 30 * time.Second,
		Sweep: time.Minute, Blobs: 15 * time.Minute, Attempts: 3,
	}
}

// complete fills in what is not set.
func (t Timing) complete() Timing {
	d := DefaultTiming()
	for _, f := range []struct{ have, usual *time.Duration }{
		{&t.Lease, &d.Lease},
		{&t.Poll, &d.Poll},
		{&t.Retry, &d.Retry},
		{&t.Pause, &d.Pause},
		{&t.Sweep, &d.Sweep},
		{&t.Blobs, &d.Blobs},
	} {
		if *f.have <= 0 {
			*f.have = *f.usual
		}
	}
	if t.Attempts <= 0 {
		t.Attempts = d.Attempts
	}
	return t
}

// Ingester reads documents. It is safe for concurrent use.
type Ingester struct {
	Config

	owner string
	kick  chan struct{}
	// turn is whose turn it is to store: one at a time, since that is done by the service
	// itself, whose processors others wait for.
	turn  chan struct{}
	watch watches

	mu      sync.Mutex
	running map[fairlead.DocumentID]func() // what ends the work
	faults  map[fairlead.DocumentID]int    // how often in a row the service was at fault
	waiting int                            // jobs, when they were counted last
}

// New returns an Ingester that does nothing before Run.
func New(config Config) *Ingester {
	config.Timing = config.Timing.complete()
	config.Workers = max(config.Workers, 1)
	return &Ingester{
		Config: config, owner: newOwner(), kick: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		watch:   watches{of: make(map[owned]*watch)},
		running: make(map[fairlead.DocumentID]func()), faults: make(map[fairlead.DocumentID]int),
	}
}

// newOwner is a name that no other Ingester has.
func newOwner() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// Stats is how many jobs wait, as it was counted last, and how many are under way here.
type Stats struct{ Waiting, Running int }

// Stats tells how much there is to do. It does not block.
func (in *Ingester) Stats() Stats {
	in.mu.Lock()
	defer in.mu.Unlock()
	return Stats{Waiting: in.waiting, Running: len(in.running)}
}

// Kick has it look for jobs at once. It does not block.
func (in *Ingester) Kick() {
	select {
	case in.kick <- struct{}{}:
	default:
	}
}

// Run reads documents until ctx ends. Then it gives the jobs that are under way back, at
// once, and returns when that is done.
func (in *Ingester) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { in.tend(ctx) })
	group.Go(func() { in.tendBlobs(ctx) })
	workers := make(chan struct{}, in.Workers)
	for {
		select {
		case workers <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		job, wait := in.claim(ctx)
		if job == nil {
			<-workers
			if !in.rest(ctx, wait) {
				return nil
			}
			continue
		}
		group.Go(func() {
			defer func() { <-workers }()
			in.work(ctx, job)
		})
	}
}

// claim is the next job, or after how long to look again.
func (in *Ingester) claim(ctx context.Context) (*fairlead.DocumentJob, time.Duration) {
	// A claim that is broken off may leave a job with a lease that nobody knows of.
	claiming, cancel := in.apart(ctx)
	defer cancel()
	job, err := in.Jobs.ClaimJob(claiming, in.owner, in.Timing.Lease)
	if err != nil {
		in.Logger.Warn("no document claimed", "error", err)
		return nil, in.Timing.Pause
	}
	return job, in.Timing.Poll
}

// rest waits for a kick, or that long. It reports false when ctx has ended.
func (in *Ingester) rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-in.kick:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// apart is a context for what is to be done although ctx may end, or has.
func (in *Ingester) apart(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(in.Timing.Lease/3, 10*time.Second))
}

// Deleted is told that the app's document was deleted: work on it ends, and nobody waits
// for it any more. It does not block.
func (in *Ingester) Deleted(app fairlead.AppID, id fairlead.DocumentID) {
	in.mu.Lock()
	stop := in.running[id]
	in.mu.Unlock()
	if stop != nil {
		stop()
	}
	in.watch.wake(owned{app, id})
}
