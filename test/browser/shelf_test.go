package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// crowd answers as an app with many documents does, some with names that are hard to show.
func crowd(t *testing.T) stand {
	t.Helper()
	states := []string{"queued", "extracting", "indexing", "ready", "no_text", "limit_hit", "encrypted", "unsupported", "failed"}
	names := []string{
		"annual-report-2024.pdf", strings.Repeat("a-very-long-name-without-any-end-", 7) + ".docx", "דוח שנתי 2023 (סופי).pdf",
		"Protokoll der außerordentlichen Hauptversammlung vom dritten November mit allen Anlagen und Unterschriften.odt", "x",
	}
	var all []map[string]any
	for i := range 120 {
		state := states[i%len(states)]
		if i > 20 {
			state = "ready"
		}
		d := map[string]any{
			"document_id": fmt.Sprintf("file-%03d", i), "name": names[i%len(names)], "status": state, "pages": 12 + i*37, "pages_done": 3 + i, "bytes": 1234 * (i + 1) * (i + 1),
			"metadata": map[string]any{}, "about": map[string]any{"period": "FY2023"},
		}
		if state == "failed" {
			d["reason"] = "The file is damaged: its table of contents ends in the middle"
		}
		all = append(all, d)
	}
	return stand{
		"GET /documents": func(w http.ResponseWriter, r *http.Request) {
			from := 0
			if after := r.URL.Query().Get("after"); after != "" {
				_, err := fmt.Sscanf(after, "file-%d", &from)
				if err != nil {
					t.Error(err)
				}
				from++
			}
			to := min(from+50, len(all))
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"documents": all[from:to], "has_more": to < len(all), "last_id": all[to-1]["document_id"]})
		},
		"GET /documents/{id}/pages/{n}": func(w http.ResponseWriter, r *http.Request) {
			page := "The passage stands here, on a page with a table.\n\nYear | Revenue | Net income\n2023 | 1,577 | 92\n\nהחברה צופה צמיחה בשנה הבאה. זהו הקטע.\n\n" + strings.Repeat("A long page goes on and on. ", 300)
			_ = json.NewEncoder(w).Encode(map[string]any{"pages": 120, "page": r.PathValue("n"), "start": 1000, "end": 1000 + len(page), "text": page})
		},
		"POST /documents/search": func(w http.ResponseWriter, _ *http.Request) {
			var hits []map[string]any
			for i, text := range []string{
				"החברה צופה צמיחה של 4% בשנה הבאה, בעיקר בשווקים הצפוניים.", "Year | Revenue | Net income\n2023 | 1,577 | 92\n2022 | 1,498 | 88",
				strings.Repeat("The risk of copper is a long story, told at length. ", 40), strings.Repeat("unbroken", 60),
			} {
				hits = append(hits, map[string]any{
					"document_id": "file-003", "name": names[(i+2)%len(names)], "page": i + 1, "section": "Risk Factors > Competition", "score": 0.5, "start": 1004, "end": 1011, "text": text,
				})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"results": hits})
		},
	}
}

// shifts are how far the page's parts have moved by themselves.
const shifts = `new Promise((resolve) => {
  let sum = 0;
  const watch = new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; });
  watch.observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})`

// TestDocumentsLook takes pictures of the page in each theme, at several widths, and holds
// what can be measured.
func TestDocumentsLook(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			s := openShelfGate(t, crowd(t))
			sizes := func(shot string) {
				for name, size := range map[string][2]int64{"desk": {1280, 860}, "phone": {390, 800}} {
					s.size(size[0], size[1])
					s.looksRight("documents-" + shot + "-" + scheme + "-" + name)
				}
				s.size(1280, 860)
			}
			s.scheme(scheme)
			sizes("gate")
			s.typeKeys("#key", s.key+kb.Enter)
			s.await("the files", `document.querySelectorAll('.file').length === 50`)
			sizes("crowd")
			s.search("copper")
			sizes("hits")
			s.click("#results .where")
			s.await("the page", `document.querySelector('#page').open`)
			if got := s.text("#page-text mark"); got != "passage" {
				t.Errorf("marked is %q", got)
			}
			sizes("page")
			s.press(kb.Escape)
			s.click("#more")
			s.await("more files", `document.querySelectorAll('.file').length === 100`)
			s.click("#more")
			s.await("all files", `document.querySelectorAll('.file').length === 120 && !document.querySelector('#more').checkVisibility()`)
			s.tickAll()
			s.awaitText("#scope", "Searches the 101 chosen documents")
			s.size(2200, 1100)
			s.looksRight("documents-chosen-" + scheme + "-wide")
		})
	}
}

