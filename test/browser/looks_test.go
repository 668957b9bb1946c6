package browser_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/coder/websocket"
)

// essay has all that the page knows how to show, and things that are too wide.
const essay = `## Three ways to moor

A ship is held by **lines**, *never* by one alone; see [the manual](https://example.com/moor?a=1&b=2) or https://example.com/lines. A variable such as ` + "`mooring_line_count`" + ` stays as it is.

1. Head line, which holds her against the current
   - made fast first
   - of ` + "`polyester`" + `
2. Breast line
3. Spring

` + "```go" + `
func moor(ship Ship, lines ...Line) error { return ship.MakeFast(lines, WithFairlead(true), WithinDeadlineOf(10 * time.Minute)) }
` + "```" + `

| line | holds against | length |
|---|---|---:|
| head | the current | 60 m |
| spring | surging | 45 m |

> Never stand in the bight of a line.

AVeryLongWordWithoutAnySpaceInItSuchAsAHashOrAnAddressThatAModelMightWell0123456789012345678901234567890123456789Write`

// recite says the essay.
func recite(_ context.Context, a *answer) {
	a.created()
	a.words(essay)
	a.completed()
}

// contrast lists texts that stand out too little from what is behind them: less
// than 4.5 to 1, or 3 to 1 where they are large.
const contrast = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement, words = texts.currentNode.textContent.trim();
    if (words === '' || !node.checkVisibility({visibilityProperty: true}) || node.closest('.unseen, .skip, option, noscript, button:disabled')) continue;
    const behind = [];
    for (let e = node; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const style = getComputedStyle(node);
    const back = luminance(over(behind)), front = luminance(over([...behind, style.color]));
    const ratio = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    seen++;
    if (ratio < (large ? 3 : 4.5)) faint.push(words.slice(0, 40) + ' has ' + ratio.toFixed(2));
  }
  return seen < 4 ? ['only ' + seen + ' texts were looked at'] : faint;
})()`

// overflow lists what is wider than the window.
const overflow = `(() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('header *, main *, form *')].filter((e) => e.checkVisibility() && !e.closest('pre, .table, svg, .unseen, .skip')
    && e.getBoundingClientRect().width > 1 && (e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5));
  return (wide > 0 ? ['the page by ' + wide + ' px'] : []).concat(out.map((e) => e.tagName + '.' + e.className + '#' + e.id));
})()`

// looksRight takes a picture, and measures.
func (b *tab) looksRight(shot string) {
	b.t.Helper()
	b.shoot(shot)
	if faint := value[[]string](b, contrast); len(faint) > 0 {
		b.t.Errorf("%s: too faint: %q", shot, faint)
	}
	if wide := value[[]string](b, overflow); len(wide) > 0 {
		b.t.Errorf("%s: too wide: %q", shot, wide)
	}
}

// TestLooks takes pictures of the page in each theme, on a desk and on a phone, and
// holds what can be measured.
func TestLooks(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			steps := make(chan struct{})
			turn := 0
			b := openTab(t, newHarbour(t, func(ctx context.Context, a *answer) {
				turn++
				switch turn {
				case 1:
					recite(ctx, a)
				case 2:
					a.queued(3)
					select {
					case <-steps:
					case <-ctx.Done():
						return
					}
					a.created()
					a.words("Half of an answer, and then ")
					a.refused(503, 45, "queue_full", "500 requests are waiting already")
				case 3:
					a.created()
					a.words("An answer that is coming in as you look at it, a word ")
					<-ctx.Done()
				}
			}))
			sizes := func(shot string) {
				b.size(1100, 800)
				b.looksRight(shot + "-desk")
				b.size(360, 740)
				b.looksRight(shot + "-phone")
				b.size(1100, 800)
			}
			b.scheme(scheme)
			sizes("gate")
			b.press("wrong" + kb.Enter)
			b.awaitText("#key-error", "not known")
			b.looksRight("gate-wrong")
			value[string](b, `document.querySelector('#key').value = ''`)
			b.typeKeys("#key", shared.key+kb.Enter)
			b.connected()
			b.awaitText("#left", "left")
			sizes("empty")
			b.send("How is a ship moored?")
			b.answered("done")
			sizes("essay")
			b.size(1100, 1600)
			b.looksRight("essay-whole")
			b.click("#settings-button")
			b.awaitText("#limits", "0 of 20")
			sizes("settings")
			b.press(kb.Escape)
			b.typeKeys("#prompt", "And unmoored?")
			b.press(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierShift))
			b.send("Please be brief.")
			b.awaitText(".answer:last-child .state", "3rd in line")
			sizes("queued")
			close(steps)
			b.answered("failed")
			sizes("failed")
			b.send("Once more")
			b.awaitText(".answer:last-child .said", "coming in")
			sizes("running")
		})
	}
}

// TestLongStatus: a long wait has room on a phone.
func TestLongStatus(t *testing.T) {
	h := newHarbour(t, tell)
	h.deny(nil, &closing{websocket.StatusTryAgainLater, "retry_after=299"})
	b := openTab(t, h)
	b.size(360, 740)
	b.typeKeys("#key", shared.key+kb.Enter)
	b.awaitText("#status-words", "Connects in 4 minutes")
	b.send("Tell me")
	b.awaitText(".answer .state", "Connects again in 4 minutes")
	b.looksRight("long-status")
}

// TestTheme: the button changes to what the system does not prefer, the choice
// outlives a reload, and the button takes it back.
func TestTheme(t *testing.T) {
	b := openTab(t, newHarbour(t, tell))
	const background = `getComputedStyle(document.body).backgroundColor`
	b.scheme("light")
	light := value[string](b, background)
	b.scheme("dark")
	dark := value[string](b, background)
	if light == dark {
		t.Fatalf("both themes are %s", light)
	}
	b.click("#theme")
	if got := value[string](b, background); got != light {
		t.Errorf("after the button the background is %s, want %s", got, light)
	}
	b.do(chromedp.Reload())
	if got := value[string](b, background); got != light {
		t.Errorf("after a reload the background is %s, want %s", got, light)
	}
	if got := value[string](b, `document.querySelector('#theme').getAttribute('aria-label')`); !strings.Contains(got, "light") {
		t.Errorf("the button says %q", got)
	}
	b.click("#theme")
	if got := value[string](b, background); got != dark {
		t.Errorf("after the button again the background is %s, want %s", got, dark)
	}
}

// TestKeyboardAlone: a conversation without a mouse, and every control in the order
// of the page with its focus to be seen.
func TestKeyboardAlone(t *testing.T) {
	h := newHarbour(t, halves(make(chan struct{})))
	b := openTab(t, h)
	b.await("the focus", `document.activeElement.id === 'key'`)
	b.press(shared.key + kb.Enter)
	b.connected()
	b.press("one")
	b.press(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierShift))
	b.press("two" + kb.Enter)
	b.awaitText(".answer .said", "lines apart")
	if got := b.text(".user .said"); got != "one\ntwo" {
		t.Errorf("the message is %q", got)
	}
	if got := strings.Join(conversation(t, h.said("response.create")[0]), "|"); got != "user: one\ntwo" {
		t.Errorf("the message was sent as %q", got)
	}
	b.press(kb.Escape)
	b.answered("stopped")

	const outlined = `(() => { const s = getComputedStyle(document.activeElement), box = document.activeElement.closest('.box');
	  return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || (document.activeElement.id === 'prompt' && getComputedStyle(box).boxShadow.includes('0px 0px 0px 1px')); })()`
	value[any](b, `document.activeElement.blur(), null`)
	value[any](b, `document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), null`)
	var order []string
	for range 12 {
		b.press(kb.Tab)
		name := value[string](b, `document.activeElement.id || document.activeElement.className || document.activeElement.tagName`)
		if name == "BODY" || slices.Contains(order, name) {
			break
		}
		order = append(order, name)
		if !value[bool](b, outlined) {
			t.Errorf("the focus on %s can't be seen", name)
		}
	}
	if got, want := strings.Join(order, " "), "skip to-documents new settings-button theme plain prompt model"; got != want {
		t.Errorf("the order of the focus is %q, want %q", got, want)
	}

	// What lies on top is closed first.
	b.click("#settings-button")
	b.await("the settings", `document.activeElement.id === 'instructions'`)
	b.press(kb.Escape)
	b.await("no settings", `document.querySelector('#settings').hidden && document.activeElement.id === 'settings-button'`)

	b.press("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.await("a new chat", `document.querySelectorAll('.turn').length === 0 && document.activeElement.id === 'prompt'`)
	b.press("three" + kb.Enter)
	b.awaitText(".answer .said", "lines apart")
	b.press("k", chromedp.KeyModifiers(chromedp.ModifierMeta))
	b.await("a new chat", `document.querySelectorAll('.turn').length === 0`)
	if got := len(h.said("response.cancel")); got != 2 {
		t.Errorf("the page sent %d cancels, want 2: one for the stop, one for the new chat", got)
	}
}

// TestMarkdownIsSafe: whatever a model writes becomes text, or one of a few
// elements with nothing on them that acts.
func TestMarkdownIsSafe(t *testing.T) {
	const attack = `<img src=x onerror="violations.push('ran')"> <script>violations.push('ran')</script>
