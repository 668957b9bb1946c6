package browser_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/coder/websocket"
)

// tale is an answer long enough to be interrupted.
const tale = "The harbour keeps many lines apart so that none of them chafes on another"

// tell says the tale at once.
func tell(_ context.Context, a *answer) {
	a.created()
	a.words(tale)
	a.completed()
}

// halves says half of the tale, and the rest when step is closed.
func halves(step <-chan struct{}) script {
	return func(ctx context.Context, a *answer) {
		half := strings.Index(tale, "so that")
		a.created()
		a.words(tale[:half])
		select {
		case <-step:
		case <-ctx.Done():
			return
		}
		a.words(tale[half:])
		a.completed()
	}
}

func TestKeyPrompt(t *testing.T) {
	h := newHarbour(t, tell)
	b := openTab(t, h)
	b.await("the focus on the key", `document.activeElement.id === 'key'`)
	if got := b.text("#status-words"); got != "No key" {
		t.Errorf("without a key the status is %q", got)
	}

	b.press("wrong-key" + kb.Enter)
	b.awaitText("#key-error", "This key is not known.")
	if got := value[string](b, `JSON.stringify(sessionStorage)`); got != "{}" {
		t.Errorf("after a wrong key the tab keeps %s", got)
	}
	b.press(kb.Enter)
	b.awaitText("#key-error", "This key is not known.")

	value[string](b, `document.querySelector('#key').value = 'a key'`)
	b.press(kb.Enter)
	b.awaitText("#key-error", "no spaces")

	value[string](b, `document.querySelector('#key').value = ''`)
	b.typeKeys("#key", shared.key+kb.Enter)
	b.connected()
	if b.focus() != "prompt" || !value[bool](b, `document.querySelector('#gate').hidden`) {
		t.Errorf("with the key the focus is on %q, and the gate may be there still", b.focus())
	}
	if got := value[string](b, `sessionStorage.getItem('fairlead.key')`); got != shared.key {
		t.Error("the tab does not keep the key for a reload")
	}
	if got := value[string](b, `JSON.stringify(localStorage) + document.cookie + document.querySelector('#key').value`); got != "{}" {
		t.Errorf("the browser keeps %s", got)
	}
	b.await("the models", `document.querySelectorAll('#model option').length === 3`)
	b.awaitText("#left", "200 left")
	if strings.Contains(h.seen.text(), shared.key) {
		t.Error("the key is in an address")
	}
}

func TestForgetKey(t *testing.T) {
	b := enter(t, newHarbour(t, tell))
	b.send("Good morning")
	b.answered("done")
	b.click("#settings-button")
	b.awaitText("#limits", "200 left")
	b.awaitText("#limits", "1,024 KiB")
	b.typeKeys("#instructions", "Be brief")
	b.click("#forget")
	b.await("the gate", `document.activeElement.id === 'key'`)
	if got := value[string](b, `JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`); got != "{}{}" {
		t.Errorf("the browser still keeps %s", got)
	}
	if got := b.text("#turns"); got != "" {
		t.Errorf("the page still shows %q", got)
	}
	b.do(chromedp.Reload())
	b.await("the gate", `document.activeElement.id === 'key'`)

	// What was forgotten does not come back, and what comes after it is kept.
	b.typeKeys("#key", shared.key+kb.Enter)
	b.connected()
	b.send("Good evening")
	b.answered("done")
	b.do(chromedp.Reload())
	b.connected()
	if got := b.text(".user .said"); got != "Good evening" {
		t.Errorf("after all that the message is %q", got)
	}
}

// TestRevokedKey: the conversation is there when the next key is.
func TestRevokedKey(t *testing.T) {
	h := newHarbour(t, tell)
	b := enter(t, h)
	b.send("Good morning")
	b.answered("done")
	h.deny(&ticketRefusal{http.StatusUnauthorized, `{"error":"Invalid API key"}`}, nil)
	h.drop()
	b.awaitText("#status-words", "Ready")
	b.send("Still there?")
	b.awaitText("#key-error", "This key is not known.")
	if got := value[bool](b, `sessionStorage.getItem('fairlead.key') === null && document.querySelector('#talk').hidden`); !got {
		t.Error("the page still has the key, or shows the conversation")
	}
	h.deny(nil, nil)
	b.typeKeys("#key", shared.key+kb.Enter)
	b.connected()
	if got := value[string](b, `[...document.querySelectorAll('.turn .said')].map((e) => e.textContent).join('|')`); got != "Good morning|"+tale+"|Still there?|" {
		t.Errorf("the conversation is %q", got)
	}
}

