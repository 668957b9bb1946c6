package responses

import (
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/completion"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// heldOverhead is what an item counts beside its text, in bytes.
const heldOverhead = 256

// turn is a response in the making. At most one item that is no call is open, the
// last one; a call is open until another item begins behind it and its arguments
// are whole, or else to the end.
type turn struct {
	opts Options
	// model and tier are what the provider named, tier as a JSON string.
	model  string
	tier   []byte
	usage  usage
	status string
	// reason is why the response is incomplete; "" if it isn't.
	reason string

	items   []*item
	current *item
	// calls tells calls apart, called are their items in order.
	calls  completion.Calls
	called []*item
	held   int
	// events tells what happens; nil if the answer comes whole.
	events *events
}

func newTurn(opts Options) *turn {
	if opts.MaxHeld <= 0 {
		opts.MaxHeld = defaultMaxHeld
	}
	return &turn{opts: opts, status: "in_progress", model: opts.Asked.Get("model").Text()}
}

// itemKind is what an item is.
type itemKind uint8

const (
	reasoningItem itemKind = iota
	messageItem
	callItem
)

// partKind is what a part of a message is.
type partKind uint8

const (
	textPart partKind = iota
	refusalPart
)

// part is a part of a message.
type part struct {
	kind partKind
	// text is the insides of its words, one after the other, logprobs the log
	// probabilities of these without brackets.
	text, logprobs []byte
}

// item is one item of a response.
type item struct {
	kind itemKind
	// at is its place among the others; id is made from that.
	at int
	id string
	// parts are a message's. text is the insides of what the model thought, or of
	// the arguments of a call.
	parts []part
	text  []byte
	// callID and tool are a call's; check follows its arguments, and begun says
	// that they have begun with a brace.
	callID string
	tool   toolbox.Tool
	check  *jsonscan.Checker
	begun  bool
	// isOpen says that more may come, isAdded that the item has its place.
	isOpen, isAdded bool
	isCut           bool
}

// isWhole reports whether nothing more can come for a call.
func (it *item) isWhole() bool { return it.begun && it.check.Whole() == nil }

// isCustom reports whether the item calls a custom tool.
func (it *item) isCustom() bool { return it.kind == callItem && it.tool.Kind == toolbox.Custom }

// isSearch reports whether the item calls the client's search for tools.
func (it *item) isSearch() bool { return it.kind == callItem && it.tool.Kind == toolbox.Search }

// hold counts what is held of the answer.
func (t *turn) hold(n int) error {
	if t.held += n; t.held > t.opts.MaxHeld {
		return broken.TooLarge()
	}
	return nil
}

// think adds to what the model thought.
func (t *turn) think(inside []byte) error {
	if len(inside) == 0 {
		return nil
	}
	if t.current == nil || t.current.kind != reasoningItem {
		if err := t.add(&item{kind: reasoningItem}); err != nil {
			return err
		}
		t.current = t.items[len(t.items)-1]
	}
	t.current.text = append(t.current.text, inside...)
	t.events.thought(t.current, inside)
	return t.hold(len(inside))
}

// say adds to what the model said, or why it did not.
func (t *turn) say(kind partKind, inside, logprobs []byte) error {
	if len(inside) == 0 {
		return nil
	}
	if t.current == nil || t.current.kind != messageItem {
		if err := t.add(&item{kind: messageItem}); err != nil {
			return err
		}
		t.current = t.items[len(t.items)-1]
	}
	it := t.current
	if n := len(it.parts); n == 0 || it.parts[n-1].kind != kind {
		if n > 0 {
			t.events.partDone(it, n-1)
		}
		it.parts = append(it.parts, part{kind: kind})
		t.events.partAdded(it, n)
		if err := t.hold(heldOverhead); err != nil {
			return err
		}
	}
	p := &it.parts[len(it.parts)-1]
	p.text = append(p.text, inside...)
	if len(logprobs) > 0 {
		if len(p.logprobs) > 0 {
			p.logprobs = append(p.logprobs, ',')
		}
		p.logprobs = append(p.logprobs, logprobs...)
	}
	t.events.said(it, inside, logprobs)
	return t.hold(len(inside) + len(logprobs))
}

// call adds a piece of a call, or a whole one, which is at that place among the
// others.
func (t *turn) call(value rawjson.Value, at int) error {
	call, function, err := completion.CallOf(value)
	if err != nil {
		return err
	}
	index := call.Get("index")
	if t.events == nil {
		index = rawjson.Value(strconv.Itoa(at)) // of a whole answer
	}
	n, err := t.calls.Find(index, call.Get("id").Text())
	if err != nil {
		return err
	}
	if n == len(t.called) {
		t.called = append(t.called, &item{kind: callItem, isOpen: true, check: jsonscan.NewChecker("")})
		if err := t.hold(heldOverhead); err != nil {
			return err
		}
	}
	it := t.called[n]
	piece, err := it.follow(function.Get("arguments"))
	if err != nil {
		return err
	}
	it.text = append(it.text, piece...)
	if err := t.hold(len(piece)); err != nil {
		return err
	}
	if it.isAdded {
		t.events.argued(it, piece)
		return nil
	}
	name := function.Get("name").Text()
	if name == "" {
		return nil // it waits until it can be told what it is
	}
	it.tool = t.opts.Tools.Called(name)
	it.callID = t.calls.ID(n)
	if it.callID == "" {
		it.callID = "call_" + t.suffix() + "_" + strconv.Itoa(n)
	}
	if err := t.add(it); err != nil {
		return err
	}
	t.events.argued(it, it.text)
	return nil
}

// follow checks a piece of the arguments and returns its inside, without the white
// space behind an object that it completes. A piece must be a string. What is no
// object in the end is the client's to find out, as with OpenAI itself.
func (it *item) follow(arguments rawjson.Value) ([]byte, error) {
	if arguments.Given() && arguments.Kind() != jsonscan.StringKind {
		return nil, broken.Invalid("calls a tool with arguments that are no text")
	}
	text := arguments.Text()
	if it.isWhole() && !it.isOpen {
		if strings.Trim(text, " \t\r\n") != "" {
			return nil, broken.Invalid("calls a tool with arguments that go on after their end")
		}
		return nil, nil
	}
	for i := 0; i < len(text) && !it.begun; i++ {
		if !jsonscan.IsSpace(text[i]) {
			if text[i] != '{' {
				break
			}
			it.begun = true
		}
	}
	_, _ = it.check.Write([]byte(text)) // Whole tells
	inside := arguments.Inside()
	if it.isWhole() {
		inside = withoutSpace(inside, len(text)-len(strings.TrimRight(text, " \t\r\n")))
	}
	return inside, nil
}

// withoutSpace is the inside of a string without the last n characters, which are
// white space, however it is escaped.
func withoutSpace(inside []byte, n int) []byte {
	const escape, unicode = len(`\n`), len(`\u0020`)
	for range n {
		switch end := len(inside); {
		case inside[end-1] == ' ':
			inside = inside[:end-1]
		case end >= unicode && inside[end-unicode] == '\\' && inside[end-unicode+1] == 'u':
			inside = inside[:end-unicode]
		default:
			inside = inside[:end-escape]
		}
	}
	return inside
}

// add gives an item its place behind the others, those of which that are complete
// are closed.
func (t *turn) add(it *item) error {
	if t.current != nil {
		t.close(t.current)
		t.current = nil
	}
	for _, before := range t.called {
		if before.isAdded && before.isWhole() {
			t.close(before)
		}
	}
	it.at, it.isOpen, it.isAdded = len(t.items), true, true
	prefix := "msg_"
	switch {
	case it.kind == reasoningItem:
		prefix = "rs_"
	case it.isCustom():
		prefix = "ctc_"
	case it.isSearch():
		prefix = "tsc_"
	case it.kind == callItem:
		prefix = "fc_"
	}
	it.id = prefix + t.suffix() + "_" + strconv.Itoa(it.at)
	t.items = append(t.items, it)
	t.events.added(it)
	return t.hold(heldOverhead)
}

// suffix is what all ids of the response share.
func (t *turn) suffix() string { return strings.TrimPrefix(t.opts.ID, "resp_") }

// close completes an item.
func (t *turn) close(it *item) {
	if it.isOpen {
		it.isOpen = false
		t.events.done(it)
	}
}

// finish completes the response. A call that was cut off before its name is left
// out.
func (t *turn) finish(finish string) error {
	cut := completion.IsCut(finish)
	for _, it := range t.called {
		if !it.isAdded && !cut {
			return broken.Invalid("calls a tool without a name")
		}
	}
	for _, it := range t.items {
		if it.isOpen {
			it.isCut = cut && (it.kind != callItem || !it.isWhole())
			t.close(it)
		}
	}
	t.current = nil
	t.status = "completed"
	switch finish {
	case "length":
		t.status, t.reason = "incomplete", "max_output_tokens"
	case "content_filter":
		t.status, t.reason = "incomplete", "content_filter"
	}
	return nil
}
