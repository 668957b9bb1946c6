package browser_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// annual is a report in Markdown.
const annual = `# Annual report of Northwind Traders

## Risk Factors

The price of copper is a risk to our margins, since most of our products contain it.

## Outlook

We expect growth of 4% next year, mainly in the northern markets.
`

// shelfFiles are of each kind of outcome.
func shelfFiles(t *testing.T) []upload {
	t.Helper()
	return []upload{
		text("annual-report.md", annual),
		pdf("minutes.pdf", "", "The board met in Trondheim on Monday.", "Then it chose anchors of galvanized steel.", "Nobody objected."),
		docx(t, "letter.docx", "Dear harbour master,", "our ship needs a berth with bollards."),
		text("broken.pdf", "%PDF-1.4\nthis is not what it says it is"),
		pdf("locked.pdf", locked, "A secret."),
	}
}

// readAll uploads the files, and waits until they are read.
func (s *shelf) readAll() {
	s.t.Helper()
	s.choose("drop", shelfFiles(s.t)...)
	for name, state := range map[string]string{
		"annual-report.md": "ready", "minutes.pdf": "ready", "letter.docx": "ready", "broken.pdf": "failed", "locked.pdf": "encrypted",
	} {
		s.becomes(name, state)
	}
}

// search searches, and waits for what is found.
func (s *shelf) search(query string) {
	s.t.Helper()
	value[any](s.tab, `document.querySelector('#query').value = '', null`)
	s.typeKeys("#query", query+kb.Enter)
	s.awaitText("#found", "for “"+query+"”")
}

func TestDocuments(t *testing.T) {
	s := openShelf(t, nil)
	s.await("the empty shelf", `document.querySelector('#no-files').checkVisibility()`)
	if s.focus() != "query" || value[string](s.tab, `sessionStorage.getItem('fairlead.key')`) != s.key {
		t.Errorf("behind the gate the focus is on %q, or the tab does not keep the key", s.focus())
	}
	s.readAll()
	for name, want := range map[string]string{
		"annual-report.md": "1 page", "minutes.pdf": "3 pages", "broken.pdf": "Could not be read", "locked.pdf": "Locked with a password",
	} {
		if got := s.state(name); !strings.HasPrefix(got, want) {
			t.Errorf("of %s the page says %q, want %q", name, got, want)
		}
	}
	if value[bool](s.tab, `document.querySelector('#no-files').checkVisibility()`) {
		t.Error("the page says that there are no documents")
	}
	s.shoot("documents-shelf")

	s.search("galvanized anchors")
	if got := s.text("#results .result h4"); got != "minutes.pdf, page 1" {
		t.Errorf("found %q first", got)
	}
	s.awaitText("#announcer", "for galvanized anchors")
	s.shoot("documents-search")

	// A passage on its page, the pages beside it, and back.
	s.click("#results .where")
	s.await("the page", `document.querySelector('#page').open`)
	if got := s.text("#page-text mark"); got != "The board met in Trondheim on Monday." {
		t.Errorf("marked is %q", got)
	}
	if s.text("#page-number") != "Page 1 of 3" || s.focus() != "page-text" {
		t.Errorf("the page is %q, the focus on %q", s.text("#page-number"), s.focus())
	}
	s.shoot("documents-page")
	s.click("#page-after") // the passage goes on there
	s.awaitText("#page-text mark", "galvanized steel.")
	s.typeKeys("#page-after", kb.Enter)
	s.awaitText("#page-text", "Nobody objected.")
	s.await("the focus on the text", `document.activeElement.id === 'page-text' && document.querySelector('#page-after').disabled`)
	s.click("#page-before")
	s.awaitText("#page-number", "Page 2 of 3")
	s.press(kb.Escape)
	s.await("the passage again", `!document.querySelector('#page').open && document.activeElement.matches('#results .where') && document.querySelector('#page-text').textContent === ''`)

	s.search("sqrgl")
	if got := s.text("#found"); got != "0 passages for “sqrgl”" {
		t.Errorf("nothing is found, and the page says %q", got)
	}

	// What is chosen is what is searched.
	s.tick("letter.docx")
	s.awaitText("#scope", "letter.docx")
	s.search("copper bollards")
	if got := value[[]string](s.tab, `[...document.querySelectorAll('#results h4')].map((e) => e.textContent)`); !slices.Equal(got, []string{"letter.docx, page 1"}) {
		t.Errorf("in the letter, found %q", got)
	}
	s.click("#unchoose")
	s.awaitText("#scope", "Searches all documents")

	// The whole document, from its first page.
	s.pressOf("letter.docx", "Read")
	s.awaitText("#page-text", "Dear harbour master,")
	s.click("#page-close")
	s.await("the focus again", `document.activeElement.getAttribute('aria-label') === 'Read letter.docx'`)
}