func (s *shelf) tickAll() {
	s.t.Helper()
	value[any](s.tab, `document.querySelectorAll('.file-box:enabled').forEach((b) => b.click()), null`)
}

// TestDocumentsStayInPlace: nothing moves by itself while files are read and found.
func TestDocumentsStayInPlace(t *testing.T) {
	s := openShelf(t, nil)
	s.readAll()
	s.search("copper")
	s.tick("annual-report.md")
	s.click("#run")
	s.awaitText("#found", "Summary")
	if got := value[float64](s.tab, shifts); got > 0.1 {
		t.Errorf("the page has shifted by %.3f, want at most 0.1", got)
	}
}

// TestDocumentsByKeyboard: everything in the order of the page, with its focus to be seen.
func TestDocumentsByKeyboard(t *testing.T) {
	s := ready(t, nil)
	s.search("copper")
	value[any](s.tab, `document.activeElement.blur(), document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), null`)
	var order []string
	for range 24 {
		s.press(kb.Tab)
		name := value[string](s.tab, `document.activeElement.id || document.activeElement.className || document.activeElement.tagName`)
		if name == "BODY" || (len(order) > 0 && name == order[0]) {
			break
		}
		order = append(order, name)
		if !value[bool](s.tab, `((e) => { const s = getComputedStyle(e.id === 'file' ? e.closest('.pick') : e); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1; })(document.activeElement)`) {
			t.Errorf("the focus on %s can't be seen", name)
		}
	}
	want := "skip to-chat forget theme query find unchoose kind run where file file-box plain small plain small"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("the order of the focus is %q, want %q", got, want)
	}
	unnamed := value[[]string](s.tab, `[...document.querySelectorAll('main input, main button, main select, dialog button')].filter((e) =>
	  !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML)`)
	if len(unnamed) > 0 {
		t.Errorf("without a name: %q", unnamed)
	}
}

// TestLongPage: a passage that is far down a very long page is shown with what is around it.
func TestLongPage(t *testing.T) {
	before := strings.Repeat("ä", 500_000) // a megabyte: offsets are bytes
	s := openShelf(t, stand{
		"GET /documents/{id}/pages/1": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"pages": 1, "start": 0, "end": 1 << 20, "text": "The beginning.", "cut_short": true})
		},
		"GET /documents/{id}/content": func(w http.ResponseWriter, r *http.Request) {
			var start, end int
			if _, err := fmt.Sscan(r.URL.Query().Get("start"), &start); err != nil {
				t.Error(err)
			}
			if _, err := fmt.Sscan(r.URL.Query().Get("end"), &end); err != nil {
				t.Error(err)
			}
			whole := before + before + "the passage" + before
			_, _ = w.Write([]byte(whole[start:end]))
		},
		"POST /documents/search": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"results":[{"document_id":"file-1","name":"long.txt","page":1,"start":%d,"end":%d,"text":"the passage"}]}`, 4*500_000, 4*500_000+11)
		},
	})
	s.search("passage")
	s.click("#results .where")
	s.await("the page", `document.querySelector('#page').open`)
	if got := s.text("#page-text mark"); got != "the passage" {
		t.Errorf("marked is %q", got)
	}
	s.awaitText("#page-note", "What is around the passage is shown.")
	if value[bool](s.tab, `document.querySelector('#page-text').textContent.includes('\uFFFD')`) {
		t.Error("a character was cut")
	}
}
