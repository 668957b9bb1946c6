package identity_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

func TestCreate(t *testing.T) {
	store := newFakeStore()
	want := identity.NewKey{App: "portal", Name: "Büro", Expires: time.Now().Add(time.Hour)}
	key, secret, err := identity.Create(t.Context(), store, testPepper(), want)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^key_[0-9a-f]{16}$`).MatchString(key.ID) {
		t.Errorf("got id %q", key.ID)
	}
	if key.App != want.App || key.Name != want.Name || !key.Expires.Equal(want.Expires) || !key.Revoked.IsZero() || !key.LastUsed.IsZero() {
		t.Errorf("got %+v, want %+v", key, want)
	}
	if age := time.Since(key.Created); age < 0 || age > time.Minute {
		t.Errorf("created %v ago", age)
	}
	if len(key.Prefix) != 9 || !strings.HasPrefix(secret, key.Prefix) {
		t.Errorf("got prefix %q, want the secret's first 9 characters", key.Prefix)
	}
	if key.Digest != identity.Hash(testPepper(), secret) {
		t.Error("the digest is not the secret's")
	}
	if got := store.key(key.ID); got != key {
		t.Errorf("stored %+v, returned %+v", got, key)
	}
	d := newDirectory(t, identity.Config{Store: store})
	if got := answer(d, secret); got != "app portal" {
		t.Errorf("the new key: got %q, want app portal", got)
	}
}

func TestCreateRefuses(t *testing.T) {
	past := time.Now().Add(-time.Second)
	tests := []struct {
		want identity.NewKey
		code string
	}{
		{identity.NewKey{App: ""}, "invalid_app"},
		{identity.NewKey{App: "a b"}, "invalid_app"},
		{identity.NewKey{App: "a/b"}, "invalid_app"},
		{identity.NewKey{App: "é"}, "invalid_app"},
		{identity.NewKey{App: fairlead.AppID(strings.Repeat("a", 65))}, "invalid_app"},
		{identity.NewKey{App: "a", Name: "line\nfeed"}, "invalid_name"},
		{identity.NewKey{App: "a", Name: "esc\x1b[2J"}, "invalid_name"},
		{identity.NewKey{App: "a", Name: strings.Repeat("n", 101)}, "invalid_name"},
		{identity.NewKey{App: "a", Expires: past}, "invalid_expiry"},
	}
	for _, tt := range tests {
		store := newFakeStore()
		_, secret, err := identity.Create(t.Context(), store, testPepper(), tt.want)
		if !fairlead.IsKind(err, fairlead.Invalid) || fairlead.AsError(err).Code != tt.code {
			t.Errorf("%+v: got %v, want %s", tt.want, err, tt.code)
		}
		if secret != "" || len(store.keys) != 0 {
			t.Errorf("%+v: made a key all the same", tt.want)
		}
	}
	longest := identity.NewKey{App: fairlead.AppID(strings.Repeat("a", 64)), Name: strings.Repeat("n", 100)}
	if _, _, err := identity.Create(t.Context(), newFakeStore(), testPepper(), longest); err != nil {
		t.Errorf("the longest names: %v", err)
	}
}

func TestRotate(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name    string
		expires time.Duration // of the old key from now; 0 is never
		overlap time.Duration
		want    time.Duration // when the old key expires
	}{
		{"at once", 0, 0, 0},
		{"with overlap", 0, day, day},
		{"overlap shortens", 2 * day, day, day},
		{"earlier expiry stays", time.Hour, day, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var expires time.Time
				if tt.expires != 0 {
					expires = time.Now().Add(tt.expires)
				}
				testRotation(t, expires, tt.overlap, tt.want)
			})
		})
	}
}

// testRotation rotates a key with that expiry; the old one must end after the
// time wanted.
func testRotation(t *testing.T, expires time.Time, overlap, want time.Duration) {
	t.Helper()
	now := time.Now()
	old := storedKey("key_1", "portal", secretOne)
	old.Name, old.Expires = "prod", expires
	store := newFakeStore(old)
	key, secret, err := identity.Rotate(t.Context(), store, testPepper(), "prod", overlap)
	if err != nil {
		t.Fatal(err)
	}
	if key.ID == old.ID || key.App != "portal" || key.Name != "prod" || !key.Expires.IsZero() {
		t.Errorf("new key: got %+v", key)
	}
	if got := store.key("key_1"); !got.Expires.Equal(now.Add(want)) {
		t.Errorf("old key: expires %v, want %v", got.Expires, now.Add(want))
	}
	d := newDirectory(t, identity.Config{Store: store})
	if got := answer(d, secret); got != "app portal" {
		t.Errorf("new key: got %q, want app portal", got)
	}
	if want > 0 {
		if got := answer(d, secretOne); got != "app portal" {
			t.Errorf("old key before its end: got %q, want app portal", got)
		}
	}
	pass(want)
	if got := answer(d, secretOne); got != "key_expired" {
		t.Errorf("old key at its end: got %q, want key_expired", got)
	}
}

func TestRotateRefuses(t *testing.T) {
	revoked, expired := storedKey("key_2", "a", secretOne), storedKey("key_3", "a", secretTwo)
	revoked.Revoked, expired.Expires = time.Now(), time.Now()
	store := newFakeStore(storedKey("key_1", "a", "fl_three_00000000000"), revoked, expired)
	for _, tt := range []struct {
		ref     string
		overlap time.Duration
		kind    fairlead.Kind
		code    string
	}{
		{"key_1", -1, fairlead.Invalid, "invalid_overlap"},
		{"key_2", 0, fairlead.Invalid, "key_revoked"},
		{"key_3", 0, fairlead.Invalid, "key_expired"},
		{"key_4", 0, fairlead.NotFound, "key_not_found"},
	} {
		_, _, err := identity.Rotate(t.Context(), store, testPepper(), tt.ref, tt.overlap)
		if !fairlead.IsKind(err, tt.kind) || fairlead.AsError(err).Code != tt.code {
			t.Errorf("%s: got %v, want %s", tt.ref, err, tt.code)
		}
	}
	if len(store.keys) != 3 || store.version != 0 {
		t.Errorf("a refused rotation wrote: %d keys, version %d", len(store.keys), store.version)
	}
}

func TestRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore(storedKey("key_1", "a", secretOne))
		pass(time.Second)
		key, err := identity.Revoke(t.Context(), store, "key_1")
		if err != nil {
			t.Fatal(err)
		}
		if !key.Revoked.Equal(time.Now()) || store.key("key_1") != key {
			t.Errorf("got %+v, stored %+v", key, store.key("key_1"))
		}
		pass(time.Hour)
		again, err := identity.Revoke(t.Context(), store, "key_1")
		if err != nil || again != key {
			t.Errorf("again: got %+v, %v, want it as it was", again, err)
		}
		if _, err := identity.Revoke(t.Context(), store, "key_2"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("unknown key: got %v, want one of Kind NotFound", err)
		}
	})
}

func TestFind(t *testing.T) {
	now := time.Now()
	full := func(id, name, prefix string) fairlead.Key {
		return fairlead.Key{ID: id, App: "a", Name: name, Prefix: prefix}
	}
	ended := full("key_aaaa000000000003", "prod", "fl_cccccc")
	ended.Revoked = now
	store := newFakeStore(
		full("key_aaaa000000000001", "dev", "fl_aaaaaa"),
		full("key_aaab000000000002", "prod", "fl_bbbbbb"),
		ended,
		full("key_cccc000000000004", "twice", "fl_dddddd"),
		full("key_dddd000000000005", "twice", "fl_eeeeee"),
		full("key_eeee000000000006", "", "fl_ffffff"),
	)
	tests := []struct{ ref, want string }{
		{"key_aaaa000000000001", "key_aaaa000000000001"},
		{"key_aaab", "key_aaab000000000002"},
		{"key_aaaa", "key_aaaa000000000001"}, // the other one has ended
		{"key_aaaa000000000003", "key_aaaa000000000003"},
		{"fl_cccccc", "key_aaaa000000000003"},
		{"fl_aaaaaa", "key_aaaa000000000001"},
		{"prod", "key_aaab000000000002"},
		{"dev", "key_aaaa000000000001"},
		{"twice", "key_ambiguous"},
		{"key_", "key_not_found"},
		{"key_eee", "key_not_found"},
		{"", "key_not_found"},
		{"Dev", "key_not_found"},
		{"fl_aaa", "key_not_found"},
	}
	for _, tt := range tests {
		key, err := identity.Find(t.Context(), store, tt.ref)
		got := key.ID
		if err != nil {
			got = fairlead.AsError(err).Code
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.ref, got, tt.want)
		}
	}
	_, err := identity.Find(t.Context(), store, "fl_canary_secret_000000000000000000000000000")
	if e := fairlead.AsError(err); e.Kind != fairlead.NotFound || strings.Contains(fmt.Sprintf("%+v", e), "canary") {
		t.Errorf("got %+v, want NotFound without the secret", e)
	}
	_, err = identity.Find(t.Context(), store, "twice")
	if detail := fairlead.AsError(err).Detail; !strings.Contains(detail, "key_cccc000000000004") || !strings.Contains(detail, "key_dddd000000000005") {
		t.Errorf("got detail %q, want both ids", detail)
	}
}

func TestKeysTellOfAStoreThatFails(t *testing.T) {
	store := newFakeStore(storedKey("key_1", "a", secretOne))
	store.setDown(true)
	_, _, createErr := identity.Create(t.Context(), store, testPepper(), identity.NewKey{App: "a"})
	_, _, rotateErr := identity.Rotate(t.Context(), store, testPepper(), "key_1", 0)
	_, revokeErr := identity.Revoke(t.Context(), store, "key_1")
	for name, err := range map[string]error{"Create": createErr, "Rotate": rotateErr, "Revoke": revokeErr} {
		if !errors.Is(err, errDown) || !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("%s: got %v, want the store's error", name, err)
		}
	}
}