func TestDocumentAnalysis(t *testing.T) {
	s := openShelf(t, nil)
	if !value[bool](s.tab, `document.querySelector('#run').disabled`) {
		t.Error("an analysis can be had of nothing")
	}
	s.choose("picker", text("annual-report.md", annual))
	s.becomes("annual-report.md", "ready")
	s.tick("annual-report.md")
	s.kind("risk")
	s.click("#run")
	s.awaitText("#found", "Risks: annual-report.md")
	s.awaitText("#results .note", "no model has read it")
	s.awaitText("#announcer", "The analysis is done")
	s.await("the focus on the button", `document.activeElement.id === 'run'`)
	if got := s.text(".quoted"); !strings.Contains(got, "price of copper") {
		t.Errorf("the quote is %q", got)
	}
	s.shoot("documents-analysis")
	s.click(".quote")
	s.await("the page", `document.querySelector('#page').open`)
	if got := s.text("#page-text mark"); !strings.HasPrefix(got, "The price of copper") {
		t.Errorf("marked is %q", got)
	}
	s.press(kb.Escape)
	s.await("the quote again", `document.activeElement.matches('.quote')`)

	s.kind("custom")
	s.click("#run")
	s.await("the question", `document.activeElement.id === 'question'`)
	s.press("How much growth do we expect next year?" + kb.Enter)
	s.awaitText("#found", "Question: annual-report.md")
	if got := s.text("#results"); !strings.Contains(got, "growth of 4%") {
		t.Errorf("the answer is %q", got)
	}
	s.kind("insights")
	s.click("#run")
	s.awaitText("#found", "Insights: annual-report.md")

	// What was found in it goes with it.
	s.pressOf("annual-report.md", "Delete")
	s.await("the question", `document.querySelector('#sure').open && document.activeElement.id === 'sure-no'`)
	s.awaitText("#sure-name", "annual-report.md")
	s.shoot("documents-delete")
	s.press(kb.Escape)
	s.await("the button", `!document.querySelector('#sure').open && document.activeElement.textContent === 'Delete'`)
	s.pressOf("annual-report.md", "Delete")
	s.click("#sure-yes")
	s.await("an empty shelf", `document.querySelectorAll('.file, .result').length === 0 && document.querySelector('#no-files').checkVisibility()`)
	s.await("the focus", `document.activeElement.id === 'file'`)
	s.awaitText("#scope", "Searches all documents")
	s.do(chromedp.Reload())
	s.await("an empty shelf", `document.querySelector('#no-files').checkVisibility()`)
}

// report is what an analysis with a model finds: figures, ratios, several categories.
const modelReport = `{"success":true,"engine":"llm","findings":[{"category":"margin","title":"Raw <b>material</b> costs","detail":"Copper is dear.",` +
	`"citations":[{"document_id":"%[1]s","page":1,"start":0,"end":6,"quote":"Annual"}]}],` +
	`"metrics":[{"name":"revenue","title":"Revenue","label":"Revenue","value":1577200000,"unit":"money","currency":"USD","scaled":true,"period":"FY2018",` +
	`"citation":{"document_id":"%[1]s","page":1,"start":0,"end":6,"quote":"Annual"}}],` +
	`"ratios":[{"name":"m","title":"Net margin","formula":"net income / revenue","value":12.34,"unit":"percent","scaled":false,"period":"FY2018","inputs":[]}],` +
	`"partial":true,"why":"deadline","pages_read":3,"pages":9,"dropped_citations":2,"dropped_findings":1,"usage":{}}`

