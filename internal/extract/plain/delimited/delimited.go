// Package delimited reads tables in plain text: CSV, with commas or semicolons, tabs or
// bars between the cells, whichever makes the most even columns. The first row heads
// the table if it looks like the names of columns.
//
// Start with Extractor.
package delimited

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/gauge"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/plain"
)

// Extractor reads CSV files. It has no state.
type Extractor struct{}

const (
	// sampleSize is how much of a file is looked at to find what parts its cells.
	sampleSize = 64 << 10
	sampleRows = 50
	// maxRow is the most bytes of one row; a quote that is not closed makes one of all
	// that follows.
	maxRow = 4 << 20
)

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	text, err := plain.Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	buffered := bufio.NewReaderSize(text, sampleSize)
	sample, err := buffered.Peek(sampleSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return fairlead.About{}, err
	}
	g := gauge.New(buffered, extract.LimitError{Limit: "row_bytes", Most: maxRow})
	if err := rows(out, newReader(g, delimiter(string(sample))), g); err != nil {
		return fairlead.About{}, err
	}
	return fairlead.About{}, out.Close()
}

func newReader(r io.Reader, delimiter rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = delimiter
	c.LazyQuotes = true
	c.FieldsPerRecord = -1
	return c
}

// rows emits the rows of a table.
func rows(out *outlet.Outlet, r *csv.Reader, g *gauge.Reader) error {
	for first := true; ; {
		cells, err := r.Read()
		g.Next()
		switch {
		case g.Err() != nil:
			return g.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return broken(err)
		}
		add := out.Row
		if first && outlet.LooksLikeHeader(cells) {
			add = out.HeaderRow
		}
		first = first && strings.TrimSpace(strings.Join(cells, "")) == ""
		if err := add(cells); err != nil {
			return err
		}
	}
}

// broken is the error of a row that can't be read, without what it says.
func broken(err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%w: row at line %d: %w", extract.ErrBroken, parse.StartLine, parse.Err)
	}
	return err
}

// delimiter is what parts the cells: that which gives most rows of a sample the same
// number of cells, and more than one.
func delimiter(sample string) rune {
	best, most := ',', 0
	for _, candidate := range ",;\t|" {
		if score := evenness(sample, candidate); score > most {
			best, most = candidate, score
		}
	}
	return best
}

// evenness says how well a delimiter parts the rows of a sample.
func evenness(sample string, delimiter rune) int {
	r := newReader(strings.NewReader(sample), delimiter)
	rows := make(map[int]int) // by how many cells they have
	total := 0
	for total < sampleRows {
		cells, err := r.Read()
		if err != nil {
			break
		}
		if len(cells) == 1 && strings.TrimSpace(cells[0]) == "" {
			continue
		}
		rows[len(cells)]++
		total++
	}
	score := 0
	for cells, count := range rows {
		const most = 20 // columns beyond which more say nothing
		if cells > 1 {
			score = max(score, count*1000/total*100+min(cells, most))
		}
	}
	return score
}
