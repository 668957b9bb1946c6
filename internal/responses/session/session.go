// Package session keeps, in memory, the responses of one connection that were not to
// be stored, so that the connection can go on from them.
//
// Each is a node, and by its parent the conversation until then: what several go on
// from is there once. All that is kept has a place in the memory that the service sets
// aside; where there is no room, or a bound is reached, the oldest are forgotten.
//
// Start with Session.Keep.
package session

import (
	"slices"
	"sync"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses/object"
)

// Limits bound what a Session keeps: how many responses, and how many bytes of items.
// Zero values are no limit.
type Limits struct {
	Turns int
	Bytes int64
}

// Session is what is kept for one connection. It is safe for concurrent use, and must
// be ended.
type Session struct {
	limits Limits
	memory fairlead.Memory // nil where that is not bounded; not called under the mutex

	mu    sync.Mutex
	kept  map[string]*Node
	ids   []string // of kept, oldest first
	used  int64
	ended bool
}

// Node is one turn, and by its parent the conversation until then. The session's
// mutex guards refs.
type Node struct {
	parent *Node
	items  []byte
	refs   int // by the session, by nodes that continue it, and by turns under way
}

// New returns an empty Session. What it takes of memory, which may be nil, it returns
// itself: at End, or when the last node is dropped that is still held then.
func New(limits Limits, memory fairlead.Memory) *Session {
	return &Session{limits: limits, memory: memory}
}

// Find returns the node of a response, held until it is dropped; nil if there is none.
func (s *Session) Find(id string) *Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.kept[id]
	if n != nil {
		n.refs++
	}
	return n
}

// Drop lets go of what Find returned.
func (s *Session) Drop(n *Node) {
	s.mu.Lock()
	freed := s.unref(n)
	s.mu.Unlock()
	s.giveBack(freed)
}

// Keep keeps a response that continues parent, which may be nil and must be held. One
// that there is no room for is not kept.
func (s *Session) Keep(id string, parent *Node, items []byte) {
	size := int64(len(items))
	if s.limits.Bytes > 0 && size > s.limits.Bytes || !s.reserve(size) {
		return
	}
	s.giveBack(s.add(id, &Node{parent: parent, items: items, refs: 1}))
}

// End forgets everything; nothing is kept any more.
func (s *Session) End() {
	s.mu.Lock()
	s.ended = true
	var freed int64
	for len(s.ids) > 0 {
		freed += s.forget(0)
	}
	s.mu.Unlock()
	s.giveBack(freed)
}

// reserve takes memory. The oldest responses go until there is some.
func (s *Session) reserve(size int64) bool {
	if s.memory == nil {
		return true
	}
	for s.memory.Reserve(size) != nil {
		s.mu.Lock()
		if len(s.ids) == 0 {
			s.mu.Unlock()
			return false
		}
		freed := s.forget(0)
		s.mu.Unlock()
		s.giveBack(freed)
	}
	return true
}

func (s *Session) giveBack(freed int64) {
	if s.memory != nil && freed > 0 {
		s.memory.Return(freed)
	}
}

// add puts a node in, and returns how many bytes are free by it.
func (s *Session) add(id string, n *Node) (freed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return int64(len(n.items))
	}
	if n.parent != nil {
		n.parent.refs++
	}
	if s.kept == nil {
		s.kept = make(map[string]*Node)
	}
	if s.kept[id] != nil {
		freed = s.forget(slices.Index(s.ids, id))
	}
	s.kept[id] = n
	s.ids = append(s.ids, id)
	s.used += int64(len(n.items))
	turns, bytes := s.limits.Turns, s.limits.Bytes
	for len(s.ids) > 0 && (turns > 0 && len(s.ids) > turns || bytes > 0 && s.used > bytes) {
		freed += s.forget(0)
	}
	return freed
}

// forget takes one out, and returns how many bytes are free by it. What the others
// continue stays with them. The caller holds the mutex.
func (s *Session) forget(index int) (freed int64) {
	id := s.ids[index]
	n := s.kept[id]
	s.ids = slices.Delete(s.ids, index, index+1)
	delete(s.kept, id)
	return s.unref(n)
}

// unref frees what nobody refers to any more. The caller holds the mutex.
func (s *Session) unref(n *Node) (freed int64) {
	for ; n != nil; n = n.parent {
		if n.refs--; n.refs > 0 {
			break
		}
		freed += int64(len(n.items))
	}
	s.used -= freed
	return freed
}

// Items are the items of the conversation. The node must be held.
func (n *Node) Items() []byte {
	var parts [][]byte
	for ; n != nil; n = n.parent {
		parts = append(parts, n.items)
	}
	slices.Reverse(parts)
	return object.Join(parts)
}