// analyses has the analyses of a test answered: each is a stream of events, which goes on
// until the browser has gone or step is closed, and ends with last.
func analyses(step <-chan struct{}, gone chan<- struct{}, last string) stand {
	return stand{"POST /documents/analyze": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: progress\ndata: {\"stage\":\"reading\",\"pages_read\":3,\"pages\":9,\"calls_done\":1,\"calls\":4,\"findings\":2}\n\n: alive\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-step:
			fmt.Fprint(w, last)
		case <-r.Context().Done():
			gone <- struct{}{}
		}
	}}
}

// ready is a shelf with one document, which is chosen.
func ready(t *testing.T, instead stand) *shelf {
	t.Helper()
	s := openShelf(t, instead)
	s.choose("picker", text("annual-report.md", annual))
	s.becomes("annual-report.md", "ready")
	s.tick("annual-report.md")
	return s
}

func TestDocumentAnalysisIsStopped(t *testing.T) {
	gone := make(chan struct{}, 1)
	s := ready(t, analyses(nil, gone, ""))
	s.click("#run")
	s.awaitText("#progress", "3 of 9 pages read · 1 of 4 questions answered · 2 findings")
	if s.focus() != "stop" || !value[bool](s.tab, `document.querySelector('#find').disabled`) {
		t.Errorf("while it runs the focus is on %q, or there can be a search", s.focus())
	}
	s.shoot("documents-running")
	s.press(kb.Enter)
	<-gone
	s.await("the end", `document.querySelector('#progress').textContent === '' && document.activeElement.id === 'run'`)
	s.awaitText("#announcer", "Stopped")
	if got := s.text("#trouble"); got != "" {
		t.Errorf("the page says %q", got)
	}
}

func TestDocumentAnalysisByAModel(t *testing.T) {
	step := make(chan struct{})
	close(step)
	id := "file-000000000000000000000000"
	s := ready(t, analyses(step, nil, "event: result\ndata: "+fmt.Sprintf(modelReport, id)+"\n\n"))
	s.click("#run")
	s.awaitText("#found", "Summary: annual-report.md")
	got := s.text("#results")
	for _, want := range []string{"Raw <b>material</b> costs", "Copper is dear.", "margin", "1.577 billion USD", "12.3 %", "net income / revenue", "The time was over", "Pages read: 3 of 9", "does not say it: 1", "Annual page 1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in what is shown:\n%s", want, got)
		}
	}
	s.looksRight("documents-model")
	s.size(390, 800)
	s.looksRight("documents-model-phone")
	s.size(1100, 800)
	// It cites a document that is not there any more.
	s.click(".result td .where")
	s.awaitText("#trouble", "This document is not there any more.")
}

func TestDocumentAnalysisBreaksOff(t *testing.T) {
	step := make(chan struct{})
	close(step)
	for last, want := range map[string]string{
		"": "The connection was lost before the end.",
		"event: error\ndata: {\"success\":false,\"error\":\"Nobody answered the questions\",\"code\":\"upstream_error\",\"message\":\"The provider is away\"}\n\n": "Nobody answered the questions.",
	} {
		s := ready(t, analyses(step, nil, last))
		s.click("#run")
		s.awaitText("#trouble", want)
		s.await("the button", `document.activeElement.id === 'run' && !document.querySelector('#run').disabled`)
	}
}

