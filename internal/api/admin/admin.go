// Package admin is the operator's face: how every app stands, and lifting the
// block that a burst brought one. Its routes need the admin token, and its
// requests count in no window and for no guard. It speaks JSON in the shapes of
// the native face.
//
// Start with Face.Routes.
package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/standing"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
)

// Name is what the router calls this face.
const Name = "admin"

// mostListed is how many apps one answer lists.
const mostListed = 1000

// Config is what the face needs.
type Config struct {
	Gateway *gateway.Gateway
	// Apps lists the apps that may call, sorted by name. It must not block.
	Apps func() []*fairlead.App
	// Firing tells since when the app is in alert for its errors; firing is false
	// if it is not. It must not block.
	Firing func(app fairlead.AppID) (since time.Time, firing bool)
	// Slots are those of the whole service; 0 = no limit.
	Slots int
}

// Face is the operator's face.
type Face struct{ config Config }

// New returns the face.
func New(config Config) *Face { return &Face{config: config} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/admin/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	return refusal.Native(e, requestID)
}

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	return []api.Route{
		{Method: http.MethodGet, Path: "/admin/apps", Policy: api.Admin, Handle: f.list},
		{Method: http.MethodGet, Path: "/admin/apps/{name}", Policy: api.Admin, Handle: f.show},
		{Method: http.MethodDelete, Path: "/admin/apps/{name}/block", Policy: api.Admin, Handle: f.lift},
	}
}

// app is how an app stands, with what only the operator is told.
type app struct {
	standing.Standing
	ErrorAlert alert `json:"error_alert"`
}

// alert is whether most of an app's calls fail.
type alert struct {
	Firing bool `json:"firing"`
	// SinceSecondsAgo is null where nothing fires.
	SinceSecondsAgo *float64 `json:"since_seconds_ago"`
}

// list answers GET /admin/apps: a page of the apps, those whose names come
// behind ?after.
func (f *Face) list(x *api.Exchange) error {
	apps := f.config.Apps()
	if after := x.R.URL.Query().Get("after"); after != "" {
		at, found := slices.BinarySearchFunc(apps, after, compareName)
		if found {
			at++
		}
		apps = apps[at:]
	}
	body := struct {
		Apps    []app `json:"apps"`
		HasMore bool  `json:"has_more"`
	}{Apps: []app{}, HasMore: len(apps) > mostListed}
	for _, one := range apps[:min(len(apps), mostListed)] {
		told, err := f.describe(x, one)
		if err != nil {
			return err
		}
		body.Apps = append(body.Apps, told)
	}
	return x.WriteJSON(body)
}

// show answers GET /admin/apps/{name}.
func (f *Face) show(x *api.Exchange) error {
	one, err := f.named(x)
	if err != nil {
		return err
	}
	told, err := f.describe(x, one)
	if err != nil {
		return err
	}
	return x.WriteJSON(told)
}

// lift answers DELETE /admin/apps/{name}/block. To lift what is not there is no
// error.
func (f *Face) lift(x *api.Exchange) error {
	one, err := f.named(x)
	if err != nil {
		return err
	}
	return x.WriteJSON(struct {
		Success bool `json:"success"`
		Lifted  bool `json:"lifted"`
	}{Success: true, Lifted: f.config.Gateway.Lift(one.ID)})
}

// named finds the app that the path names.
func (f *Face) named(x *api.Exchange) (*fairlead.App, error) {
	apps := f.config.Apps()
	at, found := slices.BinarySearchFunc(apps, x.R.PathValue("name"), compareName)
	if !found {
		return nil, &fairlead.Error{
			Kind: fairlead.NotFound, Code: "app_not_found", Message: "There is no app of that name",
			Detail: "GET /admin/apps lists those that are configured or have a key",
		}
	}
	return apps[at], nil
}

// compareName orders an app beside a name.
func compareName(one *fairlead.App, name string) int { return strings.Compare(string(one.ID), name) }

func (f *Face) describe(x *api.Exchange, one *fairlead.App) (app, error) {
	s, err := f.config.Gateway.Standing(x.Context(), one)
	if err != nil {
		return app{}, err
	}
	told := app{Standing: standing.Of(one, s, f.config.Slots)}
	if since, firing := f.config.Firing(one.ID); firing {
		ago := standing.Seconds(max(time.Since(since), 0))
		told.ErrorAlert = alert{Firing: true, SinceSecondsAgo: &ago}
	}
	return told, nil
}
