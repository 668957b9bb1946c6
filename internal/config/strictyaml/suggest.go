package strictyaml

import (
	"fmt"
	"reflect"
	"strings"
)

// longestName bounds the names that are compared, since comparing takes time
// in the product of their lengths.
const longestName = 64

// DidYouMean suggests the nearest candidate in a sentence; "" if none is near.
func DidYouMean(name string, candidates []string) string {
	best := nearest(name, candidates)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// nearest returns the candidate that is nearest to name, or "" if none is near
// enough to be a slip of the keyboard.
func nearest(name string, candidates []string) string {
	if len(name) > longestName {
		return ""
	}
	best, least := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least && d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// elsewhere suggests the full key of a name that exists in another place of t.
func elsewhere(name string, t reflect.Type) string {
	for _, shape := range Shapes(t, "") {
		if shape == name || strings.HasSuffix(shape, "."+name) {
			return fmt.Sprintf("did you mean %q?", shape)
		}
	}
	return ""
}

// distance counts the single characters to insert, delete or change, and the
// neighbours to swap, that make a of b (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
