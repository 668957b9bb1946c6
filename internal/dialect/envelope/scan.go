package envelope

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// The codes of a body that is refused.
const (
	codeInvalidJSON  = "invalid_json"
	codeDuplicateKey = "duplicate_key"
	codeInvalidType  = "invalid_type"
	codeMissingField = "missing_field"
	codeTooManyItems = "too_many_items"
)

// MaxItems is how many elements a list of messages or items may have: what is kept of an
// element beside its bytes is more than these, where elements are small.
const MaxItems = 100_000

// maxNameShown is the longest member name that an error repeats.
const maxNameShown = 64

// Chat reads the envelope of a chat completion body and checks the members
// that the service acts on: model, messages, stream, stream_options,
// max_tokens, max_completion_tokens, tools and n. All but messages may be left
// out or null. Everything else passes unread, as long as the body is one valid
// JSON object without duplicate names.
//
// Errors are *fairlead.Error of Kind Invalid with the codes invalid_json,
// duplicate_key, invalid_type (Param names the member), missing_field and, of more than
// MaxItems messages, too_many_items. They
// never quote the body, but for a duplicate name that looks like a field's.
func Chat(body []byte) (fairlead.Envelope, error) {
	scan := newBodyScan(body)
	if err := scan.read(scan.chatMember); err != nil {
		return fairlead.Envelope{}, err
	}
	return scan.chat()
}

// Embeddings reads the envelope of an embeddings body: model, which may be
// left out, and input, which must be a string or an array that is not empty.
// Errors are those of Chat.
func Embeddings(body []byte) (fairlead.Envelope, error) {
	scan := newBodyScan(body)
	sawInput := false
	err := scan.read(func(name []byte) error {
		switch string(name) {
		case "model":
			return scan.model()
		case "input":
			sawInput = true
			return scan.input()
		}
		return nil
	})
	if err == nil && !sawInput {
		err = missing("input", "The body has no input")
	}
	if err != nil {
		return fairlead.Envelope{}, err
	}
	return scan.env, nil
}

// bodyScan is one pass over a request's body.
type bodyScan struct {
	*jsonscan.Scanner
	body []byte
	env  fairlead.Envelope
	// completionTokens is max_completion_tokens, beside max_tokens: the larger is
	// what the answer may cost.
	completionTokens int
	sawMessages      bool
	saidUsage        bool // the stream options say whether usage is told
	nested           bool // see noteNested
}

func newBodyScan(body []byte) *bodyScan {
	return &bodyScan{Scanner: jsonscan.NewScanner(body), body: body}
}

// read reads the whole body and notes where it closes. Errors of the scanner
// become errors for the caller.
func (s *bodyScan) read(member func(name []byte) error) error {
	all, err := s.Object(member)
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return refuse(s.body, err)
	}
	s.env.CloseAt = all.End - 1
	return nil
}

// chat returns the envelope of a chat body that has been read.
func (s *bodyScan) chat() (fairlead.Envelope, error) {
	if !s.sawMessages {
		return fairlead.Envelope{}, missing("messages", "The body has no messages")
	}
	s.env.MaxTokens = max(s.env.MaxTokens, s.completionTokens)
	s.env.Flat = !s.nested
	return s.env, nil
}

// noteNested looks at a member's value, of a message or of the body: an array or an
// object may hold anything, an image too.
func (s *bodyScan) noteNested() {
	kind := s.Kind()
	s.nested = s.nested || kind == jsonscan.ArrayKind || kind == jsonscan.ObjectKind
}

func (s *bodyScan) chatMember(name []byte) error {
	switch string(name) {
	case "messages":
		s.sawMessages = true
		return s.messages()
	case "stream_options":
		return s.streamOptions()
	}
	s.noteNested()
	var err error
	switch string(name) {
	case "model":
		return s.model()
	case "stream":
		s.env.Stream, err = s.boolean("stream")
	case "max_tokens":
		s.env.MaxTokens, err = s.count("max_tokens")
	case "max_completion_tokens":
		s.completionTokens, err = s.count("max_completion_tokens")
	case "n":
		s.env.Choices, err = s.count("n")
	case "tools":
		if kind := s.Kind(); kind != jsonscan.ArrayKind && kind != jsonscan.NullKind {
			return s.wrongType("tools", "an array")
		}
	}
	return err
}

func (s *bodyScan) model() error {
	kind := s.Kind()
	if kind != jsonscan.StringKind && kind != jsonscan.NullKind {
		return s.wrongType("model", "a string")
	}
	value, err := s.Skip()
	if err != nil {
		return err
	}
	s.env.ModelAt = fairlead.Span(value)
	if kind == jsonscan.StringKind {
		s.env.Model, err = jsonscan.String(s.body[value.Start:value.End])
	}
	return err
}

