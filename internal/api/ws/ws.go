// Package ws is the face that speaks over WebSockets: OpenAI's own protocol for
// responses on /v1/responses, and on /ws the same with what a chat page needs besides.
//
// A socket is a Session: one goroutine reads what the client says and hands each turn
// to its lane, which works on one turn after another; lanes work side by side. A turn
// is a call like any other and takes its slot while it works: a socket that waits holds
// nothing but its connection. On /v1/responses a turn ends with its socket. On /ws it
// writes into a log (package replay) and the lane reads that: who lost the connection
// reads on over another one.
//
// How many sockets there may be is the turnstile's business, which is asked before the
// handshake is answered. Whoever is turned away is told so in the socket, by the code
// and the reason of its end, because a browser reads nothing else.
//
// Start with Face.open, then session.run and lane.
package ws

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/api/credential"
	"github.com/fairleadhq/fairlead/internal/api/filesearch"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/socket"
	"github.com/fairleadhq/fairlead/internal/turnstile"
)

// Name is what Records call this face.
const Name = "ws"

// Bounds of a socket.
const (
	// Lanes is how many lanes of a socket may be at work, and Queue how many turns may
	// wait in each.
	Lanes = 16
	Queue = 16
	// largestOwn and largestOpenAI are the longest messages of a client, in bytes:
	// OpenAI's clients send whole conversations.
	largestOwn    = 1 << 20
	largestOpenAI = 16 << 20
	// oldest is the age at which a socket takes no more turns.
	oldest = time.Hour
)

// Config is what the face needs.
type Config struct {
	Gateway *gateway.Gateway
	Keeper  *responses.Keeper
	// Files searches the app's vector stores; nil where there are none.
	Files *filesearch.Tool
	// Grounder finds what is asked of documents.
	Grounder *grounding.Grounder
	Logs     *replay.Logs
	// MaxOpen is how many sockets may be open, 0 = no limit, and MaxWaiting how many
	// clients may wait until one may be opened.
	MaxOpen, MaxWaiting int
	// Origins are those of pages that may connect beside the service's own; see
	// socket.Config.
	Origins []string
	// Grace is for how long an answer on /ws goes on that nobody reads.
	Grace time.Duration
	// Bodies is where there must be room for what clients send, of at most MaxBody
	// bytes; 0 = no limit.
	Bodies  *budget.Budget
	MaxBody int64
	// BusyWait is how long a caller whom there is no room for should wait.
	BusyWait func() time.Duration
	// Logger is told of sockets that ended for a reason of their own.
	Logger *slog.Logger
}

// How long things of a socket may take, and how much may wait to be sent.
const (
	outbox        = 256 << 10
	writeWithin   = 10 * time.Second
	pingEvery     = 20 * time.Second
	messageWithin = 30 * time.Second
	closeWithin   = 2 * time.Second
	// patience is how long a client waits until it may open a socket.
	patience = 10 * time.Second
	// What sockets keep of their answers may fill one part in so many of the memory for
	// bodies, and any app so many bytes of it.
	historyPart = 4
	historyRoom = 8 << 20
)

// Face is the WebSocket face.
type Face struct {
	config    Config
	acceptor  *socket.Acceptor
	turnstile *turnstile.Turnstile
	tickets   *tickets
	hub       hub
	histories *budget.Budget // for what sockets keep
}

// New returns the face.
func New(config Config) *Face {
	f := &Face{config: config, tickets: newTickets(), histories: config.Bodies.Part(historyPart, historyRoom), turnstile: turnstile.New(turnstile.Config{
		Places: config.MaxOpen, Queue: config.MaxWaiting, Patience: patience,
	}), acceptor: socket.New(socket.Config{
		Origins: config.Origins, Outbox: outbox, WriteWithin: writeWithin, PingEvery: pingEvery,
		MessageWithin: messageWithin, CloseWithin: closeWithin,
	})}
	f.hub.over = make(chan struct{})
	f.hub.sessions, f.hub.refusals = make(map[*session]struct{}), make(map[*socket.Socket]struct{})
	return f
}

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/ws/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	return refusal.Native(e, requestID)
}

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	return []api.Route{
		{Method: http.MethodGet, Path: "/ws", Policy: api.Socket, Handle: func(x *api.Exchange) error { return f.open(x, ownProtocol) }},
		{Method: http.MethodGet, Path: "/v1/responses", Policy: api.Socket, Handle: func(x *api.Exchange) error { return f.open(x, openAIProtocol) }},
		{Method: http.MethodPost, Path: "/ws/ticket", Policy: api.AppKey, Handle: f.ticket},
	}
}

// protocol is what is spoken on a socket.
type protocol uint8

const (
	ownProtocol protocol = iota
	openAIProtocol
)

