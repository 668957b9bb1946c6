package pdf

import (
	"slices"
	"strings"
	"unicode"

	"github.com/fairleadhq/fairlead/internal/extract"
)

const (
	// fewRows is how many lines of two cells or more a table has at least.
	fewRows = 3
	// mostSingles is how many lines of one cell may follow another within a table.
	mostSingles = 2
	// longestSingle is the most bytes of such a line.
	longestSingle = 90
	// longestCell is the most letters that cells have on average: what has more are
	// columns of text.
	longestCell = 45
	// mostColumns bounds what is made of a page that is no table.
	mostColumns = 40
	// mostRows bounds a table; what is longer goes on in another.
	mostRows = 300
)

// tableAt reports whether lines begin with a table: the table, and of how many lines it
// is, 0 if there is none.
func tableAt(lines []line) (t extract.Block, used int) {
	rows := run(lines)
	if rows == 0 {
		return t, 0
	}
	columns := columnsOf(lines[:rows])
	if len(columns) < 2 || len(columns) > mostColumns {
		return t, 0
	}
	t = extract.Block{Kind: extract.Table}
	wide, length, cells, led := 0, 0, 0, 0
	for i := range lines[:rows] {
		row, filled := rowOf(&lines[i], columns)
		t.Rows = append(t.Rows, row)
		if strings.Contains(lines[i].text, ". . .") || strings.Contains(lines[i].text, ".....") {
			led++
		}
		if filled > 1 {
			wide++
			length, cells = length+len([]rune(lines[i].text)), cells+filled
		}
	}
	if wide < fewRows || 2*wide < rows || length > longestCell*cells || 4*led > rows {
		return extract.Block{}, 0
	}
	t.Header = headerOf(t.Rows)
	return t, rows
}

// run is how many lines, from the first, may be rows of one table; 0 if those are none.
func run(lines []line) int {
	if len(lines[0].cells) < 2 {
		return 0
	}
	rows, singles, wide := 0, 0, 0
	for i := range lines[:min(len(lines), mostRows)] {
		l := &lines[i]
		if i > 0 && !below(lines[i-1], *l) {
			break
		}
		if len(l.cells) > 1 {
			rows, singles = i+1, 0
			wide++
			continue
		}
		singles++
		if singles > mostSingles || len(l.text) > longestSingle || len(l.cells) == 0 {
			break
		}
	}
	if wide < fewRows {
		return 0
	}
	return rows
}

// below reports whether b stands below a, not farther than rows of a table do.
func below(a, b line) bool {
	down := a.box.bottom - b.box.bottom
	return down > 0 && down < 4*max(a.box.height(), 1)
}

// span is where a column stands.
type span struct{ left, right float64 }

// columnsOf finds the columns of rows: what is left where no cell stands, but for a few
// that reach over several columns.
func columnsOf(rows []line) []span {
	type edge struct {
		x    float64
		step int
	}
	var edges []edge
	wide := 0
	for i := range rows {
		cells := withSigns(rows[i].cells)
		if len(cells) < 2 {
			continue
		}
		wide++
		for _, c := range cells {
			edges = append(edges, edge{c.left, 1}, edge{c.right, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if a.x != b.x {
			if a.x < b.x {
				return -1
			}
			return 1
		}
		return b.step - a.step
	})
	few, depth := wide/8, 0
	var columns []span
	for _, e := range edges {
		before := depth
		depth += e.step
		if before <= few && depth > few {
			columns = append(columns, span{left: e.x})
		}
		if before > few && depth <= few {
			columns[len(columns)-1].right = e.x
		}
	}
	return columns
}

// withSigns puts signs to the figures that they belong to: "$" before, "%" and ")" behind.
func withSigns(cells []cell) []cell {
	if len(cells) < 2 {
		return cells
	}
	out := make([]cell, 0, len(cells))
	for _, c := range cells {
		last := len(out) - 1
		if last >= 0 && (isSign(out[last].text, "$€£¥($ ") || isSign(c.text, "%)")) {
			out[last].text += " " + c.text
			out[last].left, out[last].right = min(out[last].left, c.left), max(out[last].right, c.right)
			continue
		}
		out = append(out, c)
	}
	return out
}

func isSign(text, signs string) bool {
	return text != "" && strings.Trim(text, signs) == ""
}

// rowOf puts the cells of a line into columns.
func rowOf(l *line, columns []span) (row []string, filled int) {
	row = make([]string, len(columns))
	cells := withSigns(l.cells)
	at := 0
	for i, c := range cells {
		best, most := at, 0.0
		for j := range columns {
			if over := min(c.right, columns[j].right) - max(c.left, columns[j].left); over > most {
				best, most = j, over
				if len(cells) == 1 || i == 0 {
					break // a line's first cell begins where it begins, however far it reaches
				}
			}
		}
		at = best
		text := strings.Map(visible, c.text)
		if row[best] == "" {
			row[best] = text
			filled++
			continue
		}
		row[best] += " " + text
	}
	return row, filled
}

// mostHeader is the most rows of a header.
const mostHeader = 3

// headerOf is how many rows head the table: those before the first that has figures
// behind its first cell, other than years.
func headerOf(rows [][]string) int {
	for i, row := range rows[:min(len(rows), mostHeader+1)] {
		if slices.ContainsFunc(row[1:], isFigure) {
			return i
		}
	}
	return min(1, len(rows)) // a table of words
}

// isFigure reports whether a cell is a number, and not a year or words with a number.
func isFigure(text string) bool {
	digits, others := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			others++
		}
	}
	if digits == 0 || others > 0 {
		return false
	}
	year := strings.Trim(text, " ()*")
	return len(year) != 4 || (!strings.HasPrefix(year, "19") && !strings.HasPrefix(year, "20"))
}
