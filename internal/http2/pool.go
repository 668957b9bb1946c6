package http2

import (
	"container/list"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
)

// firstRoom is how many calls a connection is expected to take before any is
// open: what RFC 9113 asks servers to allow at least.
const firstRoom = 100

// otherwiseFor is how long a server that has chosen another protocol is not asked
// for this one again.
const otherwiseFor = 10 * time.Minute

// link is an open connection.
type link struct {
	conn *http.ClientConn
	kept atomic.Bool // an answer came on it

	// Guarded by the pool's mutex:

	busy      int  // calls that hold it
	spent     bool // no more calls are given it
	gone      bool // it is closed, or about to be
	idleSince time.Time
}

// unusable reports whether the connection takes no more requests.
func (l *link) unusable() bool { return l.conn.Err() != nil || l.conn.Available() == 0 }

// grant is what a call gets: a link that it holds, or with none the right to
// open a connection.
type grant struct {
	link *link
	err  error
}

// waiter is a call that waits. place is nil when it does so no more.
type waiter struct {
	granted chan grant // has room for the one grant
	since   time.Time
	place   *list.Element
	late    bool // its time is over, but a connection is being opened
}

// pool is the connections of a client, and the queue for room on them. Whenever
// there may be new room, serve is called, so nobody waits while there is some.
type pool struct {
	max, maxIdle, maxWaiting int
	expiry, timeout          time.Duration

	sweeps          sync.WaitGroup // counts the timer while it is armed or runs
	stale, timeouts atomic.Int64   // counts of Stats

	mu      sync.Mutex
	links   []*link // the one that was in use last is the last
	opening int
	closing int
	room    int       // calls that a new connection is expected to take
	queue   list.List // of *waiter
	doomed  []*link   // to be closed by unlock
	closed  bool
	until   time.Time   // the server has chosen another protocol, and is not asked before
	sweeper *time.Timer // nil before its first use
	armed   bool
	counts  http1.Stats // of what happens under the lock
}

func (p *pool) init(s http1.Settings) {
	p.max, p.maxIdle, p.maxWaiting = s.MaxConnections, s.MaxKeepalive, s.MaxWaiting
	p.expiry, p.timeout, p.room = s.KeepaliveExpiry, s.PoolTimeout, firstRoom
}

// unlock releases the lock, and closes what was discarded under it.
func (p *pool) unlock() {
	for len(p.doomed) > 0 {
		doomed := p.doomed
		p.doomed = nil
		p.mu.Unlock()
		for _, l := range doomed {
			_ = l.conn.Close()
		}
		p.mu.Lock()
		p.closing -= len(doomed)
		p.serve()
	}
	p.mu.Unlock()
}

// discard takes l out of the pool and has it closed. The caller holds the lock.
func (p *pool) discard(l *link) {
	if !l.gone {
		l.gone = true
		p.forget(l)
		p.closing++
		p.doomed = append(p.doomed, l)
	}
}

// forget takes l out of the list. The caller holds the lock.
func (p *pool) forget(l *link) {
	p.links = slices.DeleteFunc(p.links, func(other *link) bool { return other == l })
}

// take returns a grant. It waits for one for as long as the pool's timeout and
// ctx allow, and fails with ErrPoolTimeout, ErrPoolFull, the end of ctx or, if it
// waited for a connection that another call opened, that call's error.
func (p *pool) take(ctx context.Context) (grant, error) {
	p.mu.Lock()
	if time.Now().Before(p.until) {
		p.unlock()
		return grant{}, &http1.DialError{Err: ErrNotSpoken}
	}
	if p.queue.Len() == 0 {
		if g, ok := p.offer(1); ok {
			p.unlock()
			return g, nil
		}
	}
	if p.maxWaiting > 0 && p.queue.Len() >= p.maxWaiting {
		p.counts.Refused++
		p.unlock()
		return grant{}, http1.ErrPoolFull
	}
	w := &waiter{granted: make(chan grant, 1), since: time.Now()}
	w.place = p.queue.PushBack(w)
	p.serve() // so many may wait by now that another connection is worth it
	p.unlock()
	return p.await(ctx, w)
}

