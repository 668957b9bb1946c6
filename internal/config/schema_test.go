package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// schemaNode is the part of JSON Schema that the configuration's uses.
type schemaNode struct {
	Schema               string                `json:"$schema"`
	Type                 string                `json:"type"`
	Description          string                `json:"description"`
	Default              any                   `json:"default"`
	Enum                 []any                 `json:"enum"`
	Pattern              string                `json:"pattern"`
	Minimum, Maximum     *float64              `json:",omitempty"`
	ExclusiveMaximum     *float64              `json:"exclusiveMaximum"`
	AnyOf                []*schemaNode         `json:"anyOf"`
	Items                *schemaNode           `json:"items"`
	Properties           map[string]schemaNode `json:"properties"`
	PropertyNames        *schemaNode           `json:"propertyNames"`
	AdditionalProperties json.RawMessage       `json:"additionalProperties"`
}

func madeSchema(t *testing.T) schemaNode {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root schemaNode
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// check says where value breaks the schema.
func (s schemaNode) check(at string, value any) []string {
	if len(s.AnyOf) > 0 {
		return s.checkAny(at, value)
	}
	switch v := value.(type) {
	case map[string]any:
		return s.checkObject(at, v)
	case []any:
		return s.checkList(at, v)
	}
	if !s.fits(value) {
		return []string{fmt.Sprintf("%s: %v", at, value)}
	}
	return nil
}

// fits reports whether a value that is neither a list nor an object may be.
func (s schemaNode) fits(value any) bool {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		return false
	}
	switch v := value.(type) {
	case string:
		return s.Type == "string" && regexp.MustCompile(s.Pattern).MatchString(v)
	case bool:
		return s.Type == "boolean"
	case int:
		return (s.Type == "integer" || s.Type == "number") && s.holds(float64(v))
	case float64:
		return s.Type == "number" && s.holds(v)
	}
	return false
}

// holds reports whether a number is within the bounds.
func (s schemaNode) holds(v float64) bool {
	return (s.Minimum == nil || v >= *s.Minimum) && (s.Maximum == nil || v <= *s.Maximum) &&
		(s.ExclusiveMaximum == nil || v < *s.ExclusiveMaximum)
}

func (s schemaNode) checkAny(at string, value any) []string {
	var all []string
	for _, option := range s.AnyOf {
		wrong := option.check(at, value)
		if len(wrong) == 0 {
			return nil
		}
		all = append(all, wrong...)
	}
	return all
}

func (s schemaNode) checkList(at string, list []any) []string {
	if s.Type != "array" {
		return []string{at + ": a list"}
	}
	var wrong []string
	for i, item := range list {
		wrong = append(wrong, s.Items.check(fmt.Sprintf("%s[%d]", at, i), item)...)
	}
	return wrong
}

func (s schemaNode) checkObject(at string, object map[string]any) []string {
	if s.Type != "object" {
		return []string{at + ": keys with values"}
	}
	var wrong []string
	for name, value := range object {
		property, known := s.Properties[name]
		if !known {
			if string(s.AdditionalProperties) == "false" {
				wrong = append(wrong, at+"."+name+": unknown")
				continue
			}
			if err := json.Unmarshal(s.AdditionalProperties, &property); err != nil {
				return []string{err.Error()}
			}
		}
		wrong = append(wrong, property.check(at+"."+name, value)...)
	}
	return wrong
}

func TestExampleFitsTheSchema(t *testing.T) {
	var example map[string]any
	if err := yaml.Unmarshal(readExample(t), &example); err != nil {
		t.Fatal(err)
	}
	root := madeSchema(t)
	if wrong := root.check("", example); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
	if want := "https://json-schema.org/draft/2020-12/schema"; root.Schema != want {
		t.Errorf("$schema is %s, want %s", root.Schema, want)
	}
}

