package mail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
)

// maxHeader is how long a header may be, in bytes.
const maxHeader = 1 << 20

// header is the header of a message or a part.
type header struct{ fields textproto.MIMEHeader }

// readHeader reads up to the blank line behind a header. Lines that are no fields are
// left out.
func readHeader(r *bufio.Reader) (header, error) {
	h := header{fields: make(textproto.MIMEHeader)}
	var field []byte
	for size := 0; ; {
		line, err := r.ReadSlice('\n')
		if size += len(line); size > maxHeader {
			return h, &extract.LimitError{Limit: "header_bytes", Most: maxHeader}
		}
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !errors.Is(err, io.EOF) && !full {
			return h, err
		}
		blank := len(bytes.TrimRight(line, "\r\n")) == 0
		goesOn := !blank && (line[0] == ' ' || line[0] == '\t')
		if !goesOn {
			h.add(field)
			field = field[:0]
		}
		field = append(field, line...)
		for full {
			line, err = r.ReadSlice('\n')
			full = errors.Is(err, bufio.ErrBufferFull)
			field = append(field, line...)
			if size += len(line); size > maxHeader {
				return h, &extract.LimitError{Limit: "header_bytes", Most: maxHeader}
			}
		}
		if blank || errors.Is(err, io.EOF) {
			h.add(field)
			return h, nil
		}
	}
}

// add adds a field.
func (h header) add(field []byte) {
	name, value, ok := bytes.Cut(field, []byte(":"))
	key := string(bytes.TrimSpace(name))
	if !ok || key == "" || strings.ContainsAny(key, " \t\r\n") {
		return
	}
	key = textproto.CanonicalMIMEHeaderKey(key)
	text := strings.NewReplacer("\r\n", "", "\n", "", "\r", "").Replace(string(bytes.TrimSpace(value)))
	h.fields[key] = append(h.fields[key], text)
}

// text is what a field says, with its encoded words decoded; "" if there is none.
func (h header) text(name string) string {
	value := h.fields.Get(name)
	if !utf8.ValidString(value) {
		value = charset.OfBytes([]byte(value)).Decode([]byte(value))
	}
	return strings.Join(strings.Fields(decodeWords(value)), " ")
}

// decodeWords decodes the encoded words of RFC 2047.
func decodeWords(text string) string {
	d := mime.WordDecoder{CharsetReader: func(label string, input io.Reader) (io.Reader, error) {
		raw, err := io.ReadAll(input)
		if err != nil {
			return nil, err
		}
		var found charset.Detector
		found.Write(raw) //nolint:errcheck // it never fails
		return strings.NewReader(found.Declared(label).Decode(raw)), nil
	}}
	plain, err := d.DecodeHeader(text)
	if err != nil {
		plain = text
	}
	return strings.ToValidUTF8(plain, "\uFFFD")
}

// mediaType is what a part holds, in lower case, with the parameters of that.
func (h header) mediaType() (kind string, params map[string]string) {
	return parse(h.fields.Get("Content-Type"))
}

// parse parses a field that is a value and parameters, as far as it can be.
func parse(field string) (value string, params map[string]string) {
	value, params, err := mime.ParseMediaType(field)
	if err != nil && value == "" {
		value, _, _ = strings.Cut(field, ";")
		value = strings.ToLower(strings.TrimSpace(value))
	}
	return value, params
}

// fileName is the name under which a part is to be stored, "" if it has none. attached
// says that it is not to be shown.
func (h header) fileName() (name string, attached bool) {
	disposition, params := parse(h.fields.Get("Content-Disposition"))
	name = params["filename"]
	if name == "" {
		_, params = h.mediaType()
		name = params["name"]
	}
	const longest = 200 // characters
	shown := []rune(strings.Join(strings.Fields(decodeWords(name)), " "))
	return string(shown[:min(len(shown), longest)]), disposition == "attachment"
}
