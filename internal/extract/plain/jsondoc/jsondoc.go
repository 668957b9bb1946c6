// Package jsondoc reads JSON, also several values one behind the other as in JSONL. Each
// string, number and truth value is a line "path: value". A list of flat objects is a
// table, with their keys as its head.
//
// Values are read as a stream. What is gathered is one object of a table, and a few
// objects at its beginning, from which its columns are told.
//
// Start with Extractor.
package jsondoc

import (
	"context"
	"encoding/json"
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

// Extractor reads JSON files. It has no state.
type Extractor struct{}

// The bounds of what is read.
const (
	maxDepth = 512
	maxToken = 16 << 20 // bytes of one string or number, and a little more
)

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	text, err := plain.Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	d := &document{out: out, gauge: gauge.New(text, extract.LimitError{Limit: "token_bytes", Most: maxToken})}
	d.decoder = json.NewDecoder(d.gauge)
	d.decoder.UseNumber()
	d.records = records{out: out}
	err = d.read()
	about := fairlead.About{Title: d.title}
	if err != nil {
		return about, err
	}
	return about, out.Close()
}

// document reads the values of a file.
type document struct {
	out     *outlet.Outlet
	decoder *json.Decoder
	gauge   *gauge.Reader
	records records
	title   string
}

// next returns the next token; io.EOF only behind the last value.
func (d *document) next() (json.Token, error) {
	token, err := d.decoder.Token()
	d.gauge.Next()
	switch {
	case d.gauge.Err() != nil:
		return nil, d.gauge.Err()
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: JSON is not well-formed at byte %d", extract.ErrBroken, d.decoder.InputOffset())
	}
	return token, err
}

// inside returns the next token of a value that has begun.
func (d *document) inside() (json.Token, error) {
	token, err := d.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: JSON ends too early", extract.ErrBroken)
	}
	return token, err
}

func (d *document) read() error {
	for {
		token, err := d.next()
		if errors.Is(err, io.EOF) {
			return d.records.end()
		}
		if err != nil {
			return err
		}
		if token == json.Delim('[') {
			err = d.list()
		} else {
			err = d.record(token, "")
		}
		if err != nil {
			return err
		}
	}
}

// list reads a list that is no part of anything: each of its items is a record.
func (d *document) list() error {
	d.records.listed = true
	for i := 0; ; i++ {
		token, err := d.inside()
		if err != nil || token == json.Delim(']') {
			return err
		}
		if err := d.record(token, fmt.Sprintf("[%d]", i)); err != nil {
			return err
		}
	}
}

// record reads a value that begins with token.
func (d *document) record(token json.Token, path string) error {
	r := record{path: path, flat: token == json.Delim('{')}
	if err := d.value(&r, token, place{path: path}); err != nil {
		return err
	}
	return d.records.add(r)
}

// place is where a value stands in its record.
type place struct {
	path  string
	depth int
}

func (p place) under(name string) place { return place{path: p.path + name, depth: p.depth + 1} }

// value reads a value that begins with token into a record.
func (d *document) value(r *record, token json.Token, at place) error {
	if at.depth > maxDepth {
		return &extract.LimitError{Limit: "depth", Most: maxDepth}
	}
	switch token {
	case json.Delim('{'):
		r.flat = r.flat && at.depth == 0
		return d.object(r, at)
	case json.Delim('['):
		r.flat = false
		for i := 0; ; i++ {
			token, err := d.inside()
			if err != nil || token == json.Delim(']') {
				return err
			}
			if err := d.value(r, token, at.under(fmt.Sprintf("[%d]", i))); err != nil {
				return err
			}
		}
	}
	return d.leaf(r, leaf{path: at.path, value: textOf(token)})
}

func (d *document) object(r *record, at place) error {
	for {
		token, err := d.inside()
		if err != nil || token == json.Delim('}') {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("%w: a key is no string", extract.ErrBroken)
		}
		if token, err = d.inside(); err != nil {
			return err
		}
		name := key
		if at.path != "" {
			name = "." + key
		}
		if title, ok := token.(string); ok && key == "title" && at.path == "" && d.title == "" {
			d.title = titleOf(title)
		}
		under := at.under(name)
		const longest = 4 << 10 // of a path: names may be long, and stand before each value
		if len(under.path) > longest {
			return &extract.LimitError{Limit: "path_bytes", Most: longest}
		}
		if at.depth == 0 {
			r.key = key
		}
		if err := d.value(r, token, under); err != nil {
			return err
		}
	}
}

// titleOf is text as a title: in one line, and not too long.
func titleOf(text string) string {
	const longest = 300 // characters
	title := []rune(strings.Join(strings.Fields(text), " "))
	return string(title[:min(len(title), longest)])
}

// textOf is a value that is neither a list nor an object.
func textOf(token json.Token) string {
	switch token := token.(type) {
	case string:
		return token
	case json.Number:
		return token.String()
	case bool:
		if token {
			return "true"
		}
		return "false"
	}
	return "null"
}

// leaf adds a value to a record. One that has become long is let out as lines.
func (d *document) leaf(r *record, l leaf) error {
	l.key = r.key
	if err := d.out.Fits(d.records.size + r.size + l.size()); err != nil {
		return err
	}
	r.leaves, r.size = append(r.leaves, l), r.size+l.size()
	if r.size <= maxRecord {
		return nil
	}
	return d.records.spill(r)
}
