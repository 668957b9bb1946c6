package admission

import (
	"testing"
	"testing/synctest"

	"github.com/fairleadhq/fairlead"
)

// TestUseIsCountedAsGranted: a wide call that gets fewer slots than it asked for,
// because its provider has fewer now, counts as what it got.
func TestUseIsCountedAsGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 8, TokensPerSlot: 100, Pools: map[string]Pool{"p": {Slots: 4}}})
		b.Resize("p", 1)
		app := &fairlead.App{ID: "a"}
		for range 10 {
			call := callOf(app)
			call.SetEstimate(fairlead.Estimate{Input: 200, Width: 2})
			lease, err := b.Enter(t.Context(), call, "p")
			if err != nil {
				t.Fatal(err)
			}
			lease.Release()
		}
		if s := b.Slots(); b.inUse.Load() != 0 || s.MostInUse != 1 {
			t.Errorf("%d in use, at most %d; want 0, 1", b.inUse.Load(), s.MostInUse)
		}
	})
}
