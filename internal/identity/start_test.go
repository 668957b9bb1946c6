package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

func start(t *testing.T, store *fakeStore, apps ...fairlead.App) identity.Welcome {
	t.Helper()
	welcome, err := identity.FirstStart(t.Context(), store, store, testPepper(), apps)
	if err != nil {
		t.Fatal(err)
	}
	return welcome
}

func TestFirstStart(t *testing.T) {
	store := newFakeStore()
	first := start(t, store)
	if !strings.HasPrefix(first.AdminToken, "fla_") || !strings.HasPrefix(first.AppKey, "fl_") {
		t.Fatal("the first start made no admin token or no app key")
	}
	admin, err := identity.LoadAdminToken(t.Context(), store, testPepper())
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]bool{
		first.AdminToken: true, first.AppKey: false, identity.NewAdminSecret(): false,
		first.AdminToken + "x": false, first.AdminToken[:46]: false, "": false, "fla_": false,
	} {
		if got := admin.IsAdmin(secret); got != want {
			t.Errorf("IsAdmin of %d characters: got %v, want %v", len(secret), got, want)
		}
	}
	d := newDirectory(t, identity.Config{Store: store})
	if got := answer(d, first.AppKey); got != "app default" {
		t.Errorf("the app key: got %q, want app default", got)
	}
	if got := answer(d, first.AdminToken); got != "invalid_api_key" {
		t.Errorf("the admin token as an app key: got %q, want invalid_api_key", got)
	}
	if second := start(t, store); second != (identity.Welcome{}) {
		t.Error("the second start made something")
	}
	if !admin.IsAdmin(first.AdminToken) || answer(newDirectory(t, identity.Config{Store: store}), first.AppKey) != "app default" {
		t.Error("the second start changed what the first one made")
	}
}

// Two services that start at once on one directory: one of them prints the admin
// token, and it works.
func TestTwoFirstStartsAtOnce(t *testing.T) {
	for range 50 {
		store := newFakeStore()
		made := make(chan identity.Welcome, 2)
		for range cap(made) {
			go func() {
				welcome, err := identity.FirstStart(t.Context(), store, store, testPepper(), nil)
				if err != nil {
					t.Error(err)
				}
				made <- welcome
			}()
		}
		first, second := (<-made).AdminToken, (<-made).AdminToken
		admin, err := identity.LoadAdminToken(t.Context(), store, testPepper())
		if err != nil {
			t.Fatal(err)
		}
		if (first == "") == (second == "") || !admin.IsAdmin(first+second) {
			t.Fatalf("printed %d and %d characters; want one token, and that it works", len(first), len(second))
		}
	}
}

func TestFirstStartMakesNoAppKey(t *testing.T) {
	t.Run("apps configured", func(t *testing.T) {
		store := newFakeStore()
		if got := start(t, store, fairlead.App{ID: "a"}); got.AppKey != "" || got.AdminToken == "" || len(store.keys) != 0 {
			t.Error("want the admin token alone")
		}
	})
	t.Run("an ended key stored", func(t *testing.T) {
		key := storedKey("key_1", "a", secretOne)
		key.Revoked = key.Created
		store := newFakeStore(key)
		if got := start(t, store); got.AppKey != "" || got.AdminToken == "" || len(store.keys) != 1 {
			t.Error("want the admin token alone")
		}
	})
}

func TestFirstStartNoticesAnotherPepper(t *testing.T) {
	store := newFakeStore()
	start(t, store)
	_, err := identity.FirstStart(t.Context(), store, store, []byte("another pepper of thirty-two byte"), nil)
	if err == nil || !strings.Contains(err.Error(), "the pepper is not the one") {
		t.Errorf("got %v, want an error that says so", err)
	}
}

func TestFirstStartTellsOfAStoreThatFails(t *testing.T) {
	store := newFakeStore()
	store.setDown(true)
	if _, err := identity.FirstStart(t.Context(), store, store, testPepper(), nil); !errors.Is(err, errDown) {
		t.Errorf("FirstStart: got %v, want the store's error", err)
	}
	if _, err := identity.LoadAdminToken(t.Context(), store, testPepper()); !errors.Is(err, errDown) {
		t.Errorf("LoadAdminToken: got %v, want the store's error", err)
	}
	store.setDown(false)
	if _, err := identity.LoadAdminToken(t.Context(), store, testPepper()); err == nil {
		t.Error("LoadAdminToken: no error although there is none")
	}
}

// keysThenDown fails as soon as a key was written.
type keysThenDown struct{ *fakeStore }

func (s keysThenDown) PutKey(ctx context.Context, key fairlead.Key) error {
	defer s.setDown(true)
	return s.fakeStore.PutKey(ctx, key)
}

// A key that was stored and not told would be lost.
func TestFirstStartTellsWhatItMadeBeforeItFailed(t *testing.T) {
	store := newFakeStore()
	got, err := identity.FirstStart(t.Context(), keysThenDown{store}, store, testPepper(), nil)
	if !errors.Is(err, errDown) || got.AppKey == "" || got.AdminToken != "" {
		t.Errorf("got app key %v, admin token %v, error %v, want the app key and the store's error",
			got.AppKey != "", got.AdminToken != "", err)
	}
}
