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
		if t.parent = t.session.Find(id); t.parent != nil {
			items := t.parent.Items()
			return continued{Past: fairlead.Past{Items: items}}, t.reserve(len(items))
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
	if t.before, err = k.conversation(ctx, t, last); err != nil {
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
	if !ok || r.Expired(time.Now()) {
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

// conversation is the items of the conversation that ends with last, for which it takes
// memory. A part of it that is gone makes it one that cannot be continued.
func (k *Keeper) conversation(ctx context.Context, t *Turn, last fairlead.Response) ([]byte, error) {
	parts, err := k.turns(ctx, t, last)
	if err != nil {
		return nil, err
	}
	return object.Join(parts), nil
}

// turns returns the items of each turn of the conversation, oldest first: what was
// asked, what was answered. Memory is taken for each before the next is read: many
// requests may do so at once.
func (k *Keeper) turns(ctx context.Context, t *Turn, last fairlead.Response) ([][]byte, error) {
	var parts [][]byte // newest first
	var size int64
	for turn, r := 1, last; ; turn++ {
		output, err := object.OutputItems(r.Body)
		if err != nil {
			return nil, err
		}
		if err := t.reserve(len(output) + len(r.Items)); err != nil {
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

// reserve takes memory for so many bytes of a conversation.
func (t *Turn) reserve(bytes int) error {
	if t.memory == nil {
		return nil
	}
	return t.memory.Reserve(int64(bytes))
}
