package places

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestNeverMoreThanTheLimit, whoever comes and goes, and nothing is lost.
func TestNeverMoreThanTheLimit(t *testing.T) {
	const limit, crowd, rounds = 7, 40, 500
	var told atomic.Int64
	p := New(limit, func() { told.Add(1) })
	var mu sync.Mutex
	in, most, refused := 0, 0, int64(0)
	count := func(n int, refusals int64) {
		mu.Lock()
		defer mu.Unlock()
		in += n
		most, refused = max(most, in), refused+refusals
	}
	var group sync.WaitGroup
	for range crowd {
		group.Go(func() {
			for range rounds {
				if !p.Take() {
					count(0, 1)
					continue
				}
				count(1, 0)
				count(-1, 0)
				p.Give()
			}
		})
	}
	group.Wait()
	if most > limit {
		t.Errorf("%d were in, more than %d", most, limit)
	}
	if got, want := p.Stats(), (Stats{Limit: limit, Most: p.Stats().Most, Refused: refused}); got != want || got.Most > limit || got.Most < 1 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if told.Load() != refused {
		t.Errorf("told of %d refusals, want %d", told.Load(), refused)
	}
}

func TestFull(t *testing.T) {
	p := New(1, nil)
	if p.Full() || !p.Take() || !p.Full() || p.Take() {
		t.Error("one place is not one")
	}
	p.Give()
	if p.Full() || !p.Take() {
		t.Error("a place that was given back is not there")
	}
	free := New(0, nil)
	for range 1000 {
		if !free.Take() || free.Full() {
			t.Fatal("refused without a limit")
		}
	}
}

// TestWaitIsComputed of what happened in the last ten seconds.
func TestWaitIsComputed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(4, nil)
		expect := func(what string, want time.Duration) {
			t.Helper()
			if got := p.Wait(); got != want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		expect("nothing is known", unknown)
		for range 4 {
			p.Take()
		}
		p.Take()
		expect("no place came free", unknown)
		p.Give()
		expect("two want the one of ten seconds", 20*time.Second)
		p.Give()
		expect("two want two", 10*time.Second)
		for range 100 {
			p.Take()
			p.Give()
		}
		expect("many come free", shortest)
		<-time.After((seconds + 1) * time.Second)
		expect("all of that is long ago", unknown)
		for range 100 {
			p.Take()
		}
		p.Give()
		expect("many were refused", longest)
	})
}
