package admission

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
)

// machine makes random calls and keeps its own account of them, which must agree
// with what the controller says.
type machine struct {
	*bed
	config Config
	seed   uint64

	mu    sync.Mutex
	inUse map[any]int // by *fairlead.App, by pool, and of all under ""
	calls []*entered
	sends []*sent
	codes map[string]int // of refusals; "" are successes
}

// entered is a call that passed the gates before its body.
type entered struct {
	app      *fairlead.App
	at       time.Duration
	kept     bool // it is in the window of requests
	tokens   int  // what it counts for in the window of tokens
	reserved time.Duration
}

// sent is an attempt at the paced pool.
type sent struct {
	at     time.Duration
	tokens int
}

// fate is what happens to one call.
type fate struct {
	app       *fairlead.App
	class     fairlead.Class
	pool      string
	body      int
	maxTokens int
	width     int
	patience  time.Duration // 0 = no deadline
	leaves    time.Duration // 0 = it stays
	attempts  []string      // pools of the attempts that fail before the one that answers
	holds     time.Duration // each attempt
	out       Outcome
}

const pacedPool = "paced"

func machineConfig(mode estimate.Mode) Config {
	return Config{
		Slots: 6, MaxQueue: 12, MaxQueuePerApp: 8, Tokens: mode, HeartbeatAfter: 2 * time.Second,
		Pools: map[string]Pool{
			"p": {}, "narrow": {Slots: 2}, pacedPool: {Slots: 5, RequestsPerMinute: 40, TokensPerMinute: 40_000},
		},
		Burst: Burst{PerSecond: 4, Block: 5 * time.Second},
	}
}

func machineApps() []*fairlead.App {
	return []*fairlead.App{
		{ID: "free"},
		{ID: "capped", MaxConcurrent: 2, Weight: 4},
		{ID: "rated", RateLimitPerMinute: 15, MinConcurrent: 1},
		{ID: "metered", TokensPerMinute: 30_000, RateLimitPerMinute: 60, Weight: 2},
		{ID: "batch", TokensPerMinute: 50_000, RateLimitPerMinute: 40, Class: fairlead.Batch, MaxConcurrent: 4},
	}
}

// drawFate draws what happens to a call.
func drawFate(random *rand.Rand, apps []*fairlead.App) fate {
	pools := []string{"p", "narrow", pacedPool}
	chance := func(p float64) bool { return random.Float64() < p }
	lasts := func(mean time.Duration) time.Duration { return 1 + time.Duration(random.ExpFloat64()*float64(mean)) }
	f := fate{
		app: apps[random.IntN(len(apps))], pool: pools[random.IntN(len(pools))],
		body: random.IntN(4000), maxTokens: random.IntN(1500), width: 1, holds: lasts(2 * time.Second),
	}
	if f.class = f.app.Class; chance(0.2) {
		f.class = fairlead.Batch
	}
	if chance(0.1) {
		f.width = 2 + random.IntN(3)
	}
	if chance(0.5) {
		f.patience = lasts(15 * time.Second)
	}
	if chance(0.2) {
		f.leaves = lasts(3 * time.Second)
	}
	for chance(0.2) {
		f.attempts = append(f.attempts, pools[random.IntN(len(pools))])
	}
	switch used := (fairlead.Usage{Input: 1 + random.IntN(2000), Output: random.IntN(1500)}); {
	case chance(0.6):
		f.out.Usage = used
	case chance(0.4):
		f.out.Seen = 1 + used.Output
	case chance(0.3):
		f.out.Answered = true
	}
	return f
}

