package responses

import (
	"context"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses/object"
)

// continued is what a request continues.
type continued struct {
	fairlead.Past
	// keptAs is the id under which the maker knows the response before.
	keptAs string
}

// past finds the conversation that the turn's request continues: in its session, or
// in the store.
func (k *Keeper) past(ctx context.Context, t *Turn) (continued, error) {
	id := t.row.Previous
	if id == "" {
		return continued{}, nil
	}
	if t.session != nil {
		if t.parent = t.session.find(id); t.parent != nil {
			items, err := t.reserved(t.parent.joined())
			return continued{Past: fairlead.Past{Items: items}}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	last, err := k.continuable(ctx, t.row.App, id)
	if err != nil {
		return continued{}, err
	}
	past := continued{Past: fairlead.Past{Maker: last.Maker}, keptAs: last.KeptAs}
	// Where the maker goes on by itself, the items are for those alone who continue
	// this turn from what the session keeps of it.
	if last.Maker != (fairlead.Maker{}) && (t.session == nil || t.stored) {
		return past, nil
	}
	items, err := k.conversation(ctx, last)
	if err != nil {
		return continued{}, err
	}
	if t.before, err = t.reserved(items); err != nil {
		return continued{}, err
	}
	if last.Maker == (fairlead.Maker{}) {
		past.Items = t.before
	}
	return past, nil
}

// continuable returns the response if it can be continued: it is there for the app,
// it has ended, and well enough.
func (k *Keeper) continuable(ctx context.Context, app fairlead.AppID, id string) (fairlead.Response, error) {
	r, ok, err := k.store.Response(ctx, app, id)
	if err != nil {
		return fairlead.Response{}, err
	}
	if !ok || expired(&r) {
		return fairlead.Response{}, notContinued(id)
	}
	switch r.Status {
	case fairlead.ResponseCompleted, fairlead.ResponseIncomplete:
		return r, nil
	case fairlead.ResponseQueued, fairlead.ResponseInProgress:
		e := notContinued(id)
		e.Detail = "it has not ended yet"
		return fairlead.Response{}, e
	case fairlead.ResponseFailed, fairlead.ResponseCancelled:
	}
	return fairlead.Response{}, notContinued(id)
}

// conversation is the items of the conversation that ends with last. A part of it
// that is gone makes it one that cannot be continued.
func (k *Keeper) conversation(ctx context.Context, last fairlead.Response) ([]byte, error) {
	parts, err := k.turns(ctx, last)
	if err != nil {
		return nil, err
	}
	return object.Join(parts), nil
}

// turns returns the items of each turn of the conversation, oldest first: what was
// asked, what was answered.
func (k *Keeper) turns(ctx context.Context, last fairlead.Response) ([][]byte, error) {
	var parts [][]byte // newest first
	var size int64
	for turn, r := 1, last; ; turn++ {
		output, err := object.OutputItems(r.Body)
		if err != nil {
			return nil, err
		}
		parts = append(parts, output, r.Items)
		size += int64(len(output) + len(r.Items))
		if k.limits.History > 0 && size > k.limits.History || k.limits.Turns > 0 && turn > k.limits.Turns {
			return nil, tooLongToContinue()
		}
		if r.Previous == "" {
			slices.Reverse(parts)
			return parts, nil
		}
		if r, err = k.continuable(ctx, r.App, r.Previous); err != nil {
			if isNotContinued(err) {
				err = notContinued(last.ID)
			}
			return nil, err
		}
	}
}

// reserved takes memory for the items of a conversation.
func (t *Turn) reserved(items []byte) ([]byte, error) {
	if t.memory == nil {
		return items, nil
	}
	if err := t.memory.Reserve(int64(len(items))); err != nil {
		return nil, err
	}
	return items, nil
}

func expired(r *fairlead.Response) bool { return !r.Expires.IsZero() && !time.Now().Before(r.Expires) }
