package window

import (
	"math"
	"testing"
	"time"
)

func TestNumbersWrapWithoutTheOneOfFreeSlots(t *testing.T) {
	h := newHistory(3, time.Minute)
	h.number = math.MaxUint32 - 1
	for i := range 3 {
		entry, _, ok := h.admit(0)
		if !ok || entry>>indexBits == 0 {
			t.Fatalf("admission %d: got entry %x, ok %v, want a number other than 0", i+1, entry, ok)
		}
		h.undo(entry)
		if h.used != 0 {
			t.Fatalf("admission %d: got %d used after undoing it, want 0", i+1, h.used)
		}
	}
}