func TestSchemaRefusesWhatLoadRefuses(t *testing.T) {
	root := madeSchema(t)
	for _, file := range []string{
		"servr: {}",
		"limits: {max_queue: -1}",
		"limits: {max_queue: 1000001}",
		"limits: {max_queue: many}",
		"timeouts: {chat: soon}",
		"server: {max_body: 1XB}",
		"server: {insecure_public: maybe}",
		"server: {log_format: xml}",
		"server: {worker_threads: 0}",
		"documents: {rerank: {by: guess}}",
		"limits: {token_mode: exact}",
		"limits: {shadow: [all]}",
		"limits: {shadow: burst}",
		"limits: {error_alert: {rate: 1}}",
		"limits: {error_alert: {rate: 1.5}}",
		"limits: {error_alert: {rate: -0.5}}",
		"limits: {error_alert: {min_requests: 0}}",
		"apps: [{name: a, weight: 0}]",
		"apps: [{name: a, weight: 1001}]",
		"apps: [{name: a, class: night}]",
		"alerts: {webhook: [x]}",
		"chat: {sse: {max_streams: -1}}",
		"chat: {websocket: {concurrency: {uvicorn: {workers: 0}}}}",
		"chat: {websocket: {concurrency: {server: {backlog: 65536}}}}",
		"apps: {a: 1}",
		"llm: {providers: {openai: {responses: often}}}",
		"llm: {providers: {openai: {http_client: {max_connections: 100001}}}}",
	} {
		var value map[string]any
		if err := yaml.Unmarshal([]byte(file), &value); err != nil {
			t.Fatal(err)
		}
		if wrong := root.check("", value); len(wrong) == 0 {
			t.Errorf("the schema accepts %s", file)
		}
		if _, err := Load(Input{Data: []byte(file)}); err == nil {
			t.Errorf("Load accepts %s", file)
		}
	}
}

// TestEveryKeyOfTheSchemaIsAccepted writes a file of every key that the schema
// has, with a value that it allows, and loads it.
func TestEveryKeyOfTheSchemaIsAccepted(t *testing.T) {
	root := madeSchema(t)
	var shapes []string
	value := sample(t, root, "", &shapes)
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Input{Data: text}); err != nil {
		t.Errorf("%s\n%v", text, err)
	}
	slices.Sort(shapes)
	want := strictyaml.Shapes(reflect.TypeFor[Config](), "")
	slices.Sort(want)
	if !slices.Equal(shapes, want) {
		t.Errorf("the schema has\n%q, want\n%q", shapes, want)
	}
}

// sample makes a value that fits the schema and notes the shapes of its keys,
// each of which must be documented.
func sample(t *testing.T, s schemaNode, shape string, shapes *[]string) any {
	t.Helper()
	special := map[string]any{
		"apps[].name": "a", "apps[].keys": []string{"0123456789abcdefghijklmno"}, "apps[].models": []string{"*"},
		"server.tls.cert_file": "config.go", "server.tls.key_file": "config.go", "llm.default_model": "m",
		"alerts.webhook": "https://a/b", "chat.websocket.allowed_origins": []string{"https://a.example"},
		"llm.fallbacks": map[string][]string{"a": {"b"}}, "llm.providers.*.api_key": "", "llm.providers.*.hedge.after": "p95",
		"llm.aliases": map[string]string{"a": "b"}, "llm.providers.*.base_url": "https://a", "llm.providers.*.dialect": "openai",
	}
	if value, ok := special[shape]; ok {
		return value
	}
	switch {
	case s.Default != nil:
		return s.Default
	case len(s.Properties) > 0:
		object := map[string]any{}
		for name, property := range s.Properties {
			if name == "uvicorn" { // another name of the one beside it
				continue
			}
			inner := strings.TrimPrefix(shape+"."+name, ".")
			*shapes = append(*shapes, inner)
			if property.Description == "" {
				t.Errorf("%s is not documented", inner)
			}
			object[name] = sample(t, property, inner, shapes)
		}
		return object
	case shape == "llm.providers":
		var provider schemaNode
		if err := json.Unmarshal(s.AdditionalProperties, &provider); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"mine": sample(t, provider, shape+".*", shapes)}
	case s.Items != nil && s.Items.Properties != nil:
		return []any{sample(t, *s.Items, shape+"[]", shapes)}
	case s.Items != nil:
		return []string{"m"}
	case len(s.AnyOf) > 0 && s.AnyOf[0].Type == "boolean":
		return true
	case len(s.AnyOf) > 0:
		return 1
	}
	return "text"
}
