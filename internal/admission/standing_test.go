package admission

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

func TestStanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 3, Burst: Burst{PerSecond: 5, Block: time.Minute}})
		app := &fairlead.App{ID: "a", RateLimitPerMinute: 10, TokensPerMinute: 1000, MaxConcurrent: 3}
		s, err := b.Standing(t.Context(), app)
		if err != nil || s.Requests.Remaining != 10 || s.Tokens.Remaining != 1000 || s.InUse+s.Waiting != 0 || s.NextWait != 0 || s.Refused != nil {
			t.Errorf("an app that never called: %+v, %v", s, err)
		}
		call := callOf(app)
		pass := b.mustPass(call, request(0, 100))
		lease := b.hold(call)
		batch := func() *visit {
			call := callOf(app)
			call.Class = fairlead.Batch
			return b.enter(t.Context(), call)
		}
		for range 4 {
			batch()
		}
		b.enter(t.Context(), callOf(app))
		wait(time.Second)
		s, err = b.Standing(t.Context(), app)
		if err != nil || s.InUse != 3 || s.Waiting != 3 || s.NextWait <= 0 || s.BlockedFor != 0 {
			t.Errorf("standing %+v, %v", s, err)
		}
		if got := s.Classes[fairlead.Interactive]; got != (fairqueue.Usage{InUse: 1, Waiting: 1}) {
			t.Errorf("interactive %+v", got)
		}
		if got := s.Classes[fairlead.Batch]; got != (fairqueue.Usage{InUse: 2, Waiting: 2}) {
			t.Errorf("batch %+v", got)
		}
		if s.Requests != (fairlead.WindowState{Limit: 10, Remaining: 9, Reset: 59 * time.Second}) ||
			s.Tokens != (fairlead.WindowState{Limit: 1000, Remaining: 900, Reset: 59 * time.Second}) {
			t.Errorf("windows %+v, %+v", s.Requests, s.Tokens)
		}
		lease.Release()
		b.settle(call, pass, Outcome{Usage: fairlead.Usage{Output: 30}})
		if s, err := b.Standing(t.Context(), app); err != nil || s.Tokens.Remaining != 970 {
			t.Errorf("standing after the call: %+v, %v", s.Tokens, err)
		}
	})
}

func TestAppsAreSortedAndOnlyThoseThatCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 5})
		for _, id := range []fairlead.AppID{"c", "a", "b"} {
			app := &fairlead.App{ID: id, RateLimitPerMinute: 10, TokensPerMinute: 100}
			call := callOf(app)
			b.mustPass(call, request(0, 40))
			b.hold(call)
		}
		all := b.Apps(t.Context())
		if len(all) != 3 {
			t.Fatalf("%d apps, want 3", len(all))
		}
		for i, want := range []fairlead.AppID{"a", "b", "c"} {
			use := all[i]
			if use.App.ID != want || use.Classes[fairlead.Interactive].InUse != 1 || use.Requests.Remaining != 9 || use.Tokens.Remaining != 60 {
				t.Errorf("app %d: %+v of %s, want %s", i, use, use.App.ID, want)
			}
		}
	})
}

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 3, Pools: map[string]Pool{"q": {Slots: 2}}})
		app := &fairlead.App{ID: "a"}
		var leases []fairlead.Lease
		for range 3 {
			leases = append(leases, b.hold(callOf(app)))
		}
		v := b.enterPool(t.Context(), callOf(app), "q")
		if s := b.Slots(); s != (Slots{Usage: fairqueue.Usage{Slots: 3, InUse: 3, Waiting: 1}, MostInUse: 3}) {
			t.Errorf("slots %+v", s)
		}
		if p := b.Pools(); p["p"] != (fairqueue.Usage{InUse: 3}) || p["q"] != (fairqueue.Usage{Slots: 2, Waiting: 1}) || len(p) != 2 {
			t.Errorf("pools %+v", p)
		}
		for range 2 {
			for _, lease := range leases {
				lease.Release()
			}
		}
		synctest.Wait()
		v.want(t, "")
		v.lease.Release()
		if s := b.Slots(); s != (Slots{Usage: fairqueue.Usage{Slots: 3}, MostInUse: 3, DoubleReleases: 3}) {
			t.Errorf("afterwards: %+v", s)
		}
		fairlead.Lease{}.Release()
		if s := b.Slots(); s.DoubleReleases != 3 {
			t.Errorf("the lease of nothing was released: %+v", s)
		}
	})
}

func TestLift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Burst: Burst{PerSecond: 2, Block: time.Hour}})
		app := &fairlead.App{ID: "a"}
		if b.Lift("a") {
			t.Error("a block was lifted of an app that never called")
		}
		for range 2 {
			if err := b.Arrive(app); err != nil {
				t.Fatal(err)
			}
		}
		if b.Lift("a") {
			t.Error("a block was lifted, but there is none")
		}
		wait(time.Second)
		for range 3 {
			_ = b.Arrive(app)
		}
		if _, code := kindAndCode(b.Arrive(app)); code != "blocked_burst" {
			t.Errorf("not blocked: %q", code)
		}
		if !b.Lift("a") || b.Lift("a") {
			t.Error("want the block to be lifted once")
		}
		if _, err := b.Admit(t.Context(), callOf(app)); err != nil {
			t.Errorf("after the block was lifted: %v", err)
		}
	})
}

func TestNoteRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{})
		app, start := &fairlead.App{ID: "a"}, time.Now()
		for _, code := range []string{"queue_full", "rate_limit_requests", "queue_dropped", "rate_limit_requests"} {
			b.NoteRefused(app, code)
			wait(time.Second)
		}
		b.NoteRefused(&fairlead.App{ID: "b"}, "queue_full")
		s, err := b.Standing(t.Context(), app)
		want := []Refusal{
			{"rate_limit_requests", 2, start.Add(3 * time.Second)}, {"queue_dropped", 1, start.Add(2 * time.Second)}, {"queue_full", 1, start},
		}
		if err != nil || len(s.Refused) != len(want) {
			t.Fatalf("refused %+v, %v; want %+v", s.Refused, err, want)
		}
		for i, r := range s.Refused {
			if r.Code != want[i].Code || r.Count != want[i].Count || !r.Last.Equal(want[i].Last) {
				t.Errorf("refused %d: %+v, want %+v", i, r, want[i])
			}
		}
	})
}
