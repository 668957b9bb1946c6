package figures

import (
	"strings"
	"unicode"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

// heading is what the lines above a row say of its values.
type heading struct {
	id   int
	unit unitNote
	// columns are the periods, in order; cells says that their cells are known.
	columns []column
	cells   bool
	// note says that a column of notes stands before the values, more that others, such
	// as the change, stand behind them.
	note, more bool
	// pending is what a line said of time without a year, for the years below it.
	pending []period.Period
	// metrics are the columns of a table that has a period in each row.
	metrics []metricColumn
	// under is the last label that had no values.
	under string
	// idle counts the lines since one that was of the table.
	idle int
	// piped says that the last line of the table had cells.
	piped bool
}

// column is a column of values.
type column struct {
	period period.Period
	cell   int
}

// metricColumn is a column of a metric.
type metricColumn struct {
	metric metric.Metric
	loss   bool
	cell   int
	label  string
	unit   unitNote
}

// maxIdle is how many other lines a heading without cells outlives.
const maxIdle = 6

// startTable forgets what the headings said.
func (r *Reader) startTable() {
	r.tables++
	r.table = heading{id: r.tables}
}

// nextTable begins a table whose unit may have been said above it.
func (r *Reader) nextTable() {
	unit := r.table.unit
	if len(r.table.columns) > 0 || len(r.table.metrics) > 0 { // it was said of that table
		unit = unitNote{}
	}
	r.startTable()
	r.table.unit = unit
}

// line reads a line.
func (r *Reader) line(l line) {
	if l.text == "" {
		if r.table.piped {
			r.endCells()
		}
		return
	}
	if len(l.text) > maxRow {
		r.prose(l)
		r.idle()
		return
	}
	if strings.Contains(l.text, " | ") || strings.HasSuffix(l.text, " |") || strings.HasPrefix(l.text, "| ") {
		cells := splitCells(l.text)
		if text, ok := r.printed(cells); ok {
			r.plainLine(l, text)
			return
		}
		if !r.table.piped && (len(r.table.columns) > 0 || len(r.table.metrics) > 0) {
			r.nextTable()
		}
		r.table.piped = true
		r.cells(l, cells)
		return
	}
	if r.table.piped {
		r.endCells()
	}
	r.plainLine(l, l.text)
}

// printed is a row all of whose figures stand in one cell, as where the columns of a page
// are close together: it is read as the line that it was.
func (r *Reader) printed(cells []string) (text string, ok bool) {
	const labelAndFigures = 2
	if len(cells) != labelAndFigures {
		return "", false
	}
	label, values := trailing(cells[1], r.lone)
	return cells[0] + " " + cells[1], label == "" && len(values) > 1
}

// splitCells cuts a row at its bars. One that touches a word is no bar.
func splitCells(text string) []string {
	var cells []string
	start := 0
	for i := range len(text) {
		if text[i] == '|' && (i == 0 || text[i-1] == ' ') && (i+1 == len(text) || text[i+1] == ' ') && len(cells) < maxColumns {
			cells = append(cells, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(cells, strings.TrimSpace(text[start:]))
}

// endCells ends a table of cells: what follows stands under other headings.
func (r *Reader) endCells() { r.startTable() }

// idle notes that a line was not of the table.
func (r *Reader) idle() {
	if r.table.idle++; r.table.idle > maxIdle {
		r.startTable()
	}
}

// plainLine reads a line whose text has no cells: of a table that was printed, or of none.
func (r *Reader) plainLine(l line, text string) {
	if note := r.words.noteIn(text); note != "" {
		r.noteUnit(note)
	}
	marks := r.words.times.Marks(text)
	if len(marks) > 0 && r.plainHeading(text, marks) {
		r.table.idle = 0
		return
	}
	label, values := trailing(text, r.lone)
	switch {
	case len(values) > 0 && letters(label) >= 2 && r.row(l, label, values):
		r.table.idle = 0
	case len(values) == 0 && len(l.text) <= maxNote && !strings.HasSuffix(l.text, "."):
		r.table.under = l.text
		r.idle()
	default:
		r.prose(l)
		r.idle()
	}
}

// noteUnit takes in what a note says of units; what it leaves out stays.
func (r *Reader) noteUnit(note string) {
	u := r.words.readUnits(note)
	if len(r.table.columns) > 0 && r.table.unit.scaled && !r.table.piped { // of another table
		r.startTable()
	}
	if u.currency == "" {
		u.currency = r.table.unit.currency
	}
	r.table.unit, r.table.idle = u, 0
}

// plainHeading takes in a line of periods, and reports whether it is one: years, what
// goes with them, and little else.
func (r *Reader) plainHeading(text string, marks []period.Mark) bool {
	var rest strings.Builder
	from := 0
	for _, m := range marks {
		rest.WriteString(text[from:m.Start] + " ")
		from = m.End
	}
	rest.WriteString(text[from:])
	words := plainWords(rest.String())
	years := 0
	for _, m := range marks {
		if m.Period.Year > 0 {
			years++
		}
	}
	spare := 0
	for _, w := range words {
		if onlyDigits(w) {
			return false
		}
		if !headingWord(w) {
			spare += len(w)
		}
	}
	atEnd := letters(text[marks[len(marks)-1].End:]) == 0
	switch {
	case years >= 2 && atEnd && spare <= 60:
	case years >= 1 && spare <= 3:
	case years == 0 && spare <= 3:
	case years == 1 && atEnd && spare <= 40 && len(words) > 0 && headingWord(words[len(words)-1]) && !strings.HasSuffix(text, "."):
		// "Consolidated balance sheet at December 31, 2018"
	default:
		return false
	}
	r.setColumns(marks, years, nil)
	r.table.note = strings.HasPrefix(strings.ToLower(text), "note")
	r.table.more = !atEnd
	return true
}

// setColumns takes in the periods of a heading. cells says in which cell each mark
// stands, or is nil.
func (r *Reader) setColumns(marks []period.Mark, years int, cells []int) {
	h := &r.table
	if years == 0 {
		h.pending = h.pending[:0]
		for _, m := range marks {
			h.pending = append(h.pending, m.Period)
		}
		return
	}
	if len(h.columns) > 0 && !h.piped { // headings of another table
		r.nextTable()
		h = &r.table
	}
	pending := h.pending
	h.pending, h.columns, h.cells = nil, nil, cells != nil
	var lengths []period.Period
	last := period.Period{}
	for _, p := range pending {
		if p.Months > 0 {
			lengths = append(lengths, p)
		}
		last = last.Joined(p)
	}
	own := period.Period{}
	for i, m := range marks {
		if m.Period.Year == 0 {
			if m.Period.Months > 0 && own.Months > 0 { // another length: what was said before does not go on
				own = period.Period{}
			}
			own = own.Joined(m.Period)
			continue
		}
		c := column{period: withLength(m.Period, own)}
		if m.Period.EndMonth > 0 {
			own.EndMonth = m.Period.EndMonth
		}
		if cells != nil {
			c.cell = cells[i]
		}
		h.columns = append(h.columns, c)
	}
	h.apply(lengths, last)
}

// withLength is a period of a heading with what stood before it in the line.
func withLength(p, before period.Period) period.Period {
	if p.Quarter == 0 && p.Months == 0 {
		p.Months = before.Months
		if p.EndMonth == 0 {
			p.EndMonth = before.EndMonth
		}
	}
	return p
}

// apply gives columns the lengths and days that a line above them named.
func (h *heading) apply(lengths []period.Period, last period.Period) {
	for i := range h.columns {
		p := &h.columns[i].period
		if p.Quarter > 0 {
			continue
		}
		if p.Months == 0 {
			p.Months = last.Months
			if n := len(lengths); n > 1 {
				if p.Months = 0; len(h.columns)%n == 0 {
					p.Months = lengths[i/(len(h.columns)/n)].Months
				}
			}
		}
		if p.EndMonth == 0 {
			p.EndMonth = last.EndMonth
		}
	}
}

// headingWord reports whether a word may stand in a heading of periods.
func headingWord(w string) bool {
	switch w {
	case "in", "of", "the", "at", "as", "and", "for", "to", "by", "from", "vs", "note", "notes", "change", "changes", "increase", "decrease", "millions", "million",
		"thousands", "thousand", "billions", "dollars", "usd", "eur", "euro", "except", "per", "share", "shares", "data", "amount", "amounts", "year", "years", "ended", "ending",
		"fiscal", "unaudited", "audited", "restated", "period", "periods", "quarter", "quarters", "over", "zum", "mio", "mrd", "tsd", "teur", "veränderung", "anhang", "im", "der", "am",
		"en", "de", "du", "au", "exercice", "exercices", "clos", "variation", "millones", "millionen", "単位", "百万円", "千円", "注記", "jahr", "geschäftsjahr", "ejercicio", "fy", "actual", "reported", "stub": //nolint:misspell // words of other languages
		return true
	}
	return false
}

func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func letters(text string) (n int) {
	for _, r := range text {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}
