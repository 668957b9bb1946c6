package http1

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Stats are the figures of a client: gauges as they are at the moment, and
// counts since its start.
type Stats struct {
	// Open is the open connections, those being opened included. It is the sum
	// of the next three.
	Open    int
	Opening int
	InUse   int
	Idle    int
	// Waiting is how many requests wait for a connection.
	Waiting int

	// Dialled counts connections opened, Reused requests that began on a kept
	// one, and Stale those of them that were sent again on a new connection.
	Dialled int64
	Reused  int64
	Stale   int64
	// Waits counts requests that had to wait for a connection and do so no
	// more, and Waited is how long they did altogether.
	Waits  int64
	Waited time.Duration
	// PoolTimeouts counts waits that ended with ErrPoolTimeout, Refused
	// requests that failed with ErrPoolFull.
	PoolTimeouts int64
	Refused      int64
}

// Plus returns the sums of two clients' figures.
func (s Stats) Plus(other Stats) Stats {
	return Stats{
		Open: s.Open + other.Open, Opening: s.Opening + other.Opening, InUse: s.InUse + other.InUse, Idle: s.Idle + other.Idle,
		Waiting: s.Waiting + other.Waiting,
		Dialled: s.Dialled + other.Dialled, Reused: s.Reused + other.Reused, Stale: s.Stale + other.Stale,
		Waits: s.Waits + other.Waits, Waited: s.Waited + other.Waited,
		PoolTimeouts: s.PoolTimeouts + other.PoolTimeouts, Refused: s.Refused + other.Refused,
	}
}

// pool is the connections of a client, and the queue for them.
//
// A place is the right to one open connection; there are MaxConnections. Who
// holds a place has a connection, dials one, or closes one. While somebody
// waits, all places are held and no connection is idle: a place or connection
// that is given back goes to who has waited longest.
type pool struct {
	max, maxIdle, maxWaiting int
	expiry, timeout          time.Duration

	// sweeps counts the timer while it is armed or runs.
	sweeps sync.WaitGroup
	// Counts of Stats: Reused, Stale and PoolTimeouts.
	reused, stale, timeouts atomic.Int64

	mu      sync.Mutex
	places  int // held
	opening int // of those, how many dial
	idle    []*conn
	queue   queue
	closed  bool
	sweeper *time.Timer // nil before its first use
	armed   bool
	counts  Stats // of what happens under the lock
}

// grant is what a request gets: a place, with a connection or the right to
// dial one.
type grant struct{ kept *conn }

// take returns a grant. It waits for one for as long as the pool's timeout and
// ctx allow, and fails with ErrPoolTimeout, ErrPoolFull or the end of ctx.
func (p *pool) take(ctx context.Context) (grant, error) {
	p.mu.Lock()
	if c := p.popIdle(); c != nil {
		p.mu.Unlock()
		return grant{c}, nil
	}
	if p.max <= 0 || p.places < p.max {
		p.places++
		p.mu.Unlock()
		return grant{}, nil
	}
	if p.maxWaiting > 0 && p.queue.length >= p.maxWaiting {
		p.counts.Refused++
		p.mu.Unlock()
		return grant{}, ErrPoolFull
	}
	w := &waiter{granted: make(chan grant, 1), since: time.Now()}
	p.queue.push(w)
	p.mu.Unlock()
	return p.await(ctx, w)
}

