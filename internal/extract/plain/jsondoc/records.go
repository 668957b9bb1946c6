package jsondoc

import (
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// The bounds of what is gathered.
const (
	maxRecord  = 64 << 10 // bytes
	maxBatch   = 64       // records from which the columns of a table are told
	maxColumns = 200
)

// leaf is a value with its path; key is the key of the record under which it stands.
type leaf struct{ path, key, value string }

func (l leaf) size() int { return len(l.path) + len(l.value) + 3 }

// record is a value that is an item of a list, or stands by itself.
type record struct {
	path   string
	key    string // that is being read
	leaves []leaf
	size   int
	flat   bool // an object of values that are neither lists nor objects
}

// records lets records out: flat ones as a table, the others as lines.
type records struct {
	out    *outlet.Outlet
	listed bool // the file has a list, and not just an object

	batch   []record // flat ones, not let out yet
	size    int      // their bytes
	columns []string // of the table that is open, nil if none is
	others  bool     // there were records before those of the batch
}

// add lets a record out, or keeps it until it is known which columns the table has.
func (s *records) add(r record) error {
	if !r.flat || len(r.leaves) == 0 || len(r.leaves) > maxColumns {
		if err := s.flush(); err != nil {
			return err
		}
		s.others = true
		return s.lines(&r)
	}
	if s.columns != nil {
		if row, ok := s.row(r); ok {
			return s.out.Row(row)
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.batch, s.size = append(s.batch, r), s.size+r.size
	if len(s.batch) >= maxBatch || s.size > maxRecord {
		return s.begin()
	}
	return s.out.Alive()
}

// row puts a record's values under the columns; ok is false if it has others.
func (s *records) row(r record) (row []string, ok bool) {
	row = make([]string, len(s.columns))
	for _, l := range r.leaves {
		i := slices.Index(s.columns, l.key)
		if i < 0 {
			return nil, false
		}
		row[i] = l.value
	}
	return row, true
}

// begin begins a table with the records of the batch.
func (s *records) begin() error {
	batch := s.batch
	s.batch, s.size, s.others = nil, 0, true
	for _, r := range batch {
		for _, l := range r.leaves {
			if !slices.Contains(s.columns, l.key) {
				s.columns = append(s.columns, l.key)
			}
		}
	}
	if len(s.columns) > maxColumns {
		return s.asLines(batch)
	}
	if err := s.out.HeaderRow(slices.Clone(s.columns)); err != nil {
		return err
	}
	for _, r := range batch {
		row, _ := s.row(r)
		if err := s.out.Row(row); err != nil {
			return err
		}
	}
	return nil
}

// asLines lets flat records out that have too few keys in common.
func (s *records) asLines(batch []record) error {
	s.columns = nil
	for _, r := range batch {
		if err := s.lines(&r); err != nil {
			return err
		}
	}
	return nil
}

// flush lets the batch out and ends the table.
func (s *records) flush() error {
	if len(s.batch) > 0 {
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.columns = nil
	return s.out.EndTable()
}

// end lets out what is left. A single object is no table.
func (s *records) end() error {
	if len(s.batch) == 1 && !s.others && !s.listed {
		return s.asLines(s.batch)
	}
	return s.flush()
}

// spill lets the values of a record out that has become long; it is flat no more.
func (s *records) spill(r *record) error {
	if err := s.flush(); err != nil {
		return err
	}
	s.others, r.flat = true, false
	return s.lines(r)
}

// lines lets a record out as lines, in paragraphs that are not too long and end, if
// that can be, where another key of the record begins.
func (s *records) lines(r *record) error {
	const enough = 2000 // bytes
	var paragraph strings.Builder
	for i, l := range r.leaves {
		if i > 0 && l.key != r.leaves[i-1].key && paragraph.Len() > enough || paragraph.Len() > maxRecord {
			if err := s.out.Paragraph(paragraph.String()); err != nil {
				return err
			}
			paragraph.Reset()
		}
		if l.path != "" {
			paragraph.WriteString(l.path + ": ")
		}
		paragraph.WriteString(l.value + "\n")
	}
	r.leaves, r.size = nil, 0
	return s.out.Paragraph(paragraph.String())
}
