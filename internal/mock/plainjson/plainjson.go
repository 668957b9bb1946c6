// Package plainjson is how the APIs of the mock read and write JSON: a body is
// read as strictly as the real ones do, and JSON is spelled on one line. It knows no
// API, and shares no code with the gateway, which the mock judges.
//
// Start with Decode.
package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
)

// Decode reads a JSON object into to. It refuses what upstreams are known to
// refuse, or to read in different ways.
func Decode(header http.Header, body []byte, to any) error {
	if kind, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errors.New("the Content-Type must be application/json")
	}
	if err := checkMembers(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("the body does not fit: %w", err)
	}
	return nil
}

// checkMembers refuses a body that is not one JSON object, and members of it
// that are there twice.
func checkMembers(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("the body is not a JSON object")
	}
	seen := make(map[json.Token]bool)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return errors.New("the body is not valid JSON")
		}
		if seen[name] {
			return fmt.Errorf("the member %q is there twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return errors.New("the body is not valid JSON")
		}
	}
	if !json.Valid(body) {
		return errors.New("the body is not valid JSON")
	}
	return nil
}

// Encode spells value as JSON on one line. The values are the mock's own, of
// strings and numbers, which always can be spelled.
func Encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return []byte("{}")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Arguments fills what a tool's schema requires with values of the right type.
func Arguments(schema json.RawMessage) string {
	var s struct {
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return "{}"
	}
	filled := make(map[string]any, len(s.Required))
	for _, name := range s.Required {
		filled[name] = sample(s.Properties[name])
	}
	return string(Encode(filled))
}

// sample is a value that fits a property's schema.
func sample(schema json.RawMessage) any {
	var s struct {
		Type any   `json:"type"`
		Enum []any `json:"enum"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return "mock"
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	switch s.Type {
	case "integer", "number":
		return 1
	case "boolean":
		return true
	case "array":
		return []any{}
	case "object":
		return map[string]any{}
	}
	return "mock"
}

// Halves cuts a text in two, so that a stream of it has more than one piece.
// The texts are JSON of this package's making or a caller's schema: the cut
// keeps to the start of a UTF-8 character.
func Halves(s string) []string {
	at := len(s) / 2
	for at > 0 && s[at]&0xC0 == 0x80 {
		at--
	}
	return []string{s[:at], s[at:]}
}
