// Package sheet lets the rows of a spreadsheet's sheets out, whatever kind of
// spreadsheet it is: a sheet is a page under its name, and its rows are a table of which
// the first is the head. The few rows of one cell each that often stand above that are
// paragraphs.
//
// Start with Begin.
package sheet

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// MaxColumns is how many columns a sheet has at most, in any program.
const MaxColumns = 16384

// maxTitles is how many rows of one cell may stand above the head.
const maxTitles = 5

// Sheet takes the rows of one sheet. Its methods return the outlet's errors.
type Sheet struct {
	out    *outlet.Outlet
	titles [][]string // rows of one cell, as long as there are no others
	begun  bool
}

// Begin begins a sheet on a page of its own.
func Begin(out *outlet.Outlet, name string) (*Sheet, error) {
	if err := out.NextPage(); err != nil {
		return nil, err
	}
	return &Sheet{out: out}, out.Heading(1, name)
}

// Row adds a row, and nothing if it is blank. The sheet keeps cells.
func (s *Sheet) Row(cells []string) error {
	filled := 0
	for _, cell := range cells {
		if cell != "" && strings.TrimSpace(cell) != "" { // most are empty, where there are many
			filled++
		}
	}
	switch {
	case filled == 0:
		return s.out.Alive()
	case s.begun:
		return s.out.Row(cells)
	case filled == 1 && len(s.titles) < maxTitles:
		s.titles = append(s.titles, cells)
		return s.out.Alive()
	case filled == 1:
		return s.plain(cells)
	}
	for _, title := range s.titles {
		if err := s.out.Paragraph(strings.TrimSpace(strings.Join(title, ""))); err != nil {
			return err
		}
	}
	s.titles, s.begun = nil, true
	return s.out.HeaderRow(cells)
}

// plain makes the rows of one cell, and a last one if it is not nil, a table.
func (s *Sheet) plain(last []string) error {
	rows := s.titles
	if last != nil {
		rows = append(rows, last)
	}
	s.titles, s.begun = nil, true
	for i, row := range rows {
		add := s.out.Row
		if i == 0 {
			add = s.out.HeaderRow
		}
		if err := add(row); err != nil {
			return err
		}
	}
	return nil
}

// End ends the sheet.
func (s *Sheet) End() error {
	if err := s.plain(nil); err != nil {
		return err
	}
	return s.out.EndTable()
}
