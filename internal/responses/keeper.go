package responses

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/responses/reference"
	"github.com/fairleadhq/fairlead/internal/responses/session"
)

// Limits bound what is kept.
type Limits struct {
	// Keep is how long a response is stored.
	Keep time.Duration
	// Row is the most bytes of one: what it was asked with, and its answer.
	Row int64
	// Room is what one app may store; beyond it the oldest go.
	Room fairlead.ResponseRoom
	// Turns and History bound the conversation that a request may continue: how many
	// responses, and how many bytes of items.
	Turns   int
	History int64
	// SessionTurns and SessionBytes bound what one Session keeps.
	SessionTurns int
	SessionBytes int64
}

// DefaultLimits are the limits that a service has.
func DefaultLimits() Limits {
	const mib, day = 1 << 20, 24 * time.Hour
	return Limits{
		Keep: 30 * day, Row: 32 * mib, Room: fairlead.ResponseRoom{Rows: 10_000, Bytes: 1 << 30},
		Turns: 1000, History: 32 * mib, SessionTurns: 64, SessionBytes: 8 * mib,
	}
}

const (
	// storeTime is how long one use of the store may take.
	storeTime = 5 * time.Second
	// sweepEvery is how often expired responses are deleted.
	sweepEvery = time.Minute
)

// Config is what a Keeper needs.
type Config struct {
	Store   fairlead.ResponseStore
	Sweeper fairlead.ResponseSweeper
	Names   fairlead.ResponseNames
	Limits  Limits
	// Logger is told of what could not be stored when nobody is there to be told.
	Logger *slog.Logger
}

// Keeper keeps responses. It is safe for concurrent use.
type Keeper struct {
	store   fairlead.ResponseStore
	sweeper fairlead.ResponseSweeper
	names   fairlead.ResponseNames
	limits  Limits
	logger  *slog.Logger

	mu      sync.Mutex
	running map[owned]func(*fairlead.Error) // what ends the work, of those in the background
	owed    owed
}

// owned is an id as it is known: to its app.
type owned struct {
	app fairlead.AppID
	id  string
}

// New returns a Keeper.
func New(config Config) *Keeper {
	return &Keeper{
		store: config.Store, sweeper: config.Sweeper, names: config.Names, limits: config.Limits, logger: config.Logger,
		running: make(map[owned]func(*fairlead.Error)), owed: owed{ends: make(map[owned]*fairlead.Error)},
	}
}

// Run deletes what expires, and tells the store what it could not be told before,
// until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(k.sweep(ctx), k.settleOwed(ctx)); err != nil && ctx.Err() == nil {
			k.logger.Warn("stored responses not tidied", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *Keeper) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return k.sweeper.SweepResponses(ctx, time.Now())
}

// Ask is a request of the Responses API as it came.
type Ask struct {
	App fairlead.AppID
	// Body must not change until the Turn is closed.
	Body []byte
	// Session is that of the connection over which the request came; nil where a
	// connection keeps nothing. Requests of a session never run in the background.
	Session *session.Session
	// Memory is where there must be room for the conversation so far and for an answer
	// that is held back; nil where that is not bounded.
	Memory fairlead.Memory
}

// Begin reads a request and finds what it continues. The Turn is to be closed. The
// request is as it goes upstream, with the conversation that it continues and the id
// that its answer is to have. Errors are of Kind Invalid; NotFound where the response
// that it continues is not there, or not for this app; TooLarge where it cannot be
// stored; Busy where there is no memory for the conversation.
func (k *Keeper) Begin(ctx context.Context, ask Ask) (*Turn, *fairlead.Request, error) {
	asked, err := k.readAsk(ctx, &ask)
	if err != nil {
		return nil, nil, err
	}
	t := &Turn{
		keeper: k, session: ask.Session, memory: ask.Memory, stored: asked.Store, asked: ask.Body, streams: asked.Stream,
		background: asked.Background && ask.Session == nil,
		row: fairlead.Response{
			ID: newID(), App: ask.App, Model: asked.Model, Previous: asked.Previous, Created: time.Now().UTC(),
		},
	}
	t.row.Background = t.background
	if t.background && !t.stored {
		return nil, nil, invalid("background", "A response in the background is stored: leave store out or send true")
	}
	if k.limits.Keep > 0 {
		t.row.Expires = t.row.Created.Add(k.limits.Keep)
	}
	if t.stored || t.session != nil {
		t.row.Items = object.InputItems(ask.Body, asked.InputAt)
	}
	if t.stored && k.tooLong(&t.row) {
		return nil, nil, tooLargeToStore("send store: false")
	}
	past, err := k.past(ctx, t)
	if err != nil {
		t.release()
		return nil, nil, err
	}
	req, err := upstreamRequest(t, ask.Body, &asked, past)
	if err != nil {
		t.release()
		return nil, nil, err
	}
	return t, req, nil
}

