package window_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/window"
)

const block = 5 * time.Minute

func TestGuardBlocksTheOneTooManyWithinTheSpan(t *testing.T) {
	guard := window.NewGuard(3, time.Second, block)
	steps := []struct {
		now, want time.Duration
	}{
		{0, 0},
		{400 * time.Millisecond, 0},
		{800 * time.Millisecond, 0},
		{time.Second, 0}, // the first has just left
		{time.Second + 1, block},
		{2 * time.Second, block - time.Second + 1},
		{time.Second + block, 1},
		{time.Second + 1 + block, 0}, // over, and counting from nothing
		{time.Second + 1 + block, 0},
		{time.Second + 1 + block, 0},
		{time.Second + 1 + block, block},
	}
	for i, step := range steps {
		if got := guard.Arrive(step.now); got != step.want {
			t.Errorf("step %d at %v: got blocked for %v, want %v", i, step.now, got, step.want)
		}
	}
}

func TestGuardIsNotProlongedByHammering(t *testing.T) {
	guard := window.NewGuard(1, time.Second, block)
	guard.Arrive(0)
	guard.Arrive(0)
	for now := time.Duration(0); now < block; now += time.Second {
		if got, want := guard.Arrive(now), block-now; got != want {
			t.Fatalf("at %v: got blocked for %v, want %v", now, got, want)
		}
	}
	if got := guard.Blocked(block); got != 0 {
		t.Errorf("after the block: got blocked for %v, want 0", got)
	}
}

func TestGuardBlockedDoesNotCount(t *testing.T) {
	guard := window.NewGuard(2, time.Second, block)
	for range 5 {
		if got := guard.Blocked(0); got != 0 {
			t.Fatalf("got blocked for %v, want 0", got)
		}
	}
	guard.Arrive(0)
	if got := guard.Arrive(0); got != 0 {
		t.Errorf("the second arrival: got blocked for %v, want 0", got)
	}
	guard.Arrive(0)
	if got := guard.Blocked(time.Second); got != block-time.Second {
		t.Errorf("got blocked for %v, want %v", got, block-time.Second)
	}
}

func TestGuardLift(t *testing.T) {
	guard := window.NewGuard(1, time.Second, block)
	guard.Arrive(0)
	guard.Arrive(0)
	guard.Lift()
	if got := guard.Blocked(0); got != 0 {
		t.Errorf("lifted: got blocked for %v, want 0", got)
	}
	if got := guard.Arrive(0); got != 0 {
		t.Errorf("first arrival after lifting: got blocked for %v, want 0", got)
	}
	if got := guard.Arrive(0); got != block {
		t.Errorf("second arrival after lifting: got blocked for %v, want %v", got, block)
	}
}

func TestGuardThatNeverBlocks(t *testing.T) {
	for name, guard := range map[string]*window.Guard{
		"no limit": window.NewGuard(0, time.Second, block),
		"no span":  window.NewGuard(1, 0, block),
		"no block": window.NewGuard(1, time.Second, 0),
	} {
		for i := range 5 {
			if got := guard.Arrive(0); got != 0 {
				t.Errorf("%s: arrival %d: got blocked for %v, want 0", name, i+1, got)
			}
		}
	}
}

func TestGuardUsedByManyAtOnce(t *testing.T) {
	const limit, workers, each = 50, 8, 20
	guard := window.NewGuard(limit, time.Second, block)
	var passed atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				if guard.Arrive(0) == 0 {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := passed.Load(); got != limit {
		t.Errorf("got %d arrivals passed, want %d", got, limit)
	}
}
