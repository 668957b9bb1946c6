package reply

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// finishReason is the finish_reason of chat completions for a stop_reason of
// Anthropic's. Reasons that are not known are ordinary ends.
func finishReason(stop string) string {
	switch stop {
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		return "tool_calls"
	case "refusal":
		return "content_filter"
	}
	return "stop"
}

// stopReason is the stop_reason for a finish_reason. Some providers end answers
// that call tools with stop, or say tool_calls where there are none; what was
// called decides.
func stopReason(finish string, calls int) string {
	switch finish {
	case "length":
		return "max_tokens"
	case "content_filter":
		return "refusal"
	}
	if calls > 0 {
		return "tool_use"
	}
	return "end_turn"
}

// usage is tokens as Anthropic counts them: input is what was neither read from
// a cache nor written to one.
type usage struct {
	known                                    bool
	input, cacheRead, cacheWrite, output     int
	thinking                                 int
	hasThinking, hasCacheRead, hasCacheWrite bool
}

// readMessages adds what a usage of Anthropic's says. In a stream it comes in
// parts, of which the last counts.
func (u *usage) readMessages(value rawjson.Value) {
	o, err := rawjson.ReadObject(value)
	if err != nil {
		return
	}
	u.known = true
	for _, m := range o {
		if !m.Value.Given() {
			continue
		}
		switch n := m.Value.Count(); m.Name {
		case "input_tokens":
			u.input = n
		case "output_tokens":
			u.output = n
		case "cache_read_input_tokens":
			u.cacheRead, u.hasCacheRead = n, true
		case "cache_creation_input_tokens":
			u.cacheWrite, u.hasCacheWrite = n, true
		case "output_tokens_details":
			u.thinking, u.hasThinking = detail(m.Value, "thinking_tokens")
		}
	}
}

// readChat takes what a usage of chat completions says.
func (u *usage) readChat(value rawjson.Value) {
	o, err := rawjson.ReadObject(value)
	if err != nil {
		return
	}
	*u = usage{known: true, output: o.Get("completion_tokens").Count()}
	prompt := o.Get("prompt_tokens_details")
	u.cacheRead, u.hasCacheRead = detail(prompt, "cached_tokens")
	u.cacheWrite, u.hasCacheWrite = detail(prompt, "cache_write_tokens")
	u.thinking, u.hasThinking = detail(o.Get("completion_tokens_details"), "reasoning_tokens")
	u.input = max(0, o.Get("prompt_tokens").Count()-u.cacheRead-u.cacheWrite)
}

// detail reads one count of an object that may not be there.
func detail(value rawjson.Value, name string) (n int, ok bool) {
	o, err := rawjson.ReadObject(value)
	if err != nil {
		return 0, false
	}
	count := o.Get(name)
	return count.Count(), count.Given()
}

// writeChat writes the usage object of chat completions.
func (u *usage) writeChat(w *rawjson.Writer) {
	prompt := u.input + u.cacheRead + u.cacheWrite
	w.Open('{')
	w.IntMember("prompt_tokens", prompt)
	w.IntMember("completion_tokens", u.output)
	w.IntMember("total_tokens", prompt+u.output)
	if u.hasCacheRead || u.hasCacheWrite {
		w.Name("prompt_tokens_details")
		w.Open('{')
		w.IntMember("cached_tokens", u.cacheRead)
		if u.hasCacheWrite {
			w.IntMember("cache_write_tokens", u.cacheWrite)
		}
		w.Close('}')
	}
	if u.hasThinking {
		w.Name("completion_tokens_details")
		w.Open('{')
		w.IntMember("reasoning_tokens", u.thinking)
		w.Close('}')
	}
	w.Close('}')
}

// writeMessages writes Anthropic's usage object.
func (u *usage) writeMessages(w *rawjson.Writer) {
	w.Open('{')
	w.IntMember("input_tokens", u.input)
	if u.hasCacheRead {
		w.IntMember("cache_read_input_tokens", u.cacheRead)
	}
	if u.hasCacheWrite {
		w.IntMember("cache_creation_input_tokens", u.cacheWrite)
	}
	w.IntMember("output_tokens", u.output)
	if u.hasThinking {
		w.Name("output_tokens_details")
		w.Open('{')
		w.IntMember("thinking_tokens", u.thinking)
		w.Close('}')
	}
	w.Close('}')
}

// The beginnings of ids in both dialects. What follows stays the provider's.
const (
	chatID    = "chatcmpl-"
	messageID = "msg_"
	callID    = "toolu_"
)

// renamed is an id with another beginning.
func renamed(id, from, to string) string { return to + strings.TrimPrefix(id, from) }
