package admission

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/estimate"
)

// pass takes call through the gates before and behind its body. A refused call
// is settled, as the gateway does it.
func (b *bed) pass(ctx context.Context, call *fairlead.Call, req *fairlead.Request) (Pass, error) {
	b.t.Helper()
	pass, err := b.Admit(ctx, call)
	if err != nil {
		return Pass{}, err
	}
	if err := b.Reserve(ctx, call, &pass, req); err != nil {
		b.settle(call, pass, Outcome{})
		return Pass{}, err
	}
	return pass, nil
}

func (b *bed) settle(call *fairlead.Call, pass Pass, out Outcome) {
	b.t.Helper()
	if err := b.Settle(b.t.Context(), call, pass, out); err != nil {
		b.t.Errorf("settle: %v", err)
	}
}

// mustPass is pass for a call that is not refused.
func (b *bed) mustPass(call *fairlead.Call, req *fairlead.Request) Pass {
	b.t.Helper()
	pass, err := b.pass(b.t.Context(), call, req)
	if err != nil {
		b.t.Fatalf("refused: %v", err)
	}
	return pass
}

// serve takes a call of app through all gates, lets it use so many tokens of
// output at once, and ends it.
func (b *bed) serve(app *fairlead.App, output int) {
	b.t.Helper()
	call := callOf(app)
	pass := b.mustPass(call, request(0, output))
	b.hold(call).Release()
	b.settle(call, pass, Outcome{Usage: fairlead.Usage{Output: output}})
}

// tokensLeft is what app's token window has room for.
func (b *bed) tokensLeft(app *fairlead.App) int {
	b.t.Helper()
	s, err := b.Standing(b.t.Context(), app)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.Tokens.Remaining
}

// openCalls reports whether the app has calls that were admitted to its token
// window and are not settled: then there is a margin for what they may cost.
func (b *bed) openCalls(app *fairlead.App) bool {
	if app.TokensPerMinute <= 0 {
		return false
	}
	tokens := &b.party(app).tokens
	window, ok := tokens.Counter.(*minded)
	if !ok {
		b.t.Fatal("the app's tokens are not minded")
	}
	took, _, err := tokens.Reserve(b.t.Context(), b.clock(), b.now(), estimate.Cost{Most: 1000})
	if err == nil && took.Wait == 0 {
		tokens.Drop(took.Open)
		err = tokens.Undo(b.t.Context(), took.Entry)
	}
	if err != nil {
		b.t.Error(err)
	}
	return window.spare > 0
}

// minding is a Quota whose windows in this process are minded.
type minding struct{ fairlead.Quota }

func (q minding) Open(w fairlead.Window) fairlead.Counter {
	counter := q.Quota.Open(w)
	if local, ok := counter.(fairlead.LocalCounter); ok {
		return &minded{LocalCounter: local}
	}
	return counter
}

// minded is a window that keeps how much had to be free beside the last admission
// that was asked for.
type minded struct {
	fairlead.LocalCounter

	spare int // guarded by the window's own lock
}

func (w *minded) TakeLocked(at time.Time, n, spare int) (uint64, time.Duration, fairlead.WindowState) {
	w.spare = spare
	return w.LocalCounter.TakeLocked(at, n, spare)
}

func TestTokensAreReservedByTheEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{})
		app := &fairlead.App{ID: "a", TokensPerMinute: 10_000}
		call := callOf(app)
		pass := b.mustPass(call, request(3500, 100))
		e := call.Estimate()
		if e.Input < 500 || e.Input > 2000 || e.Output != 100 {
			t.Errorf("3500 bytes and at most 100 tokens of output are estimated as %+v", e)
		}
		want := fairlead.WindowState{Limit: 10_000, Remaining: 10_000 - e.Input - e.Output, Reset: time.Minute}
		if got := call.Tokens(); got != want {
			t.Errorf("the call was told %+v, want %+v", got, want)
		}
		if !b.openCalls(app) {
			t.Error("the call is not known to be open")
		}
		b.settle(call, pass, Outcome{})
	})
}

