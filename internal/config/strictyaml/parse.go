package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/fairleadhq/fairlead/internal/config/excerpt"
)

// MaxFileSize is the most bytes that a file may have.
const MaxFileSize = 1 << 20

// parse reads the file into a tree. It returns nil when there is none: the file
// is empty, or a problem was told.
func (d *Decoder) parse(data []byte) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(data) > MaxFileSize {
		d.tellAt(position{1, 1}, "", fmt.Sprintf("the file is larger than %s", Size(MaxFileSize)), "")
		return nil
	}
	if at, ok := firstUnprintable(data); !ok {
		d.src = excerpt.New(strings.ToValidUTF8(string(data), "?"), d.words())
		d.src.Unparsed()
		d.tellAt(at, "", "the file holds a byte that is not text; it must be UTF-8 without control characters", "")
		return nil
	}
	d.src = excerpt.New(string(data), d.words())
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithV4Defaults())
	if err != nil {
		d.syntax(err)
		return nil
	}
	var first, second yaml.Node
	if err := loader.Load(&first); err != nil {
		d.syntax(err)
		return nil
	}
	d.src.Index(&first)
	switch err := loader.Load(&second); {
	case err == nil:
		d.src.Index(&second)
		d.src.ConcealSuspects(&second)
		d.tellAt(position{second.Line, second.Column}, "", "a second document begins here; the configuration is one document", "")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	if len(first.Content) == 0 {
		return nil
	}
	return first.Content[0]
}

// syntax tells what the YAML parser found. Its messages name positions and
// punctuation, except for aliases, which may be secrets that begin with *.
func (d *Decoder) syntax(err error) {
	if errors.Is(err, io.EOF) {
		return
	}
	d.src.Unparsed()
	at, message, suggestion := position{1, 1}, "cannot be read as YAML", ""
	if loadErr, ok := errors.AsType[*yaml.LoadError](err); ok {
		at = position{max(1, loadErr.Mark.Line), max(1, loadErr.Mark.Column)}
		message = "not YAML: " + loadErr.Message
		if strings.HasPrefix(loadErr.Message, "unknown anchor") {
			message = "not YAML: an alias to an anchor that does not exist"
			suggestion = "put a text that begins with * in quotes"
		}
	}
	if strings.Contains(message, "expected ','") && strings.Contains(d.src.Line(at.line), "${") {
		suggestion = `put "${NAME}" in quotes inside { } and [ ]`
	}
	d.tellAt(at, "", message, suggestion)
}

// position is a place in the file; both count from 1.
type position struct{ line, column int }

// firstUnprintable finds the first byte that is not UTF-8 text, or a control
// character other than tabs and line ends; ok says that there is none.
func firstUnprintable(data []byte) (at position, ok bool) {
	at = position{1, 1}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		next := byte('\n')
		if i+1 < len(data) {
			next = data[i+1]
		}
		switch {
		case r == '\n':
			at = position{at.line + 1, 0}
		case r == '\t' || (r == '\r' && next == '\n'):
		case r == utf8.RuneError && size <= 1, unicode.IsControl(r),
			r == '\u2028', r == '\u2029', r == '\ufeff', r == '\ufffe', r == '\uffff':
			return at, false
		}
		at.column++
		i += size
	}
	return at, true
}
