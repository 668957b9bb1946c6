package identity_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

func names(d *identity.Directory) []fairlead.AppID {
	var all []fairlead.AppID
	for _, app := range d.Apps() {
		all = append(all, app.ID)
	}
	return all
}

// TestAppsAreThoseThatMayCall: with apps configured it is these; else it is
// those that a key was stored for, and each is the one that Authenticate knows.
func TestAppsAreThoseThatMayCall(t *testing.T) {
	configured := newDirectory(t, identity.Config{
		Store: newFakeStore(storedKey("key_1", "stranger", "fl_stranger_000000000")),
		Apps:  []fairlead.App{{ID: "portal"}, {ID: "batch", Weight: 3}},
	})
	if got, want := names(configured), []fairlead.AppID{"batch", "portal"}; !slices.Equal(got, want) {
		t.Errorf("apps %v, want %v", got, want)
	}
	if app, ok := configured.App("batch"); !ok || app.Weight != 3 {
		t.Errorf("app %+v, %t", app, ok)
	}
	if app, ok := configured.App("stranger"); ok {
		t.Errorf("an app that is not configured is known: %+v", app)
	}
	ended := storedKey("key_3", "old", "fl_old_00000000000000")
	ended.Revoked = time.Now().Add(-time.Hour)
	open := newDirectory(t, identity.Config{
		Store: newFakeStore(storedKey("key_2", "crm", "fl_crm_00000000000000"), ended), DefaultApp: fairlead.App{RateLimitPerMinute: 9},
	})
	if got, want := names(open), []fairlead.AppID{"crm", "old"}; !slices.Equal(got, want) {
		t.Errorf("apps %v, want %v", got, want)
	}
	known, _ := open.App("crm")
	if app, err := open.Authenticate("fl_crm_00000000000000"); err != nil || app != known || app.RateLimitPerMinute != 9 {
		t.Errorf("authenticated %+v, %v; want the same as App: %+v", app, err, known)
	}
}

// TestAppsFollowTheStore: an app that gets its first key while the service runs
// is listed.
func TestAppsFollowTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore()
		var log logged
		d, stop := running(t, store, &log)
		defer stop()
		before := d.Apps()
		if err := store.PutKey(t.Context(), storedKey("key_1", "crm", "fl_crm_00000000000000")); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if got, want := names(d), []fairlead.AppID{"crm"}; !slices.Equal(got, want) || len(before) != 0 {
			t.Errorf("apps %v, want %v; the list from before has %d", got, want, len(before))
		}
	})
}