// TestEmbeddingsAreChargedNoOutput: they have none, so there need not be room for
// any beside those under way.
func TestEmbeddingsAreChargedNoOutput(t *testing.T) {
	for _, mode := range []estimate.Mode{estimate.Expected, estimate.Hard} {
		b := newBed(t, Config{Tokens: mode})
		app := &fairlead.App{ID: "a", TokensPerMinute: 6000}
		left := 6000
		for range 2 {
			call := callOf(app)
			call.Operation = fairlead.Embed
			b.mustPass(call, request(3500, 0))
			e := call.Estimate()
			if left -= e.Input; e.Output != 0 || e.Input < 500 || call.Tokens().Remaining != left {
				t.Errorf("mode %d: estimate %+v, window %+v", mode, e, call.Tokens())
			}
		}
	}
}

// TestCountingTokensIsChargedNone: a question for the size of a prompt uses none,
// and is admitted where no prompt would be.
func TestCountingTokensIsChargedNone(t *testing.T) {
	for _, mode := range []estimate.Mode{estimate.Expected, estimate.Hard} {
		b := newBed(t, Config{Tokens: mode})
		call := callOf(&fairlead.App{ID: "a", TokensPerMinute: 100})
		call.Operation = fairlead.CountTokens
		pass := b.mustPass(call, request(1_000_000, 0))
		if e := call.Estimate(); e != (fairlead.Estimate{Width: 1}) || call.Tokens().Remaining != 100 {
			t.Errorf("mode %d: estimate %+v, window %+v", mode, e, call.Tokens())
		}
		b.settle(call, pass, Outcome{})
	}
}

