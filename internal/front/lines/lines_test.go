package lines

import (
	"strings"
	"testing"
)

// TestCleanIsTheNaiveClean: most values need no cleaning, which must not be taken for
// granted.
func TestCleanIsTheNaiveClean(t *testing.T) {
	naive := func(value string) string {
		return strings.Trim(strings.NewReplacer("\n", " ", "\r", " ").Replace(value), " \t")
	}
	parts := []string{"", "a", " ", "\t", "\r", "\n", "\x00", "\x7f", "é", "a b"}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				if got, want := clean(a+b+c), naive(a+b+c); got != want {
					t.Errorf("%q is %q, want %q", a+b+c, got, want)
				}
			}
		}
	}
}
