// Package fields reads the JSON objects that clients of the service's own endpoints
// send: each member by its name and its type, within bounds, and none that is not
// known, since a name that is written wrong would else widen what is asked for. The
// first thing that is wrong is told, with the name of its field.
//
// Start with New; Filter reads conditions on metadata, and Page the query of a list.
package fields

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The codes of fields that are refused.
const (
	codeInvalidJSON  = "invalid_json"
	codeDuplicateKey = "duplicate_key"
	codeInvalidType  = "invalid_type"
	codeInvalidValue = "invalid_value"
	codeMissingField = "missing_field"
	codeUnknownField = "unknown_field"
	codeNotAvailable = "not_available"
)

// maxNameShown is the longest name of a field that an error repeats.
const maxNameShown = 64

// Reader reads the members of one object. What goes wrong first is its Err; from then
// on its methods return zero values. A member that is null is one that is not there.
type Reader struct {
	members rawjson.Object
	at      string // what the object is called, with a dot behind; "" of a body
	err     *fairlead.Error
}

// New returns a Reader of a body, which is to have no members but the known ones.
func New(body []byte, known ...string) *Reader { return read(body, "", known) }

func read(text []byte, at string, known []string) *Reader {
	r := &Reader{at: at}
	_, err := jsonscan.Object(text, func(name []byte, value jsonscan.Span) error {
		if !slices.Contains(known, string(name)) { // what is not known is not kept, however many there are
			r.fail(codeUnknownField, shown(string(name)), "The body has a field that is not known here")
			return r.err
		}
		r.members = append(r.members, rawjson.Member{Name: string(name), Value: valueAt(text, value)})
		return nil
	})
	if err != nil && r.err == nil {
		r.err = refuse(err, at)
	}
	return r
}

// valueAt is the value that stands there.
func valueAt(text []byte, at jsonscan.Span) rawjson.Value {
	return rawjson.Value(text[at.Start:at.End:at.End])
}

// refuse tells what is wrong with a text that is no object without duplicates.
func refuse(err error, at string) *fairlead.Error {
	e := &fairlead.Error{Kind: fairlead.Invalid, Code: codeInvalidJSON, Message: "The body is not a valid JSON object"}
	broken, ok := errors.AsType[*jsonscan.Error](err)
	switch {
	case !ok:
		e.Err = err
	case broken.Reason == jsonscan.DuplicateKey:
		e.Code, e.Message, e.Param = codeDuplicateKey, "The body names a key twice in one object", at+shown(broken.Name)
	case at != "":
		e.Code, e.Param = codeInvalidType, at[:len(at)-1]
		e.Message = e.Param + " must be an object"
	default:
		e.Detail = fmt.Sprintf("%s at byte %d", broken.Reason, broken.Offset)
	}
	return e
}

// shown is a name as an error may repeat it: one that looks like a field's.
func shown(name string) string {
	for _, c := range []byte(name) {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ""
		}
	}
	if len(name) > maxNameShown {
		return ""
	}
	return name
}

// Err is what went wrong first; nil if nothing did.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// fail notes what is wrong with a member, unless something else was before.
func (r *Reader) fail(code, name, message string) {
	if r.err == nil {
		r.err = &fairlead.Error{Kind: fairlead.Invalid, Code: code, Message: message}
		if name != "" {
			r.err.Param = r.at + name
		}
	}
}

// Refuse notes that a member's value can't be taken; rule ends the sentence that its
// name begins.
func (r *Reader) Refuse(name, rule string) { r.fail(codeInvalidValue, name, r.at+name+" "+rule) }

// wrong notes that a member is not of its type.
func (r *Reader) wrong(name, want string) {
	r.fail(codeInvalidType, name, r.at+name+" must be "+want)
}

// Unavailable notes that a member, if it is there, asks for what the service does not do.
func (r *Reader) Unavailable(name, detail string) {
	if r.value(name) != nil && r.err == nil {
		r.err = &fairlead.Error{
			Kind: fairlead.Unsupported, Code: codeNotAvailable, Param: r.at + name,
			Message: r.at + name + " is not available here", Detail: detail,
		}
	}
}

// value is a member that is there and not null; nil once something is wrong.
func (r *Reader) value(name string) rawjson.Value {
	if r.err != nil {
		return nil
	}
	if v := r.members.Get(name); v.Given() {
		return v
	}
	return nil
}

