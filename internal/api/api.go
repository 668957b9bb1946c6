// Package api is what the faces share: who is calling, the table of routes with
// each one's policy, reading a body within its limits, writing an answer as it
// comes, and what a Kind of error is called in HTTP.
//
// A face is a protocol over the gateway: a name, its routes and the shape of
// its errors. New refuses to start with a route that declares no policy.
//
// Start with Face and Exchange.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/api/credential"
	"github.com/fairleadhq/fairlead/internal/api/header"
	"github.com/fairleadhq/fairlead/internal/api/wish"
	"github.com/fairleadhq/fairlead/internal/places"
)

// Policy says who may use a route. The zero Policy is none, and no program
// starts with a route that has it.
type Policy uint8

// The policies.
const (
	// Public routes answer without a key.
	Public Policy = iota + 1
	// AppKey routes need the key of an app.
	AppKey
	// Admin routes need the admin token.
	Admin
	// Socket routes are where WebSockets begin. They need the key of an app, which an
	// upgrade may also carry where browsers can put it: in a subprotocol, or by a
	// ticket. The route itself tells who has none (see Exchange.Denied), since a
	// browser reads nothing of an answer that is no upgrade.
	Socket
)

// Route is one method on one path.
type Route struct {
	Method string
	// Path is a pattern of http.ServeMux, without method and host.
	Path   string
	Policy Policy
	// Handle answers. An error that it returns is written in the face's shape,
	// unless the answer has begun.
	Handle func(x *Exchange) error
}

// Face is a protocol over the gateway.
type Face interface {
	Name() string
	// Prefix is where its paths begin: whatever goes wrong below it is told in
	// this face's shape.
	Prefix() string
	Routes() []Route
	// ErrorBody is an error in the face's shape.
	ErrorBody(e *fairlead.Error, requestID string) []byte
}

// Labelled is a Face whose clients look for the request id under a name of their
// own, beside the one that every answer has.
type Labelled interface {
	// RequestIDHeader is that name, in canonical form.
	RequestIDHeader() string
}

// Authenticator knows apps by their keys.
type Authenticator interface {
	// Authenticate returns the app whose key this is. It does no I/O. Errors
	// are of Kind Unauthenticated.
	Authenticate(key string) (*fairlead.App, error)
	// IsAdmin reports whether this is the admin token.
	IsAdmin(key string) bool
}

// Tickets stand for keys, where a key cannot be sent.
type Tickets interface {
	// Redeem returns the app that a ticket was made for; nil if it is no good. A
	// ticket is good once.
	Redeem(ticket string) *fairlead.App
}

// Config is what the faces share.
type Config struct {
	Faces []Face
	Keys  Authenticator
	// Tickets, if not nil, let WebSockets in.
	Tickets Tickets
	// MaxBody is the largest request body, in bytes; 0 = no limit.
	MaxBody int64
	// Bodies bounds the bytes of bodies in flight.
	Bodies *budget.Budget
	// SlowReaderGrace is how long one write of an answer that is still being made
	// may block before its reader is cut off; 0 = until the operation's time is
	// over.
	SlowReaderGrace time.Duration
	// HeartbeatAfter is how long a stream whose head is out may be silent, up to
	// 10 s, until its client is told that the call is alive; 0 = for ever.
	HeartbeatAfter time.Duration
	// Streams are the event streams that there may be at the same time.
	Streams *places.Places
	// BusyWait is how long a caller whom there is no room for should wait.
	BusyWait func() time.Duration
	// Logger is told of panics.
	Logger *slog.Logger
	// Refused counts requests that were turned away before they named an
	// operation.
	Refused func(route, reason string)
}

// Exchange is one request and its answer.
type Exchange struct {
	W http.ResponseWriter
	R *http.Request
	// ID is the request id.
	ID      string
	Arrived time.Time
	// App is who calls; nil on routes that need no app's key.
	App *fairlead.App

	call     fairlead.Call // that the exchange is for, if it is for one
	writer   writer        // of its answer
	config   *Config
	face     Face
	control  http.ResponseController
	writeBy  time.Time      // the deadline of writes that is set; zero if none is
	fields   *header.Fields // headers of the answer, until its head goes out
	memory   budget.Account // for the request's body, and what is held back of the answer
	wish     error          // what is wrong with the headers by which the call has wishes
	began    bool           // the head of the answer is out
	stream   bool           // it is the head of an event stream
	placed   bool           // it has a place among the streams
	bodyRead bool           // there is nothing of the request left on the wire
	created  bool           // the answer is to say that it made something
	taken    bool           // the connection is another's now
	denied   error          // why there is no App, on a Socket route
	ids      *IDs
	pulse    pulse // of a stream
	// interrupted says that the call has ended: what is still to be written must
	// go out soon.
	interrupted atomic.Bool
}

// Call fills in the call that this exchange is for, with what its client wishes by
// header; there is one at most. A wish that is malformed is an error of ReadJSON.
func (x *Exchange) Call() *fairlead.Call {
	call := &x.call
	call.ID, call.App, call.Face, call.Arrived, call.Interrupt = x.ID, x.App, x.face.Name(), x.Arrived, x.interrupt
	call.Memory = &x.memory
	if x.App != nil {
		call.Class = x.App.Class
	}
	x.wish = wish.Apply(call, x.R.Header)
	return call
}

// BusyWait is how long a caller whom there is no room for should wait.
func (x *Exchange) BusyWait() time.Duration { return x.config.BusyWait() }

// BeatEvery is the longest time between two signs of life to the client of a stream;
// 0 where it is told nothing.
func (x *Exchange) BeatEvery() time.Duration { return min(x.config.HeartbeatAfter, beatEvery) }

// Reserve takes room for an answer of so many bytes that is held for its reader, until
// the exchange ends. An error, of Kind Busy, says that there is none.
func (x *Exchange) Reserve(bytes int64) error { return x.memory.Reserve(bytes) }

// Created has an Answer that is a whole body say that something was made.
func (x *Exchange) Created() { x.created = true }

// AddHeader has the answer tell something of its own; name is canonical. It must
// come before anything of the answer.
func (x *Exchange) AddHeader(name, value string) { x.fields.Add(name, value) }

// Context returns the request's context: it ends when the client leaves.
func (x *Exchange) Context() context.Context { return x.R.Context() }

// Denied is why the request has no App, on a route whose policy is Socket; nil if it
// has one.
func (x *Exchange) Denied() error { return x.denied }

// IDs makes ids for calls that have no request of their own.
func (x *Exchange) IDs() *IDs { return x.ids }

// HandOver returns the ResponseWriter, for who takes over the connection and
// answers: the exchange writes nothing any more, nor bounds what others write.
func (x *Exchange) HandOver() http.ResponseWriter {
	x.fields.Set(x.W.Header())
	x.began, x.taken = true, true
	return x.W
}

// IsAdmin reports whether the request carries the admin token.
func (x *Exchange) IsAdmin() bool {
	key, err := credential.Key(x.R.Header)
	return err == nil && x.config.Keys.IsAdmin(key)
}

// IDs makes request ids, each unique in this process.
type IDs struct{ made atomic.Uint64 }

// Next makes an id of what came at that time.
func (i *IDs) Next(now time.Time) string {
	id := strconv.AppendUint(append(make([]byte, 0, 48), "req_"...), i.made.Add(1), 10)
	return string(strconv.AppendInt(append(id, '_'), now.Unix(), 10))
}
