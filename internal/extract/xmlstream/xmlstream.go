// Package xmlstream reads XML as a stream of tokens, however it is encoded and however
// it was made: neither a deep nest of elements nor one endless token takes memory
// without a bound. Entities that a document defines are not known, so one that uses
// them is damaged; nothing outside of it is ever looked at.
//
// Start with New.
package xmlstream

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
	"github.com/fairleadhq/fairlead/internal/extract/gauge"
)

// The bounds of what is read.
const (
	maxDepth = 512
	maxToken = 16 << 20 // bytes of one token, and a little more
)

// Kind is what a Token is.
type Kind uint8

// The kinds of tokens.
const (
	Start Kind = iota + 1
	End
	Text
)

// Token is a start tag, an end tag, or text. Empty elements have both tags.
type Token struct {
	Kind Kind
	// Space is the namespace of a tag's element, Name its name there.
	Space, Name string
	Attrs       []xml.Attr
	Text        []byte // until the next token is read
}

// Attr returns the first attribute of that name, of whatever namespace; "" if there is
// none.
func (t *Token) Attr(name string) string {
	for _, a := range t.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// AttrIn returns the attribute of that name in a namespace of which the URL ends as
// given; "" if there is none.
func (t *Token) AttrIn(space, name string) string {
	for _, a := range t.Attrs {
		if a.Name.Local == name && strings.HasSuffix(a.Name.Space, space) {
			return a.Value
		}
	}
	return ""
}

// On reports whether an attribute says yes, as those of office documents do; missing is
// what it says if it is not there.
func (t *Token) On(name, missing string) bool {
	value := t.Attr(name)
	if value == "" {
		value = missing
	}
	return value == "1" || value == "true" || value == "on"
}

// Reader reads the tokens of one document.
type Reader struct {
	gauge   *gauge.Reader
	decoder *xml.Decoder
	depth   int
}

// New returns a Reader of the document in r.
func New(r io.Reader) *Reader { return newReader(r, xml.NewDecoder) }

// NewLenient returns a Reader that takes what is nearly XML as it is: entities that it
// does not know are text, and end tags that are missing before others are no matter.
func NewLenient(r io.Reader) *Reader {
	return newReader(r, func(r io.Reader) *xml.Decoder {
		d := xml.NewDecoder(r)
		d.Strict = false
		return d
	})
}

func newReader(r io.Reader, decoder func(io.Reader) *xml.Decoder) *Reader {
	g := gauge.New(r, extract.LimitError{Limit: "token_bytes", Most: maxToken})
	buffered := bufio.NewReader(g)
	plain := io.Reader(buffered)
	head, _ := buffered.Peek(4) // the decoder meets the error too
	marked := false
	if c, ok := charset.ByMark(head); ok {
		plain, marked = bufio.NewReader(c.Reader(buffered)), true
	}
	d := decoder(plain)
	d.CharsetReader = func(label string, input io.Reader) (io.Reader, error) {
		c, ok := charset.Lookup(label)
		if !ok && !marked {
			return nil, errors.New("unknown encoding")
		}
		if marked || strings.HasPrefix(c.Name(), "utf-16") {
			return input, nil // or else the declaration could not have been read
		}
		return c.Reader(input), nil
	}
	return &Reader{gauge: g, decoder: d}
}

// Next returns the next token, io.EOF behind the last. XML that is not well-formed is
// extract.ErrBroken, too much of it a LimitError; errors of reading come as they are.
func (r *Reader) Next() (Token, error) {
	for {
		token, err := r.decoder.Token()
		r.gauge.Next()
		switch {
		case errors.Is(err, io.EOF) && r.gauge.Err() == nil:
			return Token{}, io.EOF
		case r.gauge.Err() != nil:
			return Token{}, r.gauge.Err()
		case err != nil:
			// The message would quote the document.
			return Token{}, fmt.Errorf("%w: XML is not well-formed at byte %d", extract.ErrBroken, r.decoder.InputOffset())
		}
		switch token := token.(type) {
		case xml.StartElement:
			if r.depth++; r.depth > maxDepth {
				return Token{}, &extract.LimitError{Limit: "depth", Most: maxDepth}
			}
			return Token{Kind: Start, Space: token.Name.Space, Name: token.Name.Local, Attrs: token.Attr}, nil
		case xml.EndElement:
			r.depth--
			return Token{Kind: End, Space: token.Name.Space, Name: token.Name.Local}, nil
		case xml.CharData:
			return Token{Kind: Text, Text: token}, nil
		}
	}
}

// Skip reads to the end of the element of which the start tag was the last token.
func (r *Reader) Skip() error {
	for inside := r.depth - 1; r.depth > inside; {
		if _, err := r.Next(); err != nil {
			return ended(err)
		}
	}
	return nil
}

// Text returns the text of the element of which the start tag was the last token, with
// that of the elements in it, and reads to its end.
func (r *Reader) Text() (string, error) {
	var text strings.Builder
	for inside := r.depth - 1; r.depth > inside; {
		token, err := r.Next()
		if err != nil {
			return "", ended(err)
		}
		if text.Len()+len(token.Text) > maxToken {
			return "", &extract.LimitError{Limit: "token_bytes", Most: maxToken}
		}
		text.Write(token.Text)
	}
	return text.String(), nil
}

// ended is err, for who was not done.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: XML ends too early", extract.ErrBroken)
	}
	return err
}

// Walk reads all tokens and calls look for each. It ends without an error at the end of
// the document.
func (r *Reader) Walk(look func(t Token) error) error {
	for {
		token, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := look(token); err != nil {
			return err
		}
	}
}
