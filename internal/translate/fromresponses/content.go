package fromresponses

import (
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// parts is a content as chat completions have it.
type parts struct {
	// written are all parts, texts the insides of those that are text, and count
	// how many there are.
	written rawjson.Writer
	texts   [][]byte
	count   int
}

// isPlain reports whether the content is one text, or nothing.
func (p *parts) isPlain() bool { return p.count == len(p.texts) && p.count <= 1 }

// isBlank reports whether there is nothing to read.
func (p *parts) isBlank() bool {
	for _, inside := range p.texts {
		if len(inside) > 0 {
			return false
		}
	}
	return true
}

func (p *parts) text(value rawjson.Value) {
	p.count++
	p.texts = append(p.texts, value.Inside())
	p.written.Open('{')
	p.written.TextMember("type", "text")
	p.written.Member("text", value)
	p.written.Close('}')
}

// other writes a part that is no text.
type other func(w *rawjson.Writer, kind string, part rawjson.Object) error

// content reads a content, which is a string or a list of parts.
func (t *talk) content(content rawjson.Value, other other) (*parts, error) {
	p := &parts{}
	if content.Kind() == jsonscan.StringKind {
		p.text(content)
		return p, nil
	}
	if content.Kind() != jsonscan.ArrayKind {
		return nil, field.MustBe("", "a string or a list of parts")
	}
	list, err := field.Array("", content)
	if err != nil {
		return nil, err
	}
	return p, field.Each("", list, func(value rawjson.Value) error {
		part, err := field.Object("", value)
		if err != nil {
			return err
		}
		switch kind := part.Get("type").Text(); kind {
		case "input_text", "output_text", "text":
			return t.textPart(p, part, "text")
		case "refusal":
			return t.textPart(p, part, "refusal")
		default:
			p.count++
			return other(&p.written, kind, part)
		}
	})
}

// textPart reads a part whose words stand in the member name. Annotations and log
// probabilities are of answers, and say nothing to a model.
func (t *talk) textPart(p *parts, part rawjson.Object, name string) error {
	t.DropRest("input[].content[].", part, "type", name, "annotations", "logprobs")
	for _, name := range []string{"annotations", "logprobs"} {
		if !field.AsksNothing(part.Get(name)) {
			t.Drop("input[].content[]." + name)
		}
	}
	value, err := field.Text(part, name)
	if err == nil {
		p.text(value)
	}
	return err
}

func (t *talk) textOnly(*rawjson.Writer, string, rawjson.Object) error {
	return field.Refuse("type", "only text can stand here")
}

// medium writes an image, a file or a recording.
func (t *talk) medium(w *rawjson.Writer, kind string, part rawjson.Object) error {
	switch kind {
	case "input_image":
		return t.image(w, part)
	case "input_file":
		return t.file(w, part)
	case "input_audio":
		t.DropRest("input[].content[].", part, "type", "input_audio")
		audio := part.Get("input_audio")
		if audio.Kind() != jsonscan.ObjectKind {
			return field.MustBe("input_audio", "an object")
		}
		w.Open('{')
		w.TextMember("type", "input_audio")
		w.Member("input_audio", audio)
		w.Close('}')
		return nil
	}
	return field.Refuse("type", "only text, images, files and audio can be sent")
}

// elsewhere refuses a medium that is not in the request.
func elsewhere(part rawjson.Object) error {
	if part.Get("file_id").Given() {
		return field.Refuse("file_id", "the file is with another provider")
	}
	return nil
}

func (t *talk) image(w *rawjson.Writer, part rawjson.Object) error {
	t.DropRest("input[].content[].", part, "type", "image_url", "detail", "file_id")
	if err := elsewhere(part); err != nil {
		return err
	}
	url, err := field.Text(part, "image_url")
	if err != nil {
		return err
	}
	detail := part.Get("detail")
	if detail.Given() && detail.Kind() != jsonscan.StringKind {
		return field.MustBe("detail", "a string")
	}
	if detail.Is("original") {
		t.Drop("input[].content[].detail")
		detail = rawjson.Value(`"high"`)
	}
	w.Open('{')
	w.TextMember("type", "image_url")
	w.Name("image_url")
	w.Open('{')
	w.Member("url", url)
	if detail.Given() && !detail.Is("auto") {
		w.Member("detail", detail)
	}
	w.Close('}')
	w.Close('}')
	return nil
}

func (t *talk) file(w *rawjson.Writer, part rawjson.Object) error {
	t.DropRest("input[].content[].", part, "type", "file_data", "filename", "file_id", "file_url")
	if err := elsewhere(part); err != nil {
		return err
	}
	if part.Get("file_url").Given() {
		return field.Refuse("file_url", "only data can be sent, no addresses of files")
	}
	data, err := field.Text(part, "file_data")
	if err != nil {
		return err
	}
	w.Open('{')
	w.TextMember("type", "file")
	w.Name("file")
	w.Open('{')
	if name := part.Get("filename"); name.Given() {
		w.Member("filename", name)
	}
	w.Member("file_data", data)
	w.Close('}')
	w.Close('}')
	return nil
}