func (p *pool) await(ctx context.Context, w *waiter) (grant, error) {
	var late <-chan time.Time
	if p.timeout > 0 {
		timer := time.NewTimer(p.timeout)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case g := <-w.granted:
			return g, g.err
		case <-ctx.Done():
			p.abandon(w)
			return grant{}, ended(ctx)
		case <-late:
			p.timeOut(w)
		}
	}
}

// timeOut ends the wait of w, unless it waits for a connection that is being
// opened: the time for that is another.
func (p *pool) timeOut(w *waiter) {
	p.mu.Lock()
	defer p.unlock()
	w.late = true
	p.endLate()
}

// endLate ends the waits that are over, if nothing is being opened. The caller
// holds the lock.
func (p *pool) endLate() {
	if p.opening > 0 {
		return
	}
	p.each(func(w *waiter) {
		if w.late {
			p.timeouts.Add(1)
			p.hand(w, grant{err: http1.ErrPoolTimeout})
		}
	})
}

// each calls do with every waiter in order; do may take it out of the queue.
func (p *pool) each(do func(w *waiter)) {
	for at := p.queue.Front(); at != nil; {
		next := at.Next()
		do(waiterAt(at))
		at = next
	}
}

func waiterAt(at *list.Element) *waiter {
	w, _ := at.Value.(*waiter)
	return w
}

// hand gives g to w. The caller holds the lock.
func (p *pool) hand(w *waiter, g grant) {
	p.leave(w)
	w.granted <- g // there is room for it
}

// leave takes w out of the queue. The caller holds the lock.
func (p *pool) leave(w *waiter) {
	p.queue.Remove(w.place)
	w.place = nil
	p.counts.Waits++
	p.counts.Waited += time.Since(w.since)
}

// abandon takes w out of the queue, or gives back what it was granted.
func (p *pool) abandon(w *waiter) {
	p.mu.Lock()
	if w.place != nil {
		p.leave(w)
		p.unlock()
		return
	}
	p.unlock()
	switch g := <-w.granted; {
	case g.link != nil:
		p.done(g.link)
	case g.err == nil:
		_ = p.dialled(nil, nil, true)
	}
}

// serve grants what there is to who has waited longest. The caller holds the
// lock.
func (p *pool) serve() {
	for p.queue.Len() > 0 {
		g, ok := p.offer(p.queue.Len())
		if !ok {
			return
		}
		p.hand(waiterAt(p.queue.Front()), g)
	}
}

// offer returns what the first of n calls can be given now. A connection is
// opened if those that are being opened will not have room for all n. The caller
// holds the lock.
func (p *pool) offer(n int) (g grant, ok bool) {
	if l := p.pick(); l != nil {
		l.busy++
		p.counts.Reused++
		return grant{link: l}, true
	}
	if (p.max <= 0 || p.places() < p.max) && n > p.opening*(p.room-1) {
		p.opening++
		return grant{}, true
	}
	return grant{}, false
}

// places is how many connections are open, or may be.
func (p *pool) places() int { return len(p.links) + p.opening + p.closing }

// pick returns a link with room: one that is in use rather than an idle one, and
// the last used of those. It returns nil if there is none. The caller holds the
// lock.
//
// Room is by the calls that hold a link. The transport lets go of a request a
// moment after its answer ended, so its own count may be higher: then the next
// request waits for that moment there.
func (p *pool) pick() (idle *link) {
	for _, l := range slices.Backward(slices.Clone(p.links)) {
		free, flying := l.conn.Available(), l.conn.InFlight()
		switch {
		case l.spent:
		case free == 0 && flying == 0 && l.busy == 0:
			p.discard(l) // the server wants no more requests there
		case free == 0 && flying < p.room, l.busy >= p.room:
		case l.busy > 0:
			return l
		case idle == nil:
			idle = l
		}
	}
	return idle
}

