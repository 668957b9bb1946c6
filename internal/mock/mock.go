// Package mock is an upstream that is no LLM: it speaks OpenAI's APIs and
// Anthropic's, says in every answer that it is the mock, and fails in
// the way that the name of the model asks for.
//
// It serves tests and trials of the gateway, and is the judge of them: it
// shares no code with the gateway's own reading and writing of these APIs,
// refuses what the real ones would refuse, and counts how many calls it holds
// at once. The name "mock+429+retry_after=7" is refused for seven seconds,
// "mock+cut=3" breaks off after three events; FlagsHelp lists all flags. Any
// other name answers plainly.
//
// Start with New; flags.go reads the names, reply.go plays the faults.
package mock

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/fairleadhq/fairlead/internal/mock/responses"
)

// Header is on every answer of the mock.
const Header = "X-Fairlead-Mock"

// maxBody is the most bytes of a request that the mock reads.
const maxBody = 64 << 20

// Options say how a Mock behaves to everyone.
type Options struct {
	// Key is the only API key that is accepted; when it is empty every key is,
	// and none.
	Key string
	// Models are the names that GET /v1/models lists; nil means the mock with
	// any flags, as the pattern mock+*, and a few well-known names. Any name is answered, listed or not.
	Models []string
	// Log gets one line for each answered model call; nil means no log.
	Log *slog.Logger
}

// Mock is the upstream. Make it with New; it is safe for concurrent use.
type Mock struct {
	key      string
	models   []string
	log      *slog.Logger
	mux      *http.ServeMux
	requests atomic.Int64
	counts   counts
	memory   responses.Memory
}

// New returns a mock that holds no calls and has counted none.
func New(options Options) *Mock {
	m := &Mock{key: options.Key, models: options.Models, log: options.Log, mux: http.NewServeMux()}
	if m.models == nil {
		m.models = []string{"mock", "mock+*", "gpt-4o-mini", "text-embedding-3-small", "claude-sonnet-4-5"}
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.counts.clear()
	m.mux.HandleFunc("POST /v1/chat/completions", m.operation(openAI{}, readChat, answerChat))
	m.mux.HandleFunc("POST /v1/responses", m.operation(responsesAPI{}, m.readResponses, answerResponses))
	m.mux.HandleFunc("POST /v1/embeddings", m.operation(openAI{}, readEmbeddings, answerEmbeddings))
	m.mux.HandleFunc("GET /v1/models", m.listModels)
	m.mux.HandleFunc("GET /v1/models/{id...}", m.showModel)
	m.mux.HandleFunc("POST /v1/messages", m.operation(anthropic{}, readMessages, answerMessages))
	m.mux.HandleFunc("POST /v1/messages/count_tokens", m.operation(anthropic{}, readCountTokens, answerCountTokens))
	m.mux.HandleFunc("GET /mock/stats", m.showStats)
	m.mux.HandleFunc("POST /mock/reset", m.reset)
	m.mux.HandleFunc("/", m.unknownPath)
	return m
}

// ServeHTTP answers as the API whose path is asked for. It blocks as long as
// the model's name says, but never longer than the client stays.
func (m *Mock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(Header, "1")
	w.Header().Set("X-Request-Id", requestID(m.requests.Add(1)))
	if !m.admits(r) {
		m.counts.unauthorized()
		refuseAt(w, r, http.StatusUnauthorized, "the API key is not the one this mock was started with")
		return
	}
	m.mux.ServeHTTP(w, r)
}

// admits compares digests, so that neither length nor prefix of the key shows
// in the time it takes.
func (m *Mock) admits(r *http.Request) bool {
	if m.key == "" {
		return true
	}
	given := r.Header.Get("X-Api-Key")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		given = bearer
	}
	want, got := sha256.Sum256([]byte(m.key)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// operation is the one way through for whatever counts as a model call.
func (m *Mock) operation(
	speaks speaker, read func(http.Header, []byte) (ask, error), answer func(context.Context, *reply) error,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			m.unreadable(w, speaks, err)
			return
		}
		asked, err := read(r.Header, body)
		how := plain()
		if err == nil {
			how, err = parseModel(asked.model)
		}
		call := m.counts.enter(asked.model, r, body)
		defer m.counts.leave(call)
		if err != nil {
			m.counts.invalid()
			m.counts.leave(call)
			refuse(w, speaks, http.StatusBadRequest, err.Error())
			return
		}
		if how.times > 0 && call.number > how.times {
			how.fault = noFault()
		}
		p := &reply{w: w, speaks: speaks, ask: asked, how: how, number: call.total, last: func() { m.counts.leave(call) }}
		m.end(r, call, p.play(r.Context(), answer))
	}
}

// end counts how the answer ended and, where the connection has to break,
// breaks it.
func (m *Mock) end(r *http.Request, call *call, err error) {
	outcome := "answered"
	switch {
	case errors.Is(err, errGone):
		outcome = "client left"
		m.counts.abort(call)
	case errors.Is(err, errCut):
		outcome = "cut"
	}
	m.log.InfoContext(r.Context(), "mock answered", "path", r.URL.Path, "model", call.model, "outcome", outcome)
	if errors.Is(err, errCut) {
		m.counts.leave(call)
		// This is how net/http is asked to drop a connection; it is not a fault.
		panic(http.ErrAbortHandler)
	}
}

// unreadable answers a request whose body did not arrive.
func (m *Mock) unreadable(w http.ResponseWriter, speaks speaker, err error) {
	m.counts.invalid()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		refuse(w, speaks, http.StatusRequestEntityTooLarge, "the body is over 64 MiB")
		return
	}
	refuse(w, speaks, http.StatusBadRequest, "the body broke off")
}

func (m *Mock) unknownPath(w http.ResponseWriter, r *http.Request) {
	m.counts.invalid()
	refuseAt(w, r, http.StatusNotFound, "Invalid URL ("+r.Method+" "+r.URL.Path+")")
}

// refuseAt refuses in the language of the path.
func refuseAt(w http.ResponseWriter, r *http.Request, status int, message string) {
	if strings.HasPrefix(r.URL.Path, "/v1/messages") {
		refuse(w, anthropic{}, status, message)
		return
	}
	refuse(w, openAI{}, status, message)
}
