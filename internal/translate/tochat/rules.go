package tochat

import "github.com/fairleadhq/fairlead/internal/translate/field"

// Rules is the table of the fields of a messages request that are known.
func Rules() []field.Rule { return append(fields(), details()...) }

// fields are those at the top.
func fields() []field.Rule {
	return []field.Rule{
		{Name: "model", Fate: field.Mapped, Becomes: "model", Why: "the name that the provider knows"},
		{Name: "system", Fate: field.Mapped, Becomes: "messages", Why: "the first message"},
		{Name: "messages", Fate: field.Mapped, Becomes: "messages"},
		{Name: "max_tokens", Fate: field.Mapped, Becomes: "max_completion_tokens", Why: "or max_tokens, as the provider wants it; 0 is refused, since there is no call without an answer"},
		{Name: "temperature", Fate: field.Kept, Becomes: "temperature"},
		{Name: "top_p", Fate: field.Kept, Becomes: "top_p"},
		{Name: "top_k", Fate: field.Dropped},
		{Name: "stop_sequences", Fate: field.Mapped, Becomes: "stop"},
		{Name: "stream", Fate: field.Mapped, Becomes: "stream, stream_options.include_usage"},
		{Name: "tools", Fate: field.Mapped, Becomes: "tools"},
		{Name: "tool_choice", Fate: field.Mapped, Becomes: "tool_choice, parallel_tool_calls", Why: "any becomes required"},
		{Name: "thinking", Fate: field.Mapped, Becomes: "reasoning_effort", Why: "a budget below 4096 tokens is low, below 16384 medium, else high; adaptive leaves it to the model; disabled is dropped"},
		{Name: "output_config", Fate: field.Mapped, Becomes: "reasoning_effort, response_format", Why: "effort goes before thinking"},
		{Name: "output_format", Fate: field.Mapped, Becomes: "response_format", Why: "the older name of output_config.format"},
		{Name: "metadata", Fate: field.Mapped, Becomes: "user", Why: "user_id alone; dropped if longer than 64 characters, which is OpenAI's limit"},
		{Name: "service_tier", Fate: field.Mapped, Becomes: "service_tier", Why: "standard_only becomes default"},
		{Name: "cache_control", Fate: field.Dropped},
		{Name: "context_management", Fate: field.Dropped},
		{Name: "speed", Fate: field.Dropped},
		{Name: "user_profile_id", Fate: field.Dropped},
		{Name: "diagnostics", Fate: field.Dropped},
		{Name: "fallbacks", Fate: field.Dropped},
		{Name: "container", Fate: field.Refused, Why: "the provider has no containers"},
		{Name: "mcp_servers", Fate: field.Refused, Why: "the provider does not call MCP servers"},
		{Name: "inference_geo", Fate: field.Refused, Why: "where the provider works can't be promised"},
	}
}

// details are those further down.
func details() []field.Rule {
	return []field.Rule{
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
	}
}
