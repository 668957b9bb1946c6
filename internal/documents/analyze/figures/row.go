package figures

import (
	"math"
	"strings"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

// cells reads a row of a table of cells: a heading, or a row of values.
func (r *Reader) cells(l line, cells []string) {
	if !r.hasValues(cells) {
		for _, cell := range cells {
			if note := r.words.noteIn(cell); note != "" {
				r.noteUnit(note)
			}
		}
	}
	if r.cellHeading(cells) || r.metricHeading(cells) {
		return
	}
	if len(r.table.metrics) > 0 {
		r.periodRow(l, cells)
		return
	}
	first := 0
	for first < len(cells) && letters(cells[first]) < 2 {
		first++
	}
	if first == len(cells) {
		return
	}
	label := cells[first]
	values := numbersOf(cells[first+1:], first+1, r.lone)
	if len(values) == 0 {
		r.table.under = label
		return
	}
	r.row(l, label, values)
}

// hasValues reports whether the cells hold a value that is no year.
func (r *Reader) hasValues(cells []string) bool {
	for _, n := range numbersOf(cells, 0, r.lone) {
		if !n.nothing && (len(n.digits) != len("2018.0") || n.percent || n.currency != "" || !strings.HasPrefix(n.digits, "19") && !strings.HasPrefix(n.digits, "20")) {
			return true
		}
	}
	return false
}

// cellHeading takes in a row of periods, and reports whether it is one.
func (r *Reader) cellHeading(cells []string) bool {
	var marks []period.Mark
	var at []int
	years, more, note := 0, false, false
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		found := r.words.times.Marks(cell)
		if len(found) == 0 {
			if len(numbersOf([]string{cell}, 0, r.lone)) > 0 {
				return false
			}
			note = note || years == 0 && strings.HasPrefix(strings.ToLower(cell), "note")
			more = more || years > 0
			continue
		}
		if i == 0 && len(cells) > 1 && periodOnly(cell, found) && r.hasValues(cells[1:]) {
			return false // a row of that period
		}
		p := together(found)
		if p.Year > 0 {
			years++
		}
		marks, at = append(marks, period.Mark{Period: p}), append(at, i)
	}
	if len(marks) == 0 || r.hasValues(cells) {
		return false
	}
	r.setColumns(marks, years, at)
	r.table.more, r.table.note = more, note
	if len(r.table.columns) > 0 {
		r.table.idle = 0
	}
	return true
}

// together is the one period of which marks tell.
func together(marks []period.Mark) period.Period {
	p := period.Period{}
	for _, m := range marks {
		if m.Period.Year > 0 {
			p.Year, p.Quarter = m.Period.Year, max(p.Quarter, m.Period.Quarter)
		}
		p = p.Joined(m.Period)
	}
	return p
}

func periodOnly(text string, found []period.Mark) bool {
	n := 0
	for _, m := range found {
		n += m.End - m.Start
	}
	return n >= len(strings.TrimSpace(text))
}

// metricHeading takes in a row whose cells are names of metrics.
func (r *Reader) metricHeading(cells []string) bool {
	if len(r.table.metrics) > 0 || len(r.table.columns) > 0 || r.hasValues(cells) {
		return false
	}
	var found []metricColumn
	for i, cell := range cells {
		if m, loss, ok := r.words.names.Of(cell, ""); ok {
			found = append(found, metricColumn{metric: m, loss: loss, cell: i, label: cell, unit: r.labelUnit(cell)})
		}
	}
	if len(found) < 2 {
		return false
	}
	r.table.metrics = found
	return true
}

// labelUnit is the unit that a label names in parentheses, or else that of the table.
func (r *Reader) labelUnit(label string) unitNote {
	unit := r.table.unit
	open := strings.IndexAny(label, "(（[")
	if open < 0 {
		return unit
	}
	if own := r.words.readUnits(label[open:]); own.scaled || own.currency != "" {
		if own.scaled {
			unit.exponent, unit.scaled = own.exponent, true
		}
		if own.currency != "" {
			unit.currency = own.currency
		}
	}
	return unit
}

// periodRow reads a row that begins with a period, under names of metrics.
func (r *Reader) periodRow(l line, cells []string) {
	marks := r.words.times.Marks(cells[0])
	if len(marks) == 0 || !periodOnly(cells[0], marks) {
		return
	}
	p := together(marks)
	if p.Year == 0 {
		return
	}
	values := numbersOf(cells, 0, r.lone)
	for _, c := range r.table.metrics {
		for _, n := range values {
			if n.col == c.cell {
				r.figure(l, rowOf{metric: c.metric, loss: c.loss, label: c.label, unit: c.unit}, n, p)
			}
		}
	}
}

