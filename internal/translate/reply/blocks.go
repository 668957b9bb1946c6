package reply

import (
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
)

// heldOverhead is what a block that waits counts beside its text, in bytes.
const heldOverhead = 256

// blockKind is what a block holds.
type blockKind uint8

const (
	textBlock blockKind = iota
	thinkingBlock
	callBlock
)

// block is one block of a message.
type block struct {
	kind blockKind
	// number, id and name are a call's; check follows its arguments, and begun says
	// that they have begun.
	number   int
	id, name string
	check    *jsonscan.Checker
	begun    bool
	// isQueued says that the block waits, isClosed that it is over.
	isQueued, isClosed bool
	// held is the insides of the pieces that wait.
	held []byte
}

// isComplete reports whether nothing more can come for the block.
func (b *block) isComplete() bool {
	return b.kind != callBlock || b.begun && b.check.Whole() == nil
}

// isReady reports whether what begins the block is known.
func (b *block) isReady() bool { return b.kind != callBlock || b.name != "" }

// follow checks a piece of the arguments.
func (b *block) follow(piece string) error {
	for i := 0; i < len(piece) && !b.begun; i++ {
		if jsonscan.IsSpace(piece[i]) {
			continue
		}
		if piece[i] != '{' {
			return &jsonscan.Error{Reason: "an object was expected"}
		}
		b.begun = true
	}
	_, err := b.check.Write([]byte(piece))
	return err
}

// add adds a piece to a block: it goes out if the block is open, or can be
// opened now, and waits otherwise. A call begins before it has a piece.
func (s *messagesStream) add(b *block, inside []byte) error {
	switch {
	case b.isClosed, len(inside) == 0 && b.kind != callBlock:
		return nil // all that can follow a whole object is white space
	case b == s.current:
		s.piece(b, inside)
		return nil
	case !b.isQueued:
		b.isQueued = true
		s.queue = append(s.queue, b)
		s.held += heldOverhead
	}
	b.held = append(b.held, inside...)
	if s.held += len(inside); s.held > s.maxHeld {
		return broken.Interleaved()
	}
	for len(s.queue) > 0 && s.queue[0].isReady() && (s.current == nil || s.current.isComplete()) {
		s.next()
	}
	return nil
}

// next closes the open block and opens the first that waits.
func (s *messagesStream) next() {
	s.stop()
	b := s.queue[0]
	s.queue = s.queue[1:]
	s.held -= heldOverhead + len(b.held)
	s.open(b)
	s.piece(b, b.held)
	b.held = nil
}

// flush sends all blocks to their ends. A call that was cut off before its name
// can't be sent.
func (s *messagesStream) flush() {
	for len(s.queue) > 0 {
		if s.queue[0].isReady() {
			s.next()
		} else {
			s.queue = s.queue[1:]
		}
	}
	s.stop()
}

// open begins a block.
func (s *messagesStream) open(b *block) {
	s.current = b
	s.begin("content_block_start")
	s.w.IntMember("index", s.at)
	s.w.Name("content_block")
	s.w.Open('{')
	switch b.kind {
	case textBlock:
		s.w.TextMember("type", "text")
		s.w.TextMember("text", "")
	case thinkingBlock:
		s.w.TextMember("type", "thinking")
		s.w.TextMember("thinking", "")
		s.w.TextMember("signature", "")
	case callBlock:
		s.w.TextMember("type", "tool_use")
		s.w.TextMember("id", toolUseID(b.id, s.id, b.number))
		s.w.TextMember("name", b.name)
		s.w.Name("input")
		s.w.Open('{')
		s.w.Close('}')
	}
	s.w.Close('}')
	s.send("content_block_start")
}

// piece sends a piece of the open block.
func (s *messagesStream) piece(b *block, inside []byte) {
	if len(inside) == 0 {
		return
	}
	kind, name := "text_delta", "text"
	switch b.kind {
	case textBlock:
	case thinkingBlock:
		kind, name = "thinking_delta", "thinking"
	case callBlock:
		kind, name = "input_json_delta", "partial_json"
	}
	s.begin("content_block_delta")
	s.w.IntMember("index", s.at)
	s.w.Name("delta")
	s.w.Open('{')
	s.w.TextMember("type", kind)
	s.w.Name(name)
	s.w.Joined(inside)
	s.w.Close('}')
	s.send("content_block_delta")
}

// stop ends the open block, if there is one.
func (s *messagesStream) stop() {
	if s.current == nil {
		return
	}
	s.current.isClosed = true
	s.current = nil
	s.begin("content_block_stop")
	s.w.IntMember("index", s.at)
	s.send("content_block_stop")
	s.at++
}
