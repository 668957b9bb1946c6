package admission

import (
	"testing"
	"testing/synctest"

	"github.com/fairleadhq/fairlead"
)

func TestResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Pools: map[string]Pool{"p": {Slots: 3}, "free": {}}})
		app := &fairlead.App{ID: "a"}
		for _, c := range []struct {
			pool        string
			slots, want int
		}{{"p", 2, 2}, {"p", 0, 1}, {"p", -1, 1}, {"p", 9, 3}, {"free", 2, 0}, {"nobody", 2, 0}} {
			b.Resize(c.pool, c.slots)
			if got := b.Pools()[c.pool].Slots; got != c.want {
				t.Errorf("%s resized to %d has %d slots, want %d", c.pool, c.slots, got, c.want)
			}
		}
		first, second := b.hold(callOf(app)), b.hold(callOf(app))
		b.Resize("p", 1)
		waiter := b.enter(t.Context(), callOf(app))
		first.Release()
		synctest.Wait()
		if waiter.over() {
			t.Error("granted above the limit")
		}
		second.Release()
		synctest.Wait()
		if !waiter.over() || waiter.err != nil {
			t.Error("not granted within the limit")
		}
		waiter.lease.Release()
	})
}

func TestResizeInShadow(t *testing.T) {
	c := New(Config{Pools: map[string]Pool{"p": {Slots: 3}}, Shadow: []Limit{LimitProviderSlots}}, nil)
	c.Resize("p", 1)
	if got := c.Pools()["p"].Slots; got != 0 {
		t.Errorf("a limit in shadow became %d slots", got)
	}
}
