package responses

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

// mostKept is the most responses that are remembered; the oldest goes first.
const mostKept = 1000

// NotFound is how the refusal begins of a response that is not remembered.
const NotFound = "Previous response with id "

// Memory remembers conversations by the id of their last response, each for the
// key that made it alone. The zero Memory has none; it is safe for concurrent use.
type Memory struct {
	mu   sync.Mutex
	kept map[string][]json.RawMessage // by key and id
	old  []string                     // the same keys, oldest first
}

// Turn is one request with the conversation that it continues.
type Turn struct {
	body
	memory *Memory
	key    string
	items  []json.RawMessage // of the conversation, this input included
	// Tool is to be called; nil: answer with text.
	Tool *Tool
}

// Begin reads a request. It fails for what the real API refuses. The turn is never
// nil: of a request that is refused it may have the model.
func (m *Memory) Begin(header http.Header, raw []byte) (*Turn, error) {
	b, items, err := read(header, raw)
	t := &Turn{body: b, memory: m, key: header.Get("Authorization")}
	if err != nil {
		return t, err
	}
	if t.Previous != nil {
		past, ok := m.recall(t.key, *t.Previous)
		if !ok {
			return t, fmt.Errorf("%s'%s' not found.", NotFound, *t.Previous) //nolint:revive,staticcheck // as the real one says it
		}
		t.items = past
	}
	t.items = append(t.items, items...)
	if len(t.items) == 0 {
		return t, errors.New("missing required parameter: 'input'")
	}
	t.Tool, err = b.chosen(t.items[len(t.items)-1])
	return t, err
}

// Forget forgets all.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept, m.old = nil, nil
}

func (m *Memory) recall(key, id string) ([]json.RawMessage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	items, ok := m.kept[key+"\n"+id]
	return slices.Clip(items), ok
}

func (m *Memory) keep(key, id string, items []json.RawMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = make(map[string][]json.RawMessage)
	}
	m.kept[key+"\n"+id] = items
	m.old = append(m.old, key+"\n"+id)
	for len(m.old) > mostKept {
		delete(m.kept, m.old[0])
		m.old = m.old[1:]
	}
}

// Keep remembers the conversation with what the answer added to it, unless the
// request said that it should not be stored.
func (t *Turn) Keep(a Answer) {
	if t.Store != nil && !*t.Store {
		return
	}
	items := slices.Clip(t.items)
	for _, said := range t.output(a, statusCompleted) {
		items = append(items, plainjson.Encode(said))
	}
	t.memory.keep(t.key, a.id(), items)
}

// Heard is what the conversation says: how many messages it has, how long they are,
// instructions included, and what the user said, oldest first.
func (t *Turn) Heard() (messages, size int, said []string) {
	if t.Instructions != nil {
		size = len(*t.Instructions)
	}
	for _, raw := range t.items {
		var it item
		if json.Unmarshal(raw, &it) != nil || it.kind() != "message" {
			continue
		}
		text, err := textOf(it.Content)
		if err != nil {
			continue // of an answer
		}
		messages++
		size += len(text)
		if it.Role == "user" && text != "" {
			said = append(said, text)
		}
	}
	return messages, size, said
}
