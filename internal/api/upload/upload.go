// Package upload receives a file that comes in the body of a request: as the part file
// of a form (multipart/form-data) beside small fields, in any order, or as the body
// itself. The file goes to whoever stores it while it comes; no more of it is held than
// a buffer. Fields that stand behind the file are known when the file has been read, so
// whoever stores it asks for them then.
//
// How many uploads are received at a time is bounded by Docks: receiving holds no slot.
//
// Start with Receive.
package upload

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
)

const (
	// maxField is the longest field beside the file, in bytes, and maxFields how many
	// there may be.
	maxField  = 64 << 10
	maxFields = 16
	// maxFraming is how much of a body may be something else than the file: fields,
	// boundaries, the heads of parts.
	maxFraming = 256 << 10
	// maxBetween is how much may stand between two parts: the head of the next one, and
	// what some clients write before the first.
	maxBetween = 32 << 10
	// maxName is the longest name of a file that is kept, in bytes.
	maxName = 255
	// buffer is how much is read at a time; beside it the form's reader has its own.
	buffer = 64 << 10
)

// The codes of forms that are refused.
const (
	codeInvalidForm  = "invalid_form"
	codeMissingField = "missing_field"
	codeDuplicateKey = "duplicate_key"
)

// Form is what came beside the file.
type Form struct {
	// Name is the file's, as its client calls it: a label without a path, "" if there
	// is none.
	Name string
	// Fields are the others.
	Fields map[string]string
}

// Wanted is what a request may hold.
type Wanted struct {
	// Most is the largest file, in bytes; 0 is no limit.
	Most int64
	// Field reports by its error that there is no field of that name, or that what it
	// asks for is not to be had.
	Field func(name string) error
	// Bare says that the file may be the whole body, of a request whose query has its
	// name and the other fields.
	Bare bool
}

// Store takes the file, reading it to its end, and then asks rest for what came beside
// it. An error of either says that there is nothing to be stored; it is to be returned
// as it is or wrapped.
type Store func(file io.Reader, rest func() (Form, error)) error

// Receive reads the exchange's body and gives the file to store. Errors are store's and
// those of api.Exchange.Receive, and of Kind Invalid for a form that is malformed, breaks
// off, has a field twice, one that is not wanted, or no file; of Kind TooLarge for a
// file that is too large.
func Receive(ctx context.Context, x *api.Exchange, wanted Wanted, store Store) error {
	if err := x.Reserve(2 * buffer); err != nil {
		return err
	}
	most := wanted.Most
	if most > 0 {
		most += maxFraming
	}
	boundary, err := boundaryOf(x.R.Header.Get("Content-Type"))
	if err != nil {
		if name := x.R.URL.Query().Get("name"); wanted.Bare && name != "" && !isForm(x.R.Header.Get("Content-Type")) {
			return x.Receive(ctx, most, func(body io.Reader) error { return bare(x.R.URL.Query(), body, wanted, store) })
		}
		return err
	}
	return x.Receive(ctx, most, func(body io.Reader) error {
		m := &meter{from: bufio.NewReaderSize(body, buffer)}
		f := &form{parts: multipart.NewReader(m, boundary), meter: m, wanted: wanted, form: Form{Fields: make(map[string]string)}}
		return f.receive(store)
	})
}

// boundaryOf is what parts a form of that content type.
func boundaryOf(contentType string) (string, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" {
		return "", &fairlead.Error{
			Kind: fairlead.WrongType, Code: "unsupported_content_type",
			Message: "The request's body is not of a content type that is understood", Detail: "send a form: multipart/form-data, with a part file",
		}
	}
	if boundary := params["boundary"]; boundary != "" && len(boundary) <= 70 { // as RFC 2046 has it
		return boundary, nil
	}
	return "", invalid(codeInvalidForm, "", "The form's content type has no boundary that can be one")
}

// isForm reports whether a body of that type is a form of whatever kind, or its type is
// not known: tools that send a form by mistake say so.
func isForm(contentType string) bool {
	return contentType == "" || strings.HasPrefix(contentType, "multipart/") || strings.HasPrefix(contentType, "application/x-www-form-urlencoded")
}

// bare receives a file that is the whole body.
func bare(query url.Values, body io.Reader, wanted Wanted, store Store) error {
	form := Form{Fields: make(map[string]string)}
	for name, values := range query {
		if wanted.Field(name) == nil && len(values) > 0 {
			form.Fields[name] = values[0]
		}
	}
	return store(&limited{from: body, most: wanted.Most}, func() (Form, error) { return form, nil })
}