// Has reports whether the member is there, if only as null.
func (r *Reader) Has(name string) bool { return r.err == nil && r.members.Get(name) != nil }

// Need notes that a member is missing, if it is.
func (r *Reader) Need(name string) {
	if r.value(name) == nil {
		r.fail(codeMissingField, name, "The body has no "+r.at+name)
	}
}

// Text is a string of at most so many bytes, "" if it is not there.
func (r *Reader) Text(name string, most int) string {
	v := r.value(name)
	if v == nil {
		return ""
	}
	if v.Kind() != jsonscan.StringKind {
		r.wrong(name, "a string")
		return ""
	}
	text := v.Text()
	if len(text) > most {
		r.Refuse(name, "must have at most "+strconv.Itoa(most)+" bytes")
		return ""
	}
	return text
}

// OneOf is a string that is one of the choices, "" if it is not there.
func (r *Reader) OneOf(name string, choices ...string) string {
	text := r.Text(name, maxNameShown)
	if text != "" && !slices.Contains(choices, text) || text == "" && r.value(name) != nil {
		r.Refuse(name, fmt.Sprintf("must be one of %q", choices))
		return ""
	}
	return text
}

// Flag is true or false, false if it is not there.
func (r *Reader) Flag(name string) bool {
	v := r.value(name)
	if v == nil {
		return false
	}
	if k := v.Kind(); k != jsonscan.TrueKind && k != jsonscan.FalseKind {
		r.wrong(name, "true or false")
	}
	return v.Kind() == jsonscan.TrueKind
}

// Bounds are the numbers that a member may be, and that which it is if it is not there.
type Bounds struct{ Least, Most, Default int }

// Int is a whole number within the bounds.
func (r *Reader) Int(name string, within Bounds) int {
	v := r.value(name)
	if v == nil {
		return within.Default
	}
	n, ok := v.Int()
	switch {
	case v.Kind() != jsonscan.NumberKind || !ok:
		r.wrong(name, "a whole number")
		return within.Default
	case n < within.Least || n > within.Most:
		r.Refuse(name, fmt.Sprintf("must be from %d to %d", within.Least, within.Most))
		return within.Default
	}
	return n
}

// Share is a number from 0 to 1, 0 if it is not there.
func (r *Reader) Share(name string) float64 {
	v := r.value(name)
	if v == nil {
		return 0
	}
	n, ok := scalar(v).(float64)
	switch {
	case !ok:
		r.wrong(name, "a number")
		return 0
	case n < 0 || n > 1:
		r.Refuse(name, "must be from 0 to 1")
		return 0
	}
	return n
}

// Texts is a list of at most so many strings, each of at most 512 bytes; nil if it is
// not there.
func (r *Reader) Texts(name string, most int) []string {
	texts := []string{}
	if !r.list(name, most, func(v rawjson.Value) bool {
		texts = append(texts, v.Text())
		return v.Kind() == jsonscan.StringKind && len(texts[len(texts)-1]) <= maxText
	}, "a list of strings of at most "+strconv.Itoa(maxText)+" bytes") {
		return nil
	}
	return texts
}

// list goes through a list; it reports whether there is one, and it is as it should be.
func (r *Reader) list(name string, most int, each func(v rawjson.Value) bool, want string) bool {
	v := r.value(name)
	if v == nil {
		return false
	}
	n := 0
	err := jsonscan.Array(v, func(at jsonscan.Span) error {
		if n++; n > most {
			r.Refuse(name, "must have at most "+strconv.Itoa(most)+" elements")
			return r.err
		}
		if !each(valueAt(v, at)) {
			return errElement
		}
		return nil
	})
	if err != nil {
		r.wrong(name, want) // unless something else is known to be wrong
	}
	return err == nil
}

// errElement is the error of an element that is not what it should be.
var errElement = errors.New("an element is not of its type")

// Objects calls each with a Reader of every object in a list of at most so many; what
// goes wrong in one of them goes wrong in r.
func (r *Reader) Objects(name string, most int, each func(o *Reader), known ...string) {
	n := 0
	r.list(name, most, func(v rawjson.Value) bool {
		if r.err == nil {
			o := read(v, r.at+name+"["+strconv.Itoa(n)+"].", known)
			if n++; o.err == nil {
				each(o)
			}
			r.err = o.err
		}
		return true
	}, "a list of objects")
}

