package responses

import (
	"context"
	"errors"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/responses/session"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Turn is one request of the Responses API and what becomes of it. It is used by one
// goroutine at a time: the one that Watch's Emit is called on, and before and after it
// whoever made it.
type Turn struct {
	keeper             *Keeper
	session            *session.Session
	memory             fairlead.Memory
	stored, background bool
	streams            bool   // its client asked for a stream
	asked              []byte // the body

	// row is the response as it is, or would be, stored.
	row   fairlead.Response
	stage stage
	// What the session's node of this turn continues: a node of it, which is held, or
	// items from elsewhere.
	parent *session.Node
	before []byte

	head   fairlead.Head
	whole  []byte // an answer that is not a stream, until it is whole
	frames []byte // a block that had to be changed
	passed int    // events of a stream
	over   bool   // the last of them has passed
	// unwritten says that the store did not take the end of the answer.
	unwritten bool
}

// stage is how far the store knows of a turn.
type stage uint8

const (
	unknown stage = iota // nothing is stored
	queued               // the row is there, and its answer has not begun
	begun                // the row has the answer's id
	ended                // the row, if there is one, stays as it is
)

// ID is the id of the response: until its answer has begun, the one that it is to
// have.
func (t *Turn) ID() string { return t.row.ID }

// Background reports whether the answer is to be made without its client.
func (t *Turn) Background() bool { return t.background }

// Streams reports whether its client asked for a stream. In the background the request
// that Begin returns asks for one in any case.
func (t *Turn) Streams() bool { return t.streams }

// Events is how many events of a stream have passed: the sequence number of the next.
func (t *Turn) Events() int { return t.passed }

// Ended reports whether the last event of a stream has passed.
func (t *Turn) Ended() bool { return t.over }

// Told is the response object so far, for the end of a stream that broke; nil if no
// event has told of it. The body that Begin was given must still be there.
func (t *Turn) Told() []byte {
	if t.passed == 0 {
		return nil
	}
	row := t.row
	row.Status = fairlead.ResponseInProgress
	raw, err := object.Unanswered(t.asked, &row)
	if err != nil {
		return nil
	}
	return raw
}

// Queue stores a response in the background that has not begun, and returns its
// object.
func (t *Turn) Queue(ctx context.Context) ([]byte, error) {
	t.row.Status = fairlead.ResponseQueued
	raw, err := object.Unanswered(t.asked, &t.row)
	if err != nil {
		return nil, err
	}
	t.row.Body = raw
	defer func() { t.row.Body = nil }()
	if t.keeper.tooLong(&t.row) { // it repeats much of what was asked
		return nil, tooLargeToStore("a response in the background is stored")
	}
	if err := t.put(ctx); err != nil {
		return nil, err
	}
	t.stage = queued
	return raw, nil
}

// Running says how the work of a response that was queued is ended, for Keeper.Cancel
// and Delete. It holds until the turn is closed. end must not block.
func (t *Turn) Running(end func(cause *fairlead.Error)) {
	k := t.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running[owned{t.row.App, t.row.ID}] = end
}

// Close ends the turn: err is how its call did. A response whose end was not told is
// cancelled if its client left or had it cancelled, and else has failed.
func (t *Turn) Close(ctx context.Context, err error) {
	defer t.release()
	if !t.stored || t.stage != queued && t.stage != begun {
		return
	}
	t.stage = ended
	switch {
	case t.unwritten: // whatever came after: the answer had ended
		err = &fairlead.Error{Kind: fairlead.Internal, Message: "The end of the answer could not be stored"}
	case err == nil:
		err = errors.New("the answer ended without an end")
	}
	e := fairlead.AsError(err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	id := owned{t.row.App, t.row.ID}
	if err := t.keeper.settle(ctx, id, e); err != nil {
		t.keeper.owe(id, e)
		t.keeper.logger.Warn("end of a response not stored", "response_id", t.row.ID, "app", t.row.App, "error", err)
	}
}

// Withdraw is Close for a response that was queued and whose call did not begin: it is
// as if it had never been.
func (t *Turn) Withdraw(ctx context.Context) {
	defer t.release()
	if !t.stored || t.stage != queued {
		return
	}
	t.stage = ended
	if err := t.keeper.remove(ctx, &t.row); err != nil {
		t.keeper.logger.Warn("refused response not deleted", "response_id", t.row.ID, "app", t.row.App, "error", err)
	}
}

// settle ends a stored response that has no answer.
func (k *Keeper) settle(ctx context.Context, id owned, e *fairlead.Error) error {
	known, ok, err := k.store.Response(ctx, id.app, id.id)
	if err != nil || !ok {
		return err
	}
	endWith(&known, e)
	return k.store.UpdateResponse(ctx, known, k.limits.Room)
}

// endWith has a row tell that there is no answer.
func endWith(r *fairlead.Response, e *fairlead.Error) {
	if r.Status = fairlead.ResponseFailed; e.Kind == fairlead.Canceled {
		r.Status, r.Body = fairlead.ResponseCancelled, object.InStatus(r.Body, fairlead.ResponseCancelled)
	} else {
		r.Body = object.Failed(r.Body, e)
	}
}

// release gives back what Begin took.
func (t *Turn) release() {
	if t.parent != nil {
		t.session.Drop(t.parent)
		t.parent = nil
	}
	if t.background {
		k := t.keeper
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.running, owned{t.row.App, t.row.ID})
	}
}

// put writes the row.
func (t *Turn) put(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return t.keeper.store.PutResponse(ctx, t.row, t.keeper.limits.Room)
}

// begin notes the first response object of an answer, before its client sees it.
func (t *Turn) begin(ctx context.Context, o rawjson.Object, raw []byte) error {
	t.learn(o)
	if !t.stored {
		t.stage = begun
		return nil
	}
	if t.row.Status = object.StatusOf(o); t.row.Status.Ended() {
		t.row.Status = fairlead.ResponseInProgress
	}
	t.row.Body = raw
	defer func() { t.row.Body = nil }() // it is the caller's
	var err error
	if t.stage == queued {
		err = t.update(ctx)
	} else {
		err = t.put(ctx)
	}
	if err == nil {
		t.stage = begun
	}
	return err
}

// learn takes the answer's id and who keeps it. One that its client knows already
// keeps that id, and the other is for the maker.
func (t *Turn) learn(o rawjson.Object) {
	id := o.Get("id").Text()
	if t.stored && t.head.Keeper != (fairlead.Maker{}) && id != "" {
		t.row.Maker, t.row.KeptAs = t.head.Keeper, id
	}
	if !t.background && id != "" {
		t.row.ID = id
	}
}

// end notes the last response object of an answer, before its client sees it. What
// goes wrong with that is no reason to withhold the answer.
func (t *Turn) end(ctx context.Context, o rawjson.Object, raw []byte) {
	t.row.Status, t.row.Body = object.StatusOf(o), raw
	defer func() { t.row.Body = nil }()
	if t.session != nil && !t.stored {
		t.remember(raw)
	}
	if !t.stored {
		t.stage = ended
		return
	}
	var err error
	switch {
	case t.keeper.tooLong(&t.row):
		err = t.keeper.giveUp(ctx, &t.row)
	case t.stage == unknown:
		err = t.put(ctx)
	default:
		err = t.update(ctx)
	}
	if err == nil {
		t.stage = ended
		t.noteNames(ctx, raw)
		return
	}
	t.unwritten = true
	t.keeper.logger.Warn("response not stored", "response_id", t.row.ID, "app", t.row.App, "error", err)
}

// noteNames notes what its maker keeps of the answer, for the app to name it.
func (t *Turn) noteNames(ctx context.Context, raw []byte) {
	if t.row.Maker == (fairlead.Maker{}) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err := t.keeper.names.NoteResponseNames(ctx, t.row.App, t.row.ID, object.Told(raw)); err != nil {
		t.keeper.logger.Warn("items of a response cannot be named", "response_id", t.row.ID, "app", t.row.App, "error", err)
	}
}

// update writes what has changed in the row.
func (t *Turn) update(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	return t.keeper.store.UpdateResponse(ctx, t.row, t.keeper.limits.Room)
}

// giveUp deletes a response whose answer is too long to be stored: a part of it would
// pass for the whole.
func (k *Keeper) giveUp(ctx context.Context, row *fairlead.Response) error {
	k.logger.Warn("response too long to be stored", "response_id", row.ID, "app", row.App,
		"bytes", len(row.Items)+len(row.Body))
	return k.remove(ctx, row)
}

// remove deletes a row, whether or not ctx has ended.
func (k *Keeper) remove(ctx context.Context, row *fairlead.Response) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	_, err := k.store.DeleteResponse(ctx, row.App, row.ID)
	return err
}

// remember keeps the turn in its session, if it can be continued.
func (t *Turn) remember(raw []byte) {
	if t.row.Status != fairlead.ResponseCompleted && t.row.Status != fairlead.ResponseIncomplete {
		return
	}
	output, err := object.OutputItems(raw)
	if err != nil { // it is then not there to be continued
		return
	}
	// A copy: the body that the items stand in is another's after the call.
	t.session.Keep(t.row.ID, t.parent, object.Join([][]byte{t.before, t.row.Items, output}))
}

// Prepared ends a turn that asks for no answer, only to be continued: its object is
// complete and has no output.
func (t *Turn) Prepared(ctx context.Context) ([]byte, error) {
	t.row.Status = fairlead.ResponseCompleted
	raw, err := object.Unanswered(t.asked, &t.row)
	if err != nil {
		return nil, err
	}
	o, err := rawjson.ReadObject(raw)
	if err != nil {
		return nil, err
	}
	t.end(ctx, o, raw)
	return raw, nil
}
