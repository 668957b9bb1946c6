package translate_test

import (
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/tochat"
	"github.com/fairleadhq/fairlead/internal/translate/tomessages"
)

// chatRules and messagesRules are the tables of the documentation: the fields at
// the top, which the translations go by, and what becomes of those further down.
func chatRules() []field.Rule {
	return append(tomessages.Fields(), []field.Rule{
		{Name: "messages[].role", Fate: field.Mapped, Why: "system and developer messages go to system, wherever they stand; tool messages become tool results of a user turn; neighbours of one role become one turn; function is refused"},
		{Name: "messages[].content", Fate: field.Mapped, Becomes: "messages[].content", Why: "text that is empty or only white space is left out"},
		{Name: "messages[].content[].text", Fate: field.Kept, Becomes: "messages[].content[].text"},
		{Name: "messages[].content[].refusal", Fate: field.Mapped, Becomes: "messages[].content[].text"},
		{Name: "messages[].content[].image_url.url", Fate: field.Mapped, Becomes: "messages[].content[].source", Why: "an address, or base64 data"},
		{Name: "messages[].content[].image_url.detail", Fate: field.Dropped},
		{Name: "messages[].content[].file.file_data", Fate: field.Mapped, Becomes: "messages[].content[].source", Why: "PDF as base64 data; others are refused"},
		{Name: "messages[].content[].file.filename", Fate: field.Mapped, Becomes: "messages[].content[].title"},
		{Name: "messages[].content[].file.file_id", Fate: field.Refused, Why: "the file is with another provider"},
		{Name: "messages[].content[].input_audio", Fate: field.Refused, Why: "prompts are text, images and documents"},
		{Name: "messages[].name", Fate: field.Dropped},
		{Name: "messages[].refusal", Fate: field.Mapped, Becomes: "messages[].content[].text"},
		{Name: "messages[].tool_calls[].function", Fate: field.Mapped, Becomes: "messages[].content[].input", Why: "the arguments must be a JSON object, or empty"},
		{Name: "messages[].tool_calls[].custom", Fate: field.Refused, Why: "tools take JSON"},
		{Name: "messages[].tool_calls[].id", Fate: field.Mapped, Becomes: "messages[].content[].id", Why: "characters other than letters, digits, _ and - become _"},
		{Name: "messages[].tool_call_id", Fate: field.Mapped, Becomes: "messages[].content[].tool_use_id", Why: "likewise"},
		{Name: "messages[].reasoning_content", Fate: field.Dropped, Why: "thinking is only taken back with its signature"},
		{Name: "messages[].audio", Fate: field.Refused, Why: "the recording is with another provider"},
		{Name: "messages[].function_call", Fate: field.Refused, Why: "it was replaced by tool_calls"},
		{Name: "tools[].function.name", Fate: field.Kept, Becomes: "tools[].name"},
		{Name: "tools[].function.description", Fate: field.Kept, Becomes: "tools[].description"},
		{Name: "tools[].function.parameters", Fate: field.Kept, Becomes: "tools[].input_schema", Why: "a tool without parameters takes an empty object"},
		{Name: "tools[].function.strict", Fate: field.Kept, Becomes: "tools[].strict"},
		{Name: "tools[].custom", Fate: field.Refused, Why: "tools take JSON"},
		{Name: "response_format.json_schema.schema", Fate: field.Kept, Becomes: "output_config.format.schema"},
		{Name: "response_format.json_schema.name", Fate: field.Mapped, Why: "a label without effect; strict likewise, the schema always holds"},
		{Name: "response_format.json_schema.description", Fate: field.Dropped},
	}...)
}

func messagesRules() []field.Rule {
	return append(tochat.Fields(), []field.Rule{
		{Name: "messages[].role", Fate: field.Kept, Becomes: "messages[].role", Why: "tool results become tool messages, before the rest of their turn"},
		{Name: "messages[].content[].text", Fate: field.Kept, Becomes: "messages[].content[].text"},
		{Name: "messages[].content[].citations", Fate: field.Dropped},
		{Name: "messages[].content[].cache_control", Fate: field.Dropped, Why: "likewise in system and tools"},
		{Name: "messages[].content[].source", Fate: field.Mapped, Becomes: "messages[].content[].image_url, file or text", Why: "images as base64 data or address, documents as base64 data, text or content; files and addresses of documents are refused"},
		{Name: "messages[].content[].title", Fate: field.Mapped, Becomes: "messages[].content[].file.filename", Why: "of a document that becomes a file; else dropped, like context"},
		{Name: "messages[].content[].tool_use_id", Fate: field.Kept, Becomes: "messages[].tool_call_id"},
		{Name: "messages[].content[].content", Fate: field.Mapped, Becomes: "messages[].content", Why: "of a tool result; images and documents in it move to the user message behind"},
		{Name: "messages[].content[].is_error", Fate: field.Dropped},
		{Name: "messages[].content[].input", Fate: field.Mapped, Becomes: "messages[].tool_calls[].function.arguments"},
		{Name: "messages[].content[].thinking", Fate: field.Dropped, Why: "likewise redacted_thinking"},
		{Name: "messages[].content[].type", Fate: field.Refused, Why: "other blocks than text, image, document, thinking, tool_use and tool_result are refused"},
		{Name: "tools[].type", Fate: field.Refused, Why: "tools without type, or of type custom, are mapped; those that Anthropic defines or runs are refused"},
		{Name: "tools[].name", Fate: field.Kept, Becomes: "tools[].function.name"},
		{Name: "tools[].description", Fate: field.Kept, Becomes: "tools[].function.description"},
		{Name: "tools[].input_schema", Fate: field.Kept, Becomes: "tools[].function.parameters"},
		{Name: "tools[].strict", Fate: field.Kept, Becomes: "tools[].function.strict"},
		{Name: "output_config.format", Fate: field.Mapped, Becomes: "response_format.json_schema", Why: "strict, under the name answer"},
	}...)
}
