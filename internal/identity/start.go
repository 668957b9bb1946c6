package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/fairleadhq/fairlead"
)

// DefaultApp is the app that a first start makes a key for where none is
// configured.
const DefaultApp fairlead.AppID = "default"

// Names in the SecretStore.
const (
	adminName  = "admin_token"
	pepperMark = "pepper_check"
)

// pepperProbe is what is hashed to recognise a pepper. It is no secret: it has
// a space, so it can never be a key.
const pepperProbe = "which pepper is this"

// Welcome is what a first start must tell the operator, once: nothing else
// knows it afterwards. What was not made is empty.
type Welcome struct {
	AdminToken string
	AppKey     string // a key of DefaultApp
}

// FirstStart makes what a new service needs to be used: the admin token if
// there is none, and a key of DefaultApp if apps, the configured ones, are none
// and no key was ever stored. On a second start it makes nothing. It fails if
// the digests in the stores were made with another pepper, and else only if
// the stores do; even then Welcome holds what was made before.
func FirstStart(ctx context.Context, keys fairlead.KeyStore, secrets fairlead.SecretStore, pepper []byte, apps []fairlead.App) (Welcome, error) {
	var made Welcome
	if err := checkPepper(ctx, secrets, pepper); err != nil {
		return made, err
	}
	if len(apps) == 0 {
		stored, _, err := keys.Keys(ctx)
		if err != nil {
			return made, fmt.Errorf("look for keys: %w", err)
		}
		if len(stored) == 0 {
			if _, made.AppKey, err = Create(ctx, keys, pepper, NewKey{App: DefaultApp, Name: "first start"}); err != nil {
				return made, err
			}
		}
	}
	_, ok, err := secrets.Secret(ctx, adminName)
	if err != nil {
		return made, fmt.Errorf("look for the admin token: %w", err)
	}
	if !ok {
		token := NewAdminSecret()
		mine := Hash(pepper, token)
		stored, err := secrets.PutSecret(ctx, adminName, mine)
		if err != nil {
			return made, fmt.Errorf("store the admin token: %w", err)
		}
		if stored == mine { // else another start was faster, and has printed its own
			made.AdminToken = token
		}
	}
	return made, nil
}

// checkPepper notices a pepper that was lost and made anew: without it every
// key would just be unknown, and nobody would know why.
func checkPepper(ctx context.Context, secrets fairlead.SecretStore, pepper []byte) error {
	mark := Hash(pepper, pepperProbe)
	stored, err := secrets.PutSecret(ctx, pepperMark, mark)
	if err != nil {
		return fmt.Errorf("check the pepper: %w", err)
	}
	if subtle.ConstantTimeCompare(stored[:], mark[:]) != 1 {
		return errPepper
	}
	return nil
}

var errPepper = errors.New("the pepper is not the one that the database's keys were made with, so none of them would work: " +
	"restore the file pepper of the data directory from a backup, or move the database away to start anew")

// AdminToken is the digest of the service's admin token, in memory.
type AdminToken struct {
	hasher *hasher
	digest fairlead.Digest
}

// LoadAdminToken reads what FirstStart stored. It fails if there is none.
func LoadAdminToken(ctx context.Context, secrets fairlead.SecretStore, pepper []byte) (*AdminToken, error) {
	digest, ok, err := secrets.Secret(ctx, adminName)
	if err != nil {
		return nil, fmt.Errorf("load the admin token: %w", err)
	}
	if !ok {
		return nil, errors.New("load the admin token: none is stored")
	}
	return &AdminToken{hasher: newHasher(pepper), digest: digest}, nil
}

// IsAdmin reports whether secret is the admin token, in a time that does not
// depend on how much of it is right.
func (a *AdminToken) IsAdmin(secret string) bool {
	if !wellFormed(secret) {
		return false
	}
	digest := a.hasher.hash(secret)
	return subtle.ConstantTimeCompare(a.digest[:], digest[:]) == 1
}
