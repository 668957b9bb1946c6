package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/identity"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
)

// KeyAdmin manages the keys of a data directory, beside a running service or
// without one. A running service follows within a second.
type KeyAdmin struct {
	pepper []byte
	store  *sqlite.Store
	apps   []config.App
}

// OpenKeyAdmin opens the keys of the configured data directory. It blocks on
// storage; Close ends it.
func OpenKeyAdmin(ctx context.Context, loaded *config.Loaded) (*KeyAdmin, error) {
	pepper, store, err := openKeys(ctx, loaded.Config.Server.DataDir)
	if err != nil {
		return nil, err
	}
	return &KeyAdmin{pepper: pepper, store: store, apps: loaded.Config.Apps}, nil
}

// Close closes the database.
func (a *KeyAdmin) Close() error { return a.store.Close() }

// List returns all keys, ended ones included.
func (a *KeyAdmin) List(ctx context.Context) ([]fairlead.Key, error) {
	keys, _, err := a.store.Keys(ctx)
	return keys, err
}

// Create makes a key for app and returns its secret, which can't be had again.
// Where apps are configured, app must be one of them. lifetime 0 is for ever.
func (a *KeyAdmin) Create(ctx context.Context, app fairlead.AppID, name string, lifetime time.Duration) (fairlead.Key, string, error) {
	known := func(c config.App) bool { return fairlead.AppID(c.Name) == app }
	if len(a.apps) > 0 && !slices.ContainsFunc(a.apps, known) {
		return fairlead.Key{}, "", fmt.Errorf("%w: no app called %q is configured", ErrUnusable, app)
	}
	want := identity.NewKey{App: app, Name: name}
	if lifetime > 0 {
		want.Expires = time.Now().Add(lifetime)
	}
	return identity.Create(ctx, a.store, a.pepper, want)
}

// Rotate makes a new key in place of the one that ref names, which goes on
// working for overlap.
func (a *KeyAdmin) Rotate(ctx context.Context, ref string, overlap time.Duration) (fairlead.Key, string, error) {
	return identity.Rotate(ctx, a.store, a.pepper, ref, overlap)
}

// Revoke ends the key that ref names.
func (a *KeyAdmin) Revoke(ctx context.Context, ref string) (fairlead.Key, error) {
	return identity.Revoke(ctx, a.store, ref)
}
