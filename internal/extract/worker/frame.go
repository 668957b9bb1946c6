package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// A frame is its kind, the length of what follows (4 bytes, the highest first), and JSON.
// That of content is the length of its JSON (4 bytes), the JSON, and the text.
const (
	frameTask     = 'T'
	frameProgress = 'P'
	frameContent  = 'C'
	frameResult   = 'R'
)

const (
	headBytes = 5
	// mostJSON bounds the JSON of a frame: decoded it takes up to fifty times as much.
	mostJSON = 512 << 10
	// mostText is the most text of a frame.
	mostText  = 1 << 20
	mostFrame = mostJSON + mostText + 4
)

// task is what the child is to do.
type task struct {
	// Prepare says that it is to fill the cache of compiled code; there is no document.
	Prepare   bool           `json:"prepare,omitempty"`
	Name      string         `json:"name,omitempty"`
	MediaType string         `json:"media_type,omitempty"`
	Limits    extract.Limits `json:"limits"`
	CPU       uint64         `json:"cpu"`  // seconds
	Data      uint64         `json:"data"` // bytes
}

// cacheFile is the largest file of compiled code, in bytes.
const cacheFile = 256 << 20

// bounds are what the child may have.
func (t *task) bounds() child.Bounds {
	b := child.Bounds{CPU: max(t.CPU, 1), Data: t.Data}
	if t.Prepare {
		b.File = cacheFile
	}
	return b
}

// progress is how far it has come.
type progress struct {
	MediaType string `json:"media_type,omitempty"`
	Pages     int    `json:"pages,omitempty"`
	PagesDone int    `json:"pages_done,omitempty"`
}

// result is what has become of it.
type result struct {
	Status fairlead.DocumentStatus `json:"status,omitempty"`
	Code   string                  `json:"code,omitempty"`
	Reason string                  `json:"reason,omitempty"`
	// Failure, if not "", says why the document was not judged.
	Failure string `json:"failure,omitempty"`
	// Odd says that this was no error of the system's: it may be the document's doing.
	Odd       bool           `json:"odd,omitempty"`
	MediaType string         `json:"media_type,omitempty"`
	About     fairlead.About `json:"about"`
	Pages     int            `json:"pages,omitempty"`
	Chunks    int            `json:"chunks,omitempty"`
	TextBytes int64          `json:"text_bytes,omitempty"`
}

// apply writes what has become of a document into it.
func (r *result) apply(d *fairlead.Document) {
	d.Status, d.Code, d.Reason = r.Status, r.Code, r.Reason
	if r.MediaType != "" {
		d.MediaType = r.MediaType
	}
	if d.Status != fairlead.DocumentReady {
		d.Chunks, d.TextBytes, d.About = 0, 0, fairlead.About{}
		return
	}
	d.Pages, d.PagesDone, d.Chunks, d.TextBytes, d.About = r.Pages, r.Pages, r.Chunks, r.TextBytes, r.About
}

// content is a part of a document without its text, which follows.
type content struct {
	Offset   int64              `json:"offset"`
	Pages    []fairlead.Page    `json:"pages,omitempty"`
	Sections []fairlead.Section `json:"sections,omitempty"`
	Tables   []fairlead.Table   `json:"tables,omitempty"`
	Chunks   []fairlead.Chunk   `json:"chunks,omitempty"`
}

var errNonsense = errors.New("what the child says is no frame")

func writeFrame(w io.Writer, kind byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeRaw(w, kind, data)
}

func writeRaw(w io.Writer, kind byte, parts ...[]byte) error {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	frame := make([]byte, 0, headBytes+length)
	frame = binary.BigEndian.AppendUint32(append(frame, kind), uint32(length))
	for _, p := range parts {
		frame = append(frame, p...)
	}
	_, err := w.Write(frame)
	return err
}

// readFrame reads a frame. buffer is where it is put, and grows as is needed, up to
// mostFrame. The end is io.EOF only between two frames.
func readFrame(r io.Reader, buffer *[]byte) (kind byte, data []byte, err error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	if n > mostFrame {
		return 0, nil, errNonsense
	}
	if cap(*buffer) < n {
		*buffer = make([]byte, n)
	}
	data = (*buffer)[:n]
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, fmt.Errorf("%w: it ends early", errNonsense)
	}
	return head[0], data, nil
}

func decode(data []byte, v any) error {
	if len(data) > mostJSON {
		return errNonsense
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: no JSON", errNonsense) // the reason would quote it
	}
	return nil
}

// decodeContent reads a part; its text is in data.
func decodeContent(data []byte) (part fairlead.DocumentContent, err error) {
	if len(data) < 4 {
		return part, errNonsense
	}
	n := int64(binary.BigEndian.Uint32(data))
	if n > int64(len(data)-4) {
		return part, errNonsense
	}
	var c content
	if err := decode(data[4:4+n], &c); err != nil {
		return part, err
	}
	return fairlead.DocumentContent{
		Text: data[4+n:], Offset: c.Offset, Pages: c.Pages, Sections: c.Sections, Tables: c.Tables, Chunks: c.Chunks,
	}, nil
}

const (
	// sentText is the most text that is put into a frame, sentItems the most of each list.
	sentText  = mostText / 2
	sentItems = 256
	// longestItem is the most bytes of a title or context: what is longer is cut.
	longestItem = 4 << 10
)

// writeContent writes a part, in as many frames as it needs: its lists come with the last
// of its text.
func writeContent(w io.Writer, part fairlead.DocumentContent) error {
	shorten(&part)
	for len(part.Text) > sentText {
		if err := writeRawContent(w, content{Offset: part.Offset}, part.Text[:sentText]); err != nil {
			return err
		}
		part.Text, part.Offset = part.Text[sentText:], part.Offset+sentText
	}
	for most := sentItems; ; {
		c := content{Offset: part.Offset}
		rest := part
		c.Pages, rest.Pages = some(part.Pages, most)
		c.Sections, rest.Sections = some(part.Sections, most)
		c.Tables, rest.Tables = some(part.Tables, most)
		c.Chunks, rest.Chunks = some(part.Chunks, most)
		err := writeRawContent(w, c, part.Text)
		if errors.Is(err, errLong) && most > 1 {
			most /= 2
			continue
		}
		if err != nil || len(rest.Pages)+len(rest.Sections)+len(rest.Tables)+len(rest.Chunks) == 0 {
			return err
		}
		rest.Offset, rest.Text = part.Offset+int64(len(part.Text)), nil
		part = rest
	}
}

// shorten leaves out what is not sent.
func shorten(part *fairlead.DocumentContent) {
	part.Sections = slices.Clone(part.Sections)
	for i := range part.Sections {
		part.Sections[i].Title = cut(part.Sections[i].Title)
	}
	part.Chunks = slices.Clone(part.Chunks)
	for i := range part.Chunks {
		k := &part.Chunks[i]
		k.Section, k.Context = cut(k.Section), cut(k.Context)
		k.Text, k.Document = "", ""
	}
}

// some parts the first few of a list from the rest.
func some[T any](list []T, most int) (first, rest []T) {
	n := min(len(list), most)
	return list[:n], list[n:]
}

// cut bounds a text, at the beginning of a character.
func cut(text string) string {
	if len(text) <= longestItem {
		return text
	}
	n := longestItem
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n]
}

var errLong = errors.New("too much for one frame")

func writeRawContent(w io.Writer, c content, text []byte) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if len(data) > mostJSON {
		return errLong
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(len(data))) //nolint:gosec // bounded just above
	return writeRaw(w, frameContent, length, data, text)
}