// Object calls each with a Reader of the object that a member is, if it is there.
func (r *Reader) Object(name string, each func(o *Reader), known ...string) {
	v := r.value(name)
	if v == nil {
		return
	}
	o := read(v, r.at+name+".", known)
	if o.err == nil {
		each(o)
	}
	r.err = o.err
}

// Queries is one string or a list of them: at least one, at most so many, none of them
// empty, each of at most so many bytes as is said.
func (r *Reader) Queries(name string, most, bytes int) []string {
	v := r.value(name)
	if v == nil {
		r.Need(name)
		return nil
	}
	var texts []string
	if v.Kind() == jsonscan.StringKind {
		texts = []string{v.Text()}
	} else if !r.list(name, most, func(v rawjson.Value) bool {
		texts = append(texts, v.Text())
		return v.Kind() == jsonscan.StringKind
	}, "a string or a list of strings") {
		return nil
	}
	if len(texts) == 0 {
		r.Refuse(name, "must not be empty")
	}
	for _, text := range texts {
		if text == "" || len(text) > bytes {
			r.Refuse(name, "must not be empty, and have at most "+strconv.Itoa(bytes)+" bytes")
		}
	}
	return texts
}

// What metadata and attributes may have.
const (
	maxKeys   = 16
	maxKey    = 64  // characters of a key
	maxText   = 512 // characters of a value
	ruleLarge = "must have at most 16 keys of 1 to 64 characters, with values of at most 512"
)

// Metadata is an object of strings, numbers, true and false: at most 16, under keys of
// at most 64 characters, with values of at most 512. It is nil if it is not there.
func (r *Reader) Metadata(name string) map[string]any {
	v := r.value(name)
	if v == nil {
		return nil
	}
	data, err := Metadata(v)
	if e := fairlead.AsError(err); e != nil {
		e.Param = r.at + name
		e.Message = e.Param + " " + e.Message
		r.err = e
		return nil
	}
	return data
}

// Labels is Metadata of which all values are strings.
func (r *Reader) Labels(name string) map[string]string {
	data := r.Metadata(name)
	if data == nil {
		return nil
	}
	labels := make(map[string]string, len(data))
	for key, value := range data {
		text, ok := value.(string)
		if !ok {
			r.wrong(name, "an object of strings")
			return nil
		}
		labels[key] = text
	}
	return labels
}

// Metadata reads a text as Reader.Metadata reads a member. The Message of its error is
// to stand behind the name of what was read.
func Metadata(text []byte) (map[string]any, error) {
	invalid := func(code, rule string) error {
		return &fairlead.Error{Kind: fairlead.Invalid, Code: code, Message: rule}
	}
	data := make(map[string]any)
	_, err := jsonscan.Object(text, func(name []byte, at jsonscan.Span) error {
		value := scalar(valueAt(text, at))
		if value == nil {
			return invalid(codeInvalidType, "must have strings, numbers, true and false as its values")
		}
		written, _ := value.(string)
		if len(data) == maxKeys || utf8.RuneCountInString(written) > maxText || utf8.RuneCount(name) > maxKey || len(name) == 0 {
			return invalid(codeInvalidValue, ruleLarge)
		}
		data[string(name)] = value
		return nil
	})
	if _, told := errors.AsType[*fairlead.Error](err); told {
		return nil, err
	}
	if err != nil {
		if broken, ok := errors.AsType[*jsonscan.Error](err); ok && broken.Reason == jsonscan.DuplicateKey {
			return nil, invalid(codeDuplicateKey, "names a key twice")
		}
		return nil, invalid(codeInvalidType, "must be a JSON object")
	}
	return data, nil
}

// scalar is a string, float64 or bool; nil if the value is none, or a number too large
// for one.
func scalar(v rawjson.Value) any {
	switch v.Kind() {
	case jsonscan.StringKind:
		return v.Text()
	case jsonscan.TrueKind:
		return true
	case jsonscan.FalseKind:
		return false
	case jsonscan.NumberKind:
		if n, err := strconv.ParseFloat(string(v), 64); err == nil {
			return n
		}
	}
	return nil
}
