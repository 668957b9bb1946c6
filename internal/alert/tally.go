package alert

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
)

const (
	// bucketsPerWindow is how many buckets make a window. One more is kept, the
	// present one, so that a call counts for at least the window and for at
	// most one bucket longer.
	bucketsPerWindow = 60
	ringSize         = bucketsPerWindow + 1

	// maxCodes is how many codes of errors are told apart at a time; the others
	// are counted together.
	maxCodes      = 8
	otherCodes    = maxCodes // where they are counted
	other         = "other"
	maxCodeLength = 64
	// maxTopCodes is how many codes a notice tells.
	maxTopCodes = 5
)

// tally counts the calls of an app that ended within the last window. It has
// no lock of its own.
type tally struct {
	current           int64 // number of the present bucket
	completed, failed int   // sums of the buckets
	buckets           [ringSize]bucket
	codes             *codeTally // nil until a call failed
}

type bucket struct{ completed, failed uint32 }

// codeTally counts failures by their code.
type codeTally struct {
	names   [maxCodes]string
	totals  [maxCodes + 1]int
	buckets [ringSize][maxCodes + 1]uint32
}

// advance makes to the present bucket and forgets what has left the window by
// that. It never goes back.
func (t *tally) advance(to int64) {
	if to-t.current >= ringSize {
		t.clear()
		t.current = to
		return
	}
	for t.current < to {
		t.current++
		t.drop(int(t.current % ringSize))
	}
}

// clear forgets every call. The names of codes stay: those without a count are
// free to be replaced.
func (t *tally) clear() {
	codes := t.codes
	*t = tally{codes: codes}
	if codes != nil {
		*codes = codeTally{names: codes.names}
	}
}

// drop empties the bucket at place i of the ring.
func (t *tally) drop(i int) {
	b := &t.buckets[i]
	t.completed -= int(b.completed)
	t.failed -= int(b.failed)
	if b.failed > 0 {
		counts := &t.codes.buckets[i]
		for slot, n := range counts {
			t.codes.totals[slot] -= int(n)
		}
		clear(counts[:])
	}
	*b = bucket{}
}

// add counts a call that ended now, with err or, if that is nil, well.
func (t *tally) add(err *fairlead.Error) {
	i := int(t.current % ringSize)
	t.completed++
	t.buckets[i].completed++
	if err == nil {
		return
	}
	t.failed++
	t.buckets[i].failed++
	if t.codes == nil {
		t.codes = new(codeTally)
	}
	slot := t.codes.slot(err.Code)
	t.codes.totals[slot]++
	t.codes.buckets[i][slot]++
}

// slot finds where code is counted. A name without a count in the window gives
// way to a new one.
func (c *codeTally) slot(code string) int {
	free := otherCodes
	for i, name := range c.names {
		if name == code && code != "" {
			return i
		}
		if c.totals[i] == 0 {
			free = i
		}
	}
	if free == otherCodes || code == other || !isCode(code) {
		return otherCodes
	}
	c.names[free] = strings.Clone(code) // it may be a piece of a whole answer
	return free
}

// isCode reports whether s has the shape of a code. Some codes are an
// upstream's own words, and anything could be in them.
func isCode(s string) bool {
	if s == "" || len(s) > maxCodeLength {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// codeCount is how often a code occurred, as a notice tells it.
type codeCount struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
}

// topCodes returns the most frequent codes in the window, the most frequent
// first and equal ones by name.
func (t *tally) topCodes() []codeCount {
	if t.codes == nil {
		return nil
	}
	var counts []codeCount
	for slot, n := range t.codes.totals {
		switch {
		case n == 0:
		case slot == otherCodes:
			counts = append(counts, codeCount{Code: other, Count: n})
		default:
			counts = append(counts, codeCount{Code: t.codes.names[slot], Count: n})
		}
	}
	slices.SortFunc(counts, func(a, b codeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Code, b.Code))
	})
	return counts[:min(len(counts), maxTopCodes)]
}
