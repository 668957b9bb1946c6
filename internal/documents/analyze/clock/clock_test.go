package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/clock"
)

// TestReading: it ends when the time for merging begins, but not before a part was read,
// and always before the end of all.
func TestReading(t *testing.T) {
	t.Parallel()
	const never = time.Hour
	for name, test := range map[string]struct {
		time, part, want time.Duration
	}{
		"nothing is read":         {180 * time.Second, never, 179500 * time.Millisecond},
		"read early":              {180 * time.Second, time.Second, 153 * time.Second},
		"read late":               {180 * time.Second, 160 * time.Second, 160 * time.Second},
		"little time":             {6 * time.Second, never, 5500 * time.Millisecond},
		"little time, read early": {6 * time.Second, time.Second, 3 * time.Second},
		"hardly any":              {time.Second, never, 750 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.time)
				defer cancel()
				began := time.Now()
				reading, r := clock.New(ctx).Reading(ctx)
				defer r.End()
				timer := time.AfterFunc(test.part, func() { r.Part(); r.Part() })
				defer timer.Stop()
				<-reading.Done()
				if got := time.Since(began); got != test.want {
					t.Errorf("it took %v, want %v", got, test.want)
				}
				late := fairlead.IsKind(context.Cause(reading), fairlead.Late) || errors.Is(reading.Err(), context.DeadlineExceeded)
				if !late || ctx.Err() != nil {
					t.Errorf("it ended by %v, and ctx by %v", context.Cause(reading), ctx.Err())
				}
			})
		})
	}
}

func TestWithoutAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(t.Context())
		reading, r := c.Reading(t.Context())
		waiting, cancel := c.Waiting(t.Context())
		defer cancel()
		r.Part()
		<-time.After(time.Hour)
		if reading.Err() != nil || waiting.Err() != nil {
			t.Errorf("they ended by %v and %v", reading.Err(), waiting.Err())
		}
		r.End()
		if !errors.Is(reading.Err(), context.Canceled) {
			t.Errorf("it ended by %v", reading.Err())
		}
	})
}
