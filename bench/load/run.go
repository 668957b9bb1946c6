package load

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/bench/poll"
	"github.com/fairleadhq/fairlead/bench/wire"
)

const (
	readSize = 64 << 10
	// maxConnecting is how many connections are being made at a time: fewer
	// than a listener's backlog, of which an overflow costs a second.
	maxConnecting = 128
	// roundEvery is how often timeouts and lost connections are looked after.
	roundEvery = 10 * time.Millisecond
	// reconnectAfter is how long a lost connection stays so.
	reconnectAfter = 10 * time.Millisecond
	// startLimit is how much longer than Warmup the warm-up may be.
	startLimit = 15 * time.Second
	// grace is how long the last requests of an open loop may take after its end.
	grace = 2 * time.Second
)

// generator is a run.
type generator struct {
	plan     *Plan
	poller   *poll.Poller
	byFD     []*conn
	conns    []*conn
	free     []*conn // idle ones, of an open loop
	start    time.Time
	now      int64 // nanoseconds since start
	round    int64 // when the next round is due
	schedule schedule
	next     int64 // number of the next request of the schedule
	begun    int   // requests of a closed loop that have had their start
	began    int64 // when the counting began, -1 before
	end      int64
	making   int // connections being made
	buffer   []byte
	result   *Result
}

// Run carries out the plan. It returns at the latest startLimit and grace after
// the plan's own durations, with all connections closed.
func Run(ctx context.Context, plan *Plan) (*Result, error) {
	if err := plan.check(); err != nil {
		return nil, fmt.Errorf("a plan needs %w", err)
	}
	poller, err := poll.New()
	if err != nil {
		return nil, err
	}
	poller.Exact()
	if plan.Awake {
		poller.Awake()
	}
	defer func() { _ = poller.Close() }()
	g := &generator{plan: plan, poller: poller, start: time.Now(), began: -1, buffer: make([]byte, readSize)}
	g.result = newResult(len(plan.Requests))
	g.schedule = schedule{rate: plan.Rate}
	for i := range plan.Connections {
		g.conns = append(g.conns, &conn{fd: -1, app: i % len(plan.Requests), last: -int64(reconnectAfter)})
	}
	defer g.close()
	return g.result, g.loop(ctx)
}

func newResult(apps int) *Result {
	return &Result{Latency: new(Histogram), Errors: make(map[Kind]int64), PerApp: make([]int64, apps)}
}

func (g *generator) close() {
	for _, c := range g.conns {
		if c.state != closed {
			poll.Close(c.fd)
		}
	}
}

func (g *generator) loop(ctx context.Context) error {
	handle := g.handle
	for ctx.Err() == nil {
		g.tick()
		if g.now >= g.round {
			g.round = g.now + int64(roundEvery)
			if err := g.lookAround(); err != nil {
				return err
			}
		}
		g.edges()
		if g.finished() {
			return nil
		}
		g.ask()
		if err := g.poller.Wait(g.wait(), handle); err != nil {
			return fmt.Errorf("wait for the sockets: %w", err)
		}
	}
	return ctx.Err()
}

func (g *generator) tick() { g.now = int64(time.Since(g.start)) }

// wait is the time until something is to be done without an event.
func (g *generator) wait() time.Duration {
	until := g.round
	if g.plan.Rate > 0 && g.schedule.start > 0 && len(g.free) > 0 && !g.over() {
		until = min(until, g.schedule.due(g.next))
	}
	return max(0, time.Duration(until-g.now))
}

// over reports whether the time to count is up.
func (g *generator) over() bool { return g.began >= 0 && g.now >= g.end }

// edges begins and ends the counting.
func (g *generator) edges() {
	if g.began < 0 && g.warm() {
		silent := int64(0)
		for _, c := range g.conns {
			if !c.got {
				silent++
			}
		}
		*g.result = *newResult(len(g.plan.Requests))
		if silent > 0 && g.plan.Rate == 0 {
			g.result.Errors[NotStarted] = silent
		}
		g.edge()
		g.tick()
		g.began, g.end = g.now, g.now+int64(g.plan.Duration)
	}
	if g.over() && g.result.Elapsed == 0 {
		g.result.Elapsed = time.Duration(g.now - g.began)
		g.edge()
	}
}

func (g *generator) edge() {
	if g.plan.Edge != nil {
		g.plan.Edge()
	}
}

// warm reports whether the warm-up is over.
func (g *generator) warm() bool {
	least := int64(g.plan.Warmup + g.plan.Ramp)
	if g.now < least {
		return false
	}
	if g.now >= least+int64(startLimit) {
		return true
	}
	for _, c := range g.conns {
		if !c.got && (g.plan.Rate == 0 || c.state < idle) {
			return false
		}
	}
	return true
}

// finished reports whether nothing is left to wait for. What an open loop still
// waits for at the very end is counted with the time that it has taken so far.
func (g *generator) finished() bool {
	if !g.over() {
		return false
	}
	if g.plan.Rate == 0 {
		return true
	}
	// Requests that were due and found no connection go out late.
	if g.now < g.end+int64(grace) {
		if g.schedule.due(g.next) < g.end {
			return false
		}
		for _, c := range g.conns {
			if c.state == asking {
				return false
			}
		}
		return true
	}
	for _, c := range g.conns {
		if c.state == asking {
			g.unfinished(c.due)
		}
	}
	for ; g.schedule.due(g.next) < g.end; g.next++ {
		g.unfinished(g.schedule.due(g.next))
	}
	return true
}

