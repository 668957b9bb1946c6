package estimate_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/estimate"
)

func near(got, want time.Duration) bool {
	return math.Abs(float64(got)/float64(want)-1) <= 0.05
}

func TestServiceTimes(t *testing.T) {
	t.Parallel()
	var s estimate.Service
	for i := 1; i <= 100; i++ {
		s.Add("chat", "large", time.Duration(i)*time.Second)
		s.Add("chat", "small", time.Duration(i)*time.Millisecond)
	}
	for _, tt := range []struct {
		model string
		unit  time.Duration
	}{{"large", time.Second}, {"small", time.Millisecond}} {
		// The later ones weigh more, so the quantiles lie higher: at the 13th and
		// the 56th instead of the 10th and the 50th.
		if got, ok := s.P10("chat", tt.model); !ok || got < 10*tt.unit || got > 14*tt.unit {
			t.Errorf("p10 of %s is %v, %v, want 10 to 14 %v", tt.model, got, ok, tt.unit)
		}
		if got, ok := s.P50("chat", tt.model); !ok || got < 50*tt.unit || got > 60*tt.unit {
			t.Errorf("p50 of %s is %v, %v, want 50 to 60 %v", tt.model, got, ok, tt.unit)
		}
	}
	if got, ok := s.P50("embed", "large"); ok {
		t.Errorf("p50 of what was never done is %v", got)
	}
}

func TestServiceTimeNeedsEightAttempts(t *testing.T) {
	t.Parallel()
	var s estimate.Service
	for range 7 {
		s.Add("chat", "m", time.Second)
	}
	if got, ok := s.P10("chat", "m"); ok {
		t.Errorf("p10 of 7 attempts is %v", got)
	}
	s.Add("chat", "m", time.Second)
	if got, ok := s.P10("chat", "m"); !ok || !near(got, time.Second) {
		t.Errorf("p10 of 8 attempts of 1 s is %v, %v", got, ok)
	}
}

func TestServiceRemembersThoseUsedLast(t *testing.T) {
	t.Parallel()
	var s estimate.Service
	learn := func(model string) {
		for range 8 {
			s.Add("chat", model, time.Minute)
		}
	}
	learn("first")
	learn("kept")
	for i := range 4094 {
		learn(strconv.Itoa(i))
	}
	learn("kept")
	learn("one more")
	if _, ok := s.P50("chat", "first"); ok {
		t.Error("the model used least lately is still known beside 4096 others")
	}
	for _, model := range []string{"kept", "0", "4093", "one more"} {
		if _, ok := s.P50("chat", model); !ok {
			t.Errorf("%q was forgotten", model)
		}
	}
	for i := range 3 {
		learn("yet another " + strconv.Itoa(i))
		if _, ok := s.P50("chat", strconv.Itoa(i)); ok {
			t.Errorf("%d is still known beside 4096 that were used later", i)
		}
	}
}