func TestTokensArriveAsTheyCome(t *testing.T) {
	step := make(chan struct{})
	h := newHarbour(t, halves(step))
	b := enter(t, h)
	b.send("Tell me")
	b.awaitText(".answer .said", "lines apart")
	if got := b.answer(); !strings.HasPrefix(tale, got) || len(got) == len(tale) {
		t.Errorf("in the middle the answer is %q", got)
	}
	if got := b.text("#announcer"); got != "" {
		t.Errorf("in the middle it is announced that %q", got)
	}
	close(step)
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("got %q, want %q", got, tale)
	}
	if got, want := b.text("#announcer"), "Answer: "+tale; got != want {
		t.Errorf("announced %q, want %q", got, want)
	}
	if got := b.text(".answer .meta"); !strings.Contains(got, "42 tokens") {
		t.Errorf("the answer's line is %q", got)
	}
}

// TestConversationGoesOn: the second message is sent with what was said before, and
// the service is asked to keep none of it.
func TestConversationGoesOn(t *testing.T) {
	h := newHarbour(t, tell)
	b := enter(t, h)
	b.await("the models", `document.querySelectorAll('#model option').length === 3`)
	b.typeKeys("#model", kb.ArrowDown)
	b.click("#settings-button")
	b.typeKeys("#instructions", "Be brief")
	b.send("First")
	b.answered("done")
	b.send("Second")
	b.await("two answers", `document.querySelectorAll('.answer[data-state=done]').length === 2`)
	asked := h.said("response.create")
	if len(asked) != 2 {
		t.Fatalf("the page asked %d times, want 2", len(asked))
	}
	last := asked[1]
	for name, want := range map[string]any{"model": value[string](b, `document.querySelector('#model').value`), "instructions": "Be brief", "store": false} {
		if last[name] != want {
			t.Errorf("%s is %v, want %v", name, last[name], want)
		}
	}
	if got, want := strings.Join(conversation(t, last), "|"), "user: First|assistant: "+tale+"|user: Second"; got != want {
		t.Errorf("input is %q, want %q", got, want)
	}
	if asked[0]["stream_id"] == last["stream_id"] {
		t.Error("two turns have one stream")
	}
}

func TestStop(t *testing.T) {
	h := newHarbour(t, halves(make(chan struct{})))
	b := enter(t, h)
	b.send("Tell me")
	b.awaitText(".answer .said", "lines apart")
	b.press(kb.Escape)
	b.answered("stopped")
	half := b.answer()
	cancels := h.said("response.cancel")
	if len(cancels) != 1 || cancels[0]["response_id"] == nil || cancels[0]["stream_id"] != h.said("response.create")[0]["stream_id"] {
		t.Errorf("the page sent %v", cancels)
	}
	if b.focus() != "prompt" || value[bool](b, `document.querySelector('#send').hidden`) {
		t.Errorf("after the stop the focus is on %q", b.focus())
	}
	// The button does the same, and the conversation goes on.
	b.send("Again")
	b.await("a second answer", `document.querySelectorAll('.answer').length === 2 && document.querySelector('.answer:last-child .said').textContent.includes('lines apart')`)
	b.click("#stop")
	b.answered("stopped")
	if got := b.text(".answer .said"); got != half || !strings.HasPrefix(tale, strings.TrimSpace(half)) {
		t.Errorf("the first answer is %q now, it was %q", got, half)
	}
	if cancels := h.said("response.cancel"); len(cancels) != 2 {
		t.Errorf("the page sent %v", cancels)
	}
}

func TestQueuePosition(t *testing.T) {
	steps := make(chan int)
	h := newHarbour(t, func(ctx context.Context, a *answer) {
		for position := range steps {
			a.queued(position)
		}
		tell(ctx, a)
	})
	b := enter(t, h)
	b.send("Tell me")
	for _, c := range []struct {
		position int
		want     string
	}{{23, "23rd in line"}, {11, "11th in line"}, {2, "2nd in line"}, {1, "Next in line"}} {
		steps <- c.position
		b.awaitText(".answer .state", c.want)
		b.awaitText("#announcer", c.want)
	}
	close(steps)
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("got %q", got)
	}
}

func TestReloadInTheMiddle(t *testing.T) {
	step := make(chan struct{})
	h := newHarbour(t, halves(step))
	b := enter(t, h)
	b.send("Tell me")
	b.awaitText(".answer .said", "lines apart")
	b.do(chromedp.Reload())
	b.connected()
	b.awaitText(".answer .said", "lines apart")
	close(step)
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("after the reload the answer is %q, want %q", got, tale)
	}
	resumes := h.said("response.resume")
	if len(resumes) != 1 || resumes[0]["starting_after"] == nil || resumes[0]["response_id"] == nil {
		t.Errorf("the page sent %v", resumes)
	}
	if asked := h.said("response.create"); len(asked) != 1 {
		t.Errorf("the page asked %d times, want once", len(asked))
	}
	// A reload after the end shows the same, and asks for nothing.
	b.do(chromedp.Reload())
	b.connected()
	if got := b.answer(); got != tale {
		t.Errorf("after another reload the answer is %q", got)
	}
	if resumes := h.said("response.resume"); len(resumes) != 1 {
		t.Errorf("the page sent %v", resumes)
	}
}

