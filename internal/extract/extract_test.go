package extract

import (
	"errors"
	"testing"
)

// TestCheckText: text is held to its limit, and to a ratio of the file, but for a little.
func TestCheckText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		size   int64
		limits Limits
		n      int64
		want   string
	}{
		{1, Limits{}, 1 << 60, ""},
		{1, Limits{Text: 100}, 100, ""},
		{1, Limits{Text: 100, Ratio: 1}, 101, "text"},
		{1, Limits{Ratio: 1000}, textFloor, ""},
		{1, Limits{Ratio: 1000}, textFloor + 1, "ratio"},
		{6600, Limits{Ratio: 1000}, 6_600_999, ""},
		{6600, Limits{Ratio: 1000}, 6_601_000, "ratio"},
		{1 << 40, Limits{Ratio: 1 << 40}, 1 << 60, ""},
	} {
		src := Source{Size: tt.size, Limits: tt.limits}
		err := src.CheckText(tt.n)
		limit, is := errors.AsType[*LimitError](err)
		if is != (tt.want != "") || is && limit.Limit != tt.want {
			t.Errorf("%d bytes of %d under %+v: %v, want %q", tt.n, tt.size, tt.limits, err, tt.want)
		}
	}
}
