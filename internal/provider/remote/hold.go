package remote

import (
	"strconv"
	"time"
)

// header is the headers of an answer.
type header interface{ Get(name string) string }

// usedUp is how long the upstream's window of requests stays empty, where the
// headers say that it is: x-ratelimit-remaining-requests is 0 and
// x-ratelimit-reset-requests says for how long. Else it is 0.
func usedUp(h header) time.Duration {
	said := h.Get("X-Ratelimit-Remaining-Requests")
	if said == "" {
		return 0
	}
	if left, err := strconv.Atoi(said); err != nil || left > 0 {
		return 0
	}
	reset := h.Get("X-Ratelimit-Reset-Requests")
	if d, err := time.ParseDuration(reset); err == nil { // 6m0s, 20ms
		return min(max(d, 0), retryMax)
	}
	seconds, err := strconv.ParseFloat(reset, 64)
	if err != nil {
		return 0
	}
	return scale(seconds, time.Second)
}

// refusedHold is for how long an upstream that refused asked to be left alone;
// 0 if its headers don't say.
func refusedHold(h header, now time.Time) time.Duration {
	if d, ok := namedWait(h, now); ok {
		return d
	}
	return usedUp(h)
}
