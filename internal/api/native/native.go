// Package native is Fairlead's own face: chat under /chat/completion, and the
// pages by which people and machines see how the service stands (/metrics,
// /info, /livez, /readyz, /v1/me).
//
// A native chat body is an OpenAI chat body with a few members of our own, so
// it goes the way of that dialect; the answer is put in the native shape. A
// stream carries OpenAI's chunks, each with an id: line that numbers it. One that was
// asked for as resumable goes into a log first, from which its client reads it, and
// reads on when the connection broke.
//
// Start with Face.Routes.
package native

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// Name is what Records call this face.
const Name = "native"

// Config is what the face needs.
type Config struct {
	Gateway *gateway.Gateway
	Resume  Resume
	// Grounder finds what is asked of documents.
	Grounder *grounding.Grounder
	// Metrics answers Prometheus: in aggregate, and with the detail of each app
	// for whoever shows the admin token.
	Metrics, AdminMetrics http.Handler
	// Status tells how the service stands.
	Status func() Status
	// Leaving reports whether balancers are to send nothing more, though calls are
	// still served. It may be nil.
	Leaving func() bool
	// Info is what does not change while the service runs.
	Info Info
	// Endpoints lists the service's routes.
	Endpoints func() []string
}

// Face is the native face.
type Face struct{ config Config }

// New returns the face.
func New(config Config) *Face { return &Face{config: config} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	return refusal.Native(e, requestID)
}

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	return []api.Route{
		{Method: http.MethodPost, Path: "/chat/completion", Policy: api.AppKey, Handle: f.chat},
		{Method: http.MethodGet, Path: "/chat/completion/{id}", Policy: api.AppKey, Handle: f.resume},
		{Method: http.MethodDelete, Path: "/chat/completion/{id}", Policy: api.AppKey, Handle: f.stop},
		{Method: http.MethodGet, Path: "/v1/me", Policy: api.AppKey, Handle: f.me},
		{Method: http.MethodGet, Path: "/metrics", Policy: api.Public, Handle: f.metrics},
		{Method: http.MethodGet, Path: "/info", Policy: api.Public, Handle: f.info},
		{Method: http.MethodGet, Path: "/livez", Policy: api.Public, Handle: f.live},
		{Method: http.MethodGet, Path: "/readyz", Policy: api.Public, Handle: f.ready},
	}
}

// chat answers POST /chat/completion.
func (f *Face) chat(x *api.Exchange) error {
	c := &chat{face: f, x: x, call: x.Call(), work: gateway.NewWork()}
	begun := false
	defer func() {
		if c.apart != nil && !begun {
			c.apart.discard()
		}
	}()
	shape := api.Shape{Frames: (&numbering{}).frames, Whole: c.whole, ErrorFrame: refusal.NativeFrame}
	err := x.Answer(c.call, shape, func(emit fairlead.Emit) error {
		return f.config.Gateway.StartChat(x.Context(), c.work, c.call, c.read, c.emit(emit))
	})
	if err != nil || c.apart == nil {
		return err
	}
	begun = true
	return c.apart.follow(x)
}

// chat is one call of chat.
type chat struct {
	face *Face
	x    *api.Exchange
	call *fairlead.Call
	work *gateway.Work

	apart   *resumable         // nil while the call ends with its client
	sources *grounding.Sources // nil where the answer does not come from documents
}

// read is the call's gateway.Read.
func (c *chat) read(ctx context.Context) (*fairlead.Request, error) {
	body, err := c.x.ReadJSON(ctx)
	if err != nil {
		return nil, err
	}
	req, own, err := readChat(body, c.x.R.Header)
	if err != nil {
		return nil, err
	}
	if req.Envelope.Stream {
		if err := c.x.Streams(c.call, api.Queued, api.KeepAlive); err != nil {
			return nil, err
		}
	}
	if own.Documents != nil {
		req, c.sources, err = c.face.config.Grounder.Ground(ctx, c.call, req, fairlead.Within{Documents: own.Documents})
	}
	if err == nil && own.Resumable {
		c.apart, err = c.face.detach(c.x, c.call, c.work)
	}
	return req, err
}

// emit is where the events of the call go: to its client, or into the log that its
// client reads.
func (c *chat) emit(emit fairlead.Emit) fairlead.Emit {
	var to fairlead.Emit
	return func(e fairlead.Event) error {
		if to == nil { // where is known now that the request has been read
			to = emit
			if c.apart != nil {
				to = c.apart.emit
			}
			if c.sources != nil && e.Head != nil && e.Head.Stream {
				to = c.sources.Watch(to)
			}
		}
		return to(e)
	}
}

// whole puts an OpenAI answer in the native shape, with what it cites.
func (c *chat) whole(body []byte, call *fairlead.Call) ([]byte, error) {
	head := dialect.NativeHead{RequestID: call.ID}
	if c.sources != nil {
		head.Cite = c.sources.Citations
	}
	if targets := call.Targets(); len(targets) > 0 {
		head.Provider, head.Model = targets[0].Provider, targets[0].Model
	}
	return dialect.NativeAnswer(body, head)
}

// numbering numbers the frames of one stream.
type numbering struct {
	last int64
	text []byte // the last number
}

// frames appends the data of each frame, under its number. Other lines of the
// upstream's stay behind: an id of its own would win over ours. A comment, by
// which an upstream says that it is alive, stays as it is.
func (n *numbering) frames(dst, block []byte) []byte {
	for frame := range sse.Frames(block) {
		data := sse.Data(frame, nil)
		if data == nil {
			dst = append(dst, frame...)
			continue
		}
		n.last++
		n.text = strconv.AppendInt(n.text[:0], n.last, 10)
		dst = append(append(append(dst, "id: "...), n.text...), '\n')
		dst = sse.AppendData(dst, data)
	}
	return dst
}

// readChat makes an OpenAI chat request of a native body. A stream, asked for
// in the body or by the Accept header, always tells its usage at the end.
func readChat(body []byte, h http.Header) (*fairlead.Request, envelope.Own, error) {
	own, chat, err := envelope.Native(body, envelope.Wish{Stream: acceptsStream(h)})
	if err != nil {
		return nil, envelope.Own{}, err
	}
	return &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: chat, Envelope: own.Envelope}, own, nil
}

// acceptsStream reports whether the client asks for an event stream by header.
func acceptsStream(h http.Header) bool {
	return strings.Contains(h.Get("Accept"), "text/event-stream")
}
