package responses

import (
	"bytes"
	"context"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// maxWhole is the longest answer in one piece that is held back.
const maxWhole = 64 << 20

// Watch returns what the call is to emit to, in place of emit. The events of a stream
// pass as they come; an answer in one piece is held back until it is whole and
// stored. An answer that cannot be stored is an error before the client sees anything
// of it.
func (t *Turn) Watch(ctx context.Context, emit fairlead.Emit) fairlead.Emit {
	return func(e fairlead.Event) error {
		switch {
		case e.Head != nil:
			t.head = *e.Head
			if t.head.Stream || !t.kept() {
				return emit(e)
			}
			return nil
		case t.head.Stream && e.End == nil:
			block, err := t.block(ctx, e.Data)
			if err != nil {
				return err
			}
			return emit(fairlead.Event{Data: block})
		case t.head.Stream || !t.kept():
			return emit(e)
		case e.End == nil:
			return t.gather(e.Data)
		}
		return t.finish(ctx, emit, e)
	}
}

// kept reports whether anything is kept of the answer.
func (t *Turn) kept() bool { return t.stored || t.session != nil }

// gather holds back a piece of an answer.
func (t *Turn) gather(piece []byte) error {
	if len(t.whole)+len(piece) > maxWhole {
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_answer_too_large", Message: "The provider's answer is too large",
		}
	}
	if t.memory != nil {
		if err := t.memory.Reserve(int64(len(piece))); err != nil {
			return err
		}
	}
	t.whole = append(t.whole, piece...)
	return nil
}

// finish stores an answer that is whole, and lets it go.
func (t *Turn) finish(ctx context.Context, emit fairlead.Emit, end fairlead.Event) error {
	o, err := rawjson.ReadObject(t.whole)
	if err != nil {
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_invalid_answer", Message: "The provider's answer is no response object", Err: err,
		}
	}
	t.learn(o)
	if t.renamed(o) {
		o = t.rename(o)
		t.whole = object.Encode(o)
	}
	if t.stored && t.stage == unknown { // nothing of it is promised yet, so it must succeed
		t.row.Status, t.row.Body = object.StatusOf(o), t.whole
		if !t.keeper.tooLong(&t.row) {
			if err := t.put(ctx); err != nil {
				return err
			}
			t.row.Body, t.stage = nil, ended
			t.noteNames(ctx, t.whole)
		}
	}
	if t.stage != ended {
		t.end(ctx, o, t.whole)
	}
	if err := emit(fairlead.Event{Head: &t.head}); err != nil {
		return err
	}
	if err := emit(fairlead.Event{Data: t.whole}); err != nil {
		return err
	}
	return emit(end)
}

// block looks at the frames of a stream, and returns them as they are to go on.
func (t *Turn) block(ctx context.Context, block []byte) ([]byte, error) {
	changed := false
	at := 0
	for frame := range sse.Frames(block) {
		next := at + len(frame)
		if frame[0] == ':' && sse.Data(frame, nil) == nil {
			at = next
			continue // a sign of life
		}
		t.passed++
		other, err := t.look(ctx, frame)
		if err != nil {
			return nil, err
		}
		if other != nil && !changed {
			t.frames, changed = append(t.frames[:0], block[:at]...), true
		}
		if changed && other == nil {
			other = frame
		}
		if changed {
			t.frames = append(t.frames, other...)
		}
		at = next
	}
	if changed {
		return t.frames, nil
	}
	return block, nil
}

// look reads a frame if it tells of the response as a whole. It returns another one to
// go in its place, or nil.
func (t *Turn) look(ctx context.Context, frame []byte) ([]byte, error) {
	event := eventOf(frame)
	last := isLast(event)
	t.over = t.over || last
	first := isFirst(event) && (t.stage < begun || t.background) // each has the id in it
	if !first && !last || t.stage == ended || !t.kept() {
		return nil, nil
	}
	payload := sse.Data(frame, nil)
	outer, err := rawjson.ReadObject(payload)
	if err != nil {
		return nil, nil //nolint:nilerr // whoever made it watches over what it is
	}
	raw := outer.Get("response")
	if raw.Kind() != jsonscan.ObjectKind {
		return nil, nil
	}
	o, err := rawjson.ReadObject(raw)
	if err != nil {
		return nil, nil //nolint:nilerr // the same
	}
	var other []byte
	own := o // as its maker tells it
	if t.renamed(o) {
		o = t.rename(o)
		raw = object.Encode(o)
		other = sse.AppendEvent(nil, "", string(event), object.Encode(object.With(outer, "response", raw)))
	}
	if t.stage < begun {
		if err := t.begin(ctx, own, raw); err != nil {
			return nil, err
		}
	}
	if last {
		t.end(ctx, o, raw)
	}
	return other, nil
}

// renamed reports whether the object is to be told under the id that the client knows
// already.
func (t *Turn) renamed(o rawjson.Object) bool {
	return t.background && (o.Get("id").Text() != t.row.ID || string(o.Get("background")) != "true")
}

func (t *Turn) rename(o rawjson.Object) rawjson.Object {
	return object.With(object.With(o, "id", object.Text(t.row.ID)), "background", rawjson.Value("true"))
}

// isFirst reports whether the event may be the first that tells of a response.
func isFirst(event []byte) bool {
	switch string(event) {
	case "response.created", "response.queued", "response.in_progress":
		return true
	}
	return false
}

// isLast reports whether it is the last.
func isLast(event []byte) bool {
	switch string(event) {
	case "response.completed", "response.incomplete", "response.failed":
		return true
	}
	return false
}

// eventOf is the type of an event: its name, or where it has none what its payload
// says near its beginning.
func eventOf(frame []byte) []byte {
	const near = 128
	if name, ok := bytes.CutPrefix(frame, []byte("event: ")); ok { // as most come
		return name[:max(bytes.IndexAny(name, "\r\n"), 0)]
	}
	if name := sse.Event(frame); name != "" {
		return []byte(name)
	}
	payload := sse.Data(frame, nil)
	_, after, found := bytes.Cut(payload[:min(len(payload), near)], []byte(`"type"`))
	if !found {
		return nil
	}
	after = bytes.TrimLeft(after, " \t\r\n:")
	if len(after) == 0 || after[0] != '"' {
		return nil
	}
	name, _, _ := bytes.Cut(after[1:], []byte(`"`))
	return name
}
