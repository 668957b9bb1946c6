package outlet

import (
	"math"
	"slices"
	"strings"
)

// maxGap is how many columns side by side may be empty in a table and still be written:
// a sheet may have a cell in its last column, and thousands of separators say nothing.
const maxGap = 32

// columns are those of a table that were filled in its rows so far, told by what lies
// between them: gaps of more than maxGap empty columns, in order. Each is written as one
// empty cell in every row, so that cells stay below their heads. A cell in the midst of a
// gap parts it from that row on.
type columns struct{ gaps []gap }

// gap is the columns from, up to and without to.
type gap struct{ from, to int }

// fit returns a row without the columns that are left out, and the row itself if there
// are none in it. The last cell of the row must not be blank.
func (c *columns) fit(cells []string) []string {
	if len(c.gaps) == 0 {
		c.gaps = []gap{{0, math.MaxInt}} // nothing is filled yet
	}
	c.note(cells)
	if c.gaps[0].from >= len(cells) {
		return cells
	}
	var kept []string
	from := 0
	for _, g := range c.gaps {
		if g.from >= len(cells) {
			break
		}
		kept = append(append(kept, cells[from:g.from]...), "")
		from = g.to
	}
	return append(kept, cells[from:]...)
}

// note notes the columns that the row fills.
func (c *columns) note(cells []string) {
	at := 0 // the first gap that ends behind the column
	for column, cell := range cells {
		if cell == "" {
			continue // as most are, where there are many
		}
		for at < len(c.gaps) && c.gaps[at].to <= column {
			at++
		}
		if at == len(c.gaps) {
			return
		}
		if c.gaps[at].from <= column && strings.TrimSpace(cell) != "" {
			c.fill(at, column)
		}
	}
}

// fill parts a gap by a column that is filled. What is left of it may be too short.
func (c *columns) fill(at, column int) {
	var left []gap
	for _, part := range []gap{{c.gaps[at].from, column}, {column + 1, c.gaps[at].to}} {
		if part.to-part.from > maxGap {
			left = append(left, part)
		}
	}
	c.gaps = slices.Replace(c.gaps, at, at+1, left...)
}
