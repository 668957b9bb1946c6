package browser_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	stepDeadline = 20 * time.Second
	pollEvery    = 15 * time.Millisecond
	enterCode    = 13 // of the Enter key
)

// tab is a tab of the browser, with a storage that nothing else has.
type tab struct {
	t        *testing.T
	ctx      context.Context //nolint:containedctx // chromedp keeps the tab in it
	h        *harbour
	problems *problems
}

// problems are what the browser complains of.
type problems struct {
	mu  sync.Mutex
	all []string
}

func (p *problems) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, fmt.Sprintf(format, args...))
}

// hear notes what a page must not cause: exceptions, complaints of its own and of
// the browser. That an answer was not a 200, or that a socket was cut, is what
// some tests are about.
func (p *problems) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.add("exception: %s", e.ExceptionDetails.Text)
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			p.add("exception: %s", thrown.Description)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.add("console: %s", e.Type)
		}
	case *log.EventEntryAdded:
		expected := e.Entry.Source == log.EntrySourceNetwork || strings.Contains(e.Entry.Text, "WebSocket connection to")
		if e.Entry.Level == log.EntryLevelError && !expected {
			p.add("log: %s: %s", e.Entry.Source, e.Entry.Text)
		}
	}
}

// violations has a page keep what was against its policy.
const violations = `globalThis.violations = [];
document.addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI));`

// openTab opens the chat page.
func openTab(t *testing.T, h *harbour) *tab {
	t.Helper()
	return openPage(t, h, "/ui/chat")
}

// openPage opens a page, and holds it to complaining of nothing.
func openPage(t *testing.T, h *harbour, path string) *tab {
	t.Helper()
	heard := &problems{}
	ctx, cancel := chromedp.NewContext(shared.browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(heard.hear))
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, h: h, problems: heard}
	b.do(command(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violations}),
		chromedp.EmulateViewport(1100, 800), chromedp.Navigate(h.root+path))
	t.Cleanup(func() {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`violations`))
		if err != nil {
			t.Error(err)
		}
		b.problems.mu.Lock()
		defer b.problems.mu.Unlock()
		for _, problem := range append(found, b.problems.all...) {
			t.Errorf("the browser complains: %s", problem)
		}
	})
	return b
}

// command is a command of the browser's protocol as a step.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// enter opens the page and gives it the key.
func enter(t *testing.T, h *harbour) *tab {
	t.Helper()
	b := openTab(t, h)
	b.typeKeys("#key", shared.key+kb.Enter)
	b.connected()
	return b
}

func (b *tab) connected() {
	b.t.Helper()
	b.await("the connection", `document.querySelector('#status').dataset.phase === 'open'`)
}

// do runs actions within the deadline of a step.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	// chromedp binds a tab to the first context that it runs in.
	if err := chromedp.Do(b.ctx); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, stepDeadline)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// await waits until an expression of the page is true.
func (b *tab) await(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepDeadline+time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](`!!(`+expression+`)`, chromedp.WithPollingInterval(pollEvery), chromedp.WithPollingTimeout(stepDeadline)))
	if err != nil {
		b.shoot("failed")
		b.t.Fatalf("waited %v for %s: %v; the page says:\n%s\nthe page sent %v", stepDeadline, what, err, b.text("body"), b.h.said("response.create"))
	}
}

// awaitText waits until an element's text has a part.
func (b *tab) awaitText(selector, part string) {
	b.t.Helper()
	b.await(fmt.Sprintf("%q in %s", part, selector), fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, part))
}

// awaited has the browser wait for an expression that is a promise.
func awaited(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }

// value evaluates an expression of the page.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepDeadline)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, awaited))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// text is what an element shows; "" if there is no such element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return value[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ''`, selector))
}

// typeKeys goes to an element and presses keys.
func (b *tab) typeKeys(selector, keys string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(selector), chromedp.NodeVisible))
	b.press(keys)
}

// press presses keys wherever the focus is. Enter is pressed as a keyboard does it:
// the character comes with the key, and does not come if the page takes the key.
func (b *tab) press(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	rest, enter := strings.CutSuffix(keys, kb.Enter)
	if rest != "" {
		b.do(chromedp.KeyEvent(rest, options...))
	}
	if !enter {
		return
	}
	down := input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeKeyDown, Key: "Enter", Code: "Enter", Text: "\r", UnmodifiedText: "\r",
		WindowsVirtualKeyCode: enterCode, NativeVirtualKeyCode: enterCode,
	}
	for _, option := range options {
		option(&down)
	}
	up := down
	up.Type, up.Text, up.UnmodifiedText = input.DispatchKeyEventTypeKeyUp, "", ""
	b.do(command(input.DispatchKeyEvent, down), command(input.DispatchKeyEvent, up))
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// send writes a message and sends it.
func (b *tab) send(text string) {
	b.t.Helper()
	b.typeKeys("#prompt", text+kb.Enter)
	if left := value[string](b, `document.querySelector('#prompt').value`); left != "" {
		b.t.Errorf("after the message the box holds %q", left)
	}
}

// answered waits until the last answer has a state.
func (b *tab) answered(state string) {
	b.t.Helper()
	b.await("an answer that is "+state, fmt.Sprintf(`document.querySelector('.answer:last-child')?.dataset.state === %q`, state))
}

// answer is the text of the last answer.
func (b *tab) answer() string {
	b.t.Helper()
	return b.text(".answer:last-child .said")
}

// focus is the id of what has the focus.
func (b *tab) focus() string {
	b.t.Helper()
	return value[string](b, `document.activeElement.id`)
}

// scheme has the system prefer light or dark.
func (b *tab) scheme(name string) {
	b.t.Helper()
	b.do(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// shoot keeps a picture of the page, where go test -artifacts says.
func (b *tab) shoot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepDeadline)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
