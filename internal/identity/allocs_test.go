//go:build !race

// Under the race detector a sync.Pool drops some of what it is given.

package identity_test

import (
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

func TestAuthenticateDoesNotAllocate(t *testing.T) {
	d := newDirectory(t, identity.Config{
		Store:      newFakeStore(storedKey("key_1", "a", "fl_stored_key")),
		Apps:       []fairlead.App{{ID: "a"}},
		ConfigKeys: []identity.ConfigKey{{App: "a", Secret: "fl_config_key"}},
	})
	for _, secret := range []string{"fl_stored_key", "fl_config_key"} {
		allocs := testing.AllocsPerRun(1000, func() {
			if _, err := d.Authenticate(secret); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: got %v allocations, want 0", secret, allocs)
		}
	}
}
