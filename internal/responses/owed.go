package responses

import (
	"context"
	"maps"
	"time"

	"github.com/fairleadhq/fairlead"
)

// mostOwed is how many ends wait for the store at most.
const mostOwed = 10_000

// owed is what the store could not be told, as when its disk is full. It is told later;
// until then whoever reads such a response is told here. The keeper's mutex guards it.
type owed struct {
	ends map[owned]*fairlead.Error // of responses without an answer
	// before, if it is not zero, is when this service started: those that one before
	// it did not end are still to be ended.
	before time.Time
}

// Recover ends the responses that a service before this one did not. It is called
// once, before the first Begin. If the store can't be told now it is by Run.
func (k *Keeper) Recover(ctx context.Context) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := k.sweeper.FailResponses(ctx, time.Time{}); err != nil {
		k.logger.Warn("responses of before the start not ended", "error", err)
		k.owed.before = started // nobody else is there yet
	}
}

// owe notes how a response ended.
func (k *Keeper) owe(id owned, e *fairlead.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.owed.ends) < mostOwed {
		k.owed.ends[id] = e
	}
}

// amend has a row tell of an end that the store does not know.
func (k *Keeper) amend(r *fairlead.Response) {
	if r.Status.Ended() {
		return
	}
	k.mu.Lock()
	e := k.owed.ends[owned{r.App, r.ID}]
	if e == nil && r.Created.Before(k.owed.before) {
		e = restarted()
	}
	k.mu.Unlock()
	if e != nil {
		endWith(r, e)
	}
}

// settleOwed tells the store what it is owed, up to the first thing that it can't be
// told.
func (k *Keeper) settleOwed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	k.mu.Lock()
	before, ends := k.owed.before, maps.Clone(k.owed.ends)
	k.mu.Unlock()
	if !before.IsZero() {
		if err := k.sweeper.FailResponses(ctx, before); err != nil {
			return err
		}
		k.mu.Lock()
		k.owed.before = time.Time{}
		k.mu.Unlock()
	}
	for id, e := range ends {
		if err := k.settle(ctx, id, e); err != nil {
			return err
		}
		k.mu.Lock()
		delete(k.owed.ends, id)
		k.mu.Unlock()
	}
	return nil
}

func restarted() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Internal, Message: "The service was restarted"}
}
