package bridge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
)

// holdStep is in which steps, in bytes, room is taken for what a stream holds.
const holdStep = 4 << 10

// stream translates a stream, block by block.
type stream interface {
	Block(frames []byte) (out []byte, err error)
	End() (out []byte, err error)
}

// holder is a stream that holds what it has translated until its end.
type holder interface{ Held() int }

// relayed has the model answer the request, and the relay translate what it says.
func relayed(ctx context.Context, call *fairlead.Call, model fairlead.Model, req *fairlead.Request, r *relay) error {
	defer r.forget()
	err := model.Answer(ctx, call, req, r.take)
	if r.err != nil {
		return r.err
	}
	return err
}

// relay translates one answer.
type relay struct {
	// translate translates a whole answer, open begins the translation of a stream.
	translate func(body []byte) ([]byte, error)
	open      func() (stream, error)
	dropped   []string
	emit      fairlead.Emit
	// name is the client's name of a field that the model's own bridge dropped; nil
	// where the model has none.
	name func(field string) string

	head   *fairlead.Head
	headed bool
	stream stream
	memory fairlead.Memory // nil = without a bound
	whole  []byte
	// reserved is how many bytes of memory the answer has.
	reserved int64
	// err is what was wrong with the model's answer, or that there is no room for it,
	// not what the caller did.
	err error
}

// take takes an event of the model's.
func (r *relay) take(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		return r.begin(*e.Head)
	case e.End != nil:
		return r.end(*e.End)
	case r.stream != nil:
		return r.block(e.Data)
	}
	if len(r.whole)+len(e.Data) > maxWhole {
		return r.fail(&fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_answer_too_large", Message: "The provider's answer is too large to be translated",
		})
	}
	if err := r.reserve(len(r.whole) + len(e.Data)); err != nil {
		return err
	}
	r.whole = append(r.whole, e.Data...)
	return nil
}

// block translates a block of the stream.
func (r *relay) block(frames []byte) error {
	out, bad := r.stream.Block(frames)
	if h, ok := r.stream.(holder); ok && bad == nil {
		if err := r.reserve((h.Held()/holdStep + 1) * holdStep); err != nil {
			return err
		}
	}
	if err := r.pass(out); err != nil {
		return err
	}
	return r.fail(bad)
}

// reserve sees to it that there is room for so many bytes of the answer. That there
// is none is no fault of the model's.
func (r *relay) reserve(held int) error {
	if more := int64(held) - r.reserved; r.memory != nil && more > 0 {
		if r.err = r.memory.Reserve(more); r.err != nil {
			return r.err
		}
		r.reserved += more
	}
	return nil
}

// forget gives the room of what was gathered back.
func (r *relay) forget() {
	if r.reserved > 0 {
		r.memory.Return(r.reserved)
	}
}

// begin keeps the head, which goes out with the first data.
func (r *relay) begin(head fairlead.Head) error {
	head.Header = maps.Clone(head.Header)
	head.Keeper = fairlead.Maker{} // what is told here, the model does not know
	dropped := r.dropped
	if before := head.Header[DroppedHeader]; before != "" && r.name != nil {
		dropped = slices.Clone(dropped)
		for field := range strings.SplitSeq(before, ", ") {
			if name := r.name(field); !slices.Contains(dropped, name) {
				dropped = append(dropped, name)
			}
		}
	}
	if len(dropped) > 0 {
		if head.Header == nil {
			head.Header = make(map[string]string, 1)
		}
		head.Header[DroppedHeader] = strings.Join(dropped, ", ")
	}
	r.head = &head
	if !head.Stream {
		return nil
	}
	var err error
	r.stream, err = r.open()
	return r.fail(err)
}

// end ends the answer, which its model says is whole.
func (r *relay) end(end fairlead.End) error {
	var last []byte
	var err error
	if r.stream != nil {
		last, err = r.stream.End()
	} else {
		last, err = r.translate(r.whole)
	}
	if err != nil {
		return r.fail(err)
	}
	if err := r.pass(last); err != nil {
		return err
	}
	return r.emit(fairlead.Event{End: &end})
}

// pass emits data, after the head if it is the first.
func (r *relay) pass(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if !r.headed {
		r.headed = true
		if err := r.emit(fairlead.Event{Head: r.head}); err != nil {
			return err
		}
	}
	return r.emit(fairlead.Event{Data: data})
}

// fail keeps what was wrong with the model's answer, if anything was, with the
// status that it had.
func (r *relay) fail(err error) error {
	if err == nil {
		return nil
	}
	named := *fairlead.AsError(err)
	if named.Status == 0 && r.head != nil {
		named.Status = r.head.Status
	}
	r.err = &named
	return r.err
}
