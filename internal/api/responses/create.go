package responses

import (
	"context"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/filesearch"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
	keep "github.com/fairleadhq/fairlead/internal/responses"
)

// creation is one POST /v1/responses.
type creation struct {
	face *Face
	x    *api.Exchange
	call *fairlead.Call
	work *gateway.Work
	turn *keep.Turn // nil until the body was read
	// found is what a search of files found for it; nil if there was none.
	found *filesearch.Answer
	emit  fairlead.Emit // where the answer goes
	// job is the work on a response in the background; nil if it ends with its client.
	job *job
}

// create answers POST /v1/responses.
func (f *Face) create(x *api.Exchange) error {
	c := &creation{face: f, x: x, call: x.Call(), work: gateway.NewWork()}
	if err := x.Answer(c.call, api.Shape{ErrorFrame: c.errorFrame}, c.run); err != nil || c.job == nil {
		return err
	}
	if err := c.job.await(x); err != nil {
		return err
	}
	return c.job.tell(x)
}

// run makes the call.
func (c *creation) run(emit fairlead.Emit) (err error) {
	ctx := c.x.Context()
	defer func() {
		if c.job == nil && c.turn != nil {
			c.turn.Close(ctx, err)
		}
	}()
	c.emit = emit
	err = c.face.config.Gateway.StartChat(ctx, c.work, c.call, c.read, func(e fairlead.Event) error { return c.emit(e) })
	if err != nil && c.job != nil { // it did not begin
		c.job.discard(ctx)
		c.job = nil
	}
	return err
}

// read reads the request.
func (c *creation) read(ctx context.Context) (*fairlead.Request, error) {
	body, err := c.x.ReadJSON(ctx)
	if err != nil {
		return nil, err
	}
	var req *fairlead.Request
	c.turn, req, err = c.face.config.Keeper.Begin(ctx, keep.Ask{App: c.x.App.ID, Body: body, Memory: c.call.Memory})
	if err != nil {
		return nil, err
	}
	if c.turn.Streams() {
		if err := c.x.Streams(c.call, api.Queued, api.KeepAlive); err != nil {
			return nil, err
		}
	}
	if req, c.found, err = c.face.config.Files.Ground(ctx, c.call, req); err != nil {
		return nil, err
	}
	if c.turn.Background() {
		return req, c.detach(ctx, req)
	}
	c.emit = c.found.Watch(c.turn.Watch(ctx, c.emit))
	return req, nil
}

// errorFrame is the error in a stream that has begun.
func (c *creation) errorFrame(e *fairlead.Error, _ string) []byte {
	if c.turn == nil {
		return refusal.ResponsesFrames(e, refusal.Broken{})
	}
	return brokenFrames(c.turn, e)
}

// brokenFrames end a stream that broke; none if its end was told.
func brokenFrames(turn *keep.Turn, e *fairlead.Error) []byte {
	if turn.Ended() {
		return nil
	}
	return refusal.ResponsesFrames(e, refusal.Broken{Sequence: turn.Events(), Response: turn.Told()})
}
