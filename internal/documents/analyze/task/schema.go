package task

import (
	"encoding/json"
	"maps"
)

// object is a JSON object that is written.
type object map[string]any

// ReadSchema is the JSON schema of the answer to Read, as the response_format of a chat
// completion.
func (t *Task) ReadSchema() json.RawMessage {
	return t.schema("findings", object{
		"citations": object{
			"type": "array",
			"items": closed(object{
				"page": object{"type": "integer"}, "quote": object{"type": "string"},
			}),
		},
	})
}

// MergeSchema is that of the answer to Merge.
func (t *Task) MergeSchema() json.RawMessage {
	return t.schema("merged_findings", object{
		"sources": object{"type": "array", "items": object{"type": "integer"}},
	})
}

func (t *Task) schema(name string, proof object) json.RawMessage {
	item := object{
		"category":   object{"type": "string", "enum": t.Categories},
		"title":      object{"type": "string"},
		"detail":     object{"type": "string"},
		"importance": object{"type": "integer"},
	}
	maps.Copy(item, proof)
	out, err := json.Marshal(object{
		"type": "json_schema",
		"json_schema": object{
			"name": name, "strict": true,
			"schema": closed(object{"findings": object{"type": "array", "items": closed(item)}}),
		},
	})
	if err != nil { // it is made of maps and strings
		return nil
	}
	return out
}

// closed is the schema of an object that has these members, all of them, and no others.
func closed(properties object) object {
	required := make([]string, 0, len(properties))
	for _, name := range []string{"category", "title", "detail", "importance", "citations", "sources", "page", "quote", "findings"} {
		if _, ok := properties[name]; ok {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}