func (p *pool) await(ctx context.Context, w *waiter) (grant, error) {
	var late <-chan time.Time
	if p.timeout > 0 {
		timer := time.NewTimer(p.timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case g := <-w.granted:
		return g, nil
	case <-ctx.Done():
		p.abandon(w)
		return grant{}, ended(ctx)
	case <-late:
		if p.leave(w) {
			p.timeouts.Add(1)
			return grant{}, ErrPoolTimeout
		}
		return <-w.granted, nil // just in time
	}
}

// leave takes w out of the queue. It reports false if w has been granted.
func (p *pool) leave(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.queued {
		return false
	}
	p.queue.remove(w)
	p.noteWait(w)
	return true
}

// abandon takes w out of the queue, and passes on what it may have been granted
// in the meantime.
func (p *pool) abandon(w *waiter) {
	if p.leave(w) {
		return
	}
	if g := <-w.granted; g.kept != nil {
		p.put(g.kept)
		return
	}
	p.free()
}

// put gives back a connection that can be used again, with its place. With
// nobody waiting it is kept, and the one that has been idle longest closed
// when those are too many.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	if p.grantTo(p.queue.first, grant{c}) {
		p.mu.Unlock()
		return
	}
	surplus := c
	if !p.closed {
		surplus = p.pushIdle(c)
	}
	p.mu.Unlock()
	if surplus != nil {
		surplus.hangUp()
		p.free()
	}
}

// free gives back a place whose connection is closed.
func (p *pool) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.grantTo(p.queue.first, grant{}) {
		p.places--
	}
}

// instead exchanges the place of a kept connection that turned out to be dead
// for another kept connection. With none it remains the right to dial.
func (p *pool) instead() grant {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.popIdle()
	if c != nil {
		p.places-- // nobody waits while a connection is idle
	}
	return grant{c}
}

// grantTo hands g to w, unless that is nil. The caller holds the lock.
func (p *pool) grantTo(w *waiter, g grant) bool {
	if w == nil {
		return false
	}
	p.queue.remove(w)
	p.noteWait(w)
	w.granted <- g // there is room for it
	return true
}

func (p *pool) noteWait(w *waiter) {
	p.counts.Waits++
	p.counts.Waited += time.Since(w.since)
}

// popIdle takes the connection that has been idle for the shortest time, nil
// if there is none. The caller holds the lock.
func (p *pool) popIdle() *conn {
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return c
}

// pushIdle keeps c and returns what is to be closed for it, if anything. The
// caller holds the lock.
func (p *pool) pushIdle(c *conn) (surplus *conn) {
	p.idle = append(p.idle, c)
	if p.maxIdle > 0 && len(p.idle) > p.maxIdle {
		surplus = p.idle[0]
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	if p.expiry > 0 {
		c.idleSince = time.Now()
		if !p.armed {
			p.arm(p.expiry)
		}
	}
	return surplus
}

// arm makes the sweeper run after d. The caller holds the lock.
func (p *pool) arm(d time.Duration) {
	p.armed = true
	p.sweeps.Add(1)
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(d, p.sweep)
		return
	}
	p.sweeper.Reset(d)
}

// sweep closes the connections that have been idle for too long: they are the
// first ones.
func (p *pool) sweep() {
	defer p.sweeps.Done()
	now := time.Now()
	p.mu.Lock()
	p.armed = false
	n := 0
	for n < len(p.idle) && p.expired(p.idle[n], now) {
		n++
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	if len(p.idle) > 0 {
		p.arm(p.expiry - now.Sub(p.idle[0].idleSince))
	}
	p.mu.Unlock()
	for _, c := range old {
		c.hangUp()
		p.free()
	}
}

// expired reports whether c has been idle for too long.
func (p *pool) expired(c *conn, now time.Time) bool {
	return p.expiry > 0 && now.Sub(c.idleSince) >= p.expiry
}

// close closes the idle connections, and lets none become idle again.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	if p.armed && p.sweeper.Stop() {
		p.armed = false
		p.sweeps.Done()
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.hangUp()
		p.free()
	}
	p.sweeps.Wait()
}

// dialling counts a dial that begins, dialled one that ended.
func (p *pool) dialling() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opening++
}

func (p *pool) dialled(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opening--
	if err == nil {
		p.counts.Dialled++
	}
}

func (p *pool) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.counts
	s.Reused, s.Stale, s.PoolTimeouts = p.reused.Load(), p.stale.Load(), p.timeouts.Load()
	s.Open, s.Opening, s.Idle, s.Waiting = p.places, p.opening, len(p.idle), p.queue.length
	s.InUse = s.Open - s.Opening - s.Idle
	return s
}
