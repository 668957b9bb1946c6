package admin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/admin"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

const (
	token  = "the-admin-token"
	appKey = "an-app-key"
)

type keys struct{}

func (keys) Authenticate(key string) (*fairlead.App, error) {
	if key == appKey {
		return &fairlead.App{ID: "crm"}, nil
	}
	return nil, &fairlead.Error{Kind: fairlead.Unauthenticated, Code: "invalid_api_key"}
}

func (keys) IsAdmin(key string) bool { return key == token }

// office is the face with a gateway behind it.
type office struct {
	http.Handler
	gateway *gateway.Gateway
}

func newOffice(t *testing.T, apps ...*fairlead.App) *office {
	t.Helper()
	o := &office{gateway: gateway.New(gateway.Config{
		Admission: admission.New(admission.Config{
			Slots: 20, Burst: admission.Burst{PerSecond: 2, Block: 5 * time.Minute},
		}, memory.New()),
		Logger: slog.New(slog.DiscardHandler),
	})}
	router, err := api.New(api.Config{
		Faces: []api.Face{admin.New(admin.Config{
			Gateway: o.gateway, Apps: func() []*fairlead.App { return apps }, Slots: 20,
			Firing: func(app fairlead.AppID) (time.Time, bool) { return time.Now().Add(-90 * time.Second), app == "crm" },
		})},
		Keys: keys{}, Bodies: budget.New(0, 0), Refused: func(string, string) {}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Handler = router
	return o
}

// ask sends a request with the admin token, and reads the answer into into.
func (o *office) ask(t *testing.T, method, target string, into any) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s %s: %v in %s", method, target, err, w.Body)
	}
	return w.Code
}

// entry is what the tests look at of an app.
type entry struct {
	App    string `json:"app"`
	Limits struct {
		Weight, MaxConcurrentRequests int
	} `json:"limits"`
	BlockedForSeconds float64 `json:"blocked_for_seconds"`
	ErrorAlert        struct {
		Firing          bool     `json:"firing"`
		SinceSecondsAgo *float64 `json:"since_seconds_ago"`
	} `json:"error_alert"`
	Code string `json:"code"`
}

type page struct {
	Apps    []entry `json:"apps"`
	HasMore bool    `json:"has_more"`
}

func TestListIsInPages(t *testing.T) {
	var apps []*fairlead.App
	for i := range 1500 {
		apps = append(apps, &fairlead.App{ID: fairlead.AppID(fmt.Sprintf("app-%04d", i))})
	}
	o := newOffice(t, apps...)
	for _, c := range []struct {
		after       string
		n           int
		first, last string
		more        bool
	}{
		{"", 1000, "app-0000", "app-0999", true},
		{"app-0999", 500, "app-1000", "app-1499", false},
		{"app-0499", 1000, "app-0500", "app-1499", false},
		{"app-0499x", 1000, "app-0500", "app-1499", false},
		{"app-0498x", 1000, "app-0499", "app-1498", true},
		{"app-1499", 0, "", "", false},
	} {
		var got page
		if status := o.ask(t, http.MethodGet, "/admin/apps?after="+c.after, &got); status != http.StatusOK || got.Apps == nil {
			t.Fatalf("after %q: status %d, %+v", c.after, status, got)
		}
		first, last := "", ""
		if n := len(got.Apps); n > 0 {
			first, last = got.Apps[0].App, got.Apps[n-1].App
		}
		if len(got.Apps) != c.n || first != c.first || last != c.last || got.HasMore != c.more {
			t.Errorf("after %q: %d apps, %s to %s, more %t; want %+v", c.after, len(got.Apps), first, last, got.HasMore, c)
		}
	}
}

func TestShow(t *testing.T) {
	o := newOffice(t, &fairlead.App{ID: "crm", Weight: 2}, &fairlead.App{ID: "research"})
	var crm, research, none entry
	if status := o.ask(t, http.MethodGet, "/admin/apps/crm", &crm); status != http.StatusOK || crm.App != "crm" || crm.Limits.Weight != 2 {
		t.Errorf("%d %+v", status, crm)
	}
	if a := crm.ErrorAlert; !a.Firing || a.SinceSecondsAgo == nil || *a.SinceSecondsAgo < 90 || *a.SinceSecondsAgo > 100 {
		t.Errorf("alert %+v, want one of 90 s ago", a)
	}
	if status := o.ask(t, http.MethodGet, "/admin/apps/research", &research); status != http.StatusOK || research.ErrorAlert.Firing || research.ErrorAlert.SinceSecondsAgo != nil {
		t.Errorf("%d %+v", status, research)
	}
	if status := o.ask(t, http.MethodGet, "/admin/apps/nobody", &none); status != http.StatusNotFound || none.Code != "app_not_found" {
		t.Errorf("%d %+v, want that there is none", status, none)
	}
}