func TestDroppedSocket(t *testing.T) {
	for name, drop := range map[string]func(h *harbour){
		"cut":       func(h *harbour) { h.drop() },
		"restarted": func(h *harbour) { h.closeAll(closing{websocket.StatusServiceRestart, "restarting"}) },
	} {
		t.Run(name, func(t *testing.T) {
			step := make(chan struct{})
			h := newHarbour(t, halves(step))
			b := enter(t, h)
			b.send("Tell me")
			b.awaitText(".answer .said", "lines apart")
			drop(h)
			b.await("the drop", `document.querySelector('#status').dataset.phase !== 'open'`)
			close(step) // it goes on while nobody listens
			b.answered("done")
			if got := b.answer(); got != tale {
				t.Errorf("got %q, want %q", got, tale)
			}
			if resumes := h.said("response.resume"); len(resumes) != 1 {
				t.Errorf("the page sent %v", resumes)
			}
		})
	}
}

// TestSilentSocket: one that says nothing, not even to a ping, is taken for dead.
func TestSilentSocket(t *testing.T) {
	step := make(chan struct{})
	h := newHarbour(t, halves(step))
	h.hush(0.4)
	b := enter(t, h)
	b.send("Tell me")
	b.awaitText(".answer .said", "lines apart")
	h.mute()
	b.await("the end of the socket", `document.querySelector('#status').dataset.phase !== 'open'`)
	close(step)
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("got %q, want %q", got, tale)
	}
	if len(h.said("ping")) == 0 || len(h.said("response.resume")) != 1 {
		t.Errorf("the page sent %v and %v", h.said("ping"), h.said("response.resume"))
	}
}

// TestUnusedSocketIsGivenUp after five minutes: by the page's clock they have
// passed at once.
func TestUnusedSocketIsGivenUp(t *testing.T) {
	b := enter(t, newHarbour(t, tell))
	value[any](b, `(() => { const now = Date.now; Date.now = () => now() + 301_000; })(), null`)
	b.awaitText("#status-words", "Ready")
	b.send("Tell me")
	b.answered("done")
	b.connected()
}

// TestIdleSocketIsLeftClosed: a page on which nothing runs takes no place until
// the next message.
func TestIdleSocketIsLeftClosed(t *testing.T) {
	h := newHarbour(t, tell)
	b := enter(t, h)
	h.closeAll(closing{websocket.StatusServiceRestart, "restarting"})
	b.awaitText("#status-words", "Ready")
	b.send("Tell me")
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("got %q, want %q", got, tale)
	}
}

// TestForgottenAnswer: what has arrived is kept when the rest is lost, and the
// question can be asked again.
func TestForgottenAnswer(t *testing.T) {
	step := make(chan struct{})
	h := newHarbour(t, halves(step))
	b := enter(t, h)
	b.send("Tell me")
	b.awaitText(".answer .said", "lines apart")
	h.forget()
	b.do(chromedp.Reload())
	b.answered("failed")
	if got := b.text(".answer .trouble"); !strings.Contains(got, "The answer broke off") || !strings.Contains(got, "no longer kept") {
		t.Errorf("the page says %q", got)
	}
	if got := b.answer(); got == "" || !strings.HasPrefix(tale, strings.TrimSpace(got)) {
		t.Errorf("the answer is %q", got)
	}
	close(step)
	b.click(".trouble button")
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("asked again: got %q", got)
	}
}

// TestLostBeforeItBegan: the page does not ask twice by itself for what may be
// under way.
func TestLostBeforeItBegan(t *testing.T) {
	first := make(chan struct{}, 1)
	first <- struct{}{}
	h := newHarbour(t, func(ctx context.Context, a *answer) {
		select {
		case <-first:
			a.queued(5)
			<-ctx.Done()
		default:
			tell(ctx, a)
		}
	})
	b := enter(t, h)
	b.send("Tell me")
	b.answered("queued")
	h.drop()
	b.answered("failed")
	if got := b.text(".answer .trouble"); !strings.Contains(got, "lost before the answer began") {
		t.Errorf("the page says %q", got)
	}
	if asked := h.said("response.create"); len(asked) != 1 {
		t.Errorf("the page asked %d times, want once", len(asked))
	}
	b.click(".trouble button")
	b.answered("done")
}

// TestBehindAPath: a proxy may serve all of it below a path of its own.
func TestBehindAPath(t *testing.T) {
	h := newHarbour(t, tell)
	h.root += "/below/this"
	b := enter(t, h)
	b.send("Tell me")
	b.answered("done")
	if got := b.answer(); got != tale {
		t.Errorf("got %q, want %q", got, tale)
	}
}
