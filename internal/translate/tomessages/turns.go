package tomessages

import (
	"bytes"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// turns is Anthropic's form of a conversation: the system prompt apart, and
// turns of user and assistant. Messages of one role that follow one another are
// one turn; tool results stand first in theirs, as the API wants it. Each turn is
// written when the next begins: of many small ones, to hold all would take many
// times their size.
type turns struct {
	*job
	system rawjson.Writer
	turn   turn // the last one
}

// turn is the blocks of one turn, results of tools before the others.
type turn struct {
	role            string
	results, blocks rawjson.Writer
}

// at is the turn that a message of the role belongs to.
func (t *turns) at(role string) *turn {
	if t.turn.role != role {
		t.end()
		t.turn.role = role
	}
	return &t.turn
}

// end writes the last turn, unless it is empty.
func (t *turns) end() {
	results, blocks := t.turn.results.Bytes(), t.turn.blocks.Bytes()
	if len(results)+len(blocks) == 0 {
		return
	}
	t.Out.Open('{')
	t.Out.TextMember("role", t.turn.role)
	t.Out.Name("content")
	t.Out.Open('[')
	t.Out.Raw(results)
	t.Out.Raw(blocks)
	t.Out.Close(']')
	t.Out.Close('}')
	t.turn.results.Reset()
	t.turn.blocks.Reset()
}

// conversation writes system and messages.
func (j *job) conversation() error {
	list, err := field.Array("messages", j.Body.Get("messages"))
	if err != nil {
		return err
	}
	t := &turns{job: j}
	before := j.Out.Len() // where max_tokens, at least, ends
	j.Out.Name("messages")
	j.Out.Open('[')
	if err := field.Each("messages", list, t.message); err != nil {
		return err
	}
	t.end()
	j.Out.Close(']')
	if system := t.system.Bytes(); len(system) > 0 { // it may have come last
		j.Out.Insert(before, slices.Concat([]byte(`,"system":[`), system, []byte(`]`)))
	}
	return nil
}

func (t *turns) message(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	role := o.Get("role").Text()
	switch role {
	case "system", "developer":
		t.DropRest("messages[].", o, "role", "content")
		return field.Below(t.textContent(&t.system, o.Get("content")), "content")
	case "user":
		t.DropRest("messages[].", o, "role", "content")
		return field.Below(t.content(&t.at(role).blocks, o.Get("content")), "content")
	case "assistant":
		return t.assistant(o)
	case "tool":
		return t.toolResult(o)
	case "function":
		return field.Refuse("role", "function messages were replaced by tool messages")
	}
	return field.MustBe("role", "system, developer, user, assistant or tool")
}

// textContent writes what must be text.
func (t *turns) textContent(w *rawjson.Writer, content rawjson.Value) error {
	return t.parts(w, content, func(_ *rawjson.Writer, kind string, _ rawjson.Object) error {
		return field.Refuse("", "only text can stand here, no "+known(kind))
	})
}

// content writes what a user says.
func (t *turns) content(w *rawjson.Writer, content rawjson.Value) error {
	return t.parts(w, content, t.medium)
}

// parts writes a content, which is a string or a list of parts, as blocks. Parts
// that are no text are other's.
func (t *turns) parts(w *rawjson.Writer, content rawjson.Value, other func(*rawjson.Writer, string, rawjson.Object) error) error {
	switch content.Kind() {
	case jsonscan.NoKind, jsonscan.NullKind:
		return nil
	case jsonscan.StringKind:
		textBlock(w, content)
		return nil
	}
	if content.Kind() != jsonscan.ArrayKind {
		return field.MustBe("", "a string or a list of parts")
	}
	list, err := field.Array("", content)
	if err != nil {
		return err
	}
	return field.Each("", list, func(part rawjson.Value) error { return t.part(w, part, other) })
}

func (t *turns) part(w *rawjson.Writer, part rawjson.Value, other func(*rawjson.Writer, string, rawjson.Object) error) error {
	o, err := field.Object("", part)
	if err != nil {
		return err
	}
	kind := o.Get("type").Text()
	if kind != "text" && kind != "refusal" {
		return other(w, kind, o)
	}
	t.DropRest("messages[].content[].", o, "type", kind)
	said, err := field.Text(o, kind)
	if err != nil {
		return err
	}
	textBlock(w, said)
	return nil
}

// textBlock writes a block of text, unless there is nothing to read in it: the
// API refuses such.
func textBlock(w *rawjson.Writer, said rawjson.Value) {
	if isBlank(said) {
		return
	}
	w.Open('{')
	w.TextMember("type", "text")
	w.Member("text", said)
	w.Close('}')
}

// medium writes a part that is not text.
func (t *turns) medium(w *rawjson.Writer, kind string, part rawjson.Object) error {
	t.DropRest("messages[].content[].", part, "type", kind)
	switch kind {
	case "image_url":
		image, err := field.Object("image_url", part.Get("image_url"))
		if err != nil {
			return err
		}
		return field.Below(t.image(w, image), "image_url")
	case "file":
		file, err := field.Object("file", part.Get("file"))
		if err != nil {
			return err
		}
		return field.Below(t.file(w, file), "file")
	}
	return field.Refuse("type", "only text, images and files can be sent, no "+known(kind))
}

// known is a type's name for a message, if it is one of the API's.
func known(kind string) string {
	switch kind {
	case "input_audio", "image_url", "file":
		return kind
	}
	return "part of this type"
}

func (t *turns) image(w *rawjson.Writer, image rawjson.Object) error {
	t.DropRest("messages[].content[].image_url.", image, "url", "detail")
	if detail := image.Get("detail"); detail.Given() && !detail.Is("auto") {
		t.Drop("messages[].content[].image_url.detail")
	}
	url, err := field.Text(image, "url")
	if err != nil {
		return err
	}
	data, isData, err := readDataURL(url)
	if err != nil {
		return field.Below(err, "url")
	}
	w.Open('{')
	w.TextMember("type", "image")
	w.Name("source")
	if isData {
		data.source(w)
	} else {
		w.Open('{')
		w.TextMember("type", "url")
		w.Member("url", url)
		w.Close('}')
	}
	w.Close('}')
	return nil
}

func (t *turns) file(w *rawjson.Writer, file rawjson.Object) error {
	t.DropRest("messages[].content[].file.", file, "file_data", "filename", "file_id")
	if file.Get("file_id").Given() {
		return field.Refuse("file_id", "the file is with another provider")
	}
	content, err := field.Text(file, "file_data")
	if err != nil {
		return err
	}
	data, isData, err := readDataURL(content)
	if err != nil {
		return field.Below(err, "file_data")
	}
	if !isData || data.mediaType != "application/pdf" {
		return field.Refuse("file_data", "only a PDF, as a base64 data URL, can be sent")
	}
	w.Open('{')
	w.TextMember("type", "document")
	w.Name("source")
	data.source(w)
	if name := file.Get("filename"); name.Given() {
		w.Member("title", name)
	}
	w.Close('}')
	return nil
}

// dataURL is a media type and, as it stands in its JSON string, base64 data.
type dataURL struct {
	mediaType string
	data      []byte
}

// readDataURL reads a string that may be a data URL of the form of RFC 2397.
func readDataURL(value rawjson.Value) (data dataURL, isData bool, err error) {
	const scheme = "data:"
	inside := value.Inside()
	wasEscaped := bytes.IndexByte(inside, '\\') >= 0
	if wasEscaped { // some writers escape slashes
		inside = []byte(value.Text())
	}
	if len(inside) < len(scheme) || !strings.EqualFold(string(inside[:len(scheme)]), scheme) {
		return dataURL{}, false, nil
	}
	head, content, found := bytes.Cut(inside[len(scheme):], []byte(","))
	kind, encoded := strings.CutSuffix(string(head), ";base64")
	kind, _, _ = strings.Cut(kind, ";")
	if !found || !encoded || kind == "" || wasEscaped && bytes.ContainsFunc(content, isNotPlain) {
		return dataURL{}, false, field.Refuse("", "a data URL must name its media type and be base64")
	}
	return dataURL{strings.ToLower(kind), content}, true, nil
}

// isNotPlain reports whether a character can't stand in a JSON string as it is.
func isNotPlain(r rune) bool { return r < ' ' || r == '"' || r == '\\' }

// source writes Anthropic's source of an image or a document.
func (d dataURL) source(w *rawjson.Writer) {
	w.Open('{')
	w.TextMember("type", "base64")
	w.TextMember("media_type", d.mediaType)
	w.Name("data")
	w.Joined(d.data)
	w.Close('}')
}

func (t *turns) assistant(o rawjson.Object) error {
	t.DropRest("messages[].", o, "role", "content", "refusal", "tool_calls", "audio", "function_call")
	for _, name := range []string{"audio", "function_call"} {
		if o.Get(name).Given() {
			return field.Refuse(name, "it is with another provider, or out of use")
		}
	}
	blocks := &t.at("assistant").blocks
	if err := t.textContent(blocks, o.Get("content")); err != nil {
		return field.Below(err, "content")
	}
	if o.Get("refusal").Given() {
		refusal, err := field.Text(o, "refusal")
		if err != nil {
			return err
		}
		textBlock(blocks, refusal)
	}
	calls := o.Get("tool_calls")
	if !calls.Given() {
		return nil
	}
	list, err := field.Array("tool_calls", calls)
	if err != nil {
		return err
	}
	return field.Each("tool_calls", list, func(call rawjson.Value) error { return t.toolUse(blocks, call) })
}

func (t *turns) toolUse(w *rawjson.Writer, value rawjson.Value) error {
	call, err := field.Object("", value)
	if err != nil {
		return err
	}
	if kind := call.Get("type"); kind.Given() && !kind.Is("function") {
		return field.Refuse("type", "only functions can have been called")
	}
	t.DropRest("messages[].tool_calls[].", call, "id", "type", "index", "function")
	id, err := field.Text(call, "id")
	if err != nil {
		return err
	}
	function, err := field.Object("function", call.Get("function"))
	if err != nil {
		return err
	}
	name, err := field.Text(function, "name")
	if err != nil {
		return field.Below(err, "function")
	}
	t.DropRest("messages[].tool_calls[].function.", function, "name", "arguments")
	input, err := rawjson.ArgumentsOf(function.Get("arguments"))
	if err != nil {
		return field.Refuse("function.arguments", "they must be a JSON object")
	}
	w.Open('{')
	w.TextMember("type", "tool_use")
	w.TextMember("id", rawjson.CallID(id.Text()))
	w.Member("name", name)
	w.Member("input", input)
	w.Close('}')
	return nil
}

func (t *turns) toolResult(o rawjson.Object) error {
	t.DropRest("messages[].", o, "role", "content", "tool_call_id")
	id, err := field.Text(o, "tool_call_id")
	if err != nil {
		return err
	}
	w := &t.at("user").results
	w.Open('{')
	w.TextMember("type", "tool_result")
	w.TextMember("tool_use_id", rawjson.CallID(id.Text()))
	switch content := o.Get("content"); content.Kind() {
	case jsonscan.NoKind, jsonscan.NullKind:
	case jsonscan.StringKind:
		w.Member("content", content)
	default:
		w.Name("content")
		w.Open('[')
		if err := t.content(w, content); err != nil {
			return field.Below(err, "content")
		}
		w.Close(']')
	}
	w.Close('}')
	return nil
}
