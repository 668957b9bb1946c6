package meaning

import (
	"context"
	"errors"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/ask"
)

const (
	// pendingAtOnce is how many documents are taken from the store at once.
	pendingAtOnce = 16
	// A document that can't be embedded is left alone for firstPause, and twice as long each
	// time; so is its app, or the model, whichever is to blame.
	firstPause = 5 * time.Second
	lastPause  = 10 * time.Minute
	// mostFailed is how many documents are remembered that failed.
	mostFailed = 10_000
)

// embedder makes the vectors that are still to be made. What is one app's trouble, such as
// a budget that is spent or a model that it may not use, is no reason to leave the model
// alone: others go on.
type embedder struct {
	*Keeper

	failed map[fairlead.DocumentID]int // how often in a row
	inRow  int                         // failures that were no app's
	// apps are those whose last document failed by their own doing.
	apps map[fairlead.AppID]trouble
}

// trouble is how often in a row an app's documents failed, and until when it is left alone.
type trouble struct {
	inRow int
	until time.Time
}

func newEmbedder(k *Keeper) *embedder {
	return &embedder{Keeper: k, failed: make(map[fairlead.DocumentID]int), apps: make(map[fairlead.AppID]trouble)}
}

// embedPending embeds documents until none is due, or the model fails; then it returns
// after how long it should be asked again.
func (e *embedder) embedPending(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		if wait := e.settle(ctx); wait > 0 {
			return wait
		}
		// The store gives the apps their turns: with a place for each of those that are left
		// alone, it tells of others too, if they have anything.
		documents, err := e.config.Selector.PendingEmbeddings(ctx, pendingAtOnce+e.leftAlone(time.Now()))
		if err != nil {
			e.complain(ctx, "documents to embed not read", "", err)
			return firstPause
		}
		done, wait := e.embedSome(ctx, documents)
		if done == 0 || wait > 0 {
			return wait
		}
	}
	return 0
}

// leftAlone counts the apps that are left alone.
func (e *embedder) leftAlone(now time.Time) (n int) {
	for _, t := range e.apps {
		if now.Before(t.until) {
			n++
		}
	}
	return n
}

// embedSome embeds documents, but for those of apps that are left alone. It returns how
// many now have their vectors, and for how long the model should be left alone.
func (e *embedder) embedSome(ctx context.Context, documents []fairlead.Document) (done int, wait time.Duration) {
	for i := range documents {
		d := &documents[i]
		if time.Now().Before(e.apps[d.App].until) {
			continue
		}
		err := e.embed(ctx, d)
		if ctx.Err() != nil {
			return done, 0
		}
		if err == nil {
			delete(e.failed, d.ID)
			delete(e.apps, d.App)
			e.inRow = 0
			done++
			continue
		}
		e.complain(ctx, "document not embedded", d.App, errors.New(ask.Code(err)))
		if wait := e.putOff(ctx, d, err); wait > 0 {
			return done, wait
		}
	}
	return done, 0
}

// putOff notes that a document is to be tried again later, and whether its app is to be
// left alone. It returns for how long the model should be.
func (e *embedder) putOff(ctx context.Context, d *fairlead.Document, err error) time.Duration {
	if len(e.failed) >= mostFailed {
		clear(e.failed)
	}
	e.failed[d.ID]++
	asked := askedFor(err)
	state := fairlead.EmbeddingState{Pending: true, NotBefore: time.Now().Add(max(pauseAfter(e.failed[d.ID]), asked))}
	if err := e.config.Embeddings.SetEmbeddingPending(ctx, d.App, d.ID, state); err != nil && !fairlead.IsKind(err, fairlead.NotFound) {
		e.complain(ctx, "document to embed not put off", d.App, err)
	}
	if isAnswers(err) { // a probe tells whether others fare better
		e.length.doubt(d.App)
		e.apps[d.App] = trouble{inRow: e.apps[d.App].inRow, until: time.Now().Add(firstPause)}
		return e.settle(ctx)
	}
	if isApps(err) {
		t := e.apps[d.App]
		t.inRow++
		t.until = time.Now().Add(max(pauseAfter(t.inRow), asked))
		e.apps[d.App] = t
		return 0
	}
	e.inRow++
	return max(pauseAfter(e.inRow), asked)
}

// askedFor is for how long an error asks to be left alone.
func askedFor(err error) time.Duration {
	typed, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		return 0
	}
	return min(max(typed.RetryAfter, typed.Hold), lastPause)
}

// isAnswers reports whether there was an answer, which could not be used. That may be due
// to what was asked.
func isAnswers(err error) bool {
	typed, ok := errors.AsType[*fairlead.Error](err)
	return ok && typed.Kind == fairlead.Upstream && (typed.Code == "upstream_invalid_answer" || typed.Code == "upstream_answer_too_long")
}

// isApps reports whether a failure is that of the app whose document it is: all others
// would fare better. The rest is the model's, its provider's or the service's.
func isApps(err error) bool {
	typed, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		return false
	}
	switch typed.Kind {
	case fairlead.Internal, fairlead.Late, fairlead.Upstream, fairlead.Canceled:
		return false
	case fairlead.Busy: // the app's own place in the queue
		switch typed.Code {
		case "queue_full_app", "queue_dropped", "queue_hopeless", "deadline_exceeded":
			return true
		}
		return false
	case fairlead.Invalid, fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound, fairlead.NotAllowed, fairlead.TooLarge,
		fairlead.WrongType, fairlead.Unsupported, fairlead.Limited, fairlead.Gone:
	}
	return true
}

// pauseAfter is the pause after so many failures.
func pauseAfter(failures int) time.Duration {
	return min(firstPause<<min(failures-1, 10), lastPause)
}
