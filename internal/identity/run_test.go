package identity_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

const (
	secretOne = "fl_one_0000000000000"
	secretTwo = "fl_two_0000000000000"
)

// running starts a directory with the default intervals in a bubble, and
// returns what stops it and waits for it.
func running(t *testing.T, store *fakeStore, log *logged) (d *identity.Directory, stop func()) {
	t.Helper()
	d = newDirectory(t, identity.Config{Store: store, Logger: log.logger()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// pass lets the bubble's time go by and everything in it finish.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestRunSeesChangesWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := storedKey("key_1", "a", secretOne)
		store := newFakeStore(key)
		d, stop := running(t, store, &logged{})
		defer stop()
		pass(700 * time.Millisecond)
		if got := answer(d, secretOne); got != "app a" {
			t.Fatalf("got %q, want app a", got)
		}
		key.Revoked = time.Now()
		if err := store.PutKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if err := store.PutKey(t.Context(), storedKey("key_2", "b", secretTwo)); err != nil {
			t.Fatal(err)
		}
		pass(500 * time.Millisecond)
		if got := answer(d, secretOne); got != "key_revoked" {
			t.Errorf("half a second after it was revoked: got %q, want key_revoked", got)
		}
		if got := answer(d, secretTwo); got != "app b" {
			t.Errorf("half a second after it was made: got %q, want app b", got)
		}
	})
}

func TestExpiryNeedsNoReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := storedKey("key_1", "a", secretOne)
		key.Expires = time.Now().Add(time.Minute)
		d := newDirectory(t, identity.Config{Store: newFakeStore(key)})
		pass(time.Minute - 1)
		if got := answer(d, secretOne); got != "app a" {
			t.Errorf("a nanosecond before: got %q, want app a", got)
		}
		pass(1)
		if got := answer(d, secretOne); got != "key_expired" {
			t.Errorf("at the expiry: got %q, want key_expired", got)
		}
	})
}

func TestRunStoresLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore(storedKey("key_1", "a", secretOne), storedKey("key_2", "a", secretTwo))
		d, stop := running(t, store, &logged{})
		pass(1200 * time.Millisecond)
		first := time.Now()
		answer(d, secretOne)
		pass(200 * time.Millisecond)
		answer(d, secretOne) // within the grain of a second
		pass(8 * time.Second)
		if got := store.touched(); got != 0 {
			t.Errorf("after 9.4 s: stored %d times, want never", got)
		}
		// A reload in between must not lose the use.
		if err := store.PutKey(t.Context(), storedKey("key_3", "a", "fl_three_00000000000")); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if got := store.key("key_1").LastUsed; !got.Equal(first) {
			t.Errorf("after 10 s: got last use %v, want %v", got, first)
		}
		if got := store.key("key_2").LastUsed; !got.IsZero() {
			t.Errorf("the key that was not used: got last use %v", got)
		}
		pass(time.Minute)
		if got := store.touched(); got != 1 {
			t.Errorf("without further use: stored %d times, want once", got)
		}
		last := time.Now()
		answer(d, secretOne)
		answer(d, "fl_unknown_000000000")
		stop()
		if got := store.key("key_1").LastUsed; !got.Equal(last) {
			t.Errorf("after the end: got last use %v, want %v", got, last)
		}
	})
}

// A refused key is not in use.
func TestEndedKeyIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := storedKey("key_1", "a", secretOne)
		key.Revoked = time.Now()
		store := newFakeStore(key)
		d, stop := running(t, store, &logged{})
		answer(d, secretOne)
		stop()
		if got := store.touched(); got != 0 {
			t.Errorf("stored %d times, want never", got)
		}
	})
}

func TestRunOutlivesItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := storedKey("key_1", "a", secretOne)
		store := newFakeStore(key)
		var log logged
		d, stop := running(t, store, &log)
		defer stop()
		for outage := 1; outage <= 2; outage++ {
			store.setDown(true)
			answer(d, secretOne)
			pass(30 * time.Second)
			if got := answer(d, secretOne); got != "app a" {
				t.Errorf("outage %d: got %q, want the earlier keys", outage, got)
			}
			store.setDown(false)
			pass(30 * time.Second)
			text := log.String()
			if got := strings.Count(text, "keys cannot be read"); got != outage {
				t.Errorf("outage %d: logged that %d times, want once each:\n%s", outage, got, text)
			}
			if got := strings.Count(text, "keys can be read again"); got != outage {
				t.Errorf("outage %d: logged its end %d times:\n%s", outage, got, text)
			}
			if got := strings.Count(text, "last use of keys cannot be stored"); got != outage {
				t.Errorf("outage %d: logged lost uses %d times:\n%s", outage, got, text)
			}
		}
		if store.key("key_1").LastUsed.IsZero() {
			t.Error("the use during the outage was not stored after it")
		}
		key.Revoked = time.Now()
		if err := store.PutKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		pass(500 * time.Millisecond)
		if got := answer(d, secretOne); got != "key_revoked" {
			t.Errorf("after the outages: got %q, want key_revoked", got)
		}
	})
}

// The warning of refused keys comes once, not with every reload.
func TestStrangersAreWarnedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore(storedKey("key_1", "gone", secretOne))
		var log logged
		d := newDirectory(t, identity.Config{Store: store, Apps: []fairlead.App{{ID: "a"}}, Logger: log.logger()})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		for range 3 {
			if err := store.PutKey(t.Context(), storedKey("key_2", "a", secretTwo)); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		if got := strings.Count(log.String(), "apps are not configured"); got != 1 {
			t.Errorf("warned %d times, want once:\n%s", got, log.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Requests, reloads and flushes at the same time; for the race detector.
func TestAuthenticateWhileRunning(t *testing.T) {
	store := newFakeStore(storedKey("key_1", "a", secretOne))
	d := newDirectory(t, identity.Config{Store: store, Poll: time.Millisecond, Flush: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	for i := range 200 {
		if i%10 == 0 {
			if err := store.PutKey(t.Context(), storedKey("key_2", "b", secretTwo)); err != nil {
				t.Fatal(err)
			}
		}
		if got := answer(d, secretOne); got != "app a" {
			t.Fatalf("got %q, want app a", got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if store.key("key_1").LastUsed.IsZero() {
		t.Error("the last use was not stored at the end")
	}
}
