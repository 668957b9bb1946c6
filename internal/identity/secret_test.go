package identity_test

import (
	"encoding/hex"
	"regexp"
	"testing"

	"github.com/fairleadhq/fairlead/internal/identity"
)

func TestNewSecrets(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func() string
		want *regexp.Regexp
	}{
		{"key", identity.NewSecret, regexp.MustCompile(`^fl_[A-Za-z0-9_-]{43}$`)},
		{"admin token", identity.NewAdminSecret, regexp.MustCompile(`^fla_[A-Za-z0-9_-]{43}$`)},
	} {
		seen := make(map[string]bool)
		for range 100 {
			secret := tt.make()
			if !tt.want.MatchString(secret) {
				t.Errorf("%s: got a secret of another form than %s", tt.name, tt.want)
			}
			seen[secret] = true
		}
		if len(seen) != 100 {
			t.Errorf("%s: got %d different secrets of 100", tt.name, len(seen))
		}
	}
}

// RFC 4231, test case 2: stored digests must mean the same for ever.
func TestHashIsHMACSHA256(t *testing.T) {
	got := identity.Hash([]byte("Jefe"), "what do ya want for nothing?")
	want := "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}
