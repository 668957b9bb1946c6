package identity

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The codes with which Authenticate refuses.
const (
	CodeInvalid = "invalid_api_key"
	CodeRevoked = "key_revoked"
	CodeExpired = "key_expired"
)

const (
	defaultPoll  = 500 * time.Millisecond
	defaultFlush = 10 * time.Second

	// usedGrain is how exactly LastUsed is kept. Many requests of one key then
	// share a cache line that is seldom written.
	usedGrain = time.Second
)

// Config is what a Directory is made of.
type Config struct {
	Pepper []byte
	Store  fairlead.KeyStore
	// Apps are the configured applications. If there are none, every app named
	// in the store is one, with the limits of DefaultApp.
	Apps       []fairlead.App
	DefaultApp fairlead.App
	// ConfigKeys are the secrets written in the configuration. Each names one
	// of Apps.
	ConfigKeys []ConfigKey
	Logger     *slog.Logger
	// Poll is how often Run looks for changed keys, Flush how often it stores
	// when keys were last used; 0 means 500 ms and 10 s.
	Poll, Flush time.Duration
}

// ConfigKey is a secret written in the configuration.
type ConfigKey struct {
	App    fairlead.AppID
	Secret string
}

// Directory knows which secret belongs to which app. It is safe for concurrent
// use.
type Directory struct {
	hasher   *hasher
	snapshot atomic.Pointer[snapshot]
	nobody   *entry // what an unknown digest is compared with

	store       fairlead.KeyStore
	log         *slog.Logger
	poll, flush time.Duration

	// What snapshots are built from. New fills it, then it belongs to Run.
	apps       map[fairlead.AppID]*fairlead.App
	openTo     *fairlead.App // what apps that are not in apps may do; nil: nothing
	configured map[fairlead.Digest]*entry
	strangers  int // stored keys refused because their app is not configured
}

// snapshot is the keys as they were at one version of the store. It is
// immutable but for the entries' uses.
type snapshot struct {
	version int64
	entries map[fairlead.Digest]*entry
	uses    map[string]*use // by key id
	apps    []*fairlead.App // those that are configured or have a key, by name
}

type entry struct {
	digest fairlead.Digest
	key    fairlead.Key // its times alone matter; a configured key has none
	app    *fairlead.App
	use    *use // nil for a configured key
}

// use is when a key was last used. It outlives the snapshots.
type use struct {
	last   atomic.Int64 // Unix time in nanoseconds; 0 is never
	stored int64        // what of last is in the store; belongs to Run
}

// New loads the keys and returns the directory. It blocks on the store. It
// fails if the store does, and if a configured key is malformed, names an app
// that is not configured, or belongs to two apps.
func New(ctx context.Context, c Config) (*Directory, error) {
	if len(c.Pepper) != pepperSize {
		return nil, fmt.Errorf("the pepper has %d bytes instead of %d", len(c.Pepper), pepperSize)
	}
	d := &Directory{
		hasher:     newHasher(c.Pepper),
		nobody:     &entry{},
		store:      c.Store,
		log:        c.Logger,
		poll:       c.Poll,
		flush:      c.Flush,
		apps:       make(map[fairlead.AppID]*fairlead.App, len(c.Apps)),
		configured: make(map[fairlead.Digest]*entry, len(c.ConfigKeys)),
	}
	if d.poll <= 0 {
		d.poll = defaultPoll
	}
	if d.flush <= 0 {
		d.flush = defaultFlush
	}
	for _, app := range c.Apps {
		d.apps[app.ID] = &app
	}
	if len(c.Apps) == 0 {
		d.openTo = &c.DefaultApp
	}
	if err := d.addConfigKeys(c.ConfigKeys); err != nil {
		return nil, err
	}
	d.snapshot.Store(&snapshot{})
	if err := d.load(ctx); err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	return d, nil
}

