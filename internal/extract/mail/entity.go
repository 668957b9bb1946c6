package mail

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
	"github.com/fairleadhq/fairlead/internal/extract/markup"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/plain"
)

// part is a part of a message, or the message's body.
type part struct {
	head  header
	body  io.Reader
	depth int
	// fallback is the type of a part that says none.
	fallback string
}

// entity reads a part, whatever it is.
func (m *message) entity(out *outlet.Outlet, p part) error {
	kind, params := p.head.mediaType()
	if kind == "" {
		kind = p.fallback
	}
	if kind == "" {
		kind = "text/plain"
	}
	name, attached := p.head.fileName()
	boundary := params["boundary"]
	switch {
	case kind == "multipart/encrypted", strings.HasSuffix(kind, "pkcs7-mime") && params["smime-type"] == "enveloped-data":
		if p.depth == 0 {
			return extract.ErrEncrypted
		}
		m.attach(name, kind)
	case strings.HasPrefix(kind, "multipart/") && boundary != "":
		return m.multipart(out, p, boundary)
	case kind == "message/rfc822" || kind == "message/global":
		if m.messages >= maxMessages {
			m.attach(name, kind)
			return nil
		}
		return m.read(out, bufio.NewReader(p.decoded()), p.depth+1)
	case attached || name != "" && kind != "text/plain" && kind != "text/html":
		m.attach(name, kind)
	case kind == "text/html":
		_, err := markup.Read(out, p.text(params["charset"]))
		return m.failed(err)
	case kind == "text/calendar":
		m.attach(name, kind)
	case strings.HasPrefix(kind, "text/"), kind == "message/delivery-status", strings.HasPrefix(kind, "multipart/"):
		return m.failed(plain.Read(out, p.text(params["charset"])))
	default:
		m.attach(name, kind)
	}
	return nil
}

// attach notes the name of an attachment. Those without one are parts of the layout.
func (m *message) attach(name, kind string) {
	if name == "" && kind == "message/rfc822" {
		name = kind
	}
	if name != "" && len(m.attachments) < maxAttachments {
		m.attachments = append(m.attachments, name)
	}
}

// failed is err, as what it is: an error of reading, of the limits, or of the message.
func (m *message) failed(err error) error {
	if m.source.err != nil {
		return m.source.err
	}
	return err
}

// decoded is the body as it was before it was made fit to be sent.
func (p part) decoded() io.Reader {
	switch strings.ToLower(strings.TrimSpace(p.head.fields.Get("Content-Transfer-Encoding"))) {
	case "base64":
		return newBase64(p.body)
	case "quoted-printable":
		return &quotedPrintable{r: bufio.NewReader(p.body)}
	}
	return p.body
}

// text is the body as UTF-8. Its encoding is told from its beginning.
func (p part) text(label string) io.Reader {
	const sample = 64 << 10
	body := bufio.NewReaderSize(p.decoded(), sample)
	head, _ := body.Peek(sample) // whoever reads on meets the error too
	var found charset.Detector
	found.Write(head) //nolint:errcheck // it never fails
	return found.Declared(label).Reader(body)
}

// multipart reads the parts of a part.
func (m *message) multipart(out *outlet.Outlet, p part, boundary string) error {
	if p.depth >= maxDepth {
		return &extract.LimitError{Limit: "depth", Most: maxDepth}
	}
	kind, _ := p.head.mediaType()
	inside := part{depth: p.depth + 1}
	if kind == "multipart/digest" {
		inside.fallback = "message/rfc822"
	}
	choice := alternatives{out: out}
	parts := multipart.NewReader(p.decoded(), boundary)
	for {
		next, err := parts.NextRawPart()
		if m.source.err != nil {
			return m.source.err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return choice.end()
		}
		if err != nil {
			// The message may quote the part.
			return fmt.Errorf("%w: the parts of a message can't be told apart", extract.ErrBroken)
		}
		if m.parts++; m.parts > maxParts {
			return &extract.LimitError{Limit: "parts", Most: maxParts}
		}
		inside.head, inside.body = header{fields: next.Header}, uncut{next}
		if kind == "multipart/alternative" {
			err = choice.consider(m, inside)
		} else {
			err = m.entity(out, inside)
		}
		if err != nil {
			return err
		}
	}
}

// uncut takes the end of the file for the end of a part.
type uncut struct{ r io.Reader }

// Read implements io.Reader.
func (u uncut) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// alternatives are the forms in which a text comes. The plain one is the best, if it is
// not blank; of the others the first.
type alternatives struct {
	out   *outlet.Outlet
	best  []extract.Block
	plain bool
}

// consider reads a form and keeps it, if it is better than what was there.
func (a *alternatives) consider(m *message, p part) error {
	var blocks []extract.Block
	held := a.out.Held(func(b extract.Block) error {
		if len(blocks) >= maxBlocks {
			return &extract.LimitError{Limit: "blocks", Most: maxBlocks}
		}
		blocks = append(blocks, b)
		return nil
	})
	if err := m.entity(held, p); err != nil {
		return err
	}
	if err := held.Close(); err != nil {
		return err
	}
	kind, _ := p.head.mediaType()
	isPlain := kind == "text/plain" || kind == ""
	if len(blocks) > 0 && (a.best == nil || isPlain && !a.plain) {
		a.best, a.plain = blocks, isPlain
	}
	return nil
}

// end lets the best form out.
func (a *alternatives) end() error { return a.out.Replay(a.best) }
