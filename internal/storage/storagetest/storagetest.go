// Package storagetest is the contract of the stores: what fairlead.KeyStore,
// fairlead.SecretStore and fairlead.ResponseStore promise beyond their signatures,
// as tests that each implementation runs over itself. Start with Run.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Store is what is tested.
type Store interface {
	fairlead.KeyStore
	fairlead.SecretStore
	responseStore
	Close() error
}

type contractTest struct {
	name string
	run  func(t *testing.T, open func() Store)
}

// Run runs the contract. newPlace makes an empty place for the data of one
// test and returns what opens a store there. Opened twice, the two stores share
// the data as two processes do. newPlace sees to it that stores are closed when
// the test ends; closing one twice must do no harm.
func Run(t *testing.T, newPlace func(t *testing.T) (open func() Store)) {
	t.Helper()
	tests := []contractTest{
		{"Empty", testEmpty},
		{"RoundTrip", testRoundTrip},
		{"ZeroTimes", testZeroTimes},
		{"Replace", testReplace},
		{"Version", testVersion},
		{"Touch", testTouch},
		{"Secrets", testSecrets},
		{"Canceled", testCanceled},
		{"Concurrent", testConcurrent},
		{"TwoStores", testTwoStores},
		{"Reopen", testReopen},
	}
	for _, tt := range append(tests, responseTests()...) {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newPlace(t)) })
	}
}

// moment is a fixed time, to the microsecond, that stores must keep.
func moment(seconds int) time.Time {
	return time.Date(2031, 5, 17, 13, 45, 0, 123456000, time.UTC).Add(time.Duration(seconds) * time.Second)
}

func fullKey(n byte) fairlead.Key {
	return fairlead.Key{
		ID:       fmt.Sprintf("key_%016x", n),
		App:      fairlead.AppID(fmt.Sprintf("app-%d", n)),
		Name:     "Schlüssel 'n\"; DROP TABLE api_keys; -- %_\\",
		Prefix:   "fl_abcdef",
		Digest:   fairlead.Digest{n, 0, 0xff, 31: n},
		Created:  moment(int(n)),
		LastUsed: moment(100),
		Expires:  moment(200),
		Revoked:  moment(300),
	}
}

func put(t *testing.T, s Store, key fairlead.Key) {
	t.Helper()
	if err := s.PutKey(t.Context(), key); err != nil {
		t.Fatalf("PutKey(%s): %v", key.ID, err)
	}
}

func keys(t *testing.T, s Store) map[string]fairlead.Key {
	t.Helper()
	list, _, err := s.Keys(t.Context())
	if err != nil {
		t.Fatalf("Keys: %v", err)
	}
	byID := make(map[string]fairlead.Key, len(list))
	for _, key := range list {
		byID[key.ID] = key
	}
	if len(byID) != len(list) {
		t.Fatalf("Keys returned %d keys with %d ids", len(list), len(byID))
	}
	return byID
}

// version returns the version, which both methods must agree on.
func version(t *testing.T, s Store) int64 {
	t.Helper()
	_, withKeys, err := s.Keys(t.Context())
	if err != nil {
		t.Fatalf("Keys: %v", err)
	}
	alone, err := s.KeysVersion(t.Context())
	if err != nil {
		t.Fatalf("KeysVersion: %v", err)
	}
	if alone != withKeys {
		t.Fatalf("KeysVersion is %d, that of Keys %d", alone, withKeys)
	}
	return alone
}

func testEmpty(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	if got := keys(t, s); len(got) != 0 {
		t.Errorf("an empty store has keys: %v", got)
	}
	if first, again := version(t, s), version(t, s); first != again {
		t.Errorf("the version went from %d to %d by itself", first, again)
	}
	if _, ok, err := s.Secret(t.Context(), "admin_token"); ok || err != nil {
		t.Errorf("Secret in an empty store: ok %v, error %v", ok, err)
	}
}

