package field

import (
	"errors"
	"fmt"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The codes of a body that is refused.
const (
	codeUntranslatable = "untranslatable_field"
	codeInvalidJSON    = "invalid_json"
	codeDuplicateKey   = "duplicate_key"
	codeInvalidType    = "invalid_type"
	codeMissingField   = "missing_field"
	codeTooManyItems   = "too_many_items"
)

// fault is what is wrong with a field. The path grows from the inside out, on
// its way up.
type fault struct {
	code, path, why string
}

// Error describes the fault.
func (f *fault) Error() string { return f.path + ": " + f.why }

// Refuse says that a field can't be translated, and why, in a clause.
func Refuse(path, why string) error {
	return &fault{code: codeUntranslatable, path: path, why: why}
}

// MustBe says that a field has the wrong type.
func MustBe(path, want string) error {
	return &fault{code: codeInvalidType, path: path, why: want}
}

// Missing says that a field is not there.
func Missing(path string) error { return &fault{code: codeMissingField, path: path} }

// Below puts a path before that of a fault; "" if it has none yet.
func Below(err error, path string) error {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return err
	}
	if f.path != "" && f.path[0] != '[' {
		path += "."
	}
	f.path = path + f.path
	return f
}

// Object reads the value of a field that must be an object.
func Object(path string, value rawjson.Value) (rawjson.Object, error) {
	if value.Kind() != jsonscan.ObjectKind {
		return nil, MustBe(path, "an object")
	}
	return rawjson.ReadObject(value)
}

// Array reads the value of a field that must be an array, of envelope.MaxItems elements
// at most.
func Array(path string, value rawjson.Value) ([]rawjson.Value, error) {
	if value.Kind() != jsonscan.ArrayKind {
		return nil, MustBe(path, "an array")
	}
	var list []rawjson.Value
	err := jsonscan.Array(value, func(at jsonscan.Span) error {
		if len(list) == envelope.MaxItems {
			return &fault{code: codeTooManyItems, path: path}
		}
		list = append(list, value[at.Start:at.End:at.End])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Each deals with the elements of the array at path, one after the other.
func Each(path string, list []rawjson.Value, deal func(element rawjson.Value) error) error {
	for i, element := range list {
		if err := deal(element); err != nil {
			return Below(err, fmt.Sprintf("%s[%d]", path, i))
		}
	}
	return nil
}

// Text returns the value of a member that must be a string.
func Text(o rawjson.Object, name string) (rawjson.Value, error) {
	value := o.Get(name)
	switch value.Kind() {
	case jsonscan.StringKind:
		return value, nil
	case jsonscan.NoKind, jsonscan.NullKind:
		return nil, Missing(name)
	}
	return nil, MustBe(name, "a string")
}

// Flag reads the value of a field that must be true or false.
func Flag(path string, value rawjson.Value) (bool, error) {
	switch value.Kind() {
	case jsonscan.TrueKind:
		return true, nil
	case jsonscan.FalseKind, jsonscan.NoKind, jsonscan.NullKind:
		return false, nil
	}
	return false, MustBe(path, "true or false")
}

// Complain makes the error for the caller of what went wrong in a translation to
// the API of that name.
func Complain(err error, api string) error {
	if broken, ok := errors.AsType[*jsonscan.Error](err); ok {
		if broken.Reason == jsonscan.DuplicateKey {
			return &fairlead.Error{
				Kind: fairlead.Invalid, Code: codeDuplicateKey, Message: "The body names a key twice in one object",
			}
		}
		return &fairlead.Error{
			Kind: fairlead.Invalid, Code: codeInvalidJSON, Message: "The body is not a valid JSON object", Detail: broken.Reason,
		}
	}
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return err
	}
	e := &fairlead.Error{Kind: fairlead.Invalid, Code: f.code, Param: f.path}
	switch f.code {
	case codeInvalidType:
		e.Message = f.path + " must be " + f.why
	case codeMissingField:
		e.Message = f.path + " is missing"
	case codeTooManyItems:
		return envelope.TooManyItems(f.path)
	default:
		e.Message, e.Detail = f.path+" cannot be translated to "+api, f.why
	}
	return e
}
