package analyze_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
)

// text is a document as it is stored.
type text struct {
	document fairlead.Document
	canon    string
	outline  fairlead.DocumentOutline
	chunks   []fairlead.Chunk
}

// library is the stores that an Analyzer reads, in memory.
type library struct {
	texts map[fairlead.DocumentID]*text
	// wait, if not nil, is called by Wait first.
	wait func(ctx context.Context) error
}

func newLibrary(all ...*text) *library {
	l := &library{texts: make(map[fairlead.DocumentID]*text)}
	for _, t := range all {
		l.texts[t.document.ID] = t
	}
	return l
}

func (l *library) find(app fairlead.AppID, id fairlead.DocumentID) (*text, bool) {
	t, ok := l.texts[id]
	return t, ok && t.document.App == app
}

func (l *library) Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error) {
	if l.wait != nil {
		if err := l.wait(ctx); err != nil {
			return fairlead.Document{}, err
		}
	}
	t, ok := l.find(app, id)
	if !ok {
		return fairlead.Document{}, &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Message: fairlead.NoDocument}
	}
	return t.document, nil
}

func (l *library) AddContent(context.Context, *fairlead.DocumentJob, fairlead.DocumentContent) error {
	panic("an analysis writes nothing")
}

func (l *library) Text(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, at fairlead.TextSpan) ([]byte, bool, error) {
	t, ok := l.find(app, id)
	if !ok {
		return nil, false, nil
	}
	end := min(at.End, int64(len(t.canon)))
	return []byte(t.canon[min(at.Start, end):end]), true, nil
}

func (l *library) Outline(_ context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.DocumentOutline, bool, error) {
	t, ok := l.find(app, id)
	if !ok {
		return fairlead.DocumentOutline{}, false, nil
	}
	return t.outline, true, nil
}

func (l *library) Chunks(_ context.Context, app fairlead.AppID, id fairlead.DocumentID, from, limit int) ([]fairlead.Chunk, error) {
	t, ok := l.find(app, id)
	if !ok {
		return nil, nil
	}
	from = min(from, len(t.chunks))
	return t.chunks[from:min(from+limit, len(t.chunks))], nil
}

func (l *library) ChunksByNumber(context.Context, fairlead.AppID, []int64) ([]fairlead.Chunk, error) {
	panic("not asked for")
}

// words counts a token for each word.
type words struct{}

func (words) Count(text string) int { return len(strings.Fields(text)) }

// gate lets everybody in and counts who is.
type gate struct {
	mu              sync.Mutex
	entered, inside int
	err             error
}

func (g *gate) Enter(_ context.Context, call *fairlead.Call, pool string) (fairlead.Lease, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if pool != fairlead.LocalPool {
		panic("entered the pool " + pool)
	}
	if g.err != nil {
		return fairlead.Lease{}, g.err
	}
	g.entered++
	g.inside++
	return fairlead.NewLease(call, g, uint64(g.entered), fairlead.LeaseWait{}), nil
}

func (g *gate) Release(uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	return true
}
func (g *gate) Undo(ticket uint64) bool { return g.Release(ticket) }
func (g *gate) Correct(uint64, int)     {}

// report is a made-up annual report of about 30 pages.
type report struct {
	company string
	year    int
	// revenue and so on are in millions, of the year and the one before.
	revenue, income [2]int
	// planted are paragraphs that stand on page 12.
	planted []string
}

// page is a page that is being written: its headings by level, and blocks.
type page struct{ blocks []string }

