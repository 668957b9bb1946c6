package load

import (
	"errors"
	"fmt"
	"time"
)

// The most that a plan may ask for.
const (
	maxConnections = 20_000
	maxDuration    = 10 * time.Minute
)

// Plan says what to ask, and how often.
type Plan struct {
	// Port is the target's, on 127.0.0.1.
	Port int
	// Connections are opened and kept: callers in a closed loop, and the most
	// requests at a time in an open one.
	Connections int
	// Rate is how many requests are due in a second: an open loop. 0 is a closed one.
	Rate float64
	// Requests are whole HTTP requests, one for each app; the connections take
	// them in turn.
	Requests [][]byte
	// Warmup is for how long nothing is counted. It goes on, at most startLimit
	// longer, until each connection has got something.
	Warmup time.Duration
	// Duration is for how long it is counted.
	Duration time.Duration
	// Timeout is the longest silence of the target during a request.
	Timeout time.Duration
	// Ramp spreads the first requests of a closed loop over this time.
	Ramp time.Duration
	// Awake makes the generator spin while it waits; see poll.Poller.Awake.
	Awake bool
	// Edge is called when the counting begins and when it ends: the moments at
	// which to look at the target's processor time. May be nil.
	Edge func()
}

func (p *Plan) check() error {
	switch {
	case p.Connections < 1 || p.Connections > maxConnections:
		return fmt.Errorf("between 1 and %d connections, not %d", maxConnections, p.Connections)
	case p.Duration <= 0 || p.Warmup < 0 || p.Ramp < 0 || p.Duration+p.Warmup+p.Ramp > maxDuration:
		return fmt.Errorf("a duration of more than 0 and at most %v in all", maxDuration)
	case p.Timeout <= 0:
		return errors.New("a timeout of more than 0")
	case p.Rate < 0:
		return errors.New("a rate of at least 0")
	case len(p.Requests) == 0:
		return errors.New("at least one request")
	}
	return nil
}

// Kind says how a request failed; "" means that it did not.
type Kind string

// The kinds of failures. An answer with another status than 2xx is the kind
// "status 429".
const (
	CannotConnect Kind = "cannot connect"
	CannotWrite   Kind = "cannot write"
	CannotRead    Kind = "cannot read"
	Closed        Kind = "closed before the answer was whole"
	Cut           Kind = "a stream without its end"
	Malformed     Kind = "not HTTP"
	TimedOut      Kind = "timed out"
	// Unfinished is a request of an open loop that was due and had no answer
	// at the end. Its time up to then is in Latency.
	Unfinished Kind = "unfinished"
	// NotStarted is a connection that got nothing before the counting began.
	NotStarted Kind = "nothing in the warm-up"
)

// Result is what was counted.
type Result struct {
	// Done are the answers that were whole and had a status 2xx.
	Done int64
	// Events are the server-sent events received.
	Events int64
	// Bytes are those of the bodies received.
	Bytes   int64
	Elapsed time.Duration
	// Latency is from when a request was due, in a closed loop sent, to the
	// last byte of the answer.
	Latency *Histogram
	Errors  map[Kind]int64
	// PerApp are Done by app.
	PerApp []int64
}

// Failed is how many requests failed.
func (r *Result) Failed() (n int64) {
	for _, count := range r.Errors {
		n += count
	}
	return n
}

// schedule is when the requests of an open loop are due.
type schedule struct {
	start int64 // nanoseconds
	rate  float64
}

// due is when the nth request is due, from 0: each reckoned from the start, so
// that no rounding adds up.
func (s schedule) due(n int64) int64 {
	return s.start + int64(float64(n)*float64(time.Second)/s.rate)
}
