package socket

import (
	"testing"

	"github.com/fairleadhq/fairlead/internal/buffer"
)

// TestFullOutboxHasNoSlack: what a reader who has stopped costs is what waits for it,
// and not half as much again in buffers that have grown too large. It is so whatever is
// on its way when it stops.
func TestFullOutboxHasNoSlack(t *testing.T) {
	const slack = 16 << 10 // of memory over what may wait
	config := testConfig()
	for _, size := range []int{40, 233, 3000, 70_000} {
		for _, taken := range []int{0, 4 << 10, 100 << 10} {
			// It is writing, and never comes to an end.
			w := wire{config: &config, buffers: &buffer.Buffers{}, writing: true, taken: taken}
			frame := make([]byte, size)
			for w.pending()+size <= config.Outbox {
				if err := w.send(t.Context(), [][]byte{frame}); err != nil {
					t.Fatal(err)
				}
			}
			if got := cap(w.out.Bytes()) + taken; got > config.Outbox+slack {
				t.Errorf("frames of %d bytes behind %d: the buffers have %d bytes, want %d at most", size, taken, got, config.Outbox+slack)
			}
		}
	}
}
