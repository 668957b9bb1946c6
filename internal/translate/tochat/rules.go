package tochat

import "github.com/fairleadhq/fairlead/internal/translate/field"

// Fields are the rules of the fields at the top of a messages request, in the order of the
// documentation. What becomes of those further down is in the code, and told by the
// documentation alone.
func Fields() []field.Rule {
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
		{Name: "tool_choice", Fate: field.Mapped, Becomes: "tool_choice, parallel_tool_calls", Why: "any becomes required; auto and none are left out where there are no tools"},
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
