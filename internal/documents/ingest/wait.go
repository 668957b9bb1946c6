package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// owned is a document as it is known: to its app.
type owned struct {
	app fairlead.AppID
	id  fairlead.DocumentID
}

// watches are the documents that somebody waits for.
type watches struct {
	mu sync.Mutex
	of map[owned]*watch
}

// watch is a document that somebody waits for. One of those who wait has the turn and
// asks the store; when it knows the end, all know it.
type watch struct {
	turn chan struct{} // holds who has the turn
	look chan struct{} // the store may know something new
	// done is closed when the document has ended, or is not there; before that, ended
	// and err are set.
	done  chan struct{}
	ended fairlead.Document
	err   error

	waiting int // guarded by the mutex of watches
}

// join is the watch of a document, of which the caller is a part until it leaves.
func (ws *watches) join(key owned) *watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.of[key]
	if w == nil {
		w = &watch{turn: make(chan struct{}, 1), look: make(chan struct{}, 1), done: make(chan struct{})}
		ws.of[key] = w
	}
	w.waiting++
	return w
}

func (ws *watches) leave(key owned, w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.waiting--; w.waiting == 0 && ws.of[key] == w {
		delete(ws.of, key)
	}
}

// close tells all who wait. Whoever comes later asks anew.
func (ws *watches) close(key owned, w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	close(w.done)
	if ws.of[key] == w {
		delete(ws.of, key)
	}
}

// wake has the store asked.
func (ws *watches) wake(key owned) {
	ws.mu.Lock()
	w := ws.of[key]
	ws.mu.Unlock()
	if w == nil {
		return
	}
	select {
	case w.look <- struct{}{}:
	default:
	}
}

// Wait blocks until the app's document has ended, and returns it. However many wait for a
// document, one of them asks the store. Errors are of Kind NotFound, with Code
// "document_not_found", where there is no such document, those of the store, and the
// error of ctx when that ends.
func (in *Ingester) Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	key := owned{app, id}
	w := in.watch.join(key)
	defer in.watch.leave(key, w)
	for {
		select {
		case <-w.done:
			return w.ended, w.err
		case <-ctx.Done():
			return fairlead.Document{}, ctx.Err()
		case w.turn <- struct{}{}:
			err := in.look(ctx, key, w)
			<-w.turn
			if err != nil {
				return fairlead.Document{}, err
			}
		}
	}
}

// look asks the store until the document has ended. The caller has the turn.
func (in *Ingester) look(ctx context.Context, key owned, w *watch) error {
	select {
	case <-w.done:
		return nil
	default:
	}
	poll := time.NewTicker(in.Timing.Poll)
	defer poll.Stop()
	for {
		d, ok, err := in.Documents.Document(ctx, key.app, key.id)
		if err != nil {
			return err
		}
		if !ok || d.Status.Ended() {
			w.ended = d
			if !ok {
				w.err = NotFound()
			}
			in.watch.close(key, w)
			return nil
		}
		select {
		case <-w.look:
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// NotFound is the error of a document that is not there, or not for the app that asks.
func NotFound() error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Message: fairlead.NoDocument, Param: "document_id"}
}
