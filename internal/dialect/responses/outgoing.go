package responses

import (
	"bytes"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

const (
	memberBackground = "background"
	memberPrevious   = "previous_response_id"
	memberInput      = "input"
)

// ForUpstream returns the body to send for req to a provider by one of its keys,
// which are self. Beside the splice of the model that dialect.ForUpstream makes,
// there are two, each only where it is needed:
//
//   - "background" is cut out if it asks for that: the answer is watched to its end
//     here, whoever waits for it.
//   - If somebody else made the response that req continues, self does not know it:
//     "previous_response_id" is cut out, and the items of the conversation go before
//     those of the input. An input that is a text becomes a message of the user's.
//
// Every other byte is kept. Kept says that the provider was asked to keep the
// response. Errors are those of envelope.Responses.
func ForUpstream(req *fairlead.Request, self fairlead.Maker) (dialect.Outgoing, error) {
	asked, err := envelope.Responses(req.Body)
	if err != nil {
		return dialect.Outgoing{}, err
	}
	sent, items := *req, req.Past.Items
	if req.Past.Maker == self {
		items = nil
	}
	if asked.Background {
		sent.Body = cut(sent.Body, memberBackground)
	}
	if len(items) > 0 {
		sent.Body = continued(cut(sent.Body, memberPrevious), items)
	}
	if asked.Background || len(items) > 0 { // what stood where has changed
		if asked, err = envelope.Responses(sent.Body); err != nil {
			return dialect.Outgoing{}, err
		}
	}
	sent.Envelope = asked.Envelope
	sent.Envelope.Model = req.Envelope.Model
	out := dialect.ForUpstream(&sent)
	out.Kept = asked.Store
	return out, nil
}

// cut returns the body, a valid object, without a member and the comma beside it.
func cut(body []byte, name string) []byte {
	value, ok := find(body, name)
	if !ok {
		return body
	}
	start, end := nameAt(body, value), value.End
	if next := skipSpace(body, end); body[next] == ',' {
		end = next + 1
	} else if last := len(bytes.TrimRight(body[:start], " \t\r\n")) - 1; body[last] == ',' {
		start = last
	}
	return jsonscan.Splice(body, jsonscan.Edit{Start: start, End: end})
}

// continued returns the body, a valid object, with the items before those of its
// input.
func continued(body, items []byte) []byte {
	value, ok := find(body, memberInput)
	if !ok {
		closeAt := bytes.LastIndexByte(body, '}')
		return jsonscan.Splice(body, envelope.AddMembers(body, closeAt, join(`"input":[`, items, nil, `]`)))
	}
	input := body[value.Start:value.End]
	edit := jsonscan.Edit{Start: value.Start, End: value.End}
	switch jsonscan.KindOf(input) {
	case jsonscan.StringKind:
		edit.With = join("[", items, input, `}]`)
	case jsonscan.ArrayKind:
		edit.Start, edit.End = value.Start+1, value.Start+1
		edit.With = items
		if body[skipSpace(body, edit.Start)] != ']' {
			edit.With = append(append(make([]byte, 0, len(items)+1), items...), ',')
		}
	default: // null
		edit.With = join("[", items, nil, "]")
	}
	return jsonscan.Splice(body, edit)
}

// join returns the items, and a message of the user's with the content if there is
// one, between what opens and what closes.
func join(opening string, items, content []byte, closing string) []byte {
	const message = `,{"type":"message","role":"user","content":`
	out := make([]byte, 0, len(opening)+len(items)+len(message)+len(content)+len(closing))
	out = append(append(out, opening...), items...)
	if content != nil {
		out = append(append(out, message...), content...)
	}
	return append(out, closing...)
}

// find is where the value of a member stands.
func find(body []byte, name string) (value jsonscan.Span, ok bool) {
	_, err := jsonscan.Object(body, func(member []byte, at jsonscan.Span) error {
		if string(member) == name {
			value, ok = at, true
		}
		return nil
	})
	return value, ok && err == nil
}

// nameAt is where the name of the member begins that has the value. There is only
// space between the two, and no quote within the name.
func nameAt(body []byte, value jsonscan.Span) int {
	end := bytes.LastIndexByte(body[:value.Start], '"')
	return bytes.LastIndexByte(body[:end], '"')
}

func skipSpace(body []byte, at int) int {
	for jsonscan.IsSpace(body[at]) {
		at++
	}
	return at
}