// live is one call's life, with all that may happen to it.
func (m *machine) live(f fate) {
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	if f.leaves > 0 {
		defer time.AfterFunc(f.leaves, cancel).Stop()
	}
	if f.patience > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, f.patience)
		defer stop()
	}
	call := callOf(f.app)
	call.Class = f.class
	call.Waiting = func() error { return nil }
	pass, err := m.Admit(ctx, call)
	if err != nil {
		m.note(err)
		return
	}
	own := m.admitted(call)
	defer func() { m.settled(call, pass, own, f.out) }()
	if err := m.Reserve(ctx, call, &pass, request(f.body, f.maxTokens)); err != nil {
		m.note(err)
		return
	}
	m.reserved(call, own)
	for _, pool := range append(f.attempts, f.pool) {
		if err := m.attempt(ctx, call, f, pool); err != nil {
			m.note(err)
			return
		}
	}
	m.note(nil)
}

// attempt holds a slot of pool for a while.
func (m *machine) attempt(ctx context.Context, call *fairlead.Call, f fate, pool string) error {
	e := call.Estimate()
	e.Width = f.width
	call.SetEstimate(e)
	lease, err := m.Enter(ctx, call, pool)
	if err != nil {
		return err
	}
	defer lease.Release() // a second time: see below
	s := m.granted(call, pool, f.width)
	<-time.After(f.holds)
	m.mu.Lock()
	if used := f.out.Usage.Input + f.out.Usage.Output; used > 0 {
		s.tokens = used
	}
	m.mu.Unlock()
	lease.Correct(f.out.Usage)
	m.mu.Lock()
	m.hold(call, pool, -f.width)
	m.mu.Unlock()
	lease.Release()
	return nil
}

func (m *machine) note(err error) {
	_, code := kindAndCode(err)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.codes[code]++
}

// hold counts what is held, of a call that is wider than its limits allow at
// least. The caller holds mu.
func (m *machine) hold(call *fairlead.Call, pool string, width int) {
	if width > 1 || width < -1 {
		width = min(max(width, -1), 1)
	}
	m.inUse[call.App] += width
	m.inUse[pool] += width
	m.inUse[""] += width
}

// admitted notes that a call was admitted to its app's window of requests, which
// must not have more than it may.
func (m *machine) admitted(call *fairlead.Call) *entered {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := &entered{app: call.App, at: m.now(), kept: true}
	m.calls = append(m.calls, own)
	n := 0
	for _, c := range m.calls {
		if c.app == call.App && c.kept && c.at > own.at-time.Minute {
			n++
		}
	}
	if tooMany(n, call.App.RateLimitPerMinute) {
		m.t.Errorf("seed %d: %d calls of %s in a minute", m.seed, n, call.App.ID)
	}
	return own
}

// reserved notes that a call was admitted to its app's window of tokens.
func (m *machine) reserved(call *fairlead.Call, own *entered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := call.Estimate()
	own.tokens, own.reserved = max(e.Input+e.Output, 1), m.now()
}

// granted notes that a call holds slots of pool, and holds all to their limits.
func (m *machine) granted(call *fairlead.Call, pool string, width int) *sent {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold(call, pool, width)
	bears := m.config.Pools[pool]
	if tooMany(m.inUse[""], m.config.Slots) || tooMany(m.inUse[pool], bears.Slots) || tooMany(m.inUse[call.App], call.App.MaxConcurrent) {
		m.t.Errorf("seed %d: in use %v after a grant to %s of %s", m.seed, m.inUse, call.App.ID, pool)
	}
	e := call.Estimate()
	s := &sent{at: m.now(), tokens: e.Input + e.Output}
	if pool != pacedPool {
		return s
	}
	m.sends = append(m.sends, s)
	n, tokens := 0, 0
	for _, other := range m.sends {
		if other.at > s.at-time.Minute {
			n++
			tokens += other.tokens
		}
	}
	if n > bears.RequestsPerMinute || tokens > bears.TokensPerMinute {
		m.t.Errorf("seed %d: %d requests and %d tokens went to the paced pool in a minute", m.seed, n, tokens)
	}
	return s
}

