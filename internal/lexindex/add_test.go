package lexindex

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// merged is one segment with the groups of several.
func merged(t *testing.T, segments ...[]byte) []byte {
	t.Helper()
	var lives []*segment.Live
	for _, data := range segments {
		r, err := segment.Open(data)
		if err != nil {
			t.Fatal(err)
		}
		lives = append(lives, segment.NewLive(r))
	}
	var out bytes.Buffer
	if _, err := segment.Merge(lives, &out, never); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAddRefuses: what is not the segment of the group, as it was built, is refused, and
// leaves the index as it is.
func TestAddRefuses(t *testing.T) {
	t.Parallel()
	build := func(fields int, group int64) []byte {
		data, err := segment.NewBuilder(fields).Build(group, []Doc{{ID: group, Fields: [][]Term{{{Text: "word", Count: 1}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := build(2, 5)
	changed := func(at int) []byte {
		data := bytes.Clone(good)
		data[at] ^= 1
		return data
	}
	x, err := Open(t.TempDir(), Options{Fields: 2, Made: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	refused := [][]byte{nil, []byte("x"), good[:len(good)-1], build(2, 6), build(1, 5), merged(t, good, build(2, 6))}
	for at := range good {
		if at < 8 || at >= 16 { // what is 0 there is not looked at
			refused = append(refused, changed(at))
		}
	}
	for i, data := range refused {
		if err := x.Add(t.Context(), 5, data); !errors.Is(err, ErrNoSegment) || errors.Is(err, ErrDamaged) {
			t.Errorf("bytes %d: got %v", i, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := x.Add(ended, 5, good); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context's end: got %v", err)
	}
	if err := x.Add(t.Context(), 5, good); err != nil {
		t.Fatal(err)
	}
	if err := x.Add(t.Context(), 5, good); !errors.Is(err, ErrExists) {
		t.Errorf("again: got %v", err)
	}
	if groups, err := x.Groups(); err != nil || !slices.Equal(groups, []Group{{Number: 5, Docs: 1}}) {
		t.Errorf("it has %v, %v", groups, err)
	}
}
