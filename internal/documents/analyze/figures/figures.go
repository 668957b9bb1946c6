// Package figures reads the figures of a report: what its tables, and the lines that
// were tables before somebody printed them, say of revenue, profit, assets and the
// like, and when.
//
// The idea: a Reader goes over the canonical text line by line, and keeps what the last
// headings said (periods of the columns, "in millions", the currency). A row whose
// label is a known metric, and whose values stand clearly below periods, gives Figures;
// a row that leaves a doubt gives none. Each Figure cites its row. What is computed
// from them, in package ratio, is computed from these alone.
//
// Start with NewReader, then Read for each piece of the text, then Figures.
package figures

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

const (
	// maxFigures is how many figures are kept of a document.
	maxFigures = 20_000
	// maxRow is the longest row that is read, in bytes.
	maxRow = 600
	// maxColumns is how many cells of a row are read.
	maxColumns = 40
)

// Unit is what a value is counted in.
type Unit struct {
	Kind metric.Kind
	// Currency is a code of ISO 4217, or "$" where it is not told which dollar; "" is not
	// known.
	Currency string
	// Scaled says that it is known how many units one of the printed figure stands for
	// (such as millions), and Value is in single units. Where it is not, Value is as
	// printed.
	Scaled bool
}

// Figure is the value of a metric in a period.
type Figure struct {
	Metric metric.Metric
	// Label is what the document calls it.
	Label  string
	Value  float64
	Unit   Unit
	Period period.Period
	// Citation is the row, or the sentence.
	Citation fairlead.Citation
	// Table tells the tables of a document apart; 0 is no table.
	Table int
}

// Piece is a part of a document's canonical text: whole lines, best whole pages.
type Piece struct {
	Base int64 // where in the canonical text it begins
	Text string
	// Pages are the document's, in order.
	Pages []fairlead.Page
}

// Reader reads the figures of one document. It is for one goroutine.
type Reader struct {
	document fairlead.DocumentID
	words    vocabulary
	lone     byte // what parts the fraction where one mark alone stands in a number
	judged   bool
	found    []Figure

	// table is what the headings say that rows are read under.
	table heading
	// tables counts them; rich is how many metrics each has.
	tables int
	rich   map[int]map[metric.Metric]bool
	// page is the number of the page of the last line, next the index of the one behind.
	page, next int
}

// NewReader returns a Reader. language is the document's, of ISO 639-1, or "".
func NewReader(document fairlead.DocumentID, language string) *Reader {
	return &Reader{
		document: document, words: newVocabulary(), rich: make(map[int]map[metric.Metric]bool), page: 1,
		lone: usual(language),
	}
}

// usual is what parts the fraction of numbers in a language.
func usual(language string) byte {
	if slices.Contains([]string{"de", "fr", "es", "it", "pt", "nl", "pl", "ru", "sv", "da", "nb", "no", "fi", "cs", "tr"}, language) {
		return ','
	}
	return '.'
}

// Read reads a piece; pieces come in order.
func (r *Reader) Read(p Piece) {
	if !r.judged {
		r.lone, r.judged = r.words.pointIn(p.Text, r.lone), true
	}
	for start := 0; start < len(p.Text) && len(r.found) < maxFigures; {
		end := len(p.Text)
		if n := strings.IndexByte(p.Text[start:], '\n'); n >= 0 {
			end = start + n
		}
		at := p.Base + int64(start)
		if r.turn(p.Pages, at) {
			r.startTable()
		}
		text := p.Text[start:end]
		lead := len(text) - len(strings.TrimLeft(text, " \t"))
		r.line(line{text: strings.TrimSpace(text), at: at + int64(lead), page: r.page})
		start = end + 1
	}
}

// turn goes on to the page on which a byte stands, and reports whether that is another.
func (r *Reader) turn(pages []fairlead.Page, at int64) (turned bool) {
	for r.next < len(pages) && pages[r.next].Start <= at {
		r.page = pages[r.next].Number
		r.next++
		turned = true
	}
	return turned
}

// line is a line of the text without the white space around it.
type line struct {
	text string
	at   int64
	page int
}

func (l line) citation(document fairlead.DocumentID) fairlead.Citation {
	return fairlead.Citation{Document: document, Page: l.page, Start: l.at, End: l.at + int64(len(l.text)), Quote: l.text}
}

// Figures returns what was found: of each metric and period one figure, which is that
// of the table with the most metrics, as those of a whole company are. They are in
// order of metrics, then periods, the latest first.
func (r *Reader) Figures() []Figure {
	all := slices.Clone(r.found)
	r.settleCurrencies(all)
	settlePeriods(all)
	slices.SortStableFunc(all, func(a, b Figure) int {
		return cmp.Or(
			cmp.Compare(a.Metric.Order(), b.Metric.Order()), b.Period.Compare(a.Period),
			cmp.Compare(r.worth(b), r.worth(a)), cmp.Compare(a.Citation.Start, b.Citation.Start),
		)
	})
	return slices.CompactFunc(all, func(a, b Figure) bool { return a.Metric == b.Metric && a.Period == b.Period })
}

// worth is how much a figure is preferred to others of the same metric and period.
func (r *Reader) worth(f Figure) int {
	worth := 2 * len(r.rich[f.Table])
	if f.Unit.Scaled {
		worth++
	}
	return worth
}

// settleCurrencies puts in a currency where a document leaves it out, and has no other.
func (r *Reader) settleCurrencies(all []Figure) {
	known := make(map[string]bool)
	for _, f := range all {
		if c := f.Unit.Currency; c != "" {
			known[c] = true
		}
	}
	if known["$"] && len(known) == 2 {
		for c := range known {
			if strings.HasSuffix(c, "D") && c != "$" { // USD, CAD, …: the dollars are those
				delete(known, "$")
			}
		}
	}
	if len(known) != 1 {
		return
	}
	for c := range known {
		for i := range all {
			if all[i].Unit.Kind != metric.Shares {
				all[i].Unit.Currency = c
			}
		}
	}
}

// add keeps a figure.
func (r *Reader) add(f Figure) {
	if f.Unit.Kind == metric.Shares {
		f.Unit.Currency = ""
	}
	r.found = append(r.found, f)
	if f.Table == 0 {
		return
	}
	if r.rich[f.Table] == nil {
		r.rich[f.Table] = make(map[metric.Metric]bool)
	}
	r.rich[f.Table][f.Metric] = true
}