func (r report) text(app fairlead.AppID, id fairlead.DocumentID) *text {
	var pages []page
	add := func(blocks ...string) { pages = append(pages, page{blocks}) }
	y := r.year
	add("# "+r.company+" Annual Report "+fmt.Sprint(y), "This report describes the business of "+r.company+" and its results for the fiscal year "+fmt.Sprint(y)+".")
	add("# Business", r.company+" is a leading maker of industrial pumps and valves with customers in forty countries.",
		"Our competitive strength is a patented seal technology that lowers the energy use of pumps by a quarter.",
		"We sell through our own branches and through more than two hundred independent dealers.")
	for i := range 6 {
		add("## Segment "+string(rune('A'+i)), filler(r.company, i, 14))
	}
	add("# Risk Factors", "Our results could be adversely affected by a decline in demand from the chemical industry, which accounts for a third of our sales.",
		"We depend on a single supplier for high-grade castings, and a disruption at that supplier could stop our production for months.",
		"A breach of our information systems could result in the loss of confidential data and in penalties.")
	add("## Legal risks", "We are party to litigation over asbestos in older products, and an unfavorable outcome could harm our financial position.", filler(r.company, 7, 8))
	add("## Market risks", "Changes in exchange rates between the euro and the dollar may reduce our reported income.", filler(r.company, 8, 8))
	add(append([]string{"# Management's Discussion", fmt.Sprintf("Revenue increased to $%d million in %d, driven by strong growth in the service business.", r.revenue[0], y)}, r.planted...)...)
	for i := range 8 {
		add("## Discussion, part "+fmt.Sprint(i+1), filler(r.company, 10+i, 14))
	}
	add("# Outlook", fmt.Sprintf("We expect revenue to grow by five to seven percent in %d, and plan to open two new plants in Asia.", y+1),
		"We intend to raise the dividend for the twelfth year in a row.")
	add("# Consolidated Statement of Income", fmt.Sprintf("(in millions, except per share amounts) | FY%d | FY%d\nRevenue | $ %d | $ %d\nCost of revenue | %d | %d\nOperating income | %d | %d\nInterest expense | (%d) | (%d)\nNet income | %d | %d\nDiluted earnings per share | 2.35 | 2.10",
		y, y-1, r.revenue[0], r.revenue[1], r.revenue[0]*6/10, r.revenue[1]*6/10, r.income[0]*3/2, r.income[1]*3/2, 20, 10, r.income[0], r.income[1]))
	add("# Consolidated Balance Sheet", fmt.Sprintf("(in millions)\nDecember 31, %d December 31, %d\nTotal current assets 900 800\nInventories 300 250\nTotal assets 2,500 2,400\nTotal current liabilities 600 500\nTotal liabilities 1,500 1,450\nTotal equity 1,000 950", y, y-1))
	add("# Consolidated Statement of Cash Flows", fmt.Sprintf("in millions | %d | %d\nNet cash provided by operating activities | 400 | 350\nPurchases of property, plant and equipment | (150) | (140)", y, y-1))
	for i := range 5 {
		add("## Note "+fmt.Sprint(i+1), filler(r.company, 20+i, 14))
	}
	return build(fairlead.Document{
		ID: id, App: app, Name: strings.ToLower(r.company) + ".pdf", Status: fairlead.DocumentReady,
		About: fairlead.About{Title: r.company + " Annual Report", Company: r.company, Language: "en", Period: fmt.Sprintf("FY%d", y)},
	}, pages)
}

// filler is a paragraph of dull sentences, no two alike.
func filler(company string, seed, n int) string {
	subjects := []string{"The plant in Linz", "The branch in Lyon", "Our laboratory", "The training centre", "The logistics team", "The northern region", "The spare parts hub"}
	verbs := []string{"delivered", "tested", "repaired", "documented", "installed", "inspected", "assembled"}
	objects := []string{"pumps of the older series", "valves for water works", "seals for tankers", "control units", "casings made of steel", "measuring devices", "filters for dairies"}
	var b strings.Builder
	for i := range n {
		k := seed*31 + i
		fmt.Fprintf(&b, "%s %s %d %s for customers of %s during the month. ", subjects[k%7], verbs[(k/7)%7], 100+k*7, objects[(k*3+seed)%7], company)
	}
	return strings.TrimSpace(b.String())
}

