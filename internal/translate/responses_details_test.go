package translate_test

import (
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/fromresponses"
)

// responsesRules is the table of the documentation: the fields at the top, which the
// translation goes by, and what becomes of those further down.
func responsesRules() []field.Rule {
	return append(fromresponses.Fields(), []field.Rule{
		{Name: "input[].role", Fate: field.Mapped, Becomes: "messages[].role", Why: "developer becomes system; what the system says first is one message; what the assistant says and calls between others' items is one message"},
		{Name: "input[].content[].text", Fate: field.Kept, Becomes: "messages[].content[].text", Why: "of input_text and output_text; those of the assistant and the system become one text"},
		{Name: "input[].content[].refusal", Fate: field.Mapped, Becomes: "messages[].content"},
		{Name: "input[].content[].annotations", Fate: field.Dropped, Why: "likewise logprobs"},
		{Name: "input[].content[].image_url", Fate: field.Kept, Becomes: "messages[].content[].image_url.url"},
		{Name: "input[].content[].detail", Fate: field.Mapped, Becomes: "messages[].content[].image_url.detail", Why: "original becomes high and is reported"},
		{Name: "input[].content[].file_data", Fate: field.Kept, Becomes: "messages[].content[].file.file_data", Why: "likewise filename"},
		{Name: "input[].content[].file_id", Fate: field.Refused, Why: "the file is with another provider"},
		{Name: "input[].content[].file_url", Fate: field.Refused, Why: "chat completions take no addresses of files"},
		{Name: "input[].content[].input_audio", Fate: field.Kept, Becomes: "messages[].content[].input_audio"},
		{Name: "input[].phase", Fate: field.Dropped},
		{Name: "input[].call_id", Fate: field.Kept, Becomes: "messages[].tool_calls[].id, messages[].tool_call_id"},
		{Name: "input[].name", Fate: field.Mapped, Becomes: "messages[].tool_calls[].function.name", Why: "with its namespace, as for tools"},
		{Name: "input[].arguments", Fate: field.Kept, Becomes: "messages[].tool_calls[].function.arguments"},
		{Name: "input[].input", Fate: field.Mapped, Becomes: "messages[].tool_calls[].function.arguments", Why: "of a custom tool: the member input of an object"},
		{Name: "input[].output", Fate: field.Mapped, Becomes: "messages[].content", Why: "at once behind the calls, if others spoke in between; images and files in it move to the user message behind"},
		{Name: "input[].reasoning", Fate: field.Dropped, Why: "an item of that type; likewise web_search_call, file_search_call, code_interpreter_call, image_generation_call, mcp_list_tools and mcp_call"},
		{Name: "input[].tools", Fate: field.Mapped, Becomes: "tools", Why: "of an item additional_tools or tool_search_output"},
		{Name: "input[].tool_search_call", Fate: field.Mapped, Becomes: "messages[].tool_calls[].function", Why: "an item of that type, where the request has the tool; else it is dropped"},
		{Name: "input[].type", Fate: field.Refused, Why: "any other, such as item_reference, compaction, computer_call, local_shell_call, shell_call, apply_patch_call and mcp_approval_request"},
		{Name: "tools[].name", Fate: field.Mapped, Becomes: "tools[].function.name", Why: "a tool of a namespace is called namespace__name, at most 64 letters, digits, _ and -; calls come back under the name that the client gave"},
		{Name: "tools[].description", Fate: field.Kept, Becomes: "tools[].function.description", Why: "that of a namespace is dropped"},
		{Name: "tools[].parameters", Fate: field.Kept, Becomes: "tools[].function.parameters"},
		{Name: "tools[].strict", Fate: field.Kept, Becomes: "tools[].function.strict", Why: "where it is true"},
		{Name: "tools[].format", Fate: field.Mapped, Becomes: "tools[].function.description", Why: "of a custom tool, which becomes a function of one text called input; a grammar is told and can't be enforced"},
		{Name: "tools[].defer_loading", Fate: field.Mapped, Why: "the tool is there from the start"},
		{Name: "tools[].output_schema", Fate: field.Dropped, Why: "likewise allowed_callers"},
		{Name: "tools[].execution", Fate: field.Mapped, Becomes: "tools[].function", Why: "of a tool_search that the client runs, which becomes a function and comes back as tool_search_call; any other tool_search is dropped"},
		{Name: "tools[].web_search", Fate: field.Dropped, Why: "a tool of that type; likewise file_search, code_interpreter, computer, mcp, image_generation, local_shell, shell, apply_patch, and any other; refused where tool_choice asks for it"},
		{Name: "tool_choice.type", Fate: field.Mapped, Becomes: "tool_choice", Why: "function and custom become function; allowed_tools leaves its tools and its mode; any other is refused"},
		{Name: "text.format", Fate: field.Mapped, Becomes: "response_format", Why: "text goes without saying"},
		{Name: "text.verbosity", Fate: field.Kept, Becomes: "verbosity", Why: "medium goes without saying"},
		{Name: "reasoning.effort", Fate: field.Kept, Becomes: "reasoning_effort"},
		{Name: "reasoning.context", Fate: field.Dropped},
	}...)
}
