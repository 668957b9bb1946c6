package indexer

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// What goes between parent and child are messages, each a letter and what belongs to it:
//
//	B  a document begins: its title as JSON
//	C  chunks: how many, and of each its number and the texts that are indexed
//	S  to the child: make a segment, as the group of that number; from the child: the segment
//
// Numbers are varints, and texts have their lengths in front.
const (
	messageBegin   = 'B'
	messageChunks  = 'C'
	messageSegment = 'S'
)

const (
	pipeBytes = 64 << 10
	// Whoever reads believes no length above these.
	mostTitle   = 1 << 20
	mostText    = 16 << 20
	mostChunks  = 1 << 20
	mostSegment = 1 << 30
)

var errNonsense = errors.New("what the other process says is no message")

// sender speaks to the child.
type sender struct {
	to      *bufio.Writer
	scratch []byte
}

func (s *sender) begin(t shelf.Title) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	s.letter(messageBegin)
	s.text(string(text))
	return s.to.Flush()
}

func (s *sender) chunks(chunks []fairlead.Chunk) error {
	s.letter(messageChunks)
	s.number(int64(len(chunks)))
	for i := range chunks {
		c := &chunks[i]
		s.number(c.Number)
		s.text(c.Section)
		s.text(c.Text)
		s.text(c.Context)
	}
	return s.to.Flush()
}

func (s *sender) build(group int64) error {
	s.letter(messageSegment)
	s.number(group)
	return s.to.Flush()
}

// The writer keeps an error until it is flushed.

func (s *sender) letter(l byte) { _ = s.to.WriteByte(l) }

func (s *sender) number(n int64) {
	s.scratch = binary.AppendVarint(s.scratch[:0], n)
	_, _ = s.to.Write(s.scratch)
}

func (s *sender) text(t string) {
	s.number(int64(len(t)))
	_, _ = s.to.WriteString(t)
}

// receiver hears what the other side says.
type receiver struct {
	from   *bufio.Reader
	buffer []byte
}

// segment reads the answer to build.
func (r *receiver) segment() ([]byte, error) {
	l, err := r.from.ReadByte()
	if err != nil {
		return nil, err
	}
	if l != messageSegment {
		return nil, errNonsense
	}
	n, err := r.length(mostSegment)
	if err != nil {
		return nil, err
	}
	data := make([]byte, n)
	_, err = io.ReadFull(r.from, data)
	return data, err
}

func (r *receiver) number() (int64, error) { return binary.ReadVarint(r.from) }

func (r *receiver) length(most int64) (int64, error) {
	n, err := r.number()
	if err == nil && (n < 0 || n > most) {
		err = errNonsense
	}
	return n, err
}

func (r *receiver) text(most int64) (string, error) {
	n, err := r.length(most)
	if err != nil {
		return "", err
	}
	if int64(cap(r.buffer)) < n {
		r.buffer = make([]byte, n)
	}
	_, err = io.ReadFull(r.from, r.buffer[:n])
	return string(r.buffer[:n]), err
}

func (r *receiver) title() (t shelf.Title, err error) {
	text, err := r.text(mostTitle)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("%w: no title", errNonsense) // the reason would quote it
	}
	return t, nil
}

func (r *receiver) chunk() (c fairlead.Chunk, err error) {
	if c.Number, err = r.number(); err != nil {
		return c, err
	}
	for _, text := range []*string{&c.Section, &c.Text, &c.Context} {
		if *text, err = r.text(mostText); err != nil {
			return c, err
		}
	}
	return c, nil
}
