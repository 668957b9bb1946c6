package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/fairleadhq/fairlead"
)

const (
	maxAppID   = 64
	maxKeyName = 100

	// minIDPrefix is how much of an id is enough to name its key: "key_" and 4
	// digits.
	minIDPrefix = len("key_") + 4
	// maxListed bounds the keys that an ambiguity's Detail names.
	maxListed = 5
)

// NewKey is what a key is to be.
type NewKey struct {
	App  fairlead.AppID
	Name string // a label for people; may be empty
	// Expires is when the key stops working; zero means never.
	Expires time.Time
}

// Create makes a key and stores it. The secret is returned here and nowhere
// else again. Errors are of Kind Invalid if want is, else the store's.
func Create(ctx context.Context, store fairlead.KeyStore, pepper []byte, want NewKey) (fairlead.Key, string, error) {
	now := currentTime()
	if err := want.check(now); err != nil {
		return fairlead.Key{}, "", err
	}
	secret := NewSecret()
	key := fairlead.Key{
		ID:      newKeyID(),
		App:     want.App,
		Name:    want.Name,
		Prefix:  secret[:prefixLength],
		Digest:  Hash(pepper, secret),
		Created: now,
		Expires: want.Expires,
	}
	if err := store.PutKey(ctx, key); err != nil {
		return fairlead.Key{}, "", fmt.Errorf("create key: %w", err)
	}
	return key, secret, nil
}

// Rotate makes a new key with the app and name of the one that ref names, and
// lets the old one work for overlap more: 0 ends it at once, and an expiry
// that comes earlier stays. The new key never expires. Errors are of Kind
// Invalid if the old key has ended or overlap is negative, those of Find, or
// the store's; after one the old key may still work, and the new one, whose
// secret nobody knows, may be stored.
func Rotate(ctx context.Context, store fairlead.KeyStore, pepper []byte, ref string, overlap time.Duration) (fairlead.Key, string, error) {
	if overlap < 0 {
		return fairlead.Key{}, "", invalid("invalid_overlap", "overlap", "The overlap must not be negative")
	}
	old, err := Find(ctx, store, ref)
	if err != nil {
		return fairlead.Key{}, "", err
	}
	if err := checkLive(&old); err != nil {
		return fairlead.Key{}, "", err
	}
	key, secret, err := Create(ctx, store, pepper, NewKey{App: old.App, Name: old.Name})
	if err != nil {
		return fairlead.Key{}, "", err
	}
	// Read again, so that a revocation meanwhile is not written over.
	if old, err = Find(ctx, store, old.ID); err != nil {
		return fairlead.Key{}, "", err
	}
	if end := currentTime().Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
		old.Expires = end
		if err := store.PutKey(ctx, old); err != nil {
			return fairlead.Key{}, "", fmt.Errorf("let key %s expire: %w", old.ID, err)
		}
	}
	return key, secret, nil
}

// Revoke ends the key that ref names at once and for ever, and returns it.
// Revoking again changes nothing. Errors are those of Find, or the store's.
func Revoke(ctx context.Context, store fairlead.KeyStore, ref string) (fairlead.Key, error) {
	key, err := Find(ctx, store, ref)
	if err != nil {
		return fairlead.Key{}, err
	}
	now := currentTime()
	if reason, _ := key.Ended(now); reason == "revoked" {
		return key, nil
	}
	key.Revoked = now
	if err := store.PutKey(ctx, key); err != nil {
		return fairlead.Key{}, fmt.Errorf("revoke key %s: %w", key.ID, err)
	}
	return key, nil
}

// Find returns the key that ref names: by its id, else by the beginning of its
// id (at least 4 digits), its name or its prefix as lists show it. Where
// several keys match, ended ones don't count. Errors are of Kind NotFound if no
// key matches, Invalid if several do, else the store's. A secret is not a name:
// errors don't repeat ref.
func Find(ctx context.Context, store fairlead.KeyStore, ref string) (fairlead.Key, error) {
	keys, _, err := store.Keys(ctx)
	if err != nil {
		return fairlead.Key{}, fmt.Errorf("find key: %w", err)
	}
	if i := slices.IndexFunc(keys, func(k fairlead.Key) bool { return k.ID == ref }); i >= 0 {
		return keys[i], nil
	}
	found := slices.DeleteFunc(keys, func(k fairlead.Key) bool { return !matches(&k, ref) })
	if len(found) > 1 {
		now := currentTime()
		live := slices.DeleteFunc(slices.Clone(found), func(k fairlead.Key) bool {
			_, ended := k.Ended(now)
			return ended
		})
		if len(live) > 0 {
			found = live
		}
	}
	switch len(found) {
	case 0:
		return fairlead.Key{}, &fairlead.Error{
			Kind:    fairlead.NotFound,
			Code:    "key_not_found",
			Message: "No such key",
			Detail:  "Name a key by its id, its name or its prefix as `keys list` shows them",
			Param:   "key",
		}
	case 1:
		return found[0], nil
	}
	return fairlead.Key{}, ambiguous(found)
}

func matches(k *fairlead.Key, ref string) bool {
	if ref == "" {
		return false
	}
	return k.Name == ref || k.Prefix == ref || len(ref) >= minIDPrefix && strings.HasPrefix(k.ID, ref)
}

func ambiguous(keys []fairlead.Key) error {
	ids := make([]string, 0, maxListed)
	for _, k := range keys[:min(len(keys), maxListed)] {
		ids = append(ids, k.ID)
	}
	detail := "They are " + strings.Join(ids, ", ")
	if more := len(keys) - len(ids); more > 0 {
		detail += fmt.Sprintf(" and %d more", more)
	}
	e := invalid("key_ambiguous", "key", "Several keys match; name one by its id")
	e.Detail = detail
	return e
}

func (k NewKey) check(now time.Time) error {
	if err := checkAppID(k.App); err != nil {
		return err
	}
	if len(k.Name) > maxKeyName || strings.ContainsFunc(k.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return invalid("invalid_name", "name", fmt.Sprintf("A key's name is at most %d bytes of printable text", maxKeyName))
	}
	if !k.Expires.IsZero() && !k.Expires.After(now) {
		return invalid("invalid_expiry", "expires", "A new key must expire in the future")
	}
	return nil
}

// checkAppID holds to the form that the configuration asks of an app's name.
func checkAppID(id fairlead.AppID) error {
	odd := func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
			return false
		}
		return true
	}
	if id == "" || len(id) > maxAppID || strings.ContainsFunc(string(id), odd) {
		return invalid("invalid_app", "app",
			fmt.Sprintf("An app's name is 1 to %d letters, digits, '.', '_' and '-'", maxAppID))
	}
	return nil
}

func checkLive(k *fairlead.Key) error {
	if reason, ended := k.Ended(currentTime()); ended {
		return invalid("key_"+reason, "key", "The key is "+reason+" already; create a new one instead")
	}
	return nil
}

func invalid(code, param, message string) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: code, Message: message, Param: param}
}

// currentTime is the time as stores keep it, so that a key returned equals the stored.
func currentTime() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