func TestLift(t *testing.T) {
	crm := &fairlead.App{ID: "crm"}
	o := newOffice(t, crm)
	for range 3 {
		_ = o.gateway.Look(crm) // the third brings the block
	}
	var before, after entry
	_ = o.ask(t, http.MethodGet, "/admin/apps/crm", &before)
	for _, lifted := range []bool{true, false} {
		var got struct{ Success, Lifted bool }
		if status := o.ask(t, http.MethodDelete, "/admin/apps/crm/block", &got); status != http.StatusOK || !got.Success || got.Lifted != lifted {
			t.Errorf("%d %+v, want lifted %t", status, got, lifted)
		}
	}
	_ = o.ask(t, http.MethodGet, "/admin/apps/crm", &after)
	if before.BlockedForSeconds < 290 || after.BlockedForSeconds != 0 {
		t.Errorf("blocked for %v s before, %v s after", before.BlockedForSeconds, after.BlockedForSeconds)
	}
	if err := o.gateway.Look(crm); err != nil {
		t.Errorf("the app is still refused: %v", err)
	}
	var none entry
	if status := o.ask(t, http.MethodDelete, "/admin/apps/nobody/block", &none); status != http.StatusNotFound || none.Code != "app_not_found" {
		t.Errorf("%d %+v", status, none)
	}
}

// TestSlashWithinANameIsNoPath: a name that has one in it, escaped, is a name.
func TestSlashWithinANameIsNoPath(t *testing.T) {
	crm := &fairlead.App{ID: "crm"}
	o := newOffice(t, crm)
	for range 3 {
		_ = o.gateway.Look(crm) // the third brings the block
	}
	for _, c := range []struct{ method, target string }{
		{http.MethodGet, "/admin/apps/a%2Fblock"},
		{http.MethodGet, "/admin/apps/crm%2Fblock"},
		{http.MethodDelete, "/admin/apps/crm%2Fblock/block"},
	} {
		var none entry
		if status := o.ask(t, c.method, c.target, &none); status != http.StatusNotFound || none.Code != "app_not_found" {
			t.Errorf("%s %s: %d %+v, want that there is no such app", c.method, c.target, status, none)
		}
	}
	var other struct{ Lifted bool }
	if status := o.ask(t, http.MethodDelete, "/admin/apps/crm%2Fblock", &other); status == http.StatusOK || other.Lifted {
		t.Errorf("a DELETE of crm%%2Fblock: %d %+v, want a refusal", status, other)
	}
	if o.gateway.Look(crm) == nil {
		t.Error("the block of crm was lifted")
	}
}

// TestOnlyTheAdmin: every route of the face needs the token, and no request with
// another key does anything.
func TestOnlyTheAdmin(t *testing.T) {
	o := newOffice(t, &fairlead.App{ID: "crm"})
	face := admin.New(admin.Config{})
	if len(face.Routes()) != 3 {
		t.Fatalf("%d routes", len(face.Routes()))
	}
	for _, route := range face.Routes() {
		for key, want := range map[string]int{"": 401, "another-token": 401, appKey: 403} {
			r := httptest.NewRequestWithContext(t.Context(), route.Method, strings.ReplaceAll(route.Path, "{name}", "crm"), nil)
			if key != "" {
				r.Header.Set("X-Api-Key", key)
			}
			w := httptest.NewRecorder()
			o.ServeHTTP(w, r)
			if w.Code != want || strings.Contains(w.Body.String(), `"app"`) || !strings.Contains(w.Body.String(), `"success":false`) {
				t.Errorf("%s %s with key %q: %d %s, want %d", route.Method, route.Path, key, w.Code, w.Body, want)
			}
		}
	}
}
