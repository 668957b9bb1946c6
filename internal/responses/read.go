package responses

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Stored is a response that can be read.
type Stored struct {
	// Object is the response object.
	Object     []byte
	Status     fairlead.ResponseStatus
	Background bool
}

// Get returns the app's response with that id. Errors are of Kind NotFound and
// Internal.
func (k *Keeper) Get(ctx context.Context, app fairlead.AppID, id string) (Stored, error) {
	r, err := k.row(ctx, app, id)
	if err != nil {
		return Stored{}, err
	}
	return stored(&r), nil
}

// row returns the app's row with that id.
func (k *Keeper) row(ctx context.Context, app fairlead.AppID, id string) (fairlead.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	r, ok, err := k.store.Response(ctx, app, id)
	if err != nil {
		return fairlead.Response{}, err
	}
	if !ok || r.Expired(time.Now()) {
		return fairlead.Response{}, notFound(id)
	}
	k.amend(&r)
	return r, nil
}

// stored is the row as it is told. The object of one whose end nobody has written is
// older than its status.
func stored(r *fairlead.Response) Stored {
	s := Stored{Object: r.Body, Status: r.Status, Background: r.Background}
	o, err := rawjson.ReadObject(r.Body)
	if err != nil || object.StatusOf(o) == r.Status {
		return s
	}
	if r.Status == fairlead.ResponseFailed {
		s.Object = object.Failed(r.Body, restarted())
	} else {
		s.Object = object.InStatus(r.Body, r.Status)
	}
	return s
}

// Delete deletes the app's response with that id, and ends the work on it if it goes
// on in the background. Errors are those of Get.
func (k *Keeper) Delete(ctx context.Context, app fairlead.AppID, id string) error {
	if _, err := k.row(ctx, app, id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	ok, err := k.store.DeleteResponse(ctx, app, id)
	if err != nil {
		return err
	}
	k.stop(app, id)
	if !ok {
		return notFound(id)
	}
	return nil
}

// Cancel ends the work on a response in the background, and returns it; one that has
// ended stays as it is. Errors are those of Get, and of Kind Invalid for a response
// that is not in the background.
func (k *Keeper) Cancel(ctx context.Context, app fairlead.AppID, id string) (Stored, error) {
	r, err := k.row(ctx, app, id)
	if err != nil {
		return Stored{}, err
	}
	if !r.Background {
		return Stored{}, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "not_in_background", Message: "Cannot cancel a synchronous response.",
		}
	}
	if r.Status.Ended() {
		return stored(&r), nil
	}
	r.Status, r.Body = fairlead.ResponseCancelled, object.InStatus(r.Body, fairlead.ResponseCancelled)
	if err := k.cancelled(ctx, r); err != nil {
		return Stored{}, err
	}
	k.stop(app, id)
	return k.Get(ctx, app, id) // it may have ended by itself just now
}

func (k *Keeper) cancelled(ctx context.Context, r fairlead.Response) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return k.store.UpdateResponse(ctx, r, k.limits.Room)
}

// stop ends the work on a response, if there is any.
func (k *Keeper) stop(app fairlead.AppID, id string) {
	k.mu.Lock()
	end := k.running[owned{app, id}]
	k.mu.Unlock()
	if end != nil {
		end(&fairlead.Error{Kind: fairlead.Canceled, Code: "canceled", Message: "The response was cancelled"})
	}
}

// Bounds of a page of items.
const (
	pageSize    = 20
	maxPageSize = 100
)

// Page is which items of a list are asked for: at most Limit, those that follow the
// item After, from the newest on unless Ascending.
type Page struct {
	After     string
	Limit     int
	Ascending bool
}

// NewPage reads a page from the values of a URL's query; "" is what is not said.
// Errors are of Kind Invalid.
func NewPage(after, limit, order string) (Page, error) {
	p := Page{After: after, Limit: pageSize, Ascending: order == "asc"}
	if order != "" && order != "asc" && order != "desc" {
		return Page{}, invalid("order", "order must be asc or desc")
	}
	if limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > maxPageSize {
			return Page{}, invalid("limit", "limit must be a number from 1 to "+strconv.Itoa(maxPageSize))
		}
		p.Limit = n
	}
	return p, nil
}

// InputItems lists what a response was asked with: its own input, and before that the
// conversation that it continues, as far as that is stored. Errors are those of Get,
// and of Kind Invalid for an item After that is not in the list.
func (k *Keeper) InputItems(ctx context.Context, app fairlead.AppID, id string, page Page) ([]byte, error) {
	r, err := k.row(ctx, app, id)
	if err != nil {
		return nil, err
	}
	items, err := k.inputs(ctx, &r)
	if err != nil {
		return nil, err
	}
	if !page.Ascending {
		slices.Reverse(items)
	}
	if page.After != "" {
		at := slices.IndexFunc(items, func(i object.Item) bool { return i.ID == page.After })
		if at < 0 {
			return nil, invalid("after", "There is no item with the id that after names")
		}
		items = items[at+1:]
	}
	more := len(items) > page.Limit
	return object.List(items[:min(len(items), page.Limit)], more), nil
}

// inputs are the items that r was asked with, oldest first.
func (k *Keeper) inputs(ctx context.Context, r *fairlead.Response) ([]object.Item, error) {
	own, err := object.Listed(r.ID, r.Items)
	if err != nil || r.Previous == "" {
		return own, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	var turns [][]object.Item // newest first
	turns = append(turns, own)
	var size int64
	for turn := 0; r.Previous != "" && turn < k.limits.Turns; turn++ {
		before, err := k.continuable(ctx, r.App, r.Previous)
		if isNotContinued(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if size += int64(len(before.Items) + len(before.Body)); size > k.limits.History {
			break
		}
		asked, err := object.Listed(before.ID, before.Items)
		if err != nil {
			return nil, err
		}
		answered, err := object.ListedOutput(before.ID, before.Body)
		if err != nil {
			return nil, err
		}
		turns = append(turns, answered, asked)
		r = &before
	}
	slices.Reverse(turns)
	return slices.Concat(turns...), nil
}