// readAsk reads the body, with the items in it that it refers to.
func (k *Keeper) readAsk(ctx context.Context, ask *Ask) (envelope.Asked, error) {
	asked, err := envelope.Responses(ask.Body)
	if err != nil {
		return envelope.Asked{}, err
	}
	if !object.MayName(ask.Body) {
		return asked, nil
	}
	body, err := k.resolved(ctx, ask, asked.InputAt)
	if err != nil {
		return envelope.Asked{}, err
	}
	if len(body) == len(ask.Body) && &body[0] == &ask.Body[0] {
		return asked, nil
	}
	ask.Body = body
	return envelope.Responses(body)
}

// upstreamRequest is the request as it goes upstream: without "background", which is
// the service's own business, as a stream if it is in the background, and with the id
// under which the maker of the response before knows that.
func upstreamRequest(t *Turn, body []byte, asked *envelope.Asked, past continued) (*fairlead.Request, error) {
	edits := backgroundEdits(t, body, asked)
	switch {
	case past.keptAs == "" && asked.Previous != "" && len(past.Items) == 0:
		// There was nothing in it, and nobody upstream knows it.
		edits = append(edits, replace(asked.PreviousAt, []byte("null")))
	case past.keptAs != "" && past.keptAs != asked.Previous:
		edits = append(edits, replace(asked.PreviousAt, jsonscan.AppendString(nil, past.keptAs)))
	}
	env := asked.Envelope
	if len(edits) > 0 {
		slices.SortFunc(edits, func(a, b jsonscan.Edit) int { return a.Start - b.Start })
		body = jsonscan.Splice(body, edits...)
		again, err := envelope.Responses(body)
		if err != nil {
			return nil, err
		}
		env = again.Envelope
	}
	return &fairlead.Request{
		Dialect: fairlead.OpenAIResponses, Body: body, Envelope: env, Past: past.Past, AnswerID: t.row.ID,
	}, nil
}

// backgroundEdits take "background" out, and ask for a stream where it was true.
func backgroundEdits(t *Turn, body []byte, asked *envelope.Asked) []jsonscan.Edit {
	at := asked.BackgroundAt
	switch {
	case !at.Present():
		return nil
	case !t.background || asked.Stream:
		return []jsonscan.Edit{object.CutMember(body, at)}
	case asked.StreamAt.Present():
		return []jsonscan.Edit{object.CutMember(body, at), replace(asked.StreamAt, []byte("true"))}
	}
	return []jsonscan.Edit{{Start: object.MemberStart(body, at), End: at.End, With: []byte(`"stream":true`)}}
}

func replace(at fairlead.Span, with []byte) jsonscan.Edit {
	return jsonscan.Edit{Start: at.Start, End: at.End, With: with}
}

// tooLong reports whether the row is longer than a row may be.
func (k *Keeper) tooLong(r *fairlead.Response) bool {
	return k.limits.Row > 0 && int64(len(r.Items)+len(r.Body)) > k.limits.Row
}

// NewSession returns what a connection keeps. It is to be ended with it. memory is where
// there must be room for what is kept; nil where that is not bounded.
func (k *Keeper) NewSession(memory fairlead.Memory) *session.Session {
	return session.New(session.Limits{Turns: k.limits.SessionTurns, Bytes: k.limits.SessionBytes}, memory)
}

// newID is an id that nobody can guess.
func newID() string {
	var b [reference.Bytes]byte
	_, _ = rand.Read(b[:]) // it never fails
	return reference.Prefix + hex.EncodeToString(b[:])
}

// resolved is the body with what it names of ours put in; see package reference.
func (k *Keeper) resolved(ctx context.Context, ask *Ask, input fairlead.Span) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return reference.Source{
		Store: k.store, Names: k.names, App: ask.App, Memory: ask.Memory, History: k.limits.History, Turns: k.limits.Turns,
	}.Resolve(ctx, ask.Body, input)
}