**<b onclick=1>bold</b>** [a](javascript:violations.push('ran')) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](//example.com) [e](vbscript:x)
![beacon](https://example.com/beacon.png) [good](https://example.com/a_b?c="d) <https://example.com/auto>

- <svg onload=alert(1)>
| <i>a</i> | b |
|---|---|
| [x](file:///etc/passwd) | <iframe src=https://example.com> |

` + "```html onload=x\n<script>violations.push('ran')</script>\n```"
	b := enter(t, newHarbour(t, func(_ context.Context, a *answer) {
		a.created()
		a.words(attack)
		a.completed()
	}))
	b.send("<b>hello</b>")
	b.answered("done")
	if got := b.text(".user .said"); got != "<b>hello</b>" {
		t.Errorf("the message is shown as %q", got)
	}
	allowed := []string{"P", "UL", "OL", "LI", "STRONG", "EM", "CODE", "PRE", "FIGURE", "FIGCAPTION", "SPAN", "BUTTON", "A", "DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "H3", "H4", "HR", "BLOCKQUOTE"}
	for _, tag := range value[[]string](b, `[...document.querySelectorAll('.answer .said *')].map((e) => e.tagName)`) {
		if !slices.Contains(allowed, tag) {
			t.Errorf("the answer has a %s", tag)
		}
	}
	for _, name := range value[[]string](b, `[...document.querySelectorAll('.answer .said *')].flatMap((e) => e.getAttributeNames())`) {
		if !slices.Contains([]string{"href", "title", "rel", "target", "class", "tabindex", "type", "aria-label", "start"}, name) {
			t.Errorf("an element of the answer has an attribute %s", name)
		}
	}
	links := value[[]string](b, `[...document.querySelectorAll('.answer .said a')].map((a) => a.rel + ' ' + a.target + ' ' + a.href)`)
	want := []string{
		"noopener noreferrer nofollow _blank https://example.com/beacon.png",
		`noopener noreferrer nofollow _blank https://example.com/a_b?c=%22d`,
		"noopener noreferrer nofollow _blank https://example.com/auto",
		"noopener noreferrer nofollow _blank https://example.com/", // of the frame, which stayed a text
	}
	if !slices.Equal(links, want) {
		t.Errorf("the links are %q, want %q", links, want)
	}
	if got := b.text(".answer .said"); !strings.Contains(got, `<img src=x onerror=`) || !strings.Contains(got, "<iframe src=https") {
		t.Errorf("the answer is shown as %q", got)
	}
}

// TestMarkdown holds what each thing becomes.
func TestMarkdown(t *testing.T) {
	b := enter(t, newHarbour(t, tell))
	for _, c := range []struct{ text, want string }{
		{"one\ntwo\n\nthree", "P(one\ntwo)P(three)"},
		{"# A\n#### B\n#C", "H3(A)H4(B)P(#C)"},
		{"- a\n- b\n  - c\n  - d\n- e", "UL(LI(a)LI(bUL(LI(c)LI(d)))LI(e))"},
		{"1. a\n\n2. b\n   more", "OL(LI(a)LI(b\nmore))"},
		{"3) c\n4) d", "OL3(LI(c)LI(d))"},
		{"text\n- a\n\nafter", "P(text)UL(LI(a))P(after)"},
		{"**a *b* c** _d_ `e*f*` snake_case_name 2*3*4", "P(STRONG(a EM(b) c) EM(d) CODE(e*f*) snake_case_name 2EM(3)4)"},
		{"a ** b * c _ d ` e **f", "P(a ** b * c _ d ` e **f)"},
		{`\*a\* \[b](c) \d`, `P(*a* [b](c) \d)`},
		{"```\na\n\n```", "FIGURE(a\n)"},
		{"```js\nlet a = `x`;", "FIGURE(let a = `x`;)"},
		{"~~~\n```\n~~~\nafter", "FIGURE(```)P(after)"},
		{"1. a\n   ```\n   b\n   ```\n2. c", "OL(LI(a))FIGURE(b)OL2(LI(c))"},
		{"> a\n> b", "BLOCKQUOTE(P(a\nb))"},
		{"a\n\n---\n\nb", "P(a)HRP(b)"},
		{"| a | b |\n|---|---|\n| c | d |", "DIV(TABLE(THEAD(TR(TH(a)TH(b)))TBODY(TR(TD(c)TD(d)))))"},
		{"| a |\nb", "P(| a |)P(b)"},
		{"see https://example.com/a_(b). And (https://example.com/c)", "P(see A(https://example.com/a_(b)). And (A(https://example.com/c)))"},
		{"[a **b**](https://example.com \"title\")", "P(A(a STRONG(b)))"},
		{"", ""},
	} {
		const show = `(async (text) => {
		  const {Document} = await import('/ui/assets/markdown.js');
		  const root = document.createElement('div'), shown = new Document(root, () => {});
		  for (let i = 0; i <= text.length; i++) shown.show(text.slice(0, i)); // as it arrives
		  const spell = (n) => n.nodeType === 3 ? n.data : n.tagName === 'FIGURE' ? 'FIGURE(' + n.querySelector('pre').textContent + ')'
		    : n.tagName + (n.start > 1 ? n.start : '') + (n.childNodes.length ? '(' + [...n.childNodes].map(spell).join('') + ')' : '');
		  const whole = document.createElement('div');
		  new Document(whole, () => {}).show(text);
		  const arrived = [...root.childNodes].map(spell).join('');
		  return arrived === [...whole.childNodes].map(spell).join('') ? arrived : 'differs when it arrives in pieces: ' + arrived;
		})`
		if got := value[string](b, fmt.Sprintf("%s(%q)", show, c.text)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestMarkdownIsQuick: no text keeps the page from answering.
func TestMarkdownIsQuick(t *testing.T) {
	const size, most = 100_000, 5_000 // characters; milliseconds, on a busy machine
	b := enter(t, newHarbour(t, tell))
	for _, piece := range []string{"*", "*a ", "**a ", "_a ", "`", "`a", "[", "[a](", "![", "\\", "https://", "<", "> ", "- ", "# ", "#", "|", "| ", "   ", "- a\n", " - a\n  - b\n", "> a\n", "| a |\n", "\n", "a\n\n", "```", "```\n", "~~~ ", "1) ", "---", "- - ", "*a*b", "**a*"} {
		took := value[float64](b, fmt.Sprintf(`(async (piece) => {
		  const {Document} = await import('/ui/assets/markdown.js');
		  const shown = new Document(document.createElement('div'), () => {}), begun = performance.now();
		  shown.show('# ' + piece.repeat(%d / piece.length) + 'x');
		  shown.show(piece.repeat(%d / piece.length) + 'x');
		  shown.show(piece.repeat(10_000 / piece.length) + 'x');
		  return performance.now() - begun;
		})(%q)`, size, size, piece))
		if took > most {
			t.Errorf("%q, again and again, took %.0f ms, want at most %d", piece, took, most)
		}
	}
}

// TestCopy puts a code block on the clipboard.
func TestCopy(t *testing.T) {
	b := enter(t, newHarbour(t, recite))
	b.send("Code, please")
	b.answered("done")
	value[any](b, `navigator.clipboard.writeText = (text) => { globalThis.copied = text; return Promise.resolve(); }, null`)
	b.click(".copy")
	b.awaitText(".copy", "Copied")
	if got := value[string](b, `copied`); !strings.HasPrefix(got, "func moor(") || strings.Contains(got, "```") {
		t.Errorf("copied %q", got)
	}
	b.click(".meta button")
	b.awaitText(".meta button", "Copied")
	if got := value[string](b, `copied`); got != essay {
		t.Errorf("copied %q", got)
	}
}

// TestProblemsAreHeard: the tests would know of a complaint.
func TestProblemsAreHeard(t *testing.T) {
	b := enter(t, newHarbour(t, tell))
	value[any](b, `console.error('x'), setTimeout(() => { throw new Error('thrown'); }), null`)
	value[any](b, `(() => { const s = document.createElement('style'); s.textContent = 'p { color: red }'; document.head.append(s); })(), null`)
	value[any](b, `(() => { try { document.createElement('p').innerHTML = '<b>x</b>'; } catch { violations.push('innerHTML is refused'); } })(), null`)
	b.await("the violation", `violations.length >= 2`)
	found := value[[]string](b, `violations.splice(0)`)
	b.problems.mu.Lock()
	all := strings.Join(append(found, b.problems.all...), "\n")
	b.problems.all = nil
	b.problems.mu.Unlock()
	for _, want := range []string{"style-src", "innerHTML is refused", "console: error", "thrown", "log: security"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not among what was heard:\n%s", want, all)
		}
	}
}
