package browser_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// slow is a model of the mock that answers with 60 tokens, one every 50 ms.
const slow = "upstream/mock+tokens=60+pace=50ms"

// newRealHarbour is a harbour in which the program itself answers on /ws.
func newRealHarbour(t *testing.T) *harbour {
	t.Helper()
	needBrowser(t)
	h := &harbour{service: newService(t, shared.key, nil), seen: &requests{}}
	h.serve(toProgram(t))
	return h
}

// post asks the program itself.
func post(t *testing.T, path, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.root+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+shared.key)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// whole is what the slow model answers, asked for in one piece.
func whole(t *testing.T) string {
	t.Helper()
	response := post(t, "/chat/completion", `{"model":"`+slow+`","messages":[{"role":"user","content":"Tell me"}]}`)
	var answer struct{ Content string }
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text.Bytes(), &answer); err != nil || answer.Content == "" {
		t.Fatalf("the program answered %d: %s", response.StatusCode, text.Bytes())
	}
	return strings.TrimSpace(answer.Content)
}

// shown is the text of the last answer as it is in the page.
func (b *tab) shown() string {
	b.t.Helper()
	return strings.TrimSpace(value[string](b, `document.querySelector('.answer:last-child .said').textContent`))
}

// TestRealService: a conversation with the program itself. What interrupts an answer
// takes nothing from it.
func TestRealService(t *testing.T) {
	for name, interrupt := range map[string]func(b *tab){
		"nothing": func(*tab) {},
		"reload":  func(b *tab) { b.do(chromedp.Reload()) },
		"cut":     func(b *tab) { b.h.lines.cut() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newRealHarbour(t)
			want := whole(t)
			b := enter(t, h)
			b.await("the models", `document.querySelectorAll('#model option').length === 3`)
			value[any](b, `document.querySelector('#model').value = '`+slow+`', document.querySelector('#model').dispatchEvent(new Event('change')), null`)
			b.send("Tell me")
			b.await("a part of the answer", `document.querySelector('.answer .said').textContent.length > 40`)
			if got := b.shown(); got == want || !strings.HasPrefix(want, got) {
				t.Errorf("in the middle the answer is %q", got)
			}
			interrupt(b)
			b.answered("done")
			if got := b.shown(); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
	t.Run("stop", func(t *testing.T) {
		b := enter(t, newRealHarbour(t))
		b.await("the models", `document.querySelectorAll('#model option').length === 3`)
		value[any](b, `document.querySelector('#model').value = '`+slow+`', document.querySelector('#model').dispatchEvent(new Event('change')), null`)
		b.send("Tell me")
		b.await("a part of the answer", `document.querySelector('.answer .said').textContent.length > 40`)
		b.press(kb.Escape)
		b.answered("stopped")
		// The slot is free at once.
		b.await("the slot", `fetch('/metrics').then((r) => r.json()).then((m) => m.concurrency_metrics.concurrent_requests === 0)`)
		b.send("Again")
		b.await("the next answer", `document.querySelectorAll('.answer').length === 2 && document.querySelector('.answer:last-child .said').textContent.length > 40`)
	})
}