// TestFilesInBlocksAreNotText is TestFilesInTheBodyAreNotText for Anthropic's.
func TestFilesInBlocksAreNotText(t *testing.T) {
	long := strings.Repeat("A", 1_000_000)
	image := `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + long + `"}}`
	for _, c := range []struct {
		name string
		body string
		want int
	}{
		{"text", long, 0},
		{"an image", image, len(long) - estimate.ImageBytes},
		{"spaces", strings.ReplaceAll(image, `:"`, ` : "`), len(long) - estimate.ImageBytes},
		{"two", image + image, 2 * (len(long) - estimate.ImageBytes)},
		{"small", `{"type":"base64","data":"AAAA"}`, 0},
		{"far from its type", `{"type":"base64","x":"` + strings.Repeat("x", 200) + `","data":"` + long + `"}`, 0},
		{"without an end", image[:len(image)-10], 0},
		{"no text", `{"type":"base64","data":` + long + `"}`, 0},
		{"named alone", `"base64"`, 0},
	} {
		if got := estimate.BlockExcess([]byte(c.body)); got != c.want {
			t.Errorf("%s: got %d bytes, want %d", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		in          fairlead.Dialect
		mode        estimate.Mode
		least, most int
	}{
		{fairlead.AnthropicMessages, estimate.Expected, 200, 5000},
		{fairlead.AnthropicMessages, estimate.Hard, 100_000, 1_100_000},
		{fairlead.OpenAIChat, estimate.Expected, 100_000, 1_100_000},
	} {
		b := newBed(t, Config{Tokens: c.mode})
		call := callOf(&fairlead.App{ID: "a"})
		b.mustPass(call, &fairlead.Request{Dialect: c.in, Body: []byte(image)})
		if got := call.Estimate().Input; got < c.least || got > c.most {
			t.Errorf("%s in mode %d: estimated at %d tokens, want %d to %d", c.in, c.mode, got, c.least, c.most)
		}
	}
}

// TestFilesInTheBodyAreNotText, except where a caller could cheat.
func TestFilesInTheBodyAreNotText(t *testing.T) {
	file := []byte(`{"url":"data:image/png;base64,` + strings.Repeat("A", 1_000_000) + `"}`)
	cut := []byte(`{"url":"data:image/png;base64,` + strings.Repeat("A", 1000)) // no end
	small := []byte(`{"url":"data:image/png;base64,AAAA"}`)
	text := bytes.Repeat([]byte("a"), 1_000_000)
	for _, c := range []struct {
		name        string
		mode        estimate.Mode
		body        []byte
		least, most int // bytes of text
	}{
		{"text", estimate.Expected, text, 1_000_000, 1_000_000},
		{"file", estimate.Expected, file, 1000, 10_000},
		{"two files", estimate.Expected, append(file, file...), 2000, 20_000},
		{"small file", estimate.Expected, small, len(small), len(small)},
		{"broken", estimate.Expected, cut, len(cut), len(cut)},
		{"hard", estimate.Hard, file, len(file), len(file)},
	} {
		b := newBed(t, Config{Tokens: c.mode})
		call, pass := callOf(&fairlead.App{ID: "a"}), Pass{}
		if err := b.Reserve(t.Context(), call, &pass, &fairlead.Request{Body: c.body}); err != nil {
			t.Fatal(err)
		}
		if pass.bytes < c.least || pass.bytes > c.most || call.Estimate().Input > c.most {
			t.Errorf("%s: counted as %d bytes of text and %d tokens, want %d to %d bytes", c.name, pass.bytes, call.Estimate().Input, c.least, c.most)
		}
	}
}

// TestWhatACallCostsInTheEnd goes by how it ended.
func TestWhatACallCostsInTheEnd(t *testing.T) {
	const limit = 10_000
	for _, c := range []struct {
		name             string
		slotted          bool
		out              Outcome
		tokens, requests int // charged; tokens beside the estimated input
		input            bool
	}{
		{"never had a slot", false, Outcome{}, 0, 0, false},
		{"answered", true, Outcome{Usage: fairlead.Usage{Input: 200, Output: 100}}, 300, 1, false},
		{"answered with more than reserved", true, Outcome{Usage: fairlead.Usage{Input: 2000, Output: 3000}}, 5000, 1, false},
		{"answered with more than the limit", true, Outcome{Usage: fairlead.Usage{Input: 2000, Output: 2 * limit}}, limit, 1, false},
		{"failed before any output", true, Outcome{}, 0, 1, false},
		{"left before any output", true, Outcome{Abandoned: true}, 0, 1, true},
		{"left in the queue", false, Outcome{Abandoned: true}, 0, 0, false},
		{"broken off after 40 tokens", true, Outcome{Seen: 40}, 40, 1, true},
		{"broken off after nobody knows how many", true, Outcome{Answered: true}, 500, 1, true},
		{"told its usage", true, Outcome{Usage: fairlead.Usage{Input: 20, Output: 10}, Seen: 40}, 30, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{})
				call := callOf(&fairlead.App{ID: "a", TokensPerMinute: limit, RateLimitPerMinute: 10})
				pass := b.mustPass(call, request(3500, 500))
				if c.slotted {
					b.hold(call).Release()
				}
				wait(time.Second)
				b.settle(call, pass, c.out)
				tokens := limit - c.tokens
				if c.input {
					tokens -= call.Estimate().Input
				}
				b.wantLeft(call.App, 10-c.requests, tokens)
				if !c.slotted && (call.Tokens().Remaining != limit || call.Requests().Remaining != 10) {
					t.Errorf("the call was told %+v and %+v, but was charged nothing", call.Tokens(), call.Requests())
				}
			})
		})
	}
}

// TestWhatACallCostsInModeHard: who leaves is charged all that it could have
// cost, since nobody knows what the provider wrote; a failure costs nothing.
func TestWhatACallCostsInModeHard(t *testing.T) {
	const limit = 10_000
	for _, c := range []struct {
		name string
		out  Outcome
		all  bool
	}{{"left before any output", Outcome{Abandoned: true}, true}, {"failed before any output", Outcome{}, false}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, Config{Tokens: estimate.Hard})
			call := callOf(&fairlead.App{ID: "a", TokensPerMinute: limit, RateLimitPerMinute: 10})
			pass := b.mustPass(call, request(1000, 500))
			b.hold(call).Release()
			b.settle(call, pass, c.out)
			left, e := limit, call.Estimate()
			if c.all {
				left -= e.Input + e.Output
			}
			if e.Output != 500 || b.tokensLeft(call.App) != left {
				t.Errorf("%s: estimate %+v, %d tokens left, want %d", c.name, e, b.tokensLeft(call.App), left)
			}
		})
	}
}