// rowOf is what a row's label says.
type rowOf struct {
	metric metric.Metric
	loss   bool
	label  string
	unit   unitNote
}

// row reads a row of values, and reports whether it can be one of the table.
func (r *Reader) row(l line, label string, values []number) bool {
	label = strings.TrimSpace(strings.TrimRight(label, ".… :"))
	of := rowOf{label: label, unit: r.labelUnit(label)}
	var ok bool
	of.metric, of.loss, ok = r.words.names.Of(label, r.table.under)
	if !ok {
		return r.loneRow(l, of, values)
	}
	r.learnCurrency(values)
	if of.unit.currency == "" {
		of.unit.currency = r.table.unit.currency
	}
	for i, n := range r.align(values) {
		if n != nil {
			r.figure(l, of, *n, r.table.columns[i].period)
		}
	}
	return true
}

// loneRow reads a row whose label names its period: "Revenue FY2018 | 1,577". Other rows
// of a table are left, but for the currency that they show.
func (r *Reader) loneRow(l line, of rowOf, values []number) bool {
	marks := r.words.times.Marks(of.label)
	if len(marks) != 1 || marks[0].Period.Year == 0 || len(values) != 1 {
		r.learnCurrency(values)
		return len(r.table.columns) > 0 && len(values) >= len(r.table.columns)
	}
	m := marks[0]
	var ok bool
	of.metric, of.loss, ok = r.words.names.Of(of.label[:m.Start]+" "+of.label[m.End:], "")
	if !ok {
		return false
	}
	r.figure(l, of, values[0], m.Period)
	return true
}

// learnCurrency notes the currency that a table shows in its first rows alone.
func (r *Reader) learnCurrency(values []number) {
	for _, n := range values {
		if n.currency != "" && r.table.unit.currency == "" {
			r.table.unit.currency = n.currency
		}
	}
}

// align says which value stands below which column; nil if that can't be told, or there
// is none.
func (r *Reader) align(values []number) []*number {
	columns := r.table.columns
	if len(columns) == 0 {
		return nil
	}
	out := make([]*number, len(columns))
	if r.table.cells && r.table.piped {
		byCell, all := make(map[int]int, len(columns)), true
		for i, c := range columns {
			byCell[c.cell] = i
		}
		for i := range values {
			at, ok := byCell[values[i].col]
			if ok {
				out[at] = &values[i]
			}
			all = all && (ok || r.table.more || r.table.note)
		}
		if all {
			return out
		}
		clear(out)
	}
	values = r.thin(values, len(columns))
	if len(values) != len(columns) {
		return nil
	}
	for i := range values {
		out[i] = &values[i]
	}
	return out
}

// maxNoteNumber is the highest number of a note that is told from a value.
const maxNoteNumber = 60

// thin leaves out what stands in a row beside the values below the columns.
func (r *Reader) thin(values []number, columns int) []number {
	if len(values) <= columns {
		return values
	}
	first := values[0]
	if n, _ := first.value(0); len(values) == columns+1 && (r.table.note || first.paren) && !first.percent && n == math.Trunc(n) && math.Abs(n) <= maxNoteNumber {
		return values[1:] // the number of a note
	}
	var sums []number
	for _, n := range values {
		if !n.percent {
			sums = append(sums, n)
		}
	}
	if len(sums) == columns {
		return sums
	}
	if r.table.more {
		return values[:columns]
	}
	return values
}

// figure makes a figure of a value.
func (r *Reader) figure(l line, of rowOf, n number, p period.Period) {
	if n.nothing || n.percent {
		return
	}
	unit := Unit{Kind: of.metric.Kind(), Currency: of.unit.currency, Scaled: of.unit.scaled}
	if n.currency != "" {
		unit.Currency = n.currency
	}
	exponent := of.unit.exponent
	if unit.Kind == metric.PerShare || unit.Kind == metric.Shares && of.unit.sharesAlone {
		exponent, unit.Scaled = 0, true
	}
	v, ok := n.value(exponent)
	if !ok {
		return
	}
	if of.loss && v > 0 {
		v = -v
	}
	r.add(Figure{Metric: of.metric, Label: of.label, Value: v, Unit: unit, Period: p, Citation: l.citation(r.document), Table: r.table.id})
}
