package meaning

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/ask"
)

const (
	// probe is what the model is asked about to learn how long its vectors are now: a text
	// that no app has chosen.
	probe = "length"
	// A model is believed to be another one when so many probes in a row, the first of them
	// that long ago, had one other length, and nothing that it answered in between had the
	// known one. All is made anew then, which is too dear for a provider's bad minute.
	replacedProbes = 3
	replacedAfter  = 10 * time.Minute
	// mostVotes is how many documents of an app say which length is the known one.
	mostVotes = 100
)

// length is how many numbers the model's vectors have. What has another length can't be
// compared with the rest, so it is not kept. It is safe for concurrent use.
//
// An answer of another length may be one bad answer, a text that the model can't take, or
// the first of another model under the same name. A probe tells: if it has the known
// length, that was an answer's own trouble; if not, the model's.
type length struct {
	mu    sync.Mutex
	known int // 0 until there is a vector
	// doubter is the app that had an answer of another length, since the last probe that
	// had the known one; "" if none had.
	doubter fairlead.AppID
	// other is the length that probes had instead; how often, and since when.
	other int
	times int
	since time.Time
}

// now is the known length, 0 if none is.
func (l *length) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// learn sets the known length.
func (l *length) learn(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known, l.other, l.times = n, 0, 0
}

// expects reports whether an answer has the known length. The first one makes it known.
func (l *length) expects(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == 0 {
		l.known = n
	}
	if n == l.known {
		l.other, l.times = 0, 0
	}
	return n == l.known
}

// doubt has the model probed, on account of an app.
func (l *length) doubt(app fairlead.AppID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubter = app
}

// doubted returns the app on whose account the model is to be probed; "" if it is not.
func (l *length) doubted() fairlead.AppID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doubter
}

// probed notes the length of an answer to the probe, and reports whether it is the known
// one: that of another model becomes it when that is believed.
func (l *length) probed(n int, now time.Time) bool {
	if l.expects(n) {
		l.doubt("")
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n != l.other {
		l.other, l.times, l.since = n, 0, now
	}
	l.times++
	if l.times < replacedProbes || now.Sub(l.since) < replacedAfter {
		return false
	}
	l.known, l.other, l.times, l.doubter = n, 0, 0, ""
	return true
}

// unexpected is the error of vectors of another length.
func (l *length) unexpected(n int) error {
	return ask.Unfit(fmt.Sprintf("vectors of %d numbers, not %d", n, l.now()))
}

// errEnough ends the counting of votes.
var errEnough = errors.New("there are enough votes")

// measure learns the length of the vectors that the store has: that of most documents.
func (k *Keeper) measure(ctx context.Context) error {
	if k.config.Embed.Dimensions > 0 {
		return nil // it is known
	}
	votes := make(map[int]int)
	for _, s := range k.all() {
		left := mostVotes
		err := k.eachReady(ctx, s.app, func(d *fairlead.Document) error {
			list, err := k.config.Embeddings.DocumentEmbeddings(ctx, d.App, d.ID, fairlead.EmbeddingRange{Space: k.config.Embed.space(), Limit: 1})
			switch {
			case err != nil:
				return fmt.Errorf("read a document's embeddings: %w", err)
			case len(list) == 0 || len(list[0].Vector) == 0 || len(list[0].Vector) > ask.MostNumbers:
				return nil
			case left == 0:
				return errEnough
			}
			votes[len(list[0].Vector)]++
			left--
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	best := 0
	for n, count := range votes {
		if count > votes[best] || count == votes[best] && n < best {
			best = n
		}
	}
	k.length.learn(best)
	return nil
}

// settle probes the model if an answer had another length. It returns for how long the
// model should be left alone: while a probe fails, or has another length too.
func (e *embedder) settle(ctx context.Context) time.Duration {
	app := e.length.doubted()
	if app == "" {
		return 0
	}
	known, n := e.length.now(), 0
	err := e.config.Errand(ctx, app, fairlead.Embed, func(ctx context.Context, call *fairlead.Call) error {
		list, err := e.ask(ctx, call, []string{probe})
		if err == nil {
			n = len(list[0])
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil && isApps(err): // another app's answer may raise the doubt again
		e.length.doubt("")
		return 0
	case err != nil:
		e.complain(ctx, "embedding model not probed", app, errors.New(ask.Code(err)))
	case e.length.probed(n, time.Now()):
		e.inRow = 0
		if known > 0 && n != known {
			e.config.Logger.Warn("the embedding model's vectors have another length, all are made anew", slog.Int("before", known), slog.Int("now", n))
			e.forget()
		}
		return 0
	default:
		e.complain(ctx, "the embedding model's vectors have another length", app, fmt.Errorf("%d numbers, not %d", n, known))
	}
	e.inRow++
	return max(pauseAfter(e.inRow), askedFor(err))
}

// forget drops what is in memory of all apps: what the store has of the known length is
// read anew, and the rest made.
func (k *Keeper) forget() {
	for _, s := range k.all() {
		s.mu.Lock()
		s.set, s.loaded = nil, false
		s.mu.Unlock()
	}
}
