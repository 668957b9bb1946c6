package remote

import (
	"context"
	"errors"
	"time"
)

// Why a clock ended a call.
var (
	// errTotal says that the total time of a call is over.
	errTotal = errors.New("the call took longer than the provider's timeout")
	// errNoContent says that nothing of the answer was there in time.
	errNoContent = errors.New("the first content took longer than the provider's first_content_timeout")
)

// clock ends a call that goes on for too long. It is one timer, which waits for
// the first content, if that is bounded, and then for the end. A nil clock bounds
// nothing. It is used by one goroutine.
type clock struct {
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	total   time.Duration
	began   time.Time
	waiting bool // for the first content
}

// newClock starts a clock that ends a call by cancel: 0 is no limit, of the total
// time or of that to the first content. It returns nil where there is none.
func newClock(cancel context.CancelCauseFunc, total, first time.Duration) *clock {
	c := &clock{cancel: cancel, total: total, waiting: first > 0 && (total <= 0 || first < total)}
	switch {
	case c.waiting:
		c.began = time.Now()
		c.timer = time.AfterFunc(first, func() { cancel(errNoContent) })
	case total > 0:
		c.timer = time.AfterFunc(total, func() { cancel(errTotal) })
	default:
		return nil
	}
	return c
}

// waits reports whether it waits for the first content.
func (c *clock) waits() bool { return c != nil && c.waiting }

// content notes that the first content is there. Its error is errNoContent: it
// comes too late.
func (c *clock) content() error {
	if !c.waits() {
		return nil
	}
	c.waiting = false
	if !c.timer.Stop() {
		return errNoContent
	}
	if c.total > 0 {
		c.timer = time.AfterFunc(c.total-time.Since(c.began), func() { c.cancel(errTotal) })
	}
	return nil
}

func (c *clock) stop() {
	if c != nil {
		c.timer.Stop()
	}
}
