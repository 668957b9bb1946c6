package tochat

import (
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// said is what one message of Anthropic's holds, sorted as chat completions
// want it.
type said struct {
	*job
	// parts are text, images and files, and count how many; only is the first of
	// them if it is text.
	parts rawjson.Writer
	count int
	only  rawjson.Value
	// calls are the tools that the assistant called, results whole messages with
	// what they answered, and media what those showed beside text.
	calls, results, media rawjson.Writer
}

// messages writes the system prompt and the conversation.
func (j *job) messages() error {
	list, err := field.Array("messages", j.Body.Get("messages"))
	if err != nil {
		return err
	}
	j.Out.Name("messages")
	j.Out.Open('[')
	if system := j.Body.Get("system"); system.Given() {
		s := &said{job: j}
		if err := s.content(system, s.textOnly); err != nil {
			return field.Below(err, "system")
		}
		s.write("system")
	}
	err = field.Each("messages", list, j.message)
	j.Out.Close(']')
	return err
}

func (j *job) message(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	j.DropRest("messages[].", o, "role", "content")
	s := &said{job: j}
	role := o.Get("role").Text()
	other := s.textOnly
	switch role {
	case "user":
		other = s.userBlock
	case "assistant":
		other = s.assistantBlock
	case "system":
	default:
		return field.MustBe("role", "user, assistant or system")
	}
	if err := s.content(o.Get("content"), other); err != nil {
		return field.Below(err, "content")
	}
	s.write(role)
	return nil
}

// write writes the message, after those with the results of tools. One that
// says nothing is left out.
func (s *said) write(role string) {
	s.Out.Raw(s.results.Bytes())
	media, parts, calls := s.media.Bytes(), s.parts.Bytes(), s.calls.Bytes()
	if len(media)+len(parts)+len(calls) == 0 {
		return
	}
	s.Out.Open('{')
	s.Out.TextMember("role", role)
	s.Out.Name("content")
	switch {
	case len(media)+len(parts) == 0:
		s.Out.Raw([]byte("null"))
	case s.count == 1 && s.only != nil && len(media) == 0:
		s.Out.Raw(s.only) // the plainest form, which every provider takes
	default:
		s.Out.Open('[')
		s.Out.Raw(media)
		s.Out.Raw(parts)
		s.Out.Close(']')
	}
	if len(calls) > 0 {
		s.Out.Name("tool_calls")
		s.Out.Open('[')
		s.Out.Raw(calls)
		s.Out.Close(']')
	}
	s.Out.Close('}')
}

// content reads a content, which is a string or a list of blocks. Blocks that
// are no text are other's.
func (s *said) content(content rawjson.Value, other func(kind string, block rawjson.Object) error) error {
	if content.Kind() == jsonscan.StringKind {
		s.text(content)
		return nil
	}
	if content.Kind() != jsonscan.ArrayKind {
		return field.MustBe("", "a string or a list of blocks")
	}
	list, err := field.Array("", content)
	if err != nil {
		return err
	}
	return field.Each("", list, func(value rawjson.Value) error {
		block, err := field.Object("", value)
		if err != nil {
			return err
		}
		kind := block.Get("type").Text()
		if kind == "text" {
			return s.textBlock(block)
		}
		return other(kind, block)
	})
}

func (s *said) textBlock(block rawjson.Object) error {
	s.DropRest("messages[].content[].", block, "type", "text")
	value, err := field.Text(block, "text")
	if err != nil {
		return err
	}
	s.text(value)
	return nil
}

// text adds a part of text.
func (s *said) text(value rawjson.Value) {
	if s.count++; s.count == 1 {
		s.only = value
	}
	textPart(&s.parts, value)
}

func textPart(w *rawjson.Writer, value rawjson.Value) {
	w.Open('{')
	w.TextMember("type", "text")
	w.Member("text", value)
	w.Close('}')
}

func (s *said) textOnly(string, rawjson.Object) error {
	return field.Refuse("type", "only text can stand here")
}

func (s *said) userBlock(kind string, block rawjson.Object) error {
	switch kind {
	case "image", "document":
		s.count++
		s.only = nil
		return s.medium(&s.parts, kind, block)
	case "tool_result":
		return s.toolResult(block)
	}
	return field.Refuse("type", "a user can send text, images, documents and tool results alone")
}

func (s *said) assistantBlock(kind string, block rawjson.Object) error {
	switch kind {
	case "thinking":
		s.Drop("messages[].content[].thinking")
		return nil
	case "redacted_thinking":
		s.Drop("messages[].content[].redacted_thinking")
		return nil
	case "tool_use":
		return s.toolCall(block)
	}
	return field.Refuse("type", "an assistant can have said text and called tools alone")
}

func (s *said) toolCall(block rawjson.Object) error {
	s.DropRest("messages[].content[].", block, "type", "id", "name", "input")
	id, err := field.Text(block, "id")
	if err != nil {
		return err
	}
	name, err := field.Text(block, "name")
	if err != nil {
		return err
	}
	input := block.Get("input")
	if !input.Given() {
		input = rawjson.Value("{}")
	}
	if input.Kind() != jsonscan.ObjectKind {
		return field.MustBe("input", "an object")
	}
	s.calls.Open('{')
	s.calls.Member("id", id)
	s.calls.TextMember("type", "function")
	s.calls.Name("function")
	s.calls.Open('{')
	s.calls.Member("name", name)
	s.calls.TextMember("arguments", string(input))
	s.calls.Close('}')
	s.calls.Close('}')
	return nil
}

// toolResult adds a message with what a tool answered. It can hold text alone,
// so what else there is goes to the user's own message.
func (s *said) toolResult(block rawjson.Object) error {
	s.DropRest("messages[].content[].", block, "type", "tool_use_id", "content", "is_error")
	if failed := block.Get("is_error"); !field.AsksNothing(failed) {
		s.Drop("messages[].content[].is_error")
	}
	id, err := field.Text(block, "tool_use_id")
	if err != nil {
		return err
	}
	inner := &said{job: s.job}
	if content := block.Get("content"); content.Given() {
		err := inner.content(content, func(kind string, block rawjson.Object) error {
			if kind != "image" && kind != "document" {
				return field.Refuse("type", "a tool can answer with text, images and documents alone")
			}
			return inner.medium(&s.media, kind, block)
		})
		if err != nil {
			return field.Below(err, "content")
		}
	}
	w := &s.results
	w.Open('{')
	w.TextMember("role", "tool")
	w.Member("tool_call_id", id)
	w.Name("content")
	switch {
	case inner.count == 0:
		w.Text("")
	case inner.count == 1 && inner.only != nil:
		w.Raw(inner.only)
	default:
		w.Open('[')
		w.Raw(inner.parts.Bytes())
		w.Close(']')
	}
	w.Close('}')
	return nil
}

// medium writes an image or a document as a part.
func (s *said) medium(w *rawjson.Writer, kind string, block rawjson.Object) error {
	source, err := field.Object("source", block.Get("source"))
	if err != nil {
		return err
	}
	if kind == "document" {
		s.DropRest("messages[].content[].", block, "type", "source", "title")
		err = s.document(w, source, block.Get("title"))
	} else {
		s.DropRest("messages[].content[].", block, "type", "source")
		err = s.image(w, source)
	}
	return field.Below(err, "source")
}

// known reports what a source has beside the members that its type is known for.
func (s *said) known(source rawjson.Object, members ...string) {
	s.DropRest("messages[].content[].source.", source, append(members, "type")...)
}

func (s *said) image(w *rawjson.Writer, source rawjson.Object) error {
	var url rawjson.Value
	switch source.Get("type").Text() {
	case "base64":
		s.known(source, "media_type", "data")
		var err error
		if url, err = dataURLOf(source); err != nil {
			return err
		}
	case "url":
		s.known(source, "url")
		var err error
		if url, err = field.Text(source, "url"); err != nil {
			return err
		}
	default:
		return field.Refuse("type", "only base64 data and addresses of images can be sent")
	}
	w.Open('{')
	w.TextMember("type", "image_url")
	w.Name("image_url")
	w.Open('{')
	w.Member("url", url)
	w.Close('}')
	w.Close('}')
	return nil
}

// dataURLOf makes a data URL of a base64 source.
func dataURLOf(source rawjson.Object) (rawjson.Value, error) {
	mediaType, err := field.Text(source, "media_type")
	if err != nil {
		return nil, err
	}
	data, err := field.Text(source, "data")
	if err != nil {
		return nil, err
	}
	w := rawjson.NewWriter(len(mediaType) + len(data) + 16)
	w.Joined([]byte("data:"), mediaType.Inside(), []byte(";base64,"), data.Inside())
	return w.Bytes(), nil
}

func (s *said) document(w *rawjson.Writer, source rawjson.Object, title rawjson.Value) error {
	kind := source.Get("type").Text()
	if title.Given() && (kind != "base64" || title.Kind() != jsonscan.StringKind) {
		s.Drop("messages[].content[].title")
	}
	switch kind {
	case "base64":
		s.known(source, "media_type", "data")
		return file(w, source, title)
	case "text":
		s.known(source, "media_type", "data")
		data, err := field.Text(source, "data")
		if err == nil {
			textPart(w, data)
		}
		return err
	case "content":
		s.known(source, "content")
		return s.embedded(w, source.Get("content"))
	}
	return field.Refuse("type", "only base64 data, text and content can be sent")
}

// file writes a document that is data.
func file(w *rawjson.Writer, source rawjson.Object, title rawjson.Value) error {
	data, err := dataURLOf(source)
	if err != nil {
		return err
	}
	if title.Kind() != jsonscan.StringKind {
		title = rawjson.Value(`"document.pdf"`)
	}
	w.Open('{')
	w.TextMember("type", "file")
	w.Name("file")
	w.Open('{')
	w.Member("filename", title)
	w.Member("file_data", data)
	w.Close('}')
	w.Close('}')
	return nil
}

// embedded writes the content of a document that is made of blocks.
func (s *said) embedded(w *rawjson.Writer, content rawjson.Value) error {
	inner := &said{job: s.job}
	err := inner.content(content, func(kind string, block rawjson.Object) error {
		if kind != "image" {
			return field.Refuse("type", "a document can hold text and images alone")
		}
		return inner.medium(&inner.parts, kind, block)
	})
	if err != nil {
		return field.Below(err, "content")
	}
	w.Raw(inner.parts.Bytes())
	return nil
}