// dialled ends what the right to open a connection allowed. Without an error
// conn is the new connection, which the caller holds. left says that the caller
// gave up.
func (p *pool) dialled(conn *http.ClientConn, err error, left bool) *link {
	p.mu.Lock()
	p.opening--
	var l *link
	switch {
	case conn != nil:
		l = &link{conn: conn, busy: 1}
		p.links = append(p.links, l)
		p.counts.Dialled++
		p.learn(l)
	case errors.Is(err, ErrNotSpoken):
		p.until = time.Now().Add(otherwiseFor)
		p.each(func(w *waiter) { p.hand(w, grant{err: err}) })
	case !left && p.places() == p.closing:
		// All who wait do so for this connection.
		p.each(func(w *waiter) { p.hand(w, grant{err: err}) })
	}
	p.serve()
	p.endLate()
	p.unlock()
	if l != nil {
		conn.SetStateHook(func(*http.ClientConn) { p.changed(l) })
	}
	return l
}

// changed is called when a connection may have room again, and when it has ended.
func (p *pool) changed(l *link) {
	p.mu.Lock()
	if l.conn.Err() != nil {
		p.discard(l)
	}
	p.learn(l)
	p.serve()
	p.unlock()
}

// learn notes how many calls the server takes on a connection. The caller holds
// the lock.
func (p *pool) learn(l *link) {
	if free := l.conn.Available(); free > 0 {
		p.room = free + l.conn.InFlight()
	}
}

// spend says that l is to get no more calls: it may be dead.
func (p *pool) spend(l *link) {
	p.mu.Lock()
	defer p.unlock()
	l.spent = true
}

// done ends a call's hold of l.
func (p *pool) done(l *link) {
	p.mu.Lock()
	l.busy--
	if l.busy == 0 && !l.gone {
		p.rest(l)
	}
	p.serve()
	p.unlock()
}

// rest keeps l, which is idle now, or discards it; if there are too many, the
// one goes that has been idle longest. The caller holds the lock.
func (p *pool) rest(l *link) {
	if p.closed || l.spent {
		p.discard(l)
		return
	}
	p.forget(l)
	p.links = append(p.links, l)
	l.idleSince = time.Now()
	idle := slices.DeleteFunc(slices.Clone(p.links), func(l *link) bool { return l.busy > 0 })
	if p.maxIdle > 0 && len(idle) > p.maxIdle && p.queue.Len() == 0 {
		p.discard(idle[0])
	}
	if p.expiry > 0 && !p.armed {
		p.arm(p.expiry)
	}
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

// sweep closes the connections that have been idle for too long.
func (p *pool) sweep() {
	defer p.sweeps.Done()
	now := time.Now()
	p.mu.Lock()
	p.armed = false
	next := time.Duration(0)
	for _, l := range slices.Clone(p.links) {
		left := p.expiry - now.Sub(l.idleSince)
		switch {
		case l.busy > 0:
		case left <= 0:
			p.discard(l)
		case next == 0 || left < next:
			next = left
		}
	}
	if next > 0 && !p.closed {
		p.arm(next)
	}
	p.unlock()
}

// close closes the idle connections, and lets none become idle again.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, l := range slices.Clone(p.links) {
		if l.busy == 0 {
			p.discard(l)
		}
	}
	if p.armed && p.sweeper.Stop() {
		p.armed = false
		p.sweeps.Done()
	}
	p.unlock()
	p.sweeps.Wait()
}

func (p *pool) stats() http1.Stats {
	p.mu.Lock()
	defer p.unlock()
	s := p.counts
	s.Stale, s.PoolTimeouts = p.stale.Load(), p.timeouts.Load()
	s.Open, s.Opening, s.Waiting = p.places(), p.opening, p.queue.Len()
	for _, l := range p.links {
		if l.busy == 0 {
			s.Idle++
		}
	}
	s.InUse = s.Open - s.Opening - s.Idle
	return s
}
