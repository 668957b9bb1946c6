package restraint

import (
	"sync"
	"time"
)

// BreakerConfig says when a Breaker opens, and for how long.
type BreakerConfig struct {
	// Window is the time over which calls are judged.
	Window time.Duration
	// MinCalls is how many must have ended in it, and FailureRate the part of
	// them that must have failed; a FailureRate of 0 means that it never opens.
	MinCalls    int
	FailureRate float64
	// OpenFor is how long it is open at first. It doubles with each opening that
	// follows soon after the last, up to MaxOpen.
	OpenFor, MaxOpen time.Duration
	// Probes is the most calls that are let through at the same time to see
	// whether the trouble is over: one, and where that takes long another every
	// OpenFor.
	Probes int
}

// State is what a Breaker does with calls.
type State uint8

// The states.
const (
	// Closed: all calls go through.
	Closed State = iota
	// Open: none does.
	Open
	// HalfOpen: a few do, to see whether the trouble is over.
	HalfOpen
)

// String returns the state's name as metrics spell it.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half_open"
	}
	return "unknown"
}

// Outcome is what a call says of the upstream.
type Outcome uint8

// The outcomes.
const (
	// Neutral says nothing: the caller left, or was at fault.
	Neutral Outcome = iota
	Success
	Failure
)

// Breaker stops calls to an upstream that fails. It opens when too large a part
// of the calls in its window failed; then nothing goes through for a time; then
// it is half open, until one probe succeeds, which closes it, or fails, which
// opens it for twice as long. One that was opened by one party's calls alone holds
// up that party alone, until a call of another fails too; one that succeeds closes
// it.
type Breaker struct {
	config BreakerConfig

	mu    sync.Mutex
	state State
	tally tally
	// epoch is the number of changes of state: what began before the last one
	// says nothing of now.
	epoch  uint64
	length time.Duration // of the last opening
	// until is when the first probe may go; while half open, when one more may.
	until  time.Time
	probes int // under way
	closed time.Time
	// culprit is the party whose calls alone have opened it, if one's have; trips
	// counts how often it was opened by calls that were no probes.
	culprit   string
	isCulprit bool
	trips     uint64
}

// NewBreaker returns a closed breaker.
func NewBreaker(config BreakerConfig) *Breaker {
	return &Breaker{config: config, tally: newTally(config.Window)}
}

// Permit is leave to make one call. Its owner must call Done.
type Permit struct {
	breaker *Breaker
	kind    kind
	// epoch is the breaker's when it was given; of a witness the trips.
	epoch uint64
}

// kind is what a call is to the breaker.
type kind uint8

const (
	plain   kind = iota // of a closed one
	probe               // of one that is half open
	witness             // of another party than the culprit, while it is not closed
)

// Enter asks for leave for party to call now.
func (b *Breaker) Enter(now time.Time, party string) (p Permit, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wait(now, party) > 0 {
		return Permit{}, false
	}
	switch {
	case b.state == Closed:
		b.tally.addHere(now, party)
		return Permit{breaker: b, epoch: b.epoch}, true
	case b.isWitness(party):
		return Permit{breaker: b, kind: witness, epoch: b.trips}, true
	case b.state == Open:
		b.become(HalfOpen)
	}
	b.probes++
	b.until = now.Add(b.config.OpenFor)
	return Permit{breaker: b, kind: probe, epoch: b.epoch}, true
}

// isWitness reports whether a call of party shows if it is the culprit's calls that
// fail, or all.
func (b *Breaker) isWitness(party string) bool { return b.isCulprit && party != b.culprit }

// Wait is how long until Enter would give leave; 0 means now. While probes are
// under way it is when one more may go, if none of them ends before.
func (b *Breaker) Wait(now time.Time, party string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait(now, party)
}

func (b *Breaker) wait(now time.Time, party string) time.Duration {
	switch {
	case b.state == Closed, b.state == HalfOpen && b.probes == 0, b.isWitness(party):
		return 0
	case b.state == HalfOpen && b.probes >= b.config.Probes:
		return max(b.until.Sub(now), b.config.OpenFor)
	}
	return max(b.until.Sub(now), 0)
}

// State tells what the breaker does with calls.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Alive says that the upstream has begun to answer. What is to show whether it
// does need not wait for the end: it closes the breaker.
func (p *Permit) Alive(now time.Time) {
	if p.breaker == nil || p.kind == plain {
		return
	}
	b := p.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.isOfNow() {
		b.close(now)
		p.kind, p.epoch = plain, b.epoch
	}
}

// isOfNow reports whether what the call shows is of the breaker's present state.
func (p *Permit) isOfNow() bool {
	if p.kind == witness {
		return p.breaker.isCulprit && p.epoch == p.breaker.trips
	}
	return p.epoch == p.breaker.epoch
}

// Done says how party's call ended. It must be called once.
func (p *Permit) Done(now time.Time, party string, outcome Outcome) {
	b := p.breaker
	if b == nil || b.config.FailureRate <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !p.isOfNow():
	case p.kind == probe:
		b.probed(now, outcome)
	case p.kind == witness:
		b.witnessed(now, outcome)
	default:
		b.note(now, party, outcome)
	}
}

// note takes what a call of a closed breaker has found.
func (b *Breaker) note(now time.Time, party string, outcome Outcome) {
	switch outcome {
	case Neutral:
	case Success:
		b.tally.addGood(now, party)
	case Failure:
		b.tally.addBad(now, party)
		if b.hasFailed(now) {
			b.trip(now)
		}
	}
}

// witnessed takes what another party than the culprit has found.
func (b *Breaker) witnessed(now time.Time, outcome Outcome) {
	switch outcome {
	case Neutral:
	case Success:
		b.close(now)
	case Failure:
		b.isCulprit = false
	}
}

// probed takes what a probe has found.
func (b *Breaker) probed(now time.Time, outcome Outcome) {
	b.probes--
	switch outcome {
	case Neutral:
		if b.probes == 0 {
			b.until = now
		}
	case Success:
		b.close(now)
	case Failure:
		b.length = min(2*b.length, max(b.config.MaxOpen, b.config.OpenFor))
		b.open(now)
	}
}

// hasFailed reports whether the calls of the window are reason to open.
func (b *Breaker) hasFailed(now time.Time) bool {
	good, bad := b.tally.sum(now)
	return good+bad >= b.config.MinCalls && float64(bad) >= b.config.FailureRate*float64(good+bad) && !b.tally.isOnes(now)
}

// trip opens a closed breaker: for twice as long as the last time if that was
// just now.
func (b *Breaker) trip(now time.Time) {
	if b.length > 0 && now.Sub(b.closed) < b.length {
		b.length = min(2*b.length, max(b.config.MaxOpen, b.config.OpenFor))
	} else {
		b.length = b.config.OpenFor
	}
	b.culprit, b.isCulprit = b.tally.culprit(now)
	b.trips++
	b.open(now)
}

func (b *Breaker) open(now time.Time) {
	b.become(Open)
	b.until = now.Add(b.length)
}

func (b *Breaker) close(now time.Time) {
	b.become(Closed)
	b.closed, b.isCulprit = now, false
}

func (b *Breaker) become(state State) {
	b.state, b.probes = state, 0
	b.epoch++
	b.tally.clear()
}
