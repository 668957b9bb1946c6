package tomessages

import "github.com/fairleadhq/fairlead/internal/translate/field"

// Fields are the rules of the fields at the top of a chat completion, in the order of the
// documentation. What becomes of those further down is in the code, and told by the
// documentation alone.
func Fields() []field.Rule {
	return []field.Rule{
		{Name: "model", Fate: field.Mapped, Becomes: "model", Why: "the name that the provider knows"},
		{Name: "messages", Fate: field.Mapped, Becomes: "system, messages"},
		{Name: "max_completion_tokens", Fate: field.Mapped, Becomes: "max_tokens"},
		{Name: "max_tokens", Fate: field.Mapped, Becomes: "max_tokens", Why: "unless max_completion_tokens says it; where neither does, 4096 and the budget for thinking, if one is set"},
		{Name: "temperature", Fate: field.Mapped, Becomes: "temperature", Why: "above 1 it becomes 1 and is reported; beside reasoning only 1 is possible, others are dropped"},
		{Name: "top_p", Fate: field.Kept, Becomes: "top_p"},
		{Name: "top_k", Fate: field.Mapped, Becomes: "top_k", Why: "no field of OpenAI's, but of many providers'; dropped beside reasoning"},
		{Name: "stop", Fate: field.Mapped, Becomes: "stop_sequences", Why: "a sequence that is only white space is refused"},
		{Name: "stream", Fate: field.Kept, Becomes: "stream"},
		{Name: "stream_options", Fate: field.Mapped, Why: "usage is told in the stream where the client asked for it"},
		{Name: "tools", Fate: field.Mapped, Becomes: "tools"},
		{Name: "tool_choice", Fate: field.Mapped, Becomes: "tool_choice", Why: "required becomes any; auto and none are left out where there are no tools; allowed_tools and custom are refused"},
		{Name: "parallel_tool_calls", Fate: field.Mapped, Becomes: "tool_choice.disable_parallel_tool_use"},
		{Name: "response_format", Fate: field.Mapped, Becomes: "output_config.format", Why: "json_schema alone; json_object is refused, since there is no such mode"},
		{Name: "reasoning_effort", Fate: field.Mapped, Becomes: "thinking, output_config.effort", Why: "none turns thinking off, minimal becomes low; older models get a budget"},
		{Name: "thinking", Fate: field.Kept, Becomes: "thinking", Why: "no field of OpenAI's; it goes before reasoning_effort"},
		{Name: "user", Fate: field.Mapped, Becomes: "metadata.user_id"},
		{Name: "safety_identifier", Fate: field.Mapped, Becomes: "metadata.user_id", Why: "dropped where user is set"},
		{Name: "service_tier", Fate: field.Mapped, Becomes: "service_tier", Why: "auto and priority become auto, default becomes standard_only, others are dropped"},
		{Name: "frequency_penalty", Fate: field.Dropped},
		{Name: "presence_penalty", Fate: field.Dropped},
		{Name: "seed", Fate: field.Dropped},
		{Name: "metadata", Fate: field.Dropped},
		{Name: "store", Fate: field.Dropped},
		{Name: "prediction", Fate: field.Dropped},
		{Name: "verbosity", Fate: field.Dropped},
		{Name: "prompt_cache_key", Fate: field.Dropped},
		{Name: "prompt_cache_options", Fate: field.Dropped},
		{Name: "prompt_cache_retention", Fate: field.Dropped},
		{Name: "n", Fate: field.Mapped, Why: "1 goes without saying; anything else is refused"},
		{Name: "logprobs", Fate: field.Refused, Why: "there are no log probabilities"},
		{Name: "top_logprobs", Fate: field.Refused, Why: "there are no log probabilities"},
		{Name: "logit_bias", Fate: field.Refused, Why: "tokens can't be weighted"},
		{Name: "modalities", Fate: field.Mapped, Why: "text goes without saying; anything else is refused"},
		{Name: "audio", Fate: field.Refused, Why: "answers are text"},
		{Name: "web_search_options", Fate: field.Refused, Why: "the provider's search is another one"},
		{Name: "moderation", Fate: field.Refused, Why: "the provider has no such check"},
		{Name: "functions", Fate: field.Refused, Why: "it was replaced by tools"},
		{Name: "function_call", Fate: field.Refused, Why: "it was replaced by tool_choice"},
	}
}
