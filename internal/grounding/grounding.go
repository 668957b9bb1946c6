// Package grounding has a model answer out of an app's documents: what the last
// message asks is searched for, the passages that were found go before the model as
// numbered sources, and where its answer names a source by its number, that is told
// as a citation.
//
// A passage is data that may have been written to mislead. It stands in a fence that
// its text cannot contain, in a message that says so; it brings no tools and no ids,
// and whatever a model makes of it, a citation is a passage that was found for this
// app, word for word.
//
// Start with Grounder.Ground.
package grounding

import (
	"context"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/sources"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// What one answer is given, unless its caller asks for less.
const (
	mostPassages = 8
	mostText     = 32 << 10 // bytes of all passages
)

// maxQuestion is how much of a message is searched for, in bytes: its end.
const maxQuestion = 8 << 10

// Grounder finds what models are to answer from.
type Grounder struct{ searcher fairlead.Searcher }

// New returns a grounder over the documents that searcher knows.
func New(searcher fairlead.Searcher) *Grounder { return &Grounder{searcher: searcher} }

// Sources are passages, numbered from 1 in their order.
type Sources struct {
	Passages []fairlead.Passage
	// Queries are what was searched for.
	Queries []string
}

// Ground makes, of a request in the dialect OpenAIChat, one that has the sources for its
// last question before it. It blocks on the search, in call's name. The errors are those
// of the search: of a document that is not there, or not ready.
func (g *Grounder) Ground(ctx context.Context, call *fairlead.Call, req *fairlead.Request, within fairlead.Within) (*fairlead.Request, *Sources, error) {
	messages, at, err := conversation(req.Body)
	if err != nil {
		return nil, nil, err
	}
	found, err := g.Find(ctx, call, fairlead.Query{Texts: []string{question(messages)}, Within: within, Limit: mostPassages})
	if err != nil {
		return nil, nil, err
	}
	body := jsonscan.Splice(req.Body, insertion(messages, at, found.message()))
	scanned, err := envelope.Chat(body)
	if err != nil {
		return nil, nil, err
	}
	grounded := *req
	grounded.Body, grounded.Envelope, grounded.Prepared = body, scanned, nil
	return &grounded, found, nil
}

// Find searches, and keeps of what it finds as much as a model is given at once. Where
// there is nothing to search for it finds nothing.
func (g *Grounder) Find(ctx context.Context, call *fairlead.Call, q fairlead.Query) (*Sources, error) {
	for i, text := range q.Texts {
		q.Texts[i] = tail(strings.TrimSpace(text))
	}
	q.Texts = slices.DeleteFunc(q.Texts, func(text string) bool { return text == "" })
	if len(q.Texts) == 0 {
		return &Sources{}, nil
	}
	found, err := g.searcher.Search(ctx, call, q)
	if err != nil {
		return nil, err
	}
	size := 0
	for i, p := range found {
		if size += len(p.Text); size > mostText && i > 0 {
			found = found[:i]
			break
		}
	}
	return &Sources{Passages: found, Queries: q.Texts}, nil
}

// tail is the end of a long text, from a word's start.
func tail(text string) string {
	if len(text) <= maxQuestion {
		return text
	}
	text = text[len(text)-maxQuestion:]
	if at := strings.IndexByte(text, ' '); at >= 0 {
		text = text[at+1:]
	}
	return strings.ToValidUTF8(text, "")
}

// message is one of a conversation, as far as it is looked at.
type message struct {
	role string
	at   jsonscan.Span // in the body
	raw  []byte
}

// conversation returns the messages of a chat body, and where their array stands.
func conversation(body []byte) (messages []message, array jsonscan.Span, err error) {
	_, err = jsonscan.Object(body, func(name []byte, at jsonscan.Span) error {
		if string(name) != "messages" {
			return nil
		}
		array = at
		return jsonscan.Array(body[at.Start:at.End], func(each jsonscan.Span) error {
			m := message{at: jsonscan.Span{Start: at.Start + each.Start, End: at.Start + each.End}}
			m.raw = body[m.at.Start:m.at.End]
			if object, err := rawjson.ReadObject(m.raw); err == nil {
				m.role = object.Get("role").Text()
			}
			messages = append(messages, m)
			return nil
		})
	})
	return messages, array, err
}

// question is the text of the user's last message.
func question(messages []message) string {
	for _, m := range slices.Backward(messages) {
		if m.role == "user" {
			return TextOf(m.raw)
		}
	}
	return ""
}

// TextOf is the text of a message: its content, or what of that is text.
func TextOf(raw []byte) string {
	object, err := rawjson.ReadObject(raw)
	if err != nil {
		return ""
	}
	content := object.Get("content")
	if content.Kind() != jsonscan.ArrayKind {
		return content.Text()
	}
	parts, err := rawjson.ReadArray(content)
	if err != nil {
		return ""
	}
	var texts []string
	for _, part := range parts {
		if one, err := rawjson.ReadObject(part); err == nil && one.Get("text").Given() {
			texts = append(texts, one.Get("text").Text())
		}
	}
	return strings.Join(texts, "\n")
}

// insertion puts the sources behind the messages by which the conversation is set up, so
// that these stay first.
func insertion(messages []message, array jsonscan.Span, text []byte) jsonscan.Edit {
	at, before := array.Start+1, true
	for i, m := range messages {
		if m.role != "system" && m.role != "developer" {
			at = m.at.Start
			break
		}
		if i == len(messages)-1 {
			at, before = m.at.End, false
		}
	}
	switch {
	case len(messages) == 0:
		return jsonscan.Edit{Start: at, End: at, With: text}
	case before:
		return jsonscan.Edit{Start: at, End: at, With: append(text, ',')}
	}
	return jsonscan.Edit{Start: at, End: at, With: append([]byte{','}, text...)}
}

// message is the chat message that holds the sources.
func (s *Sources) message() []byte {
	w := rawjson.NewWriter(len(s.Passages) << 10) //nolint:mnd // about that much
	w.Open('{')
	w.TextMember("role", "system")
	w.TextMember("content", sources.Text(s.Passages))
	w.Close('}')
	return w.Bytes()
}
