package mail

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// newBase64 decodes base64, of which it takes what is of its alphabet, up to the end or
// the padding.
func newBase64(r io.Reader) io.Reader {
	return &broken{base64.NewDecoder(base64.RawStdEncoding, &alphabet{r: r})}
}

// alphabet lets the characters of base64 through.
type alphabet struct {
	r     io.Reader
	ended bool
}

// Read implements io.Reader.
func (a *alphabet) Read(p []byte) (int, error) {
	for !a.ended {
		n, err := a.r.Read(p)
		kept := 0
		for _, b := range p[:n] {
			if b == '=' {
				a.ended = true
				break
			}
			if b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '+' || b == '/' {
				p[kept] = b
				kept++
			}
		}
		if kept > 0 || err != nil {
			return kept, err
		}
	}
	return 0, io.EOF
}

// broken gives errors of decoding as extract.ErrBroken.
type broken struct{ r io.Reader }

// Read implements io.Reader.
func (b *broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if _, corrupt := errors.AsType[base64.CorruptInputError](err); corrupt || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: base64 ends too early", extract.ErrBroken)
	}
	return n, err
}

// quotedPrintable decodes quoted-printable. What is not quoted as it should be stays as
// it is.
type quotedPrintable struct{ r *bufio.Reader }

// Read implements io.Reader.
func (q *quotedPrintable) Read(p []byte) (int, error) {
	for n := range p {
		b, err := q.next()
		if err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		p[n] = b
	}
	return len(p), nil
}

// next returns the next byte.
func (q *quotedPrintable) next() (byte, error) {
	for {
		b, err := q.r.ReadByte()
		if err != nil || b != '=' {
			return b, err
		}
		quoted, _ := q.r.Peek(2) // what is there decides
		switch {
		case len(quoted) > 0 && quoted[0] == '\n':
			q.r.Discard(1) //nolint:errcheck // it was peeked at
		case len(quoted) == 2 && quoted[0] == '\r' && quoted[1] == '\n':
			q.r.Discard(2) //nolint:errcheck // it was peeked at
		case len(quoted) == 2 && isHex(quoted[0]) && isHex(quoted[1]):
			decoded := hex(quoted[0])<<4 | hex(quoted[1])
			q.r.Discard(2) //nolint:errcheck // it was peeked at
			return decoded, nil
		default:
			return b, nil
		}
	}
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'F' || b >= 'a' && b <= 'f'
}

func hex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b&^0x20 - 'A' + 10
}
