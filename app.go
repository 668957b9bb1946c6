package fairlead

import (
	"context"
	"strings"
	"time"
)

// AppID names an application that calls the service. It is the label of the
// application in metrics, logs and stored rows, and never changes.
type AppID string

// App is an application with what it may do. An App in use is immutable: a
// change of configuration makes a new one.
type App struct {
	ID AppID
	// RateLimitPerMinute is the most admissions in any 60 s, TokensPerMinute the
	// most tokens, prompt and output, of the calls admitted in any 60 s; 0 means
	// no limit.
	RateLimitPerMinute, TokensPerMinute int
	// Weight is the app's share of the slots when they are scarce, beside the
	// weights of the others; 0 means 1.
	Weight int
	// MaxConcurrent is the most slots that the app may hold (0 = no cap of its
	// own), MinConcurrent how many it gets before anyone else's turn, when it
	// asks for them.
	MaxConcurrent, MinConcurrent int
	// Class is what the app's calls are, unless one lowers itself.
	Class Class
	// Models are the names and `*` patterns of the models that the app may use;
	// empty means every model. One with a slash means `provider/model`, one
	// without means a model of any provider.
	Models []string
}

// Class is how urgent a call is. Both classes share the slots by weight; neither
// starves.
type Class uint8

// The classes.
const (
	// Interactive: a person waits.
	Interactive Class = iota
	// Batch: it may take its time; it has an eighth of an interactive call's
	// weight.
	Batch
)

// String returns the class's name as configuration, headers and metrics spell
// it.
func (c Class) String() string {
	if c == Batch {
		return "batch"
	}
	return "interactive"
}

// MayUse reports whether the app may use the model that provider serves under
// the name model.
func (a *App) MayUse(provider, model string) bool {
	if len(a.Models) == 0 {
		return true
	}
	for _, pattern := range a.Models {
		name := model
		if strings.Contains(pattern, "/") {
			name = provider + "/" + model
		}
		if MatchModel(pattern, name) {
			return true
		}
	}
	return false
}

// MatchModel reports whether name matches pattern, in which `*` stands for any
// run of characters, the slash included.
func MatchModel(pattern, name string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == name
	}
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, last)
}

// Digest is the HMAC-SHA-256 of a key's secret under the service's pepper.
type Digest [32]byte

// Key is what is known about an API key; its secret is not.
type Key struct {
	ID      string // "key_" and 16 hexadecimal digits
	App     AppID
	Name    string // a label for people
	Prefix  string // the first characters of the secret, enough to recognise it
	Digest  Digest
	Created time.Time
	// LastUsed, Expires and Revoked are zero when it never happened or never
	// will. A key stops working at the earlier of Expires and Revoked.
	LastUsed time.Time
	Expires  time.Time
	Revoked  time.Time
}

// Ended reports whether the key no longer works at now, and why.
func (k *Key) Ended(now time.Time) (reason string, ended bool) {
	switch {
	case !k.Revoked.IsZero() && !now.Before(k.Revoked):
		return "revoked", true
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired", true
	}
	return "", false
}

// KeyStore keeps keys. Its methods block on storage and return errors of Kind
// Internal, except where they say otherwise.
type KeyStore interface {
	// Keys returns all keys, ended ones included, with a version that differs
	// after every change of any key but for LastUsed.
	Keys(ctx context.Context) (keys []Key, version int64, err error)
	// KeysVersion returns the version alone; it is cheap enough to poll.
	KeysVersion(ctx context.Context) (int64, error)
	// PutKey inserts the key, or replaces the one with the same ID.
	PutKey(ctx context.Context, key Key) error
	// TouchKeys sets LastUsed of the keys with these IDs; unknown IDs are
	// ignored.
	TouchKeys(ctx context.Context, used map[string]time.Time) error
}

// SecretStore keeps the few digests that belong to the service rather than to
// an app, such as the admin token's.
type SecretStore interface {
	// Secret returns the digest stored under name; ok is false if there is none.
	Secret(ctx context.Context, name string) (digest Digest, ok bool, err error)
	// PutSecret stores the digest under name if there is none yet, and returns
	// the one that is stored then: where two ask at once, both get the same.
	PutSecret(ctx context.Context, name string, digest Digest) (stored Digest, err error)
}
