package admission

import (
	"slices"
	"sync/atomic"
)

// Limit names a limit that can be in shadow, as the configuration spells it.
type Limit string

// The limits.
const (
	LimitRequests         Limit = "rate_limit_per_minute"
	LimitTokens           Limit = "tokens_per_minute" //nolint:gosec // G101: tokens of text, no credential
	LimitBurst            Limit = "burst"
	LimitSlots            Limit = "max_concurrent_requests"
	LimitAppSlots         Limit = "max_concurrent"
	LimitQueue            Limit = "max_queue"
	LimitAppQueue         Limit = "max_queue_per_app"
	LimitDeadline         Limit = "deadline"
	LimitProviderSlots    Limit = "concurrent_requests"
	LimitProviderRequests Limit = "provider_requests_per_minute"
	LimitProviderTokens   Limit = "provider_tokens_per_minute"
)

// shadows counts what the limits in shadow would have done.
type shadows struct {
	limits []Limit
	counts []atomic.Int64
}

func newShadows(limits []Limit) shadows {
	limits = slices.Compact(slices.Sorted(slices.Values(limits)))
	return shadows{limits: limits, counts: make([]atomic.Int64, len(limits))}
}

// has reports whether the limit is in shadow.
func (s *shadows) has(l Limit) bool { return slices.Contains(s.limits, l) }

// limit is what of a limit is enforced: nothing in shadow.
func (s *shadows) limit(l Limit, n int) int {
	if s.has(l) {
		return 0
	}
	return n
}

// note counts that a limit in shadow would have refused a call or made it wait.
func (s *shadows) note(l Limit) {
	if i := slices.Index(s.limits, l); i >= 0 {
		s.counts[i].Add(1)
	}
}

// Shadowed tells how often each limit in shadow would have refused a call, or
// made it wait.
func (c *Controller) Shadowed() map[Limit]int64 {
	all := make(map[Limit]int64, len(c.shadow.limits))
	for i, l := range c.shadow.limits {
		all[l] = c.shadow.counts[i].Load()
	}
	return all
}