func (g *generator) unfinished(due int64) {
	g.result.Errors[Unfinished]++
	g.result.Latency.Record(time.Duration(g.now - due))
}

// ask sends the requests that are due.
func (g *generator) ask() {
	if g.plan.Rate == 0 {
		g.ramp()
		return
	}
	if g.schedule.start == 0 {
		if len(g.free) == 0 {
			return
		}
		g.schedule.start = g.now
	}
	for len(g.free) > 0 {
		due := g.schedule.due(g.next)
		if due > g.now || g.began >= 0 && due >= g.end {
			return
		}
		g.next++
		c := g.free[len(g.free)-1]
		g.free = g.free[:len(g.free)-1]
		g.request(c, due)
	}
}

// ramp gives each connection of a closed loop its first request.
func (g *generator) ramp() {
	for g.begun < len(g.conns) {
		c := g.conns[g.begun]
		at := int64(g.plan.Ramp) * int64(g.begun) / int64(len(g.conns))
		if c.state == closed || c.state == connecting || g.now < at {
			return
		}
		g.begun++
		c.begun = true
		if c.state == idle {
			g.request(c, g.now)
		}
	}
}

// request sends a request over an idle connection.
func (g *generator) request(c *conn, due int64) {
	c.state, c.due, c.last = asking, due, g.now
	c.rest = g.plan.Requests[c.app]
	c.message.Reset(wire.Response)
	c.events = counter{}
	if failed := c.send(); failed != "" {
		g.fail(c, failed)
	}
}

// handle goes on with a connection at which something happened.
func (g *generator) handle(event poll.Event) {
	c := g.byFD[event.FD]
	if c == nil {
		return
	}
	if c.state == connecting {
		g.making--
		if event.Closed {
			g.count(CannotConnect)
			g.drop(c)
			return
		}
		g.ready(c)
		return
	}
	if len(c.rest) > 0 {
		if failed := c.send(); failed != "" {
			g.fail(c, failed)
			return
		}
	}
	if c.state == idle && event.Closed {
		g.drop(c) // the target closes connections when it likes
		return
	}
	complete, failed := g.receive(c, event)
	switch {
	case failed != "":
		g.fail(c, failed)
	case complete && c.state == asking:
		g.answered(c)
	}
}

// ready makes a connection free for a request, and sends it in a closed loop.
func (g *generator) ready(c *conn) {
	c.state = idle
	switch {
	case g.plan.Rate > 0:
		g.free = append(g.free, c)
	case c.begun && !g.over():
		g.request(c, g.now)
	}
}

// answered counts a whole answer and goes on.
func (g *generator) answered(c *conn) {
	g.tick()
	if failed := c.verdict(); failed != "" {
		g.count(failed)
	} else if g.counted(c.due) {
		g.result.Done++
		g.result.PerApp[c.app]++
		g.result.Latency.Record(time.Duration(g.now - c.due))
	}
	if c.message.Closing {
		g.drop(c)
		return
	}
	g.ready(c)
}

// counted reports whether the answer to a request that was due then belongs to
// the result: in a closed loop by when the answer came, in an open one by when
// the request was due.
func (g *generator) counted(due int64) bool {
	if g.plan.Rate > 0 {
		return g.began >= 0 && due >= g.began
	}
	return !g.over()
}

// fail counts a failure and loses the connection.
func (g *generator) fail(c *conn, failed Kind) {
	g.count(failed)
	g.drop(c)
}

func (g *generator) count(kind Kind) { g.result.Errors[kind]++ }

// drop closes a connection; it is made again a little later.
func (g *generator) drop(c *conn) {
	if c.state == idle {
		g.free = slices.DeleteFunc(g.free, func(other *conn) bool { return other == c })
	}
	poll.Close(c.fd)
	g.byFD[c.fd] = nil
	c.fd, c.state, c.rest, c.last = -1, closed, nil, g.now
	c.message.Reset(wire.Response)
}

// lookAround ends what takes too long, and makes the connections that are not there.
func (g *generator) lookAround() error {
	for _, c := range g.conns {
		switch {
		case c.state == asking && g.now-c.last > int64(g.plan.Timeout):
			g.fail(c, TimedOut)
		case c.state == connecting && g.now-c.last > int64(g.plan.Timeout):
			g.making--
			g.fail(c, CannotConnect)
		case c.state == closed && g.making < maxConnecting && g.now-c.last >= int64(reconnectAfter):
			if err := g.connect(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// connect begins to make a connection.
func (g *generator) connect(c *conn) error {
	fd, err := poll.Dial(g.plan.Port)
	if err != nil {
		g.count(CannotConnect)
		c.last = g.now
		return nil //nolint:nilerr // it is counted, and tried again
	}
	for len(g.byFD) <= fd {
		g.byFD = append(g.byFD, nil)
	}
	g.byFD[fd] = c
	c.fd, c.state, c.last = fd, connecting, g.now
	g.making++
	return g.poller.Add(fd)
}
