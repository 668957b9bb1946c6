// Package trail follows a stream of OpenAI's Responses API as it passes, so that it
// can be ended in order should it break: its clients want an error and then the
// response so far, marked as failed.
//
// It makes no difference whether the stream is a provider's own or was translated.
//
// Start with Trail.
package trail

import (
	"bytes"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	// maxKept is how many bytes of a response are kept. A failed response that is
	// longer is told without the items that came last.
	maxKept = 1 << 20
	// itemOverhead is what an item counts beside its text, in bytes.
	itemOverhead = 256
)

// Trail is what a stream has told so far. The zero Trail is of one that has told
// nothing. It is used by one goroutine.
type Trail struct {
	sequence int
	response []byte
	items    []item
	kept     int
	ended    bool
}

// item is an item of the response: whole, or what was said so far of a message.
type item struct {
	index int
	whole []byte
	// id is a message's as it stands in JSON, parts the insides of its texts.
	id    []byte
	parts []text
}

// text is a part of a message.
type text struct {
	index  int
	inside []byte
}

// event is what an event tells that matters here; values share its payload.
type event struct {
	kind, response, item, itemID, delta []byte
	sequence, output, content           int
}

// Block looks at a block of whole frames as it passes.
func (t *Trail) Block(frames []byte) {
	for frame := range sse.Frames(frames) {
		payload := bytes.TrimSpace(sse.Data(frame, nil))
		if len(payload) == 0 {
			continue
		}
		if e, ok := read(payload); ok {
			t.note(e)
		}
	}
}

// read reads an event; ok is false if it is none.
func read(payload []byte) (e event, ok bool) {
	e.sequence = -1
	_, err := jsonscan.Object(payload, func(name []byte, at jsonscan.Span) error {
		value := payload[at.Start:at.End]
		switch string(name) {
		case "type":
			e.kind = value
		case "response":
			e.response = value
		case "item":
			e.item = value
		case "item_id":
			e.itemID = value
		case "delta":
			e.delta = value
		case "sequence_number":
			e.sequence, _ = jsonscan.Int(value)
		case "output_index":
			e.output, _ = jsonscan.Int(value)
		case "content_index":
			e.content, _ = jsonscan.Int(value)
		}
		return nil
	})
	return e, err == nil
}

// note keeps what an event tells.
func (t *Trail) note(e event) {
	if e.sequence >= 0 {
		t.sequence = e.sequence + 1
	}
	switch string(e.kind) {
	case `"response.created"`, `"response.queued"`, `"response.in_progress"`:
		if len(e.response) <= maxKept {
			t.response = append(t.response[:0], e.response...)
		}
	case `"response.completed"`, `"response.incomplete"`, `"response.failed"`, `"response.cancelled"`:
		t.ended = true
	case `"response.output_text.delta"`:
		t.said(e)
	case `"response.output_item.done"`:
		t.done(e)
	}
}

// said keeps a piece of a text.
func (t *Trail) said(e event) {
	if jsonscan.KindOf(e.delta) != jsonscan.StringKind || !t.hasRoom(len(e.delta)) {
		return
	}
	i := slices.IndexFunc(t.items, func(it item) bool { return it.index == e.output })
	if i < 0 {
		if !t.hasRoom(itemOverhead + len(e.itemID)) {
			return
		}
		t.items = append(t.items, item{index: e.output, id: bytes.Clone(e.itemID)})
		i = len(t.items) - 1
	}
	it := &t.items[i]
	n := slices.IndexFunc(it.parts, func(p text) bool { return p.index == e.content })
	if n < 0 {
		if !t.hasRoom(itemOverhead) {
			return
		}
		it.parts = append(it.parts, text{index: e.content})
		n = len(it.parts) - 1
	}
	it.parts[n].inside = append(it.parts[n].inside, e.delta[1:len(e.delta)-1]...)
}

// done keeps an item that is complete, in the place of its pieces.
func (t *Trail) done(e event) {
	t.items = slices.DeleteFunc(t.items, func(it item) bool {
		if it.index != e.output {
			return false
		}
		t.kept -= it.size()
		return true
	})
	if jsonscan.KindOf(e.item) == jsonscan.ObjectKind && t.hasRoom(itemOverhead+len(e.item)) {
		t.items = append(t.items, item{index: e.output, whole: bytes.Clone(e.item)})
	}
}

// hasRoom takes room for so many bytes, if there is any.
func (t *Trail) hasRoom(n int) bool {
	if t.kept+n > maxKept {
		return false
	}
	t.kept += n
	return true
}

// size is what an item counts.
func (it *item) size() int {
	n := itemOverhead + len(it.whole) + len(it.id)
	for _, p := range it.parts {
		n += itemOverhead + len(p.inside)
	}
	return n
}

// Failure returns the frames that end the stream, which broke for that reason: an
// "error" and a "response.failed" with what was told so far. A message that was cut
// off is incomplete; a call that was is left out. There are no frames if the stream
// has told its end already.
func (t *Trail) Failure(e *fairlead.Error) []byte {
	if t.ended {
		return nil
	}
	items := slices.Clone(t.items)
	slices.SortFunc(items, func(a, b item) int { return a.index - b.index })
	at := refusal.Broken{Sequence: t.sequence, Response: t.response}
	for i := range items {
		at.Output = append(at.Output, items[i].told())
	}
	return refusal.ResponsesFrames(e, at)
}

// told is the item as it is told at the end.
func (it *item) told() []byte {
	if it.whole != nil {
		return it.whole
	}
	b := []byte(`{"id":`)
	if jsonscan.KindOf(it.id) == jsonscan.StringKind {
		b = append(b, it.id...)
	} else {
		b = append(b, `""`...)
	}
	b = append(b, `,"type":"message","status":"incomplete","role":"assistant","content":[`...)
	slices.SortFunc(it.parts, func(a, b text) int { return a.index - b.index })
	for i, p := range it.parts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"type":"output_text","text":"`...), p.inside...)
		b = append(b, `","annotations":[]}`...)
	}
	return append(b, "]}"...)
}

// HasEnded reports whether the stream has told its end.
func (t *Trail) HasEnded() bool { return t.ended }