// open answers a request for a WebSocket.
func (f *Face) open(x *api.Exchange, p protocol) error {
	if !credential.IsUpgrade(x.R) {
		if err := x.Denied(); err != nil {
			return err
		}
		x.W.Header().Set("Upgrade", "websocket")
		return &fairlead.Error{
			Kind: fairlead.NotAllowed, Code: "upgrade_required", Message: "This path is for WebSockets", Detail: "connect with wss:// or ws://",
		}
	}
	if x.R.ContentLength != 0 {
		return &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_value", Message: "A request for a WebSocket has no body"}
	}
	if err := x.Denied(); err != nil {
		return f.turnAway(x, socket.Policy, fairlead.AsError(err))
	}
	if err := f.config.Gateway.Ready(); err != nil {
		return f.turnAway(x, socket.Restart, fairlead.AsError(err))
	}
	if err := f.config.Gateway.Look(x.App); err != nil {
		return f.turnAway(x, socket.ComeLater, fairlead.AsError(err))
	}
	leave, err := f.turnstile.Enter(x.Context())
	if full, ok := errors.AsType[*turnstile.FullError](err); ok {
		return f.turnAway(x, socket.ComeLater, fairlead.NewBusy("too_many_websockets", "There are as many WebSockets as there may be", full.RetryAfter))
	}
	if err != nil {
		return fairlead.NewCanceled(err)
	}
	if !f.hub.enter() {
		leave()
		return stopping()
	}
	s := f.newSession(x, p, leave)
	if err := s.accept(x); err != nil {
		f.hub.exit()
		leave()
		return err
	}
	f.hub.start(s)
	return nil
}

// accept shakes hands.
func (s *session) accept(x *api.Exchange) error {
	var err error
	s.socket, err = s.face.accept(x, socket.Terms{
		Largest: s.largest(), Age: oldest, Aged: func(*socket.Socket) { s.retire(tooOld()) },
	})
	return err
}

// accept answers the handshake, or returns what is wrong with it.
func (f *Face) accept(x *api.Exchange, terms socket.Terms) (*socket.Socket, error) {
	terms.Protocol = agreed(x.R.Header)
	taker := &late{x: x}
	s, err := f.acceptor.Accept(taker, x.R, terms)
	if wrong, ok := errors.AsType[*socket.HandshakeError](err); ok && !taker.taken {
		return nil, notAHandshake(wrong)
	}
	return s, err
}

// late is the exchange's ResponseWriter, which is taken over only when the handshake
// is right: until then the exchange can answer with an error.
type late struct {
	x     *api.Exchange
	w     http.ResponseWriter
	taken bool
}

// Header implements http.ResponseWriter.
func (l *late) Header() http.Header {
	if !l.taken {
		l.w, l.taken = l.x.HandOver(), true
	}
	return l.w.Header()
}

// WriteHeader implements http.ResponseWriter.
func (l *late) WriteHeader(status int) { l.w.WriteHeader(status) }

// Write implements http.ResponseWriter.
func (l *late) Write(p []byte) (int, error) { return l.w.Write(p) }

// Unwrap is for http.ResponseController.
func (l *late) Unwrap() http.ResponseWriter { return l.w }

func notAHandshake(wrong *socket.HandshakeError) error {
	if wrong.Status == http.StatusForbidden {
		return &fairlead.Error{
			Kind: fairlead.Forbidden, Code: "origin_not_allowed", Message: "Pages of this origin may not connect",
			Detail: "the service's own pages may, and those of chat.websocket.allowed_origins",
		}
	}
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "invalid_handshake", Message: "This is no handshake of a WebSocket", Detail: "version 13 is spoken here",
	}
}

// agreed is the subprotocol that the service agrees to. A browser that offers some
// takes no answer but one of them: the one that holds its key only if there is no
// other.
func agreed(h http.Header) string {
	offered := credential.Subprotocols(h)
	if i := slices.IndexFunc(offered, func(p string) bool { return !strings.HasPrefix(p, credential.KeyProtocol) }); i >= 0 {
		return offered[i]
	}
	if len(offered) > 0 {
		return offered[0]
	}
	return ""
}

// turnAway tells a client that there is no socket for it, by how a socket ends. Where
// too many are being told so, the answer is a plain status.
func (f *Face) turnAway(x *api.Exchange, code int, e *fairlead.Error) error {
	if !f.hub.enterRefusal() {
		return e
	}
	s, err := f.accept(x, socket.Terms{Largest: 1})
	if err != nil {
		f.hub.exitRefusal(nil)
		return err
	}
	reason := e.Code
	if code == socket.ComeLater {
		reason = "retry_after=" + strconv.FormatInt(int64((max(e.RetryAfter, time.Second)-1)/time.Second)+1, 10)
	}
	f.hub.refuse(s, code, reason)
	return nil
}

// ticket answers POST /ws/ticket.
func (f *Face) ticket(x *api.Exchange) error {
	if err := f.config.Gateway.Look(x.App); err != nil {
		return err
	}
	x.W.Header().Set("Cache-Control", "no-store")
	body, err := json.Marshal(struct {
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"`
	}{f.tickets.issue(x.App), int(ticketLife.Seconds())})
	if err != nil {
		return err
	}
	return x.Write("application/json", append(body, '\n'))
}