func testRoundTrip(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	want := fullKey(7)
	put(t, s, want)
	if got := keys(t, s)[want.ID]; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Zero means never; the year 1970 and far years are times like others.
func testZeroTimes(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	want := fairlead.Key{ID: "key_0", App: "a", Digest: fairlead.Digest{1}, Created: moment(0)}
	put(t, s, want)
	if got := keys(t, s)[want.ID]; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.Expires = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	want.Revoked = time.Unix(0, 0).UTC()
	put(t, s, want)
	if got := keys(t, s)[want.ID]; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func testReplace(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	other := fullKey(1)
	put(t, s, other)
	put(t, s, fullKey(2))
	want := fullKey(3)
	want.ID = fullKey(2).ID
	want.LastUsed, want.Revoked = time.Time{}, time.Time{}
	put(t, s, want)
	got := keys(t, s)
	if len(got) != 2 || got[want.ID] != want || got[other.ID] != other {
		t.Errorf("got  %+v\nwant %+v\nand  %+v", got, want, other)
	}
}

func testVersion(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	seen := map[int64]bool{version(t, s): true}
	key := fullKey(1)
	for change := range 5 {
		key.Expires = moment(change)
		put(t, s, key)
		v := version(t, s)
		if seen[v] {
			t.Fatalf("change %d gave the earlier version %d", change, v)
		}
		seen[v] = true
	}
	before := version(t, s)
	if err := s.TouchKeys(t.Context(), map[string]time.Time{key.ID: moment(1000)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutSecret(t.Context(), "admin_token", fairlead.Digest{1}); err != nil {
		t.Fatal(err)
	}
	if after := version(t, s); after != before {
		t.Errorf("a touch or a secret changed the version from %d to %d", before, after)
	}
}

func testTouch(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	never, earlier, later := fullKey(1), fullKey(2), fullKey(3)
	never.LastUsed = time.Time{}
	for _, key := range []fairlead.Key{never, earlier, later} {
		put(t, s, key)
	}
	err := s.TouchKeys(t.Context(), map[string]time.Time{
		never.ID: moment(1), earlier.ID: moment(500), later.ID: moment(-500), "key_unknown": moment(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.TouchKeys(t.Context(), nil); err != nil {
		t.Errorf("touching nothing: %v", err)
	}
	never.LastUsed, earlier.LastUsed = moment(1), moment(500)
	got := keys(t, s)
	for _, want := range []fairlead.Key{never, earlier, later} {
		if got[want.ID] != want {
			t.Errorf("got  %+v\nwant %+v", got[want.ID], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %d keys, want 3: touching made one", len(got))
	}
}

func testSecrets(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	want := fairlead.Digest{1, 31: 2}
	for _, put := range []fairlead.Digest{want, {}, {0xff}} { // the first stays
		if stored, err := s.PutSecret(t.Context(), "admin_token", put); stored != want || err != nil {
			t.Errorf("put %x: stored %x, %v, want %x", put, stored, err, want)
		}
		got, ok, err := s.Secret(t.Context(), "admin_token")
		if got != want || !ok || err != nil {
			t.Errorf("got %x, %v, %v, want %x", got, ok, err, want)
		}
	}
	if _, ok, err := s.Secret(t.Context(), "admin_token2"); ok || err != nil {
		t.Errorf("another name: ok %v, error %v", ok, err)
	}
}

func testCanceled(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	put(t, s, fullKey(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"Keys":        func() error { _, _, err := s.Keys(ctx); return err },
		"KeysVersion": func() error { _, err := s.KeysVersion(ctx); return err },
		"PutKey":      func() error { return s.PutKey(ctx, fullKey(2)) },
		"TouchKeys":   func() error { return s.TouchKeys(ctx, map[string]time.Time{fullKey(1).ID: moment(900)}) },
		"Secret":      func() error { _, _, err := s.Secret(ctx, "x"); return err },
		"PutSecret":   func() error { _, err := s.PutSecret(ctx, "x", fairlead.Digest{1}); return err },
	}
	for name, call := range calls {
		err := call()
		if !errors.Is(err, context.Canceled) || !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("%s: got %v, want context.Canceled of Kind Internal", name, err)
		}
	}
	if got := keys(t, s); len(got) != 1 || got[fullKey(1).ID] != fullKey(1) {
		t.Errorf("a canceled call changed the keys: %+v", got)
	}
}

func testConcurrent(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	const writers, rounds = 4, 5
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			key := fullKey(byte(n))
			for range rounds {
				if err := useAll(t.Context(), s, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := keys(t, s)
	for n := range writers {
		want := fullKey(byte(n))
		want.LastUsed = moment(900)
		if got[want.ID] != want {
			t.Errorf("got  %+v\nwant %+v", got[want.ID], want)
		}
	}
}

// useAll calls the methods that run against each other.
func useAll(ctx context.Context, s Store, key fairlead.Key) error {
	_, _, readErr := s.Keys(ctx)
	_, putErr := s.PutSecret(ctx, "x", key.Digest)
	return errors.Join(
		s.PutKey(ctx, key),
		s.TouchKeys(ctx, map[string]time.Time{key.ID: moment(900)}),
		putErr,
		readErr,
	)
}

// What one process writes, another that is already running sees.
func testTwoStores(t *testing.T, open func() Store) {
	t.Helper()
	server, tool := open(), open()
	key := fullKey(1)
	put(t, server, key)
	before := version(t, server)
	key.Revoked = moment(-1)
	put(t, tool, key)
	if after := version(t, server); after == before {
		t.Errorf("another store's change left the version at %d", after)
	}
	if got := keys(t, server)[key.ID]; got != key {
		t.Errorf("got  %+v\nwant %+v", got, key)
	}
	if _, err := tool.PutSecret(t.Context(), "x", fairlead.Digest{9}); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := server.Secret(t.Context(), "x"); got != (fairlead.Digest{9}) || !ok || err != nil {
		t.Errorf("got %x, %v, %v, want the other store's secret", got, ok, err)
	}
	var wg sync.WaitGroup
	for _, s := range []Store{server, tool} {
		wg.Go(func() {
			for n := range byte(10) {
				if err := s.PutKey(t.Context(), fullKey(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := keys(t, tool); len(got) != 10 {
		t.Errorf("got %d keys of two writers, want 10", len(got))
	}
}

func testReopen(t *testing.T, open func() Store) {
	t.Helper()
	first := open()
	want := fullKey(1)
	put(t, first, want)
	if _, err := first.PutSecret(t.Context(), "x", fairlead.Digest{5}); err != nil {
		t.Fatal(err)
	}
	before := version(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.KeysVersion(t.Context()); !fairlead.IsKind(err, fairlead.Internal) {
		t.Errorf("a closed store: got %v, want an error of Kind Internal", err)
	}
	second := open()
	if got := keys(t, second)[want.ID]; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if after := version(t, second); after != before {
		t.Errorf("reopening changed the version from %d to %d", before, after)
	}
	if got, ok, err := second.Secret(t.Context(), "x"); got != (fairlead.Digest{5}) || !ok || err != nil {
		t.Errorf("got %x, %v, %v, want the secret stored", got, ok, err)
	}
}