// build makes the canonical text of pages. Blocks that begin with # are headings. Chunks
// overlap by a block.
func build(d fairlead.Document, pages []page) *text {
	t := &text{document: d}
	var b strings.Builder
	var section []string
	type piece struct {
		start, end, page int
		section          string
	}
	var pieces []piece
	for i, p := range pages {
		start := b.Len()
		for _, block := range p.blocks {
			if b.Len() > 0 {
				b.WriteString("\n\n")
			}
			if b.Len() > 0 && block == p.blocks[0] {
				start = b.Len()
			}
			at := b.Len()
			if title := strings.TrimLeft(block, "# "); strings.HasPrefix(block, "#") {
				level := strings.Index(block, " ")
				section = append(section[:min(level-1, len(section))], title)
				t.outline.Sections = append(t.outline.Sections, fairlead.Section{Level: level, Title: title, Start: int64(at)})
				block = title
			}
			b.WriteString(block)
			pieces = append(pieces, piece{at, b.Len(), i + 1, strings.Join(section, " > ")})
		}
		t.outline.Pages = append(t.outline.Pages, fairlead.Page{Number: i + 1, Start: int64(start), End: int64(b.Len())})
	}
	t.canon = b.String()
	endSections(t)
	for i, p := range pieces {
		start := p.start
		if i > 0 && pieces[i-1].section == p.section {
			start = pieces[i-1].start
		}
		t.chunks = append(t.chunks, fairlead.Chunk{
			Document: d.ID, Seq: i, Start: int64(start), End: int64(p.end), Page: p.page, LastPage: p.page, Section: p.section,
			Tokens: len(t.canon[start:p.end]) / 4, Text: t.canon[start:p.end],
		})
	}
	t.document.TextBytes, t.document.Pages, t.document.Chunks = int64(len(t.canon)), len(pages), len(t.chunks)
	return t
}

// endSections says where the sections end.
func endSections(t *text) {
	for i := range t.outline.Sections {
		s := &t.outline.Sections[i]
		s.End = int64(len(t.canon))
		for _, next := range t.outline.Sections[i+1:] {
			if next.Level <= s.Level {
				s.End = next.Start
				break
			}
		}
	}
}

func acme() report {
	return report{company: "Acme", year: 2018, revenue: [2]int{1577, 1402}, income: [2]int{158, 140}}
}

// bed is an Analyzer with everything that it works with.
type bed struct {
	library  *library
	model    *model
	gate     *gate
	analyzer *analyze.Analyzer
	call     *fairlead.Call
}

func newBed(limits analyze.Limits, m *model, all ...*text) *bed {
	b := &bed{library: newLibrary(all...), model: m, gate: &gate{}, call: &fairlead.Call{ID: "req_1_1", App: &fairlead.App{ID: "portal"}}}
	b.analyzer = analyze.New(analyze.Config{
		Text: b.library, Chunks: b.library, Documents: b.library, Model: m, Gate: b.gate, Tokens: words{}, Limits: limits,
		Resolve: func(_ *fairlead.App, name string) (analyze.Resolved, error) {
			switch name {
			case "local/offline":
				return analyze.Resolved{Offline: true}, nil
			case "", "big":
				return analyze.Resolved{}, nil
			case "small":
				return analyze.Resolved{ContextTokens: 4096}, nil
			}
			return analyze.Resolved{}, &fairlead.Error{Kind: fairlead.NotFound, Code: "model_not_found"}
		},
	})
	return b
}

// checkCitations fails where a citation is not word for word from one of the documents,
// on its page.
func (b *bed) checkCitations(t *testing.T, all ...fairlead.Citation) {
	t.Helper()
	for _, c := range all {
		doc, ok := b.library.texts[c.Document]
		if !ok || doc.document.App != b.call.App.ID {
			t.Errorf("a citation of %q, which is not the app's", c.Document)
			continue
		}
		if c.Start < 0 || c.End > int64(len(doc.canon)) || c.Start >= c.End || doc.canon[c.Start:c.End] != c.Quote {
			t.Errorf("the quote %q is not at [%d, %d)", c.Quote, c.Start, c.End)
		}
		p := doc.outline.Pages[c.Page-1]
		if c.Start < p.Start || c.Start >= p.End {
			t.Errorf("the quote %q is not on page %d", c.Quote, c.Page)
		}
	}
}

func (b *bed) checkFindings(t *testing.T, all []analyze.Finding) {
	t.Helper()
	for _, f := range all {
		if len(f.Citations) == 0 || f.Title == "" || f.Detail == "" {
			t.Errorf("a finding without a citation, title or detail: %+v", f)
		}
		b.checkCitations(t, f.Citations...)
	}
	if b.gate.inside != 0 {
		t.Errorf("%d slots are held", b.gate.inside)
	}
}
