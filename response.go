package fairlead

import (
	"context"
	"time"
)

// Response is an answer of the Responses API as it is stored, with what it takes to
// continue its conversation.
type Response struct {
	ID  string
	App AppID
	// Maker is who keeps the answer itself, under the id KeptAs; it is zero, and
	// KeptAs empty, where the answer was made here.
	Maker  Maker
	KeptAs string
	Model  string // the name that the request asked for
	Status ResponseStatus
	// Expires is zero if it never does.
	Created, Expires time.Time
	// Previous is the id of the response that this one continues; "" if none.
	Previous string
	// Background says that the answer was made without its client.
	Background bool
	// Items are what it was asked with, as they stand in a JSON array without its
	// brackets.
	Items []byte
	// Body is the response object: the whole one where Status says that the answer is
	// there, else the last that is known of it.
	Body []byte
}

// Expired reports whether it is there no more at now.
func (r *Response) Expired(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// ResponseStatus is how far a Response has come.
type ResponseStatus string

// The statuses. The first two are those of an answer that is still to end.
const (
	ResponseQueued     ResponseStatus = "queued"
	ResponseInProgress ResponseStatus = "in_progress"
	ResponseCompleted  ResponseStatus = "completed"
	ResponseIncomplete ResponseStatus = "incomplete"
	ResponseFailed     ResponseStatus = "failed"
	ResponseCancelled  ResponseStatus = "cancelled"
)

// Ended reports whether it is the status of a response that does not change any
// more.
func (s ResponseStatus) Ended() bool { return s != ResponseQueued && s != ResponseInProgress }

// ResponseRoom is what one app may store. Zero values are no limit.
type ResponseRoom struct {
	Rows  int
	Bytes int64
}

// ResponseStore keeps Responses, each for its app alone: an id of another app's is an
// id that is not there. Its methods block on storage and return errors of Kind
// Internal.
type ResponseStore interface {
	// PutResponse inserts the response, or replaces the app's one with the same ID.
	// Where the app has no room, its oldest ended ones are deleted.
	PutResponse(ctx context.Context, r Response, room ResponseRoom) error
	// UpdateResponse sets the Status, the Maker with its KeptAs and, if there is one, the
	// Body of the app's response with the ID of r. It does nothing if there is none, or
	// if that has ended: what was deleted does not come back. It makes room as
	// PutResponse does.
	UpdateResponse(ctx context.Context, r Response, room ResponseRoom) error
	// Response returns the app's response with that ID, an expired one too; ok is
	// false if there is none.
	Response(ctx context.Context, app AppID, id string) (r Response, ok bool, err error)
	// DeleteResponse deletes it; ok is false if there was none.
	DeleteResponse(ctx context.Context, app AppID, id string) (ok bool, err error)
}

// ResponseSweeper clears away what a ResponseStore has no use for.
type ResponseSweeper interface {
	// SweepResponses deletes the responses that expire at now or before.
	SweepResponses(ctx context.Context, now time.Time) error
	// FailResponses makes those failed that have not ended and were made before that
	// time, or whenever if it is zero: whoever worked on them is no more.
	FailResponses(ctx context.Context, before time.Time) error
}

// ResponseNames knows what the makers of an app's responses keep for it, under ids of
// their own: items and the like, which a request may name. Its methods are as those of
// a ResponseStore.
type ResponseNames interface {
	// NoteResponseNames notes names that the app's stored response has told of. They go
	// when the response does; if there is none, nothing is noted.
	NoteResponseNames(ctx context.Context, app AppID, id string, names []string) error
	// HasResponseName reports whether a response of the app's has told of the name.
	HasResponseName(ctx context.Context, app AppID, name string) (bool, error)
}