func (s *bodyScan) streamOptions() error {
	if s.Kind() == jsonscan.NullKind {
		value, err := s.Skip()
		s.env.StreamOptionsAt = fairlead.Span(value)
		return err
	}
	if s.Kind() != jsonscan.ObjectKind {
		return s.wrongType("stream_options", "an object")
	}
	value, err := s.Object(func(name []byte) error {
		var err error
		if string(name) == "include_usage" {
			s.saidUsage = true
			s.env.IncludeUsage, err = s.boolean("stream_options.include_usage")
		}
		return err
	})
	s.env.StreamOptionsAt = fairlead.Span(value)
	return err
}

// messages reads the messages: objects, at least one, each with a role.
func (s *bodyScan) messages() error {
	if s.Kind() != jsonscan.ArrayKind {
		return s.wrongType("messages", "an array")
	}
	n := 0
	_, err := s.Array(func() error {
		if s.Kind() != jsonscan.ObjectKind {
			return s.wrongType(fmt.Sprintf("messages[%d]", n), "an object")
		}
		if n == MaxItems {
			return TooManyItems("messages")
		}
		sawRole := false
		if _, err := s.Object(func(name []byte) error {
			s.noteNested()
			if string(name) != "role" {
				return nil
			}
			sawRole = true
			if s.Kind() != jsonscan.StringKind {
				return s.wrongType(fmt.Sprintf("messages[%d].role", n), "a string")
			}
			return nil
		}); err != nil {
			return err
		}
		if !sawRole {
			return missing(fmt.Sprintf("messages[%d].role", n), "A message has no role")
		}
		n++
		return nil
	})
	if err == nil && n == 0 {
		err = missing("messages", "messages must hold at least one message")
	}
	return err
}

func (s *bodyScan) input() error {
	kind := s.Kind()
	if kind != jsonscan.StringKind && kind != jsonscan.ArrayKind {
		return s.wrongType("input", "a string or an array")
	}
	empty := true
	if kind == jsonscan.ArrayKind {
		_, err := s.Array(func() error { empty = false; return nil })
		if err != nil {
			return err
		}
	} else {
		value, err := s.Skip()
		if err != nil {
			return err
		}
		empty = value.End-value.Start == len(`""`)
	}
	if empty {
		return missing("input", "input must not be empty")
	}
	return nil
}

// boolean reads true, false or null.
func (s *bodyScan) boolean(param string) (bool, error) {
	kind := s.Kind()
	if kind != jsonscan.TrueKind && kind != jsonscan.FalseKind && kind != jsonscan.NullKind {
		return false, s.wrongType(param, "true or false")
	}
	_, err := s.Skip()
	return kind == jsonscan.TrueKind, err
}

// count reads a non-negative integer or null.
func (s *bodyScan) count(param string) (int, error) {
	const want = "a non-negative integer"
	switch s.Kind() {
	case jsonscan.NullKind:
		_, err := s.Skip()
		return 0, err
	case jsonscan.NumberKind:
		value, err := s.Skip()
		if err != nil {
			return 0, err
		}
		if n, ok := jsonscan.Int(s.body[value.Start:value.End]); ok && n >= 0 {
			return n, nil
		}
		return 0, invalidType(param, want)
	}
	return 0, s.wrongType(param, want)
}

// wrongType refuses the value at which the scanner stands, unless that is no
// value at all.
func (s *bodyScan) wrongType(param, want string) error {
	if s.Kind() == jsonscan.NoKind {
		if _, err := s.Skip(); err != nil {
			return err
		}
	}
	return invalidType(param, want)
}

func invalidType(param, want string) error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: codeInvalidType, Param: param,
		Message: param + " must be " + want,
	}
}

func missing(param, message string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: codeMissingField, Param: param, Message: message}
}

// TooManyItems refuses a list of more than MaxItems elements.
func TooManyItems(param string) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: codeTooManyItems, Param: param,
		Message: param + " has too many elements", Detail: fmt.Sprintf("at most %d", MaxItems),
	}
}

// refuse turns an error of the scanner into one for the caller.
func refuse(body []byte, err error) error {
	var broken *jsonscan.Error
	if !errors.As(err, &broken) {
		return err
	}
	if broken.Reason == jsonscan.DuplicateKey {
		e := &fairlead.Error{
			Kind: fairlead.Invalid, Code: codeDuplicateKey,
			Message: "The body names a key twice in one object", Detail: position(body, broken.Offset),
		}
		if isIdentifier(broken.Name) {
			e.Param = broken.Name
		}
		return e
	}
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: codeInvalidJSON,
		Message: "The body is not a valid JSON object", Detail: broken.Reason + " at " + position(body, broken.Offset),
	}
}

// position tells an offset as people count. Columns are bytes.
func position(body []byte, offset int) string {
	before := body[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := offset - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("byte %d (line %d, column %d)", offset, line, column)
}

// isIdentifier reports whether name looks like a field's, so that repeating it
// gives nothing away.
func isIdentifier(name string) bool {
	if name == "" || len(name) > maxNameShown {
		return false
	}
	for _, c := range []byte(name) {
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