// settled ends a call and notes what it was charged in the end.
func (m *machine) settled(call *fairlead.Call, pass Pass, own *entered, out Outcome) {
	m.mu.Lock()
	own.kept = call.Slotted()
	switch used := out.Usage.Input + out.Usage.Output; {
	case !call.Slotted():
		own.tokens = 0
	case used > 0:
		own.tokens = used
	case out.Seen > 0:
		own.tokens = call.Estimate().Input + out.Seen
	case out.Answered: // the estimate stands
	default:
		own.tokens = 0
	}
	m.mu.Unlock()
	m.settle(call, pass, out)
	if call.Holding() != 0 {
		m.t.Errorf("seed %d: a call that has ended holds %d slots", m.seed, call.Holding())
	}
}

// compare holds what the controller says against the account. Nothing may be
// under way at the moment.
func (m *machine) compare(app *fairlead.App) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	requests, least, most := 0, 0, 0 // an entry of the tokens' window may count for 100 ms longer
	for _, c := range m.calls {
		if c.app != app {
			continue
		}
		if c.kept && c.at > now-time.Minute {
			requests++
		}
		if c.reserved > now-time.Minute {
			least += c.tokens
		}
		if c.reserved > now-time.Minute-100*time.Millisecond {
			most += c.tokens
		}
	}
	s, err := m.Standing(m.t.Context(), app)
	if err != nil {
		m.t.Error(err)
	}
	if limit := app.RateLimitPerMinute; limit > 0 && s.Requests.Remaining != limit-requests {
		m.t.Errorf("seed %d, %v: %s has %d requests left of %d, but %d were admitted", m.seed, now, app.ID, s.Requests.Remaining, limit, requests)
	}
	if limit := app.TokensPerMinute; limit > 0 && (s.Tokens.Remaining > max(limit-least, 0) || s.Tokens.Remaining < max(limit-most, 0)) {
		m.t.Errorf("seed %d, %v: %s has %d tokens left of %d, but %d to %d were charged", m.seed, now, app.ID, s.Tokens.Remaining, limit, least, most)
	}
}

// run makes n calls.
func (m *machine) run(n int) {
	random := rand.New(rand.NewPCG(m.seed, 3))
	apps := machineApps()
	for range n {
		wait(time.Duration(random.ExpFloat64() * float64(250*time.Millisecond)))
		f := drawFate(random, apps)
		m.group.Go(func() { m.live(f) })
		if random.IntN(10) == 0 {
			synctest.Wait()
			m.compare(apps[random.IntN(len(apps))])
		}
	}
	m.group.Wait()
	m.wantIdle()
	for _, app := range apps {
		m.compare(app)
		if m.openCalls(app) {
			m.t.Errorf("seed %d: %s has open calls", m.seed, app.ID)
		}
	}
	wait(time.Minute + 100*time.Millisecond)
	for _, app := range apps {
		if s, err := m.Standing(m.t.Context(), app); err != nil || s.Requests.Remaining != app.RateLimitPerMinute || s.Tokens.Remaining != app.TokensPerMinute {
			m.t.Errorf("seed %d: a minute later %s has %+v, %+v, %v", m.seed, app.ID, s.Requests, s.Tokens, err)
		}
	}
}

// TestRandomCalls runs five apps with all kinds of limits at a service that is
// too small for them, with callers who leave, attempts that fail and answers that
// break off.
func TestRandomCalls(t *testing.T) {
	codes := make(map[string]int)
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			config := machineConfig(estimate.Mode(seed % 2))
			m := &machine{bed: newBed(t, config), config: config, seed: seed, inUse: make(map[any]int), codes: codes}
			m.run(300)
		})
	}
	for _, code := range []string{
		"", "blocked_burst", "rate_limit_requests", "rate_limit_tokens", "queue_full_app", "queue_full", "queue_dropped",
		"queue_timeout", "client_left",
	} {
		if codes[code] == 0 {
			t.Errorf("no call ended as %q: %s", code, fmt.Sprint(codes))
		}
	}
}
