package budget

import (
	"strconv"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestOneAppDoesNotFillTheBudget(t *testing.T) {
	b := New(100, 10)
	if !b.reserve("greedy", 50) || b.reserve("greedy", 1) {
		t.Error("an app may fill a half and no more")
	}
	if !b.reserve("other", 50) || b.reserve("third", 1) {
		t.Error("the other half is for others, and no more")
	}
	b.release("greedy", 50)
	if !b.reserve("third", 1) || b.Used() != 51 {
		t.Errorf("%d used, want 51", b.Used())
	}
	if small := New(100, 90); !small.reserve("a", 90) {
		t.Error("one body of the largest size must fit")
	}
	if none := New(0, 0); !none.reserve("a", 1<<40) {
		t.Error("no limit is no limit")
	}
}

// TestPart: what a part has, the whole has not, and the part is bounded by itself.
func TestPart(t *testing.T) {
	b := New(100, 10)
	part := b.Part(4, 8)
	if !part.reserve("a", 12) || part.reserve("a", 1) || b.Used() != 12 {
		t.Errorf("an app may fill a half of the part and no more: %d used", b.Used())
	}
	if !part.reserve("b", 12) || part.reserve("c", 2) || part.Used() != 24 {
		t.Errorf("the part is a quarter: %d used", part.Used())
	}
	if !b.reserve("c", 50) || !b.reserve("d", 26) || part.reserve("d", 1) || part.Used() != 24 || b.Used() != 100 {
		t.Errorf("there is no room in the whole: %d and %d used", part.Used(), b.Used())
	}
	part.release("a", 12)
	part.release("b", 12)
	if part.Used() != 0 || b.Used() != 76 || !part.reserve("d", 12) {
		t.Errorf("given back: %d and %d used", part.Used(), b.Used())
	}
	if none := New(0, 0).Part(4, 8); !none.reserve("a", 1<<40) {
		t.Error("a part of no limit is none")
	}
}

// TestBuffersAreKept: the body of one exchange is read into the buffer of one
// before it, and a buffer is never had by two.
func TestBuffersAreKept(t *testing.T) {
	b := New(1<<20, 1<<20)
	for _, n := range []int64{1, 1000, smallestKept - 1, smallestKept, smallestKept + 1, 100_000, largestKept, largestKept + 1, 1 << 20} {
		room := roomFor(n)
		if room < n || room > 2*n {
			t.Errorf("%d bytes get a buffer of %d", n, room)
		}
		one, other := b.buffer(room), b.buffer(room)
		if len(one) != 0 || int64(cap(one)) != room || &one[:1][0] == &other[:1][0] {
			t.Errorf("a buffer for %d bytes has %d of %d, or is had twice", n, len(one), cap(one))
		}
		b.recycle(one)
		b.recycle(other)
	}
	b.recycle(nil)
	b.recycle(make([]byte, 100, 20_000)) // of a size that is not kept
}

// TestAccount: what a call holds is given back by whoever took it, or at its end,
// and is not lost when it is handed over.
func TestAccount(t *testing.T) {
	b := New(100_000, 90_000)
	a := b.Account("crm", func() time.Duration { return 7 * time.Second })
	buf, err := a.Buffer(999)
	if err != nil || cap(buf) != 1024 || b.Used() != 1023 {
		t.Fatalf("a buffer of %d, %d bytes used, %v", cap(buf), b.Used(), err)
	}
	buf, err = a.Grow(append(buf, "text"...), 2000)
	if err != nil || string(buf) != "text" || cap(buf) != 3024 || b.Used() != 3023 {
		t.Fatalf("%q in a buffer of %d, %d bytes used, %v", buf, cap(buf), b.Used(), err)
	}
	a.Hold(buf)
	kept := a.HandOver()
	a.Close()
	if err := kept.Reserve(86_977); err != nil || b.Used() != 90_000 {
		t.Errorf("%d bytes used, %v", b.Used(), err)
	}
	e := fairlead.AsError(kept.Reserve(1))
	if e == nil || e.Kind != fairlead.Busy || e.Code != "memory_pressure" || e.RetryAfter != 7*time.Second {
		t.Errorf("more than there is: %+v", e)
	}
	if same, err := kept.Grow(buf, 1); err == nil || &same[0] != &buf[0] {
		t.Errorf("grown without room: %v", err)
	}
	kept.Return(80_000)
	if b.Used() != 10_000 {
		t.Errorf("%d bytes used", b.Used())
	}
	for range 2 {
		kept.Close()
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes left", b.Used())
	}
	new(Account).Close()
}

// TestAccountsOfIdleAppsAreBounded: an app's account stays for its next call, but not
// those of any number of apps, nor one that a body is on.
func TestAccountsOfIdleAppsAreBounded(t *testing.T) {
	b := New(100, 10)
	if !b.reserve("busy", 7) {
		t.Fatal("there is room")
	}
	for i := range 2 * keptAccounts {
		app := fairlead.AppID(strconv.Itoa(i))
		if !b.reserve(app, 50) || b.reserve(app, 1) {
			t.Fatal("an app may fill a half and no more")
		}
		b.release(app, 50)
		if b.reserve(app+" wants too much", 60) {
			t.Fatal("an app may fill a half and no more")
		}
	}
	b.release("never seen", 0)
	if n := len(b.apps); n > keptAccounts {
		t.Errorf("%d accounts are kept, want at most %d", n, keptAccounts)
	}
	if b.Used() != 7 || b.apps["busy"].used != 7 || b.reserve("busy", 44) {
		t.Errorf("%d used, want 7, all of them on one account", b.Used())
	}
}

// BenchmarkBudget is what a call pays for the account of its body.
func BenchmarkBudget(b *testing.B) {
	budget := New(1<<30, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		if !budget.reserve("app", 1000) {
			b.Fatal("there is room")
		}
		budget.release("app", 1000)
	}
}
