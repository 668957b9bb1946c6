package bridge_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate/bridge"
)

// preparer is a bridge of either kind.
type preparer interface {
	fairlead.Model
	fairlead.Preparer
}

// TestLongRequestsNeedRoom: a translation of a long request is held in the call's
// Memory while there is one, and without room nobody is asked.
func TestLongRequestsNeedRoom(t *testing.T) {
	long := strings.Repeat("long ", 10_000)
	n := int64(len(long))
	chats := request(t, chat, `{"messages":[{"role":"user","content":"`+long+`"}],"stream":true}`)
	ours := responsesRequest(t, `{"input":"`+long+`","stream":true}`)
	model := func() *fake { return &fake{events: streamOf(frames(messages), &fairlead.End{})} }
	for _, c := range []struct {
		name  string
		steps int64
		req   *fairlead.Request
		on    func(*fake) preparer
	}{
		{"chat", 1, chats, func(f *fake) preparer { return bridge.New(f, messages, bridge.Options{}) }},
		{"responses", 2, ours, func(f *fake) preparer { return chain(f, messages) }},
	} {
		for _, left := range []int64{n / 2, n*c.steps - 1, (n + 20_000) * c.steps} {
			enough := left > n*c.steps
			memory := &room{left: left, least: left}
			call := &fairlead.Call{Operation: fairlead.Chat, Memory: memory}
			asked := model()
			b := c.on(asked)
			prepared := b.Prepare(call, c.req)
			if (prepared == nil) != enough || !enough && !fairlead.IsKind(prepared, fairlead.Busy) || memory.left != left {
				t.Errorf("%s with room for %d: %v, %d are left", c.name, left, prepared, memory.left)
			}
			least := int64(0)
			err := b.Answer(t.Context(), call, c.req, func(fairlead.Event) error {
				least = left - memory.left
				return nil
			})
			if (err == nil) != enough || !enough && !fairlead.IsKind(err, fairlead.Busy) || memory.left != left {
				t.Errorf("%s with room for %d: %v, %d are left after the answer", c.name, left, err, memory.left)
			}
			if enough && least < n*c.steps {
				t.Errorf("%s: %d bytes were held, want %d and more", c.name, least, n*c.steps)
			}
		}
	}
}
