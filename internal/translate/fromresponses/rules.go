package fromresponses

import "github.com/fairleadhq/fairlead/internal/translate/field"

// Fields are the rules of the fields at the top of a request of the Responses API.
// What becomes of those further down is in the code, and told by the documentation
// alone.
func Fields() []field.Rule {
	return []field.Rule{
		{Name: "model", Fate: field.Mapped, Becomes: "model", Why: "the name that the provider knows"},
		{Name: "instructions", Fate: field.Mapped, Becomes: "messages", Why: "the first message, of the system, together with the system and developer messages that lead the input"},
		{Name: "input", Fate: field.Mapped, Becomes: "messages"},
		{Name: "previous_response_id", Fate: field.Mapped, Becomes: "messages", Why: "what Fairlead keeps of the conversation goes before the input; refused where it keeps none"},
		{Name: "conversation", Fate: field.Refused, Why: "conversations are with another provider"},
		{Name: "prompt", Fate: field.Refused, Why: "prompt templates are with another provider"},
		{Name: "max_output_tokens", Fate: field.Mapped, Becomes: "max_completion_tokens", Why: "or max_tokens, as the provider wants it"},
		{Name: "temperature", Fate: field.Kept, Becomes: "temperature"},
		{Name: "top_p", Fate: field.Kept, Becomes: "top_p"},
		{Name: "top_logprobs", Fate: field.Mapped, Becomes: "logprobs, top_logprobs"},
		{Name: "stream", Fate: field.Mapped, Becomes: "stream, stream_options.include_usage"},
		{Name: "stream_options", Fate: field.Mapped, Why: "obfuscation is reported as dropped"},
		{Name: "tools", Fate: field.Mapped, Becomes: "tools"},
		{Name: "tool_choice", Fate: field.Mapped, Becomes: "tool_choice", Why: "auto and none are left out where there are no tools; allowed_tools leaves the others out; a tool that is not a function, custom or in a namespace is refused"},
		{Name: "parallel_tool_calls", Fate: field.Mapped, Becomes: "parallel_tool_calls", Why: "false alone, and beside tools: true goes without saying"},
		{Name: "max_tool_calls", Fate: field.Dropped, Why: "it counts calls that the provider makes itself"},
		{Name: "text", Fate: field.Mapped, Becomes: "response_format, verbosity"},
		{Name: "reasoning", Fate: field.Mapped, Becomes: "reasoning_effort", Why: "what the provider tells of its reasoning is the summary; another summary than auto is dropped"},
		{Name: "include", Fate: field.Mapped, Becomes: "logprobs", Why: "message.output_text.logprobs alone; others are dropped"},
		{Name: "user", Fate: field.Kept, Becomes: "user"},
		{Name: "safety_identifier", Fate: field.Mapped, Becomes: "user", Why: "dropped where user is set"},
		{Name: "service_tier", Fate: field.Kept, Becomes: "service_tier"},
		{Name: "moderation", Fate: field.Kept, Becomes: "moderation"},
		{Name: "metadata", Fate: field.Mapped, Why: "it stays with the response; the provider is not told"},
		{Name: "store", Fate: field.Mapped, Why: "Fairlead keeps the response itself"},
		{Name: "background", Fate: field.Mapped, Why: "dealt with by Fairlead"},
		{Name: "truncation", Fate: field.Mapped, Why: "auto is dropped; disabled goes without saying"},
		{Name: "prompt_cache_key", Fate: field.Dropped},
		{Name: "prompt_cache_options", Fate: field.Dropped},
		{Name: "prompt_cache_retention", Fate: field.Dropped},
		{Name: "context_management", Fate: field.Dropped},
		{Name: "client_metadata", Fate: field.Dropped, Why: "no field of OpenAI's documentation, but of its clients"},
	}
}