// form is a form while it is read.
type form struct {
	parts  *multipart.Reader
	meter  *meter
	wanted Wanted
	form   Form
	count  int
	filed  bool // the file has come
}

// receive reads the form, of which the file goes to store.
func (f *form) receive(store Store) error {
	part, err := f.upToFile()
	if err != nil {
		return err
	}
	if part == nil {
		return invalid(codeMissingField, "file", "The form has no file")
	}
	f.filed = true
	f.form.Name = label(part.FileName())
	return store(&limited{from: &whole{part}, most: f.wanted.Most}, func() (Form, error) {
		if err := f.behindFile(part); err != nil {
			return Form{}, err
		}
		return f.form, nil
	})
}

// behindFile reads what stands behind the file, to the end of the body.
func (f *form) behindFile(file io.Reader) error {
	if n, err := io.Copy(io.Discard, file); err != nil || n > 0 {
		if err != nil {
			return brokenForm(err)
		}
		return invalid(codeInvalidForm, "file", "The file was not read to its end")
	}
	if _, err := f.upToFile(); err != nil {
		return err
	}
	// A body that is longer than its form is not what its client meant to send, and one
	// that is shorter than it was said to be is not whole.
	f.meter.allow(maxBetween)
	if _, err := io.Copy(io.Discard, f.meter); !errors.Is(err, errEnded) {
		return brokenForm(err)
	}
	return nil
}

// upToFile reads fields up to the file, or the form's end: then there is no part.
func (f *form) upToFile() (*multipart.Part, error) {
	for {
		f.meter.allow(maxBetween)
		part, err := f.parts.NextRawPart()
		if err == io.EOF { // wrapped it is why the form could not be read
			return nil, nil //nolint:nilnil // the form has ended
		}
		if err != nil {
			return nil, brokenForm(err)
		}
		name := part.FormName()
		if f.count++; f.count > maxFields {
			return nil, invalid(codeInvalidForm, "", "The form has too many parts")
		}
		if name == "file" && !f.filed {
			f.meter.free()
			return part, nil
		}
		if err := f.field(name, part); err != nil {
			return nil, err
		}
	}
}

// field reads a small field.
func (f *form) field(name string, part io.Reader) error {
	if _, twice := f.form.Fields[name]; twice || name == "file" {
		return invalid(codeDuplicateKey, shown(name), "The form has a part twice")
	}
	if err := f.wanted.Field(name); err != nil {
		return err
	}
	f.meter.free()
	text, err := io.ReadAll(io.LimitReader(part, maxField+1))
	switch {
	case err != nil:
		return brokenForm(err)
	case len(text) > maxField:
		return &fairlead.Error{
			Kind: fairlead.TooLarge, Code: "body_too_large", Message: "A field of the form is too large", Param: shown(name),
			Detail: "the limit is " + strconv.Itoa(maxField) + " bytes",
		}
	case !utf8.Valid(text):
		return invalid(codeInvalidForm, shown(name), "A field of the form is not UTF-8")
	}
	f.form.Fields[name] = string(text)
	return nil
}

// Unknown is the error of a field that is not wanted.
func Unknown(name string) error {
	return invalid("unknown_field", shown(name), "The form has a field that is not known here")
}

// shown is a name as an error may repeat it.
func shown(name string) string {
	const longest = 64
	for _, c := range []byte(name) {
		if c != '_' && c != '-' && c != '[' && c != ']' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ""
		}
	}
	return name[:min(len(name), longest)]
}

func invalid(code, param, message string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: code, Param: param, Message: message}
}

// brokenForm is the error of a form that can't be read: what ended the body, if that is
// known, else that the form is malformed.
func brokenForm(err error) error {
	if known, ok := errors.AsType[*fairlead.Error](err); ok {
		return known
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	e := &fairlead.Error{Kind: fairlead.Invalid, Code: codeInvalidForm, Message: "The form is malformed", Err: err}
	if errors.Is(err, errEnded) || errors.Is(err, io.ErrUnexpectedEOF) {
		e.Message = "The form breaks off before its end"
	}
	return e
}

// label is a file's name without its path, and without what is no letter of a name.
func label(name string) string {
	name = strings.ToValidUTF8(strings.ReplaceAll(name, `\`, "/"), "\uFFFD")
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, path.Base(name))
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	for len(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// Label is text as the name of a file: without a path, control characters, and what is
// too long.
func Label(text string) string { return label(text) }