func (d *Directory) addConfigKeys(keys []ConfigKey) error {
	for i, k := range keys {
		app, ok := d.apps[k.App]
		if !ok {
			return fmt.Errorf("configured key %d is for app %q, which is not configured", i+1, k.App)
		}
		if !wellFormed(k.Secret) {
			return fmt.Errorf("a configured key of app %q is malformed: it must be %d to %d printable ASCII characters without a space",
				k.App, minSecret, maxSecret)
		}
		digest := d.hasher.hash(k.Secret)
		if other, ok := d.configured[digest]; ok && other.app != app {
			return fmt.Errorf("apps %q and %q are configured with the same key", other.app.ID, k.App)
		}
		d.configured[digest] = &entry{digest: digest, app: app}
	}
	return nil
}

// Authenticate returns the app that secret belongs to. It does not block, and
// allocates nothing when it succeeds. Its errors are of Kind Unauthenticated,
// with one of the codes above; whether a key exists cannot be told from the
// time it takes.
func (d *Directory) Authenticate(secret string) (*fairlead.App, error) {
	if !wellFormed(secret) {
		return nil, invalidKey()
	}
	digest := d.hasher.hash(secret)
	e, known := d.snapshot.Load().entries[digest]
	if !known {
		e = d.nobody
	}
	if subtle.ConstantTimeCompare(e.digest[:], digest[:]) != 1 || e.app == nil {
		return nil, invalidKey()
	}
	if e.use == nil {
		return e.app, nil
	}
	now := time.Now()
	if reason, ended := e.key.Ended(now); ended {
		return nil, endedKey(reason)
	}
	e.use.note(now)
	return e.app, nil
}

func invalidKey() error {
	return &fairlead.Error{Kind: fairlead.Unauthenticated, Code: CodeInvalid, Message: "Invalid API key"}
}

func endedKey(reason string) error {
	if reason == "revoked" {
		return &fairlead.Error{Kind: fairlead.Unauthenticated, Code: CodeRevoked, Message: "This API key has been revoked"}
	}
	return &fairlead.Error{Kind: fairlead.Unauthenticated, Code: CodeExpired, Message: "This API key has expired"}
}

func (u *use) note(now time.Time) {
	last := u.last.Load()
	if at := now.UnixNano(); at-last >= int64(usedGrain) {
		// If another request was faster, its time is as good.
		u.last.CompareAndSwap(last, at)
	}
}

// load builds a snapshot from the store and puts it in place.
func (d *Directory) load(ctx context.Context) error {
	keys, version, err := d.store.Keys(ctx)
	if err != nil {
		return err
	}
	earlier := d.snapshot.Load()
	next := &snapshot{
		version: version,
		entries: make(map[fairlead.Digest]*entry, len(keys)+len(d.configured)),
		uses:    make(map[string]*use, len(keys)),
	}
	maps.Copy(next.entries, d.configured)
	strangers := 0
	for _, key := range keys {
		app := d.appOf(key.App)
		if app == nil {
			strangers++
			continue
		}
		u, ok := earlier.uses[key.ID]
		if !ok {
			u = &use{}
		}
		next.uses[key.ID] = u
		// A stored key that is configured as well is the stored one: revoking
		// it must work.
		next.entries[key.Digest] = &entry{digest: key.Digest, key: key, app: app, use: u}
	}
	next.apps = slices.SortedFunc(maps.Values(d.apps), byID)
	d.snapshot.Store(next)
	if strangers > 0 && strangers != d.strangers {
		d.log.Warn("stored keys are refused because their apps are not configured", "keys", strangers)
	}
	d.strangers = strangers
	return nil
}

// Apps returns every app that is configured or has, or had, a key, sorted by
// name. The slice is shared: it must not be changed.
func (d *Directory) Apps() []*fairlead.App { return d.snapshot.Load().apps }

// App returns the app of that name, if it is one of Apps.
func (d *Directory) App(id fairlead.AppID) (*fairlead.App, bool) {
	apps := d.Apps()
	at, found := slices.BinarySearchFunc(apps, &fairlead.App{ID: id}, byID)
	if !found {
		return nil, false
	}
	return apps[at], true
}

func byID(a, b *fairlead.App) int { return cmp.Compare(a.ID, b.ID) }

// appOf returns the app, the same each time, or nil if it may not call.
func (d *Directory) appOf(id fairlead.AppID) *fairlead.App {
	if app, ok := d.apps[id]; ok {
		return app
	}
	if d.openTo == nil {
		return nil
	}
	app := *d.openTo
	app.ID = id
	d.apps[id] = &app
	return &app
}
