package tomessages

import "github.com/fairleadhq/fairlead/internal/translate/field"

// Rules is the table of the fields of a chat completion that are known.
func Rules() []field.Rule { return append(fields(), details()...) }

// fields are those at the top.
func fields() []field.Rule {
	return []field.Rule{
		{Name: "model", Fate: field.Mapped, Becomes: "model", Why: "the name that the provider knows"},
		{Name: "messages", Fate: field.Mapped, Becomes: "system, messages"},
		{Name: "max_completion_tokens", Fate: field.Mapped, Becomes: "max_tokens"},
		{Name: "max_tokens", Fate: field.Mapped, Becomes: "max_tokens", Why: "unless max_completion_tokens says it; 4096 where neither does"},
		{Name: "temperature", Fate: field.Mapped, Becomes: "temperature", Why: "above 1 it becomes 1 and is reported; beside reasoning only 1 is possible, others are dropped"},
		{Name: "top_p", Fate: field.Kept, Becomes: "top_p"},
		{Name: "top_k", Fate: field.Mapped, Becomes: "top_k", Why: "no field of OpenAI's, but of many providers'; dropped beside reasoning"},
		{Name: "stop", Fate: field.Mapped, Becomes: "stop_sequences", Why: "a sequence that is only white space is refused"},
		{Name: "stream", Fate: field.Kept, Becomes: "stream"},
		{Name: "stream_options", Fate: field.Mapped, Why: "usage is told in the stream where the client asked for it"},
		{Name: "tools", Fate: field.Mapped, Becomes: "tools"},
		{Name: "tool_choice", Fate: field.Mapped, Becomes: "tool_choice", Why: "required becomes any; allowed_tools and custom are refused"},
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

// details are those further down.
func details() []field.Rule {
	return []field.Rule{
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
	}
}
