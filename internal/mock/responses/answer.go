package responses

import (
	"fmt"
	"maps"
	"strings"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

const (
	statusInProgress = "in_progress"
	statusCompleted  = "completed"
	statusIncomplete = "incomplete"
)

// Answer is what the mock says.
type Answer struct {
	// Number tells answers apart, Created is when it is made, in seconds.
	Number, Created int64
	// Tokens are the pieces of the text.
	Tokens []string
	// CallID and Arguments are those of the call of the turn's tool, instead of a
	// text.
	CallID, Arguments string
	// Cut says that the caller's limit of tokens was reached.
	Cut bool
	// Input and Output count tokens; NoUsage says that they are not told.
	Input, Output int
	NoUsage       bool
	// NoEnd leaves the end of a stream out, NoFinish what its last event says of the
	// end.
	NoEnd, NoFinish bool
}

func (a *Answer) id() string { return fmt.Sprintf("resp_mock_%d", a.Number) }

// status is that of the response when it has ended.
func (a *Answer) status() string {
	if a.Cut {
		return statusIncomplete
	}
	return statusCompleted
}

// Response spells the whole response.
func (t *Turn) Response(a Answer) map[string]any {
	status := a.status()
	if a.NoFinish {
		status = statusInProgress
	}
	r := t.response(a, status)
	r["output"] = t.output(a, a.status())
	delete(r, "usage")
	if !a.NoUsage {
		r["usage"] = object{
			"input_tokens": a.Input, "input_tokens_details": object{"cached_tokens": 0},
			"output_tokens": a.Output, "output_tokens_details": object{"reasoning_tokens": 0},
			"total_tokens": a.Input + a.Output,
		}
	}
	return r
}

// response is what every response has, with what it repeats of its request.
func (t *Turn) response(a Answer, status string) object {
	r := object{
		"id": a.id(), "object": "response", "created_at": a.Created, "status": status, "error": nil,
		"incomplete_details": nil, "instructions": t.Instructions, "max_output_tokens": t.MaxOutputTokens, "model": t.Model,
		"output": []object{}, "parallel_tool_calls": t.Parallel == nil || *t.Parallel, "previous_response_id": t.Previous,
		"reasoning": object{"effort": nil, "summary": nil}, "store": t.Store == nil || *t.Store, "temperature": 1.0,
		"text": object{"format": object{"type": "text"}}, "tool_choice": "auto", "tools": []object{}, "top_p": 1.0,
		"truncation": "disabled", "usage": nil, "user": nil, "metadata": object{},
	}
	if t.Temperature != nil {
		r["temperature"] = *t.Temperature
	}
	if len(t.Metadata) > 0 && string(t.Metadata) != "null" {
		r["metadata"] = t.Metadata
	}
	if len(t.ToolChoice) > 0 && string(t.ToolChoice) != "null" {
		r["tool_choice"] = t.ToolChoice
	}
	if status == statusIncomplete {
		r["incomplete_details"] = object{"reason": "max_output_tokens"}
	}
	return r
}

// output is what was generated, one item.
func (t *Turn) output(a Answer, status string) []object {
	return []object{t.item(a, status, strings.Join(a.Tokens, ""), a.Arguments)}
}

// item is the item of the output, with so much of its text or of its arguments.
func (t *Turn) item(a Answer, status, text, arguments string) object {
	if t.Tool == nil {
		content := []object{}
		if text != "" {
			content = []object{textPart(text)}
		}
		return object{"id": t.itemID(a), "type": "message", "status": status, "content": content, "role": "assistant"}
	}
	call := object{"id": t.itemID(a), "type": "function_call", "status": status, "call_id": a.CallID, "name": t.Tool.Name, "arguments": arguments}
	if t.Tool.Kind == "custom" {
		delete(call, "arguments")
		call["type"], call["input"] = "custom_tool_call", arguments
	}
	if t.Tool.Namespace != "" {
		call["namespace"] = t.Tool.Namespace
	}
	return call
}

func (t *Turn) itemID(a Answer) string {
	switch {
	case t.Tool == nil:
		return fmt.Sprintf("msg_mock_%d", a.Number)
	case t.Tool.Kind == "custom":
		return fmt.Sprintf("ctc_mock_%d", a.Number)
	}
	return fmt.Sprintf("fc_mock_%d", a.Number)
}

func textPart(text string) object {
	return object{"type": "output_text", "annotations": []object{}, "logprobs": []object{}, "text": text}
}

// stream is a stream in the making.
type stream struct {
	frames [][]byte
}

// add adds an event.
func (s *stream) add(name string, members object) {
	members["type"], members["sequence_number"] = name, len(s.frames)
	s.frames = append(s.frames, eventFrame(name, members))
}

func eventFrame(name string, event object) []byte {
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, plainjson.Encode(event))
}

// Frames spells the stream: the response is created and in progress, its item is
// added, grows and is done, and the response has ended.
func (t *Turn) Frames(a Answer) [][]byte {
	var s stream
	s.add("response.created", object{"response": t.response(a, statusInProgress)})
	s.add("response.in_progress", object{"response": t.response(a, statusInProgress)})
	s.add("response.output_item.added", object{"output_index": 0, "item": t.item(a, statusInProgress, "", "")})
	if t.Tool == nil {
		t.say(&s, a)
	} else {
		t.call(&s, a)
	}
	if a.NoEnd {
		return s.frames
	}
	s.add("response.output_item.done", object{"output_index": 0, "item": t.output(a, a.status())[0]})
	s.add("response."+a.status(), object{"response": t.Response(a)})
	return s.frames
}

// say spells the events of a text.
func (t *Turn) say(s *stream, a Answer) {
	at := func(more object) object {
		more["item_id"], more["output_index"], more["content_index"] = t.itemID(a), 0, 0
		return more
	}
	s.add("response.content_part.added", at(object{"part": textPart("")}))
	for _, token := range a.Tokens {
		s.add("response.output_text.delta", at(object{"delta": token, "logprobs": []object{}}))
	}
	if a.NoEnd {
		return
	}
	text := strings.Join(a.Tokens, "")
	s.add("response.output_text.done", at(object{"text": text, "logprobs": []object{}}))
	s.add("response.content_part.done", at(object{"part": textPart(text)}))
}

// call spells the events of a call.
func (t *Turn) call(s *stream, a Answer) {
	name, member := "response.function_call_arguments", "arguments"
	if t.Tool.Kind == "custom" {
		name, member = "response.custom_tool_call_input", "input"
	}
	for _, piece := range plainjson.Halves(a.Arguments) {
		s.add(name+".delta", object{"item_id": t.itemID(a), "output_index": 0, "delta": piece})
	}
	if !a.NoEnd {
		s.add(name+".done", object{"item_id": t.itemID(a), "output_index": 0, member: a.Arguments})
	}
}

// ErrorFrame is the event of a stream that fails: what it says stands in it and, for
// those who look there, in an object.
func ErrorFrame(message string) []byte {
	event := object{"code": "server_error", "message": message, "param": nil}
	event["error"] = maps.Clone(event)
	event["type"], event["sequence_number"] = "error", 0
	return eventFrame("error", event)
}

// BrokenFrame is an event whose JSON is broken.
func BrokenFrame() []byte {
	return []byte("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_mock\",\"delta\":\"brok\n\n")
}
