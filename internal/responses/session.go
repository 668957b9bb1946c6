package responses

import (
	"slices"
	"sync"

	"github.com/fairleadhq/fairlead/internal/responses/object"
)

// Session keeps, in memory, the responses of one connection that were not to be
// stored, so that the connection can go on from them. It is bounded: the oldest are
// forgotten. It is safe for concurrent use, and needs no end.
type Session struct {
	turns int
	bytes int64

	mu   sync.Mutex
	kept map[string]*node
	ids  []string // of kept, oldest first
	used int64
}

// node is one turn, and by its parent the conversation until then. The session's
// mutex guards refs.
type node struct {
	parent *node
	items  []byte
	refs   int // by the session, by nodes that continue it, and by turns under way
}

// NewSession returns an empty Session.
func (k *Keeper) NewSession() *Session {
	return &Session{turns: k.limits.SessionTurns, bytes: k.limits.SessionBytes}
}

// find returns the node of a response, held until it is dropped; nil if there is none.
func (s *Session) find(id string) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.kept[id]
	if n != nil {
		n.refs++
	}
	return n
}

// drop lets go of what find returned.
func (s *Session) drop(n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unref(n)
}

// keep keeps a response that continues parent, which may be nil and must be held.
func (s *Session) keep(id string, parent *node, items []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if parent != nil {
		parent.refs++
	}
	if s.kept == nil {
		s.kept = make(map[string]*node)
	}
	if before := s.kept[id]; before != nil {
		s.forget(slices.Index(s.ids, id))
	}
	s.kept[id] = &node{parent: parent, items: items, refs: 1}
	s.ids = append(s.ids, id)
	s.used += int64(len(items))
	for len(s.ids) > 0 && (s.turns > 0 && len(s.ids) > s.turns || s.bytes > 0 && s.used > s.bytes) {
		s.forget(0)
	}
}

// forget takes one out. What the others continue stays with them. The caller holds
// the mutex.
func (s *Session) forget(index int) {
	id := s.ids[index]
	n := s.kept[id]
	s.ids = slices.Delete(s.ids, index, index+1)
	delete(s.kept, id)
	s.unref(n)
}

// unref frees what nobody refers to any more. The caller holds the mutex.
func (s *Session) unref(n *node) {
	for ; n != nil; n = n.parent {
		if n.refs--; n.refs > 0 {
			return
		}
		s.used -= int64(len(n.items))
	}
}

// joined is the items of the conversation. The node must be held.
func (n *node) joined() []byte {
	var parts [][]byte
	for ; n != nil; n = n.parent {
		parts = append(parts, n.items)
	}
	slices.Reverse(parts)
	return object.Join(parts)
}
