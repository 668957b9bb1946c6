// Package providertest holds what every adapter to a provider owes to the
// layers around it, as a suite of tests: the order of events, a nil error if
// and only if the answer is whole, the Kind of every failure, and that nothing
// goes on when the caller has left.
//
// The upstreams of the suite speak OpenAI's or Anthropic's API on loopback, each
// with one canned behaviour. Start with Run.
package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// patience bounds every wait of the suite; only a broken adapter meets it.
	patience = 20 * time.Second
	// stopTime is how fast an adapter must stop when its caller leaves. A busy
	// machine can delay any single try, so the best of stopTries counts.
	stopTime  = 100 * time.Millisecond
	stopTries = 5
)

// Run runs the contract, in the dialect OpenAIChat, OpenAIResponses or AnthropicMessages, against
// the models that newModel makes, one for each upstream. newModel must give its model the upstream's URL as base URL, Key as
// key, and limits of time longer than a minute or none. A model with a method
// Close() or Close() error is closed at the end of its test. A model without
// an upstream skips the tests whose upstream.Behaviour is not Answers.
func Run(t *testing.T, in fairlead.Dialect, newModel func(t *testing.T, upstream Upstream) fairlead.Model) {
	t.Helper()
	says := speechOf(in)
	(&suite{speech: says, upstream: says, newModel: newModel}).run(t)
}

// RunTLS is Run with upstreams over TLS that speak one version of HTTP, 1 or 2.
// newModel must trust the upstream's Roots.
func RunTLS(t *testing.T, in fairlead.Dialect, version int, newModel func(t *testing.T, upstream Upstream) fairlead.Model) {
	t.Helper()
	says := speechOf(in)
	(&suite{speech: says, upstream: says, newModel: newModel, tls: version}).run(t)
}

// RunBetween is Run for models whose clients speak one dialect and whose upstreams
// another.
func RunBetween(t *testing.T, client, upstream fairlead.Dialect, newModel func(t *testing.T, upstream Upstream) fairlead.Model) {
	t.Helper()
	(&suite{speech: speechOf(client), upstream: speechOf(upstream), newModel: newModel}).run(t)
}

func (s *suite) run(t *testing.T) {
	t.Helper()
	t.Run("whole answers", s.testWhole)
	t.Run("streams", s.testStreams)
	t.Run("operation that is not there", s.testUnsupported)
	t.Run("caller that left before", s.testLeftBefore)
	for _, c := range s.failures() {
		if s.tls == http2 && byHand(c.behaviour) {
			continue
		}
		t.Run("upstream "+string(c.behaviour), func(t *testing.T) { s.testFailure(t, c) })
	}
	t.Run("emit fails", s.testEmitFails)
	t.Run("caller leaves", s.testCallerLeaves)
	t.Run("deadline", s.testDeadline)
}

// http2 is a version that has nothing to write by hand.
const http2 = 2

// byHand reports whether an upstream behaves so by writing HTTP/1.1 itself.
func byHand(b Behaviour) bool { return b == TellsKeyInHead || b == Switches }

type suite struct {
	// speech is the clients', upstream that of the other side.
	speech, upstream *speech
	newModel         func(t *testing.T, upstream Upstream) fairlead.Model
	// tls is the version of HTTP over TLS; 0 is HTTP/1.1 without TLS.
	tls int
}

// with runs test on a model of an upstream that behaves so, and then checks
// that nothing of either is left running.
func (s *suite) with(t *testing.T, behaviour Behaviour, test func(t *testing.T, model fairlead.Model, up *canned)) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() { settle(t, before) })
	up := newCanned(behaviour, s.upstream, s.tls)
	t.Cleanup(up.close)
	model := s.newModel(t, Upstream{Behaviour: behaviour, URL: up.url, Roots: up.roots})
	t.Cleanup(func() { closeModel(t, model) })
	test(t, model, up)
}

func closeModel(t *testing.T, model fairlead.Model) {
	t.Helper()
	switch m := model.(type) {
	case interface{ Close() }:
		m.Close()
	case interface{ Close() error }:
		if err := m.Close(); err != nil {
			t.Errorf("closing the model: %v", err)
		}
	}
}

// settle waits until no more goroutines run than before.
func settle(t *testing.T, before int) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-again.C:
		case <-deadline.C:
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Errorf("%d goroutines run, %d did before:\n%s", runtime.NumGoroutine(), before, stacks)
			return
		}
	}
}

// transcript is what a model emitted, and how it ended.
type transcript struct {
	// ending is how the last frame of a stream begins.
	ending string
	heads  []fairlead.Head
	ends   []fairlead.End
	pieces [][]byte
	// disorder says what was wrong with the order of the events.
	disorder string
	err      error
}

func (tr *transcript) text() string { return string(bytes.Join(tr.pieces, nil)) }

func (tr *transcript) take(e fairlead.Event) {
	set := 0
	for _, is := range []bool{e.Head != nil, e.Data != nil, e.End != nil} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		tr.disorder = "an event that is not exactly one of Head, Data and End"
	case len(tr.ends) > 0:
		tr.disorder = "an event after the End"
	case e.Head != nil && len(tr.heads) > 0:
		tr.disorder = "a second Head"
	case e.Head == nil && len(tr.heads) == 0:
		tr.disorder = "an event before the Head"
	case e.Data != nil && len(e.Data) == 0:
		tr.disorder = "Data without a byte"
	}
	switch {
	case e.Head != nil:
		tr.heads = append(tr.heads, *e.Head)
	case e.End != nil:
		tr.ends = append(tr.ends, *e.End)
	default:
		tr.pieces = append(tr.pieces, bytes.Clone(e.Data))
	}
}

