// Package openai is the face that speaks OpenAI's API: chat completions,
// embeddings and the list of models. Bodies go through as they came; errors are
// OpenAI's error object.
//
// Start with Face.Routes.
package openai

import (
	"context"
	"net/http"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
)

// Name is what Records call this face.
const Name = "openai"

// Config is what the face needs.
type Config struct {
	Gateway *gateway.Gateway
	// Created is the Unix time that models are said to be made at: providers'
	// lists don't all tell one.
	Created int64
}

// Face is the OpenAI face.
type Face struct{ config Config }

// New returns the face.
func New(config Config) *Face { return &Face{config: config} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/v1/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, _ string) []byte { return refusal.OpenAI(e) }

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	return []api.Route{
		{Method: http.MethodPost, Path: "/v1/chat/completions", Policy: api.AppKey, Handle: f.chat},
		{Method: http.MethodPost, Path: "/v1/embeddings", Policy: api.AppKey, Handle: f.embed},
		{Method: http.MethodGet, Path: "/v1/models", Policy: api.AppKey, Handle: f.models},
		{Method: http.MethodGet, Path: "/v1/models/{id...}", Policy: api.AppKey, Handle: f.model},
	}
}

// operation is one of the gateway's methods.
type operation func(context.Context, *fairlead.Call, gateway.Read, fairlead.Emit) error

// scan reads the envelope of a body.
type scan func(body []byte) (fairlead.Envelope, error)

func (f *Face) chat(x *api.Exchange) error {
	return f.answer(x, fairlead.OpenAIChat, envelope.Chat, f.config.Gateway.Chat)
}

func (f *Face) embed(x *api.Exchange) error {
	return f.answer(x, fairlead.OpenAIEmbeddings, envelope.Embeddings, f.config.Gateway.Embed)
}

func (f *Face) answer(x *api.Exchange, in fairlead.Dialect, scan scan, run operation) error {
	call := x.Call()
	read := func(ctx context.Context) (*fairlead.Request, error) {
		body, err := x.ReadJSON(ctx)
		if err != nil {
			return nil, err
		}
		envelope, err := scan(body)
		if err != nil {
			return nil, err
		}
		if envelope.Stream {
			if err := x.Streams(call, api.Queued, api.KeepAlive); err != nil {
				return nil, err
			}
		}
		return &fairlead.Request{Dialect: in, Body: body, Envelope: envelope}, nil
	}
	shape := api.Shape{
		ErrorFrame: func(e *fairlead.Error, _ string) []byte { return refusal.OpenAIFrame(e) },
	}
	return x.Answer(call, shape, func(emit fairlead.Emit) error {
		return run(x.Context(), call, read, emit)
	})
}

// model is OpenAI's model object.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (f *Face) describe(id, provider string) model {
	return model{ID: id, Object: "model", Created: f.config.Created, OwnedBy: provider}
}

// models answers GET /v1/models.
func (f *Face) models(x *api.Exchange) error {
	if err := f.look(x); err != nil {
		return err
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list", Data: []model{}}
	for _, m := range f.config.Gateway.Models(x.App) {
		list.Data = append(list.Data, f.describe(m.ID, m.Provider))
	}
	return x.WriteJSON(list)
}

// model answers GET /v1/models/{id}, in which the id may hold slashes.
func (f *Face) model(x *api.Exchange) error {
	if err := f.look(x); err != nil {
		return err
	}
	id := x.R.PathValue("id")
	if id == "" { // the default model has a name of its own
		return &fairlead.Error{Kind: fairlead.NotFound, Code: "not_found", Message: "There is nothing at this path"}
	}
	target, err := f.config.Gateway.Resolve(x.App, id)
	if err != nil {
		return err
	}
	return x.WriteJSON(f.describe(id, target.Provider))
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