// TestAllThatABodyAsksForIsReserved: all of its choices, by the larger of its two
// limits, and its images that are fetched from elsewhere.
func TestAllThatABodyAsksForIsReserved(t *testing.T) {
	const text = `"messages":[{"role":"user","content":"hi"}]`
	const image = `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]`
	for _, c := range []struct {
		name, body string
		output     int
		least      int // tokens of input
	}{
		{"choices", `{` + text + `,"n":100,"max_tokens":50}`, 5000, 10},
		{"larger max_tokens", `{` + text + `,"max_tokens":300,"max_completion_tokens":1}`, 300, 10},
		{"larger max_completion_tokens", `{` + text + `,"max_tokens":1,"max_completion_tokens":300}`, 300, 10},
		{"image", `{` + image + `,"max_tokens":1}`, 1, 1000},
	} {
		for _, mode := range []estimate.Mode{estimate.Expected, estimate.Hard} {
			b := newBed(t, Config{Tokens: mode})
			app := &fairlead.App{ID: "a", TokensPerMinute: 10_000}
			env, err := envelope.Chat([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			call := callOf(app)
			b.mustPass(call, &fairlead.Request{Body: []byte(c.body), Envelope: env})
			e := call.Estimate()
			if e.Output != c.output || e.Input < c.least || e.Input > c.least+1000 {
				t.Errorf("%s, mode %d: estimate %+v, want %d tokens of output and about %d of input", c.name, mode, e, c.output, c.least)
			}
			if left := b.tokensLeft(app); left != 10_000-e.Input-e.Output {
				t.Errorf("%s, mode %d: %d tokens are left, of 10000 less %+v", c.name, mode, left, e)
			}
		}
	}
}

// wantLeft checks what app's windows have room for, when none of its calls is
// open.
func (b *bed) wantLeft(app *fairlead.App, requests, tokens int) {
	b.t.Helper()
	s, err := b.Standing(b.t.Context(), app)
	if err != nil || s.Tokens.Remaining != tokens || s.Requests.Remaining != requests {
		b.t.Errorf("standing %+v, %+v, %v; want %d requests and %d tokens", s.Requests, s.Tokens, err, requests, tokens)
	}
	if b.openCalls(app) {
		b.t.Error("a call is still thought to be open")
	}
}

// TestRefusedForItsBodyIsToldItsWindows, also where requests have no limit.
func TestRefusedForItsBodyIsToldItsWindows(t *testing.T) {
	for _, rate := range []int{0, 10} {
		b := newBed(t, Config{})
		call := callOf(&fairlead.App{ID: "a", TokensPerMinute: 100, RateLimitPerMinute: rate})
		pass, err := b.Admit(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		b.settle(call, pass, Outcome{}) // the body could not be read
		if call.Tokens().Remaining != 100 || call.Requests().Remaining != rate {
			t.Errorf("told %+v and %+v, want all of %d and 100", call.Requests(), call.Tokens(), rate)
		}
	}
}

// TestDebtsKeepLaterCallsOut: what a call used beyond the limit is not forgotten,
// and the wait that is told is exact.
func TestDebtsKeepLaterCallsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{})
		app := &fairlead.App{ID: "a", TokensPerMinute: 1000}
		call := callOf(app)
		pass := b.mustPass(call, request(0, 100))
		b.hold(call).Release()
		wait(5 * time.Second)
		b.settle(call, pass, Outcome{Usage: fairlead.Usage{Output: 5000}})
		refused := callOf(app)
		_, err := b.pass(t.Context(), refused, request(0, 1))
		e := fairlead.AsError(err)
		if e == nil || e.Kind != fairlead.Limited || e.Code != "rate_limit_tokens" || e.RetryAfter != 55*time.Second || e.NoRetry ||
			e.Detail != "Rate limit: 1000 tokens per minute" {
			t.Fatalf("refusal %+v, want rate_limit_tokens and a wait of 55s", e)
		}
		if w := refused.Tokens(); w.Remaining != 0 || w.Limit != 1000 || w.Reset != 55*time.Second {
			t.Errorf("the refused call was told %+v", w)
		}
		wait(e.RetryAfter - 1)
		if _, err := b.pass(t.Context(), callOf(app), request(0, 1)); err == nil {
			t.Error("admitted a nanosecond too early")
		}
		wait(1)
		b.mustPass(callOf(app), request(0, 1))
	})
}