// TestDocumentRefusals: what is refused is said in words about documents.
func TestDocumentRefusals(t *testing.T) {
	var status, retry int
	var code string
	s := ready(t, stand{"POST /documents/search": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"success":false,"error":"The service's own words","code":%q,"retry_after":%d}`, code, retry)
	}})
	for _, c := range []struct {
		status, retry int
		code, want    string
	}{
		{http.StatusNotFound, 0, "document_not_found", "This document is not there any more."},
		{http.StatusTooManyRequests, 12, "rate_limit_requests", "This app has used its share for now."},
		{http.StatusServiceUnavailable, 30, "queue_full", "Try again in 30 seconds."},
		{http.StatusServiceUnavailable, 3, "search_index_rebuilding", "The search is being made ready."},
		{http.StatusServiceUnavailable, 3, "document_not_ready", "This document is still being read."},
		{http.StatusGatewayTimeout, 0, "deadline_exceeded", "The service took too long."},
		{http.StatusBadRequest, 0, "something_else", "The service's own words."},
		{http.StatusInternalServerError, 0, "", "The service's own words."},
	} {
		status, retry, code = c.status, c.retry, c.code
		value[any](s.tab, `document.querySelector('#query').value = 'copper', document.querySelector('#search').requestSubmit(), null`)
		s.awaitText("#trouble", c.want)
	}
	if got := s.text("#trouble"); strings.Contains(got, "answer") || strings.Contains(got, "model") {
		t.Errorf("the page says %q", got)
	}
	s.looksRight("documents-trouble")
	status, code = http.StatusUnauthorized, "invalid_api_key"
	s.typeKeys("#query", kb.Enter)
	s.awaitText("#key-error", "This key is not known.")
	if got := value[string](s.tab, `JSON.stringify(sessionStorage) + document.querySelector('#files').textContent + document.querySelector('#trouble').textContent`); got != "{}" {
		t.Errorf("without a key the page still has %s", got)
	}
}

// TestDocumentUploads: a file can be given up on its way, is sent again where the service
// is busy, and a refusal is said of the file that it is about.
func TestDocumentUploads(t *testing.T) {
	answer := make(chan int)
	gone := make(chan struct{}, 4)
	s := openShelf(t, stand{"POST /documents/upload": func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(&strings.Builder{}, r.ParseMultipartForm(largestFile) == nil)
		select {
		case status := <-answer:
			w.Header().Set("Content-Type", "application/json")
			if status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "1")
			}
			w.WriteHeader(status)
			fmt.Fprint(w, map[int]string{
				http.StatusCreated:             `{"success":true,"document_id":"file-1","name":"anchor.txt","status":"no_text","reason":"It is empty","bytes":6,"pages":null,"metadata":{},"about":{}}`,
				http.StatusServiceUnavailable:  `{"success":false,"error":"Busy","code":"too_many_uploads"}`,
				http.StatusInsufficientStorage: `{"success":false,"error":"Full","code":"storage_full"}`,
				http.StatusTooManyRequests:     `{"success":false,"error":"The app has no room for this document; delete others first","code":"documents_full"}`,
			}[status])
		case <-r.Context().Done():
			gone <- struct{}{}
		}
	}})
	s.choose("picker", text("anchor.txt", "anchor"))
	s.await("its being sent", entry("anchor.txt")+`.querySelector('.file-state').textContent === 'Being stored'`)
	s.shoot("documents-sending")
	s.pressOf("anchor.txt", "Cancel")
	<-gone
	s.await("an empty shelf", `document.querySelectorAll('.file').length === 0 && document.activeElement.id === 'file'`)

	s.choose("picker", text("anchor.txt", "anchor"))
	answer <- http.StatusServiceUnavailable
	s.becomes("anchor.txt", "waiting")
	if got := s.state("anchor.txt"); !strings.Contains(got, "Too many files are being sent at once. Goes on in 1 second") {
		t.Errorf("of the file the page says %q", got)
	}
	answer <- http.StatusInsufficientStorage
	s.becomes("anchor.txt", "refused")
	if got := s.state("anchor.txt"); !strings.HasPrefix(got, "The disk of the service is full.") {
		t.Errorf("of the file the page says %q", got)
	}
	s.pressOf("anchor.txt", "Try again")
	answer <- http.StatusTooManyRequests
	s.becomes("anchor.txt", "refused")
	s.await("the words", entry("anchor.txt")+`.querySelector('.file-state').textContent === 'There is no room for more documents of this app. Delete others first.'`)
	s.shoot("documents-refused")
	s.pressOf("anchor.txt", "Try again")
	answer <- http.StatusCreated
	s.becomes("anchor.txt", "no_text")
}

// TestDocumentTooLarge: the service itself refuses a file as it comes.
func TestDocumentTooLarge(t *testing.T) {
	s := openShelf(t, nil)
	s.choose("picker", upload{"large.bin", make([]byte, 3*largestFile)})
	s.becomes("large.bin", "refused")
	if got := s.state("large.bin"); !strings.HasPrefix(got, "This file is too large.") {
		t.Errorf("of the file the page says %q", got)
	}
	s.awaitText("#announcer", "large.bin: This file is too large.")
	s.pressOf("large.bin", "Dismiss")
	s.await("an empty shelf", `document.querySelectorAll('.file').length === 0`)

	// The same file twice is one document.
	s.choose("picker", text("one.txt", "One berth."))
	s.becomes("one.txt", "ready")
	s.choose("drop", text("two.txt", "One berth."))
	s.await("one document", `document.querySelectorAll('.file').length === 1 && document.querySelector('.file-state').textContent.startsWith('Was here already · 1 page')`)
}

// TestDocumentsAreText: nothing that a file is called or says becomes HTML.
func TestDocumentsAreText(t *testing.T) {
	const attack = `<img src=x onerror="violations.push('ran')"><script>violations.push('ran')</script>`
	const name = `<img src=x onerror=violations.push('ran')><script>violations.push('ran').md` // without a slash, which ends a folder
	s := openShelf(t, nil)
	s.choose("picker", text(name, "# "+attack+"\n\nThe risk of "+attack+" is `"+attack+"` copper.\n"))
	s.becomes(name, "ready")
	s.tick(name)
	s.search("copper <img src=x onerror=violations.push(1)>")
	s.click("#results .where")
	s.await("the page", `document.querySelector('#page').open`)
	s.press(kb.Escape)
	s.click("#run")
	s.awaitText("#found", "Summary: "+name)
	value[any](s.tab, `document.querySelector('.file-tools button:last-child').click(), null`)
	s.await("the question", `document.querySelector('#sure').open`)
	if got := value[int](s.tab, `document.querySelectorAll('main img, dialog img, main script, dialog script').length`); got != 0 {
		t.Errorf("%d elements were made out of text", got)
	}
	s.looksRight("documents-attack")
}

// TestDocumentsForgotten: with the key goes all that was seen, also what was still to come.
func TestDocumentsForgotten(t *testing.T) {
	asked, step := make(chan struct{}), make(chan struct{})
	s := ready(t, stand{"POST /documents/search": func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-step:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, `{"success":true,"results":[]}`)
	}})
	s.typeKeys("#query", "copper"+kb.Enter)
	<-asked
	s.click("#forget")
	close(step)
	s.await("the gate", `document.activeElement.id === 'key'`)
	got := value[string](s.tab, `JSON.stringify(sessionStorage) + JSON.stringify(localStorage) + document.cookie +
	  ['#files', '#results', '#found', '#trouble', '#page-text', '#page-name', '#sure-name', '#announcer', '#scope'].map((q) => document.querySelector(q).textContent).join('') + document.querySelector('#query').value`)
	if got != "{}{}Searches all documents. Choose one to analyse it." {
		t.Errorf("after all is forgotten the page has %q", got)
	}
	if strings.Contains(s.h.seen.text(), s.key) {
		t.Error("the key is in an address")
	}
	s.do(chromedp.Reload())
	s.await("the gate", `document.activeElement.id === 'key'`)
	s.typeKeys("#key", s.key+kb.Enter)
	s.becomes("annual-report.md", "ready")
}

// TestDocumentsUnreached: a service that is away is waited for.
func TestDocumentsUnreached(t *testing.T) {
	away := true
	s := openShelf(t, stand{"GET /documents": func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "limit=100") && away {
			w.WriteHeader(http.StatusServiceUnavailable)
			away = false
			return
		}
		w.Header().Set("Content-Type", "application/json")
		status := map[bool]string{true: "extracting", false: "ready"}[away]
		fmt.Fprintf(w, `{"success":true,"documents":[{"document_id":"file-1","name":"slow.pdf","status":%q,"pages":12,"pages_done":3,"bytes":1234567,"metadata":{},"about":{}}],"has_more":false,"last_id":"file-1"}`, status)
	}})
	s.becomes("slow.pdf", "extracting")
	if got := s.state("slow.pdf"); got != "Reading page 4 of 12 · 1.2\u00a0MB" {
		t.Errorf("of the file the page says %q", got)
	}
	s.awaitText("#status-words", "The service is busy")
	s.becomes("slow.pdf", "ready")
	s.awaitText("#status-words", "Key accepted")
	s.awaitText("#announcer", "slow.pdf: ready, 12 pages")
}
