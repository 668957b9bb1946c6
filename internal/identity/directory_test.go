package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

func TestAuthenticate(t *testing.T) {
	now := time.Now()
	revoked := storedKey("key_2", "portal", "fl_revoked_0000000000")
	revoked.Revoked = now.Add(-time.Second)
	expired := storedKey("key_3", "portal", "fl_expired_0000000000")
	expired.Expires = now.Add(-time.Second)
	both := storedKey("key_4", "portal", "fl_both_0000000000000")
	both.Expires, both.Revoked = now.Add(-time.Hour), now.Add(-time.Second)
	later := storedKey("key_5", "portal", "fl_later_000000000000")
	later.Expires, later.Revoked = now.Add(time.Hour), now.Add(time.Hour)
	longest := strings.Repeat("x", 256)
	var log logged
	d := newDirectory(t, identity.Config{
		Store: newFakeStore(storedKey("key_1", "portal", "fl_good_0000000000000"), revoked, expired, both, later,
			storedKey("key_6", "stranger", "fl_stranger_000000000"),
			storedKey("key_7", "stranger", "fl_stranger_000000001"),
			storedKey("key_8", "batch", longest)),
		Apps:       []fairlead.App{{ID: "portal", RateLimitPerMinute: 7}, {ID: "batch"}},
		ConfigKeys: []identity.ConfigKey{{App: "batch", Secret: "from-the-file"}, {App: "batch", Secret: "fl_revoked_0000000000"}},
		Logger:     log.logger(),
	})
	tests := []struct{ name, secret, want string }{
		{"stored", "fl_good_0000000000000", "app portal"},
		{"ends later", "fl_later_000000000000", "app portal"},
		{"configured", "from-the-file", "app batch"},
		{"longest", longest, "app batch"},
		{"revoked, although it is configured too", "fl_revoked_0000000000", "key_revoked"},
		{"expired", "fl_expired_0000000000", "key_expired"},
		{"expired, then revoked", "fl_both_0000000000000", "key_revoked"},
		{"app not configured", "fl_stranger_000000000", "invalid_api_key"},
		{"unknown", "fl_good_0000000000001", "invalid_api_key"},
		{"other case", "FL_good_0000000000000", "invalid_api_key"},
		{"beginning", "fl_good_000000000000", "invalid_api_key"},
		{"empty", "", "invalid_api_key"},
		{"too long", longest + "x", "invalid_api_key"},
		{"with a space", "fl_good 000000000000", "invalid_api_key"},
		{"with a line feed", "fl_good_0000000000000\n", "invalid_api_key"},
		{"with a NUL", "fl_good_0000000000000\x00", "invalid_api_key"},
		{"not ASCII", "fl_good_00000000000\u00e90", "invalid_api_key"},
		{"injection", "'/**/OR/**/1=1;--", "invalid_api_key"},
	}
	for _, tt := range tests {
		if got := answer(d, tt.secret); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	_, err := d.Authenticate("fl_good_0000000000001")
	if e := fairlead.AsError(err); e.Message != "Invalid API key" || e.Err != nil || e.Detail != "" {
		t.Errorf("an unknown key is told %+v", e)
	}
	if app, err := d.Authenticate("fl_good_0000000000000"); err != nil || app.RateLimitPerMinute != 7 {
		t.Errorf("got %+v, %v, want the configured app", app, err)
	}
	text := log.String()
	if want := "stored keys are refused because their apps are not configured"; strings.Count(text, want) != 1 || !strings.Contains(text, "keys=2") {
		t.Errorf("the log has no single warning of 2 refused keys:\n%s", text)
	}
	if strings.Contains(text, "from-the-file") || strings.Contains(text, "fl_") {
		t.Errorf("the log has a secret:\n%s", text)
	}
}

func TestOpenToEveryStoredApp(t *testing.T) {
	d := newDirectory(t, identity.Config{
		Store: newFakeStore(storedKey("key_1", "one", "fl_one_1"), storedKey("key_2", "one", "fl_one_2"),
			storedKey("key_3", "two", "fl_two_1")),
		DefaultApp: fairlead.App{ID: "ignored", RateLimitPerMinute: 200, Models: []string{"m"}},
	})
	one, err := d.Authenticate("fl_one_1")
	if err != nil {
		t.Fatal(err)
	}
	if one.ID != "one" || one.RateLimitPerMinute != 200 || !one.MayUse("p", "m") || one.MayUse("p", "n") {
		t.Errorf("got %+v, want app one with the default limits", one)
	}
	if again, err := d.Authenticate("fl_one_2"); again != one {
		t.Errorf("the app's other key gave %p, %v, want the same app %p", again, err, one)
	}
	if got := answer(d, "fl_two_1"); got != "app two" {
		t.Errorf("got %q, want app two", got)
	}
}

func TestNewRefuses(t *testing.T) {
	apps := []fairlead.App{{ID: "a"}, {ID: "b"}}
	down := newFakeStore()
	down.setDown(true)
	tests := []struct {
		name   string
		config identity.Config
		want   string
	}{
		{"no pepper", identity.Config{Store: newFakeStore()}, "the pepper has 0 bytes"},
		{"store down", identity.Config{Pepper: testPepper(), Store: down}, "load keys: "},
		{"key of no app", identity.Config{
			Pepper: testPepper(), Store: newFakeStore(), Apps: apps,
			ConfigKeys: []identity.ConfigKey{{App: "a", Secret: "canary-1"}, {App: "c", Secret: "canary-2"}},
		}, `configured key 2 is for app "c"`},
		{"malformed key", identity.Config{
			Pepper: testPepper(), Store: newFakeStore(), Apps: apps,
			ConfigKeys: []identity.ConfigKey{{App: "b", Secret: "canary with spaces"}},
		}, `a configured key of app "b" is malformed`},
		{"key of two apps", identity.Config{
			Pepper: testPepper(), Store: newFakeStore(), Apps: apps,
			ConfigKeys: []identity.ConfigKey{{App: "a", Secret: "canary-1"}, {App: "a", Secret: "canary-1"}, {App: "b", Secret: "canary-1"}},
		}, `apps "a" and "b" are configured with the same key`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Logger = new(logged).logger()
			_, err := identity.New(t.Context(), tt.config)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
	if _, err := identity.New(t.Context(), tests[1].config); !errors.Is(err, errDown) {
		t.Errorf("got %v, want the store's error in it", err)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	d := newDirectory(b, identity.Config{Store: newFakeStore(storedKey("key_1", "a", "fl_0123456789012345678901234567890123456789012"))})
	for _, bb := range []struct{ name, secret string }{
		{"Known", "fl_0123456789012345678901234567890123456789012"},
		{"Unknown", "fl_0123456789012345678901234567890123456789013"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = d.Authenticate(bb.secret)
			}
		})
	}
}
