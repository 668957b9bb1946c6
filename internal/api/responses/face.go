// Package responses is the face that speaks OpenAI's Responses API over HTTP:
// responses are made, whole, as streams or in the background, and read again.
//
// Making one is a call like any other; what is kept of it is the keeper's business.
// One in the background goes on without its client, who reads of it what the keeper
// has stored, or the log of its stream. Reading costs no window and no slot.
//
// Start with Face.Routes and creation.
package responses

import (
	"net/http"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/filesearch"
	"github.com/fairleadhq/fairlead/internal/api/follow"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/replay"
	keep "github.com/fairleadhq/fairlead/internal/responses"
)

// Name is what Records call this face.
const Name = "responses"

const (
	typeJSON   = "application/json"
	typeStream = "text/event-stream"
)

// Config is what the face needs.
type Config struct {
	Gateway *gateway.Gateway
	Keeper  *keep.Keeper
	// Files searches the app's vector stores; nil where there are none.
	Files *filesearch.Tool
	// Logs hold the streams of responses in the background.
	Logs *replay.Logs
}

// Face is the face of the Responses API.
type Face struct{ config Config }

// New returns the face.
func New(config Config) *Face { return &Face{config: config} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/v1/responses/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, _ string) []byte { return refusal.OpenAI(e) }

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	return []api.Route{
		{Method: http.MethodPost, Path: "/v1/responses", Policy: api.AppKey, Handle: f.create},
		{Method: http.MethodGet, Path: "/v1/responses/{id}", Policy: api.AppKey, Handle: f.get},
		{Method: http.MethodDelete, Path: "/v1/responses/{id}", Policy: api.AppKey, Handle: f.delete},
		{Method: http.MethodPost, Path: "/v1/responses/{id}/cancel", Policy: api.AppKey, Handle: f.cancel},
		{Method: http.MethodGet, Path: "/v1/responses/{id}/input_items", Policy: api.AppKey, Handle: f.inputItems},
	}
}

// get answers GET /v1/responses/{id}: the response as it is now, or with stream=true
// the events of its stream.
func (f *Face) get(x *api.Exchange) error {
	if err := f.look(x); err != nil {
		return err
	}
	id := x.R.PathValue("id")
	stored, err := f.config.Keeper.Get(x.Context(), x.App.ID, id)
	if err != nil {
		return err
	}
	query := x.R.URL.Query()
	if query.Get("stream") != "true" {
		return writeHeld(x, stored.Object)
	}
	after, err := eventAfter(query.Get("starting_after"))
	if err != nil {
		return err
	}
	log, err := f.config.Logs.Find(x.App.ID, id)
	if fairlead.IsKind(err, fairlead.NotFound) {
		return notStreamed()
	}
	if err != nil {
		return err
	}
	cursor, err := log.Cursor(after)
	if fairlead.IsKind(err, fairlead.Invalid) {
		fairlead.AsError(err).Param = "starting_after"
	}
	if err != nil {
		return err
	}
	if x.R.Method == http.MethodHead {
		cursor.Close()
		return x.Write(typeStream, nil)
	}
	return follow.Answer(x, follow.Source{Cursor: cursor, ErrorFrame: errorFrame})
}

// errorFrame is the error to whoever reads a log that ends before the answer does.
func errorFrame(e *fairlead.Error) []byte { return refusal.ResponsesFrames(e, refusal.Broken{}) }

// notStreamed says that there are no events to read.
func notStreamed() error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "not_streamed", Param: "stream",
		Message: "The events of this response are not there to be read",
		Detail:  "they are for responses made with background and stream, until a few minutes after their end",
	}
}

// eventAfter is the number of the last event that a client has, -1 if it has none.
func eventAfter(value string) (int64, error) {
	if value == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_value", Param: "starting_after",
			Message: "starting_after must be the sequence_number of an event",
		}
	}
	return n, nil
}

// delete answers DELETE /v1/responses/{id}.
func (f *Face) delete(x *api.Exchange) error {
	if err := f.look(x); err != nil {
		return err
	}
	id := x.R.PathValue("id")
	if err := f.config.Keeper.Delete(x.Context(), x.App.ID, id); err != nil {
		return err
	}
	return x.WriteJSON(struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, "response", true})
}

// cancel answers POST /v1/responses/{id}/cancel.
func (f *Face) cancel(x *api.Exchange) error {
	if err := f.look(x); err != nil {
		return err
	}
	stored, err := f.config.Keeper.Cancel(x.Context(), x.App.ID, x.R.PathValue("id"))
	if err != nil {
		return err
	}
	return writeHeld(x, stored.Object)
}

// inputItems answers GET /v1/responses/{id}/input_items.
func (f *Face) inputItems(x *api.Exchange) error {
	if err := f.look(x); err != nil {
		return err
	}
	query := x.R.URL.Query()
	page, err := keep.NewPage(query.Get("after"), query.Get("limit"), query.Get("order"))
	if err != nil {
		return err
	}
	list, err := f.config.Keeper.InputItems(x.Context(), x.App.ID, x.R.PathValue("id"), page)
	if err != nil {
		return err
	}
	return writeHeld(x, list)
}

// writeHeld answers with what was read from the store. It may be long and its reader
// slow, and nothing else bounds how many read at a time.
func writeHeld(x *api.Exchange, object []byte) error {
	if err := x.Reserve(int64(len(object))); err != nil {
		return err
	}
	return x.Write(typeJSON, object)
}

// look counts a request that costs no window, and tells how the windows stand.
func (f *Face) look(x *api.Exchange) error {
	standing, err := f.config.Gateway.Standing(x.Context(), x.App)
	if err != nil {
		return err
	}
	x.NoteWindows(standing.Requests, standing.Tokens)
	return f.config.Gateway.Look(x.App)
}
