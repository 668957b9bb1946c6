package http2

import (
	"sync"
	"time"
)

// clock cuts a request off when something takes too long. It has one timer,
// which is left to run out when it fires too early, and then moved: a stream of
// small reads sets one timer in a timeout's length.
type clock struct {
	cut func(cause error)

	mu    sync.Mutex
	timer *time.Timer // nil before its first use
	set   time.Time   // when it fires, zero if it doesn't
	until time.Time   // when it is too late, zero if it never is
	why   error       // the cause then
}

// start says that what begins now must not take longer than d, or until by if that
// is not zero and earlier; 0 is any time.
func (c *clock) start(d time.Duration, by time.Time, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.until, c.why = by, why
	if limit := now.Add(d); d > 0 && (by.IsZero() || limit.Before(by)) {
		c.until = limit
	}
	if c.until.IsZero() || !c.set.IsZero() && !c.set.After(c.until) {
		return
	}
	c.set = c.until
	if c.timer == nil {
		c.timer = time.AfterFunc(c.until.Sub(now), c.fire)
		return
	}
	c.timer.Reset(c.until.Sub(now))
}

// pause says that it has ended.
func (c *clock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}

// stop is pause for the last time.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
	if c.timer != nil {
		c.timer.Stop()
	}
}

func (c *clock) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = time.Time{}
	switch left := time.Until(c.until); {
	case c.until.IsZero():
	case left > 0:
		c.set = c.until
		c.timer.Reset(left)
	default:
		c.cut(c.why)
	}
}
