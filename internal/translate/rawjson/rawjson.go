// Package rawjson takes a JSON text apart, one level at a time, and puts another
// one together from its pieces. A value stays the bytes that it was: a string
// that moves from one text to another is neither unescaped nor escaped anew, a
// number keeps its digits, and what nobody asks for is never decoded. That is
// what keeps a translation exact, and cheap where prompts are long.
//
// Start with ReadObject and Writer.
package rawjson

import (
	"slices"
	"strconv"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// Value is one JSON value as it stands in its text, which it shares; nil is a
// value that is not there.
type Value []byte

// Kind is the kind of the value.
func (v Value) Kind() jsonscan.Kind { return jsonscan.KindOf(v) }

// Given reports whether the value is there and not null.
func (v Value) Given() bool {
	kind := v.Kind()
	return kind != jsonscan.NoKind && kind != jsonscan.NullKind
}

// Is reports whether the value is the string text.
func (v Value) Is(text string) bool { return v.Kind() == jsonscan.StringKind && v.Text() == text }

// Text is the string that the value stands for; "" if it is none.
func (v Value) Text() string {
	if v.Kind() != jsonscan.StringKind {
		return ""
	}
	text, err := jsonscan.String(v)
	if err != nil {
		return ""
	}
	return text
}

// Int is the integer that the value is; ok is false if it is none.
func (v Value) Int() (n int, ok bool) { return jsonscan.Int(v) }

// Count is the value as a number of things; 0 if it is none.
func (v Value) Count() int {
	n, _ := jsonscan.Int(v)
	return max(0, n)
}

// Inside is what stands between the quotes of a string, escapes and all; nil
// if the value is no string.
func (v Value) Inside() []byte {
	if v.Kind() != jsonscan.StringKind {
		return nil
	}
	return v[1 : len(v)-1]
}

// Member is a name, unescaped, and its value.
type Member struct {
	Name  string
	Value Value
}

// Object is the members of an object, in order. No name comes twice.
type Object []Member

// Get returns the value of a member; nil if there is none.
func (o Object) Get(name string) Value {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// ReadObject reads text, which must be one JSON object. The error is a
// *jsonscan.Error.
func ReadObject(text []byte) (Object, error) {
	o := make(Object, 0, 8)
	_, err := jsonscan.Object(text, func(name []byte, at jsonscan.Span) error {
		o = append(o, Member{Name: string(name), Value: Value(text[at.Start:at.End:at.End])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// ReadArray reads text, which must be one JSON array. The error is a
// *jsonscan.Error.
func ReadArray(text []byte) ([]Value, error) {
	var list []Value
	err := jsonscan.Array(text, func(at jsonscan.Span) error {
		list = append(list, Value(text[at.Start:at.End:at.End]))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Writer puts a text together. It sets the commas; that the rest is well formed
// is up to its user. The zero Writer is empty.
type Writer struct{ text []byte }

// NewWriter returns a Writer with room for size bytes.
func NewWriter(size int) *Writer { return &Writer{text: make([]byte, 0, size)} }

// Bytes is what was written so far.
func (w *Writer) Bytes() []byte { return w.text }

// Len is how many bytes were written so far.
func (w *Writer) Len() int { return len(w.text) }

// Insert puts a text, commas included, before what was written from at on.
func (w *Writer) Insert(at int, text []byte) { w.text = slices.Insert(w.text, at, text...) }

// Reset forgets what was written and keeps the room.
func (w *Writer) Reset() { w.text = w.text[:0] }

// Open begins an object, with '{', or an array, with '['.
func (w *Writer) Open(bracket byte) {
	w.comma()
	w.text = append(w.text, bracket)
}

// Close ends an object, with '}', or an array, with ']'.
func (w *Writer) Close(bracket byte) { w.text = append(w.text, bracket) }

// Name begins a member. The name must need no escaping.
func (w *Writer) Name(name string) {
	w.comma()
	w.text = append(append(append(w.text, '"'), name...), '"', ':')
}

// Raw writes a value as it is, or several with commas between them; nothing if
// it is empty.
func (w *Writer) Raw(value []byte) {
	if len(value) > 0 {
		w.comma()
		w.text = append(w.text, value...)
	}
}

// Text writes a string.
func (w *Writer) Text(text string) {
	w.comma()
	w.text = jsonscan.AppendString(w.text, text)
}

// Joined writes one string that is made of the insides of several.
func (w *Writer) Joined(insides ...[]byte) {
	w.comma()
	w.text = append(w.text, '"')
	for _, inside := range insides {
		w.text = append(w.text, inside...)
	}
	w.text = append(w.text, '"')
}

// Member writes a name and a value as it is, null if it is not there.
func (w *Writer) Member(name string, value Value) {
	w.Name(name)
	if len(value) == 0 {
		value = Value("null")
	}
	w.Raw(value)
}

// TextMember writes a name and a string.
func (w *Writer) TextMember(name, text string) {
	w.Name(name)
	w.Text(text)
}

// IntMember writes a name and an integer.
func (w *Writer) IntMember(name string, n int) {
	w.Name(name)
	w.text = strconv.AppendInt(w.text, int64(n), 10)
}

// comma writes a comma where the next value or member needs one. A text that is
// not empty ends in a bracket, a colon or a value.
func (w *Writer) comma() {
	if len(w.text) == 0 {
		return
	}
	switch w.text[len(w.text)-1] {
	case '{', '[', ':':
		return
	}
	w.text = append(w.text, ',')
}
