package browser_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/coder/websocket"
)

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name           string
		status, retry  int
		code, message  string
		title, details string
	}{
		{"rate", http.StatusTooManyRequests, 45, "rate_limit_requests", "Rate limit: 200 requests per minute", "This app has used its share for now.", "Rate limit: 200 requests per minute"},
		{"block", http.StatusTooManyRequests, 290, "blocked_burst", "Blocked for bursting", "Too many requests at once.", "Blocked for bursting"},
		{"busy", http.StatusServiceUnavailable, 30, "queue_full", "500 requests are waiting already", "The service is busy.", "500 requests are waiting already"},
		{"model", http.StatusNotFound, 0, "model_not_found", "There is no model x", "There is no such model for this key.", "There is no model x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := enter(t, newHarbour(t, func(_ context.Context, a *answer) { a.refused(c.status, c.retry, c.code, c.message) }))
			b.send("Tell me")
			b.answered("failed")
			shown := b.text(".answer .trouble")
			if !strings.Contains(shown, c.title) || !strings.Contains(shown, c.details) {
				t.Errorf("the page says %q", shown)
			}
			wait := map[int]string{0: "Try again", 30: "Try again in 30 seconds", 45: "Try again in 45 seconds", 290: "Try again in 4 minutes 50 seconds"}[c.retry]
			// A second may have passed.
			near := strings.NewReplacer("30 s", "29 s", "45 s", "44 s", "50 s", "49 s").Replace(wait)
			if got := b.text(".trouble button"); got != wait && got != near {
				t.Errorf("the button says %q, want %q", got, wait)
			}
			if got := value[bool](b, `document.querySelector('.trouble button').disabled`); got != (c.retry > 0) {
				t.Errorf("the button is disabled: %v", got)
			}
			b.awaitText("#announcer", c.title)
		})
	}
}

// TestRetryWhenItsTimeHasCome: the button comes alive after the time that the
// service named.
func TestRetryWhenItsTimeHasCome(t *testing.T) {
	first := make(chan struct{}, 1)
	first <- struct{}{}
	b := enter(t, newHarbour(t, func(ctx context.Context, a *answer) {
		select {
		case <-first:
			a.refused(http.StatusServiceUnavailable, 1, "queue_full", "full")
		default:
			tell(ctx, a)
		}
	}))
	b.send("Tell me")
	b.answered("failed")
	b.await("the button", `document.querySelector('.trouble button')?.disabled === false`)
	b.click(".trouble button")
	b.answered("done")
	if got := value[int](b, `document.querySelectorAll('.turn').length`); got != 2 {
		t.Errorf("there are %d turns, want 2", got)
	}
}

func TestBrokenAnswer(t *testing.T) {
	b := enter(t, newHarbour(t, func(_ context.Context, a *answer) {
		a.created()
		a.words("Half of ")
		a.refused(http.StatusBadGateway, 0, "upstream_broken", "The provider's stream broke")
		a.event("response.failed", frame{"response": frame{"id": a.id, "status": "failed", "error": frame{"code": "server_error", "message": "later"}}})
	}))
	b.send("Tell me")
	b.answered("failed")
	if got := b.text(".answer .trouble"); !strings.Contains(got, "The answer broke off: the provider could not answer.") || !strings.Contains(got, "The provider's stream broke") {
		t.Errorf("the page says %q", got)
	}
	if got := b.answer(); strings.TrimSpace(got) != "Half of" {
		t.Errorf("the answer is %q", got)
	}
}

// TestDoors: what the page says when it is not let in.
func TestDoors(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		h := newHarbour(t, tell)
		h.deny(nil, &closing{websocket.StatusTryAgainLater, "retry_after=2"})
		b := openTab(t, h)
		b.typeKeys("#key", shared.key+kb.Enter)
		b.awaitText("#status-words", "Connects in")
		b.send("Tell me")
		b.awaitText(".answer .state", "Every line is taken. Connects again in")
		h.deny(nil, nil)
		b.answered("done")
	})
	t.Run("ticket refused", func(t *testing.T) {
		h := newHarbour(t, tell)
		h.deny(&ticketRefusal{http.StatusServiceUnavailable, `{"success":false,"error":"Service is busy","retry_after":40,"message":"full","code":"queue_full"}`}, nil)
		b := openTab(t, h)
		b.typeKeys("#key", shared.key+kb.Enter)
		b.awaitText("#status-words", "Connects in 4")
	})
	for name, door := range map[string]func(h *harbour){
		"key revoked": func(h *harbour) { h.deny(&ticketRefusal{http.StatusUnauthorized, `{"error":"Invalid API key"}`}, nil) },
		"bad key":     func(h *harbour) { h.deny(nil, &closing{websocket.StatusPolicyViolation, "invalid key"}) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarbour(t, tell)
			door(h)
			b := openTab(t, h)
			b.typeKeys("#key", shared.key+kb.Enter)
			b.awaitText("#key-error", "This key is not known.")
			if got := value[string](b, `JSON.stringify(sessionStorage)`); got != "{}" {
				t.Errorf("the tab keeps %s", got)
			}
		})
	}
}

// TestLongConversation: what the service would not take is not sent.
func TestLongConversation(t *testing.T) {
	h := newHarbour(t, tell)
	h.longest = 600
	b := enter(t, h)
	b.send("Tell me")
	b.answered("done")
	b.typeKeys("#prompt", "And now")
	value[any](b, `document.querySelector('#prompt').value += ' a long text'.repeat(40), null`)
	b.press(kb.Enter)
	b.answered("failed")
	if got := b.text(".answer:last-child .trouble"); !strings.Contains(got, "too long to send") || !strings.Contains(got, "new chat") {
		t.Errorf("the page says %q", got)
	}
	if got := len(h.said("response.create")); got != 1 {
		t.Errorf("the page asked %d times, want once", got)
	}
}

// TestDrain: a turn that a draining service did not take is sent on the next socket.
func TestDrain(t *testing.T) {
	first := make(chan struct{}, 1)
	first <- struct{}{}
	refused := make(chan struct{})
	h := newHarbour(t, func(ctx context.Context, a *answer) {
		select {
		case <-first:
			a.refused(http.StatusServiceUnavailable, 1, "draining", "The service is restarting")
			close(refused)
		default:
			tell(ctx, a)
		}
	})
	b := enter(t, h)
	b.send("Tell me")
	<-refused
	h.closeAll(closing{websocket.StatusServiceRestart, "restarting"})
	b.answered("done")
	if got := len(h.said("response.create")); got != 2 {
		t.Errorf("the page asked %d times, want 2", got)
	}
}
