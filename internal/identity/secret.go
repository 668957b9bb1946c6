package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/fairleadhq/fairlead"
)

const (
	keyMark   = "fl_"
	adminMark = "fla_"

	// secretBytes is 256 bits, 43 characters in base64url.
	secretBytes = 32
	// prefixLength is how much of a secret lists show: the mark and 6
	// characters, enough to recognise it and 220 bits short of guessing it.
	prefixLength = len(keyMark) + 6

	// Secrets that people write themselves may be this long.
	minSecret = 8
	maxSecret = 256
)

// NewSecret returns a new random API key: "fl_" and 43 base64url characters.
func NewSecret() string { return keyMark + random() }

// NewAdminSecret returns a new random admin token: "fla_" and 43 base64url
// characters.
func NewAdminSecret() string { return adminMark + random() }

func random() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails: the program ends if the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func newKeyID() string {
	var b [8]byte
	rand.Read(b[:])
	return "key_" + hex.EncodeToString(b[:])
}

// Hash returns the digest under which secret is stored: its HMAC-SHA-256 with
// pepper as the key.
func Hash(pepper []byte, secret string) fairlead.Digest {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(secret))
	return fairlead.Digest(mac.Sum(nil))
}

// wellFormed reports whether secret can be a key at all: 8 to 256 printable
// ASCII characters without a space.
func wellFormed(secret string) bool {
	if len(secret) < minSecret || len(secret) > maxSecret {
		return false
	}
	for i := range len(secret) {
		if secret[i] <= ' ' || secret[i] > '~' {
			return false
		}
	}
	return true
}

// hasher computes Hash without allocating: setting up an HMAC costs more than
// hashing a key, and every request does it (see BenchmarkAuthenticate).
type hasher struct {
	free sync.Pool // of *hashing
}

type hashing struct {
	mac hash.Hash
	in  [maxSecret]byte
	out fairlead.Digest
}

func newHasher(pepper []byte) *hasher {
	return &hasher{free: sync.Pool{New: func() any {
		return &hashing{mac: hmac.New(sha256.New, pepper)}
	}}}
}

// hash returns Hash of secret, which must be well formed.
func (h *hasher) hash(secret string) fairlead.Digest {
	w, _ := h.free.Get().(*hashing)
	defer h.free.Put(w)
	n := copy(w.in[:], secret)
	w.mac.Reset()
	w.mac.Write(w.in[:n])
	w.mac.Sum(w.out[:0])
	clear(w.in[:n])
	return w.out
}
