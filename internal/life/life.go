// Package life is a context in one piece, for what lives as long as a request does.
// It does what context.WithCancelCause and AfterFunc would do one over the other,
// at a fraction of their cost: with them, a call's contexts would cost more than its
// admission. A channel is made only for who asks for it.
//
// Start with Context.
package life

import (
	"context"
	"sync"
	"time"
)

// Context is a context that End ends. Its zero value is ready, and carries nothing.
//
// It implements AfterFunc, as package context asks of a context that is not its
// own, so contexts derived from it need no goroutine.
type Context struct {
	// Values knows what the context carries; nil is nothing.
	Values Values

	mu    sync.Mutex
	err   error         // nil while it has not ended
	done  chan struct{} // nil until somebody asks for it
	atEnd func()        // called when it ends
	hooks *hook         // called then too
}

// Values knows what the context carries.
type Values interface {
	// Value is what context.Context asks for.
	Value(key any) any
}

// AfterFunc is context.AfterFunc, without its own part where the context can do it
// alone.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if able, ok := ctx.(interface{ AfterFunc(f func()) func() bool }); ok {
		return able.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// hook is a function to be called when a context ends; nil when it was taken out.
type hook struct {
	call       func()
	prev, next *hook
}

// End ends it with what Err is to return, unless it has ended.
func (c *Context) End(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	hooks := c.hooks
	c.hooks = nil
	if c.atEnd != nil {
		c.atEnd() // within the mutex: AtEnd waits for it
	}
	c.mu.Unlock()
	for h := hooks; h != nil; h = h.next {
		go h.call()
	}
}

// AtEnd has f called when it ends, within End. f must not block, nor use the
// context. nil takes out what was set before: when AtEnd has returned, that is not
// called any more.
func (c *Context) AtEnd(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atEnd = f
}

// AfterFunc calls f, in a goroutine of its own, when the context has ended. stop
// reports whether it kept f from being called.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	h := &hook{call: f, next: c.hooks}
	if h.next != nil {
		h.next.prev = h
	}
	c.hooks = h
	return func() bool { return c.unhook(h) }
}

// unhook reports whether it took h out before the end.
func (c *Context) unhook(h *hook) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || h.call == nil {
		return false
	}
	h.call = nil
	if h.next != nil {
		h.next.prev = h.prev
	}
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		c.hooks = h.next
	}
	return true
}

// Deadline implements context.Context: there is none.
func (c *Context) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value implements context.Context.
func (c *Context) Value(key any) any {
	if c.Values == nil {
		return nil
	}
	return c.Values.Value(key)
}
