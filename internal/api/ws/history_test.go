package ws

import (
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestHistoryIsInTheBooks: what a socket keeps of its answers is in the memory for
// bodies as long as the socket is there.
func TestHistoryIsInTheBooks(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/v1/responses")
	used := int64(0)
	for range 3 {
		c.say(`{"type":"response.create","model":"m","input":"some words to be kept","store":false}`)
		c.until("response.completed")
		b.expectUsed(t, func(now int64) bool { return now > used && now == b.face.histories.Used() })
		used = b.face.histories.Used()
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	b.expectUsed(t, func(now int64) bool { return now == 0 && b.face.histories.Used() == 0 })
}

// expectUsed waits until so many bytes are reserved.
func (b *bench) expectUsed(t *testing.T, so func(now int64) bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(b.bodies.Used()); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are reserved, %d of them for what is kept", b.bodies.Used(), b.face.histories.Used())
		}
	}
}