// ask sends one request and writes down what comes; onEvent, if it is not nil,
// may fail an emit.
func ask(ctx context.Context, model fairlead.Model, r question, onEvent func(fairlead.Event) error) *transcript {
	tr := &transcript{ending: r.speech.ending}
	refused := false
	call := &fairlead.Call{ID: "req_1_1", Operation: r.operation, Arrived: time.Now()}
	tr.err = model.Answer(ctx, call, r.request(), func(e fairlead.Event) error {
		if refused {
			tr.disorder = "an event after emit had failed"
		}
		tr.take(e)
		if onEvent == nil {
			return nil
		}
		err := onEvent(e)
		refused = err != nil
		return err
	})
	return tr
}

// check holds what is true of every transcript.
func (tr *transcript) check(t *testing.T) {
	t.Helper()
	if tr.disorder != "" {
		t.Errorf("got %s", tr.disorder)
	}
	if whole := len(tr.ends) == 1; whole != (tr.err == nil) {
		t.Errorf("got %d Ends with the error %v; want an End if and only if there is no error", len(tr.ends), tr.err)
	}
	if tr.err == nil {
		return
	}
	var e *fairlead.Error
	if !errors.As(tr.err, &e) {
		t.Fatalf("got an error of type %T, want *fairlead.Error: %v", tr.err, tr.err)
	}
	if e.Code == "" || e.Message == "" {
		t.Errorf("got an error with code %q and message %q, want both", e.Code, e.Message)
	}
	if e.Kind == fairlead.Busy && e.RetryAfter <= 0 {
		t.Errorf("got Kind Busy without RetryAfter")
	}
	if strings.Contains(tr.text(), tr.ending) {
		t.Errorf("got the end marker of a stream that ended with %v", tr.err)
	}
	told := e.Error() + e.Code + e.Message + e.Detail + e.Param
	if strings.Contains(told, Key[:12]) || strings.Contains(told, keyPiece) {
		t.Errorf("the error tells of the key: %+v", e)
	}
}

func (tr *transcript) wantKind(t *testing.T, kind fairlead.Kind) {
	t.Helper()
	if !fairlead.IsKind(tr.err, kind) {
		t.Errorf("got the error %v, want one of Kind %v", tr.err, kind)
	}
}

func (s *suite) testWhole(t *testing.T) {
	for _, r := range s.wholes() {
		t.Run(r.operation.String(), func(t *testing.T) {
			s.with(t, Answers, func(t *testing.T, model fairlead.Model, _ *canned) {
				tr := ask(t.Context(), model, r, nil)
				tr.check(t)
				tr.wantAnswer(t, fairlead.Head{ContentType: "application/json", Status: 200})
				if !json.Valid([]byte(tr.text())) {
					t.Errorf("got a body that is not JSON: %q", tr.text())
				}
				if r.operation != fairlead.CountTokens && tr.ends[0].Usage.Input <= 0 {
					t.Errorf("got the usage %+v, want the tokens of the input", tr.ends[0].Usage)
				}
				if r.operation == fairlead.Chat && tr.ends[0].Finish != s.upstream.finish {
					t.Errorf("got the finish reason %q, want %s", tr.ends[0].Finish, s.upstream.finish)
				}
			})
		})
	}
}

// wantAnswer stops the test unless the answer is whole, with a head like want.
func (tr *transcript) wantAnswer(t *testing.T, want fairlead.Head) {
	t.Helper()
	if tr.err != nil || len(tr.heads) == 0 || len(tr.ends) == 0 {
		t.Fatalf("got no answer but the error %v", tr.err)
	}
	got := tr.heads[0]
	if got.Stream != want.Stream || got.Status != want.Status || !strings.HasPrefix(got.ContentType, want.ContentType) {
		t.Errorf("got the head %+v, want %+v", got, want)
	}
}

func (s *suite) testStreams(t *testing.T) {
	asks := map[string]question{"as it is": s.stream()}
	if s.speech.usage != "" {
		asks = map[string]question{"without usage": s.stream(), "with usage": s.stream().withUsage()}
	}
	for name, r := range asks {
		t.Run(name, func(t *testing.T) {
			s.with(t, Answers, func(t *testing.T, model fairlead.Model, _ *canned) {
				tr := ask(t.Context(), model, r, nil)
				tr.check(t)
				tr.wantAnswer(t, fairlead.Head{ContentType: "text/event-stream", Stream: true, Status: 200})
				tr.wantFrames(t)
				if got := strings.Contains(tr.text(), `"prompt_tokens"`); got != r.usage { // Anthropic's has another name
					t.Errorf("usage in the stream: %v, want %v: %q", got, r.usage, tr.text())
				}
				if end := tr.ends[0]; end.Usage.Input <= 0 || end.Usage.Output <= 0 || end.Finish != s.upstream.finish {
					t.Errorf("got the end %+v, want the usage and %s", end, s.upstream.finish)
				}
			})
		})
	}
}

// wantFrames checks that every Data is whole frames and the last one the end
// marker.
func (tr *transcript) wantFrames(t *testing.T) {
	t.Helper()
	for _, piece := range tr.pieces {
		if !bytes.HasSuffix(piece, []byte("\n\n")) {
			t.Errorf("got a Data that ends within a frame: %q", piece)
		}
	}
	n, last := strings.Count(tr.text(), tr.ending), tr.text()
	if at := strings.LastIndex(strings.TrimSuffix(last, "\n\n"), "\n\n"); at >= 0 {
		last = last[at+len("\n\n"):]
	}
	if n != 1 || !strings.HasPrefix(last, tr.ending) {
		t.Errorf("got %d end markers, want one at the end of %q", n, tr.text())
	}
}