// TestWaitsForTokensAreExact: each that is refused is told when there is room for
// it beside those that were refused before it.
func TestWaitsForTokensAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Tokens: estimate.Hard})
		app := &fairlead.App{ID: "a", TokensPerMinute: 1000, RateLimitPerMinute: 100}
		for range 5 { // at 0, 10, … 40 s
			b.serve(app, 200)
			wait(10 * time.Second)
		}
		for k, next := range []struct {
			tokens int
			wait   time.Duration
		}{{150, 10 * time.Second}, {250, 20 * time.Second}, {300, 40 * time.Second}, {300, 50 * time.Second}, {300, 50 * time.Second}} {
			call := callOf(app)
			_, err := b.pass(t.Context(), call, request(0, next.tokens))
			if e := fairlead.AsError(err); e == nil || e.RetryAfter != next.wait {
				t.Errorf("refusal %d: %v, want a wait of %v", k, e, next.wait)
			}
			if call.Requests().Remaining != 95 {
				t.Errorf("refusal %d was charged: %+v", k, call.Requests())
			}
		}
	})
}

// TestTokensCountFromWhenTheyAreReserved: a body that takes its time does not make
// them leave earlier.
func TestTokensCountFromWhenTheyAreReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Tokens: estimate.Hard})
		app := &fairlead.App{ID: "a", TokensPerMinute: 1000, RateLimitPerMinute: 100}
		slow := callOf(app)
		pass, err := b.Admit(t.Context(), slow)
		if err != nil {
			t.Fatal(err)
		}
		wait(50 * time.Second) // its body comes
		if err := b.Reserve(t.Context(), slow, &pass, request(0, 900)); err != nil {
			t.Fatal(err)
		}
		wait(15 * time.Second)
		_, err = b.pass(t.Context(), callOf(app), request(0, 200))
		if e := fairlead.AsError(err); e == nil || e.Code != "rate_limit_tokens" || e.RetryAfter != 45*time.Second {
			t.Errorf("15 s after 900 of 1000 tokens: %v, want a wait of 45 s", err)
		}
		b.settle(slow, pass, Outcome{})
	})
}

// TestMarginForOpenCalls: a call must fit beside what the open ones may cost
// beyond their estimates, but is charged its own estimate only.
func TestMarginForOpenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{})
		app := &fairlead.App{ID: "a", TokensPerMinute: 3000, RateLimitPerMinute: 10}
		req := request(0, 2000) // 512 are expected, but it may be 2000
		first := callOf(app)
		pass := b.mustPass(first, req)
		lease := b.hold(first)
		left := b.tokensLeft(app)
		if n := first.Estimate().Output; n >= 1000 || left != 3000-n {
			t.Fatalf("%d estimated, %d left", n, left)
		}
		second := callOf(app)
		_, err := b.pass(t.Context(), second, req)
		if _, code := kindAndCode(err); code != "rate_limit_tokens" {
			t.Errorf("beside a call that may use 2000 of 3000: %v", err)
		}
		if second.Tokens().Remaining != left || second.Requests().Remaining != 9 {
			t.Errorf("the refused call left %+v, %+v", second.Tokens(), second.Requests())
		}
		small := callOf(app)
		b.mustPass(small, request(0, 100)) // the margin for both is below what is left
		if want := left - small.Estimate().Output; small.Tokens().Remaining != want {
			t.Errorf("a call beside an open one was told %d, want %d: the margin is not charged", small.Tokens().Remaining, want)
		}
		lease.Release()
		b.settle(first, pass, Outcome{Usage: fairlead.Usage{Output: 300}})
		b.settle(small, Pass{}, Outcome{})
	})
}

func TestHardModeRefusesWhatCanNeverFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Tokens: estimate.Hard})
		app := &fairlead.App{ID: "a", TokensPerMinute: 1000, RateLimitPerMinute: 10}
		call := callOf(app)
		_, err := b.pass(t.Context(), call, request(0, 1001))
		e := fairlead.AsError(err)
		if e == nil || e.Kind != fairlead.Limited || e.Code != "tokens_over_limit" || !e.NoRetry ||
			e.Detail != "The request may use 1001 tokens; the app's limit is 1000 tokens per minute" {
			t.Errorf("refusal %+v", e)
		}
		if call.Tokens().Remaining != 1000 || call.Requests().Remaining != 10 {
			t.Errorf("told %+v, %+v", call.Tokens(), call.Requests())
		}
		b.mustPass(callOf(app), request(0, 1000))
	})
	// In mode estimate it passes, and counts for all there is.
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{})
		call := callOf(&fairlead.App{ID: "a", TokensPerMinute: 100})
		if b.mustPass(call, request(0, 1001)); call.Tokens().Remaining != 0 {
			t.Errorf("told %+v", call.Tokens())
		}
	})
}

// used is what a call that was admitted used.
type used struct {
	at     time.Duration
	tokens int
}

// worstMinute is the most that was used by calls admitted in any 60 s.
func worstMinute(log []used) int {
	worst := 0
	for i, first := range log {
		sum := 0
		for _, u := range log[i:] {
			if u.at < first.at+time.Minute {
				sum += u.tokens
			}
		}
		worst = max(worst, sum)
	}
	return worst
}

// TestTokensInAnyMinute floods a window with random calls, whose answers take
// their time. Never above the limit in mode hard; and neither mode wastes it.
func TestTokensInAnyMinute(t *testing.T) {
	const limit, most = 20_000, 800
	for _, c := range []struct {
		mode         estimate.Mode
		worst, least float64 // of the worst minute and the mean one, by limit
	}{{estimate.Hard, 1, 0.75}, {estimate.Expected, 1.05, 0.8}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, Config{Tokens: c.mode})
			random := rand.New(rand.NewPCG(1, 2))
			app := &fairlead.App{ID: "a", TokensPerMinute: limit}
			var log []used
			end := 10 * time.Minute
			for b.now() < end {
				wait(time.Duration(random.ExpFloat64() * float64(300*time.Millisecond)))
				call := callOf(app)
				pass, err := b.pass(t.Context(), call, request(0, most))
				if err != nil {
					continue
				}
				tokens := min(1+int(random.ExpFloat64()*200), most)
				log = append(log, used{b.now(), tokens})
				lease := b.hold(call)
				time.AfterFunc(time.Duration(tokens)*20*time.Millisecond, func() {
					lease.Release()
					b.settle(call, pass, Outcome{Usage: fairlead.Usage{Output: tokens}})
				})
			}
			wait(time.Minute)
			sum := 0
			for _, u := range log {
				sum += u.tokens
			}
			mean := float64(sum) / end.Minutes() / limit
			if worst := float64(worstMinute(log)) / limit; worst > c.worst || mean < c.least {
				t.Errorf("mode %d: the worst minute has %.3f of the limit, want %.2f; the mean one %.3f, want %.2f", c.mode, worst, c.worst, mean, c.least)
			}
		})
	}
}
