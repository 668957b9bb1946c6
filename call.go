package fairlead

import (
	"sync"
	"time"
)

// Call is one request on its way through the service. The face that received
// it makes it; gateway.do fills it; it is not used after the operation
// returned, except by its face for headers.
type Call struct {
	// ID is the request id, unique in this process: req_<n>_<unix>.
	ID        string
	App       *App
	Operation Operation
	// Face names the protocol over which the call came: "native", "openai".
	Face string
	// Arrived is when the call came; attempts keep it as their place in the
	// queue.
	Arrived time.Time
	// Interrupt ends a write to the caller that blocks. The face may set it; it is
	// called, from any goroutine, when the call's time is over or the call is
	// ended from elsewhere.
	Interrupt func()

	mu       sync.Mutex
	attempts []Attempt
	waited   time.Duration
	slotted  bool
	targets  []Target
	window   WindowState
}

// Target is a provider and the name under which it serves a model.
type Target struct {
	Provider string
	Model    string
}

// Attempt is one try upstream, as it is told in a Record.
type Attempt struct {
	Target
	// Waited is the time in the queue for the slot, FirstContent the time from
	// sending to the first byte of content, Duration that to the end.
	Waited, FirstContent, Duration time.Duration
	// Status is what the upstream answered in its own protocol; 0 if nothing.
	Status int
	Usage  Usage
	// Err says why the attempt ended; nil means that it succeeded.
	Err *Error
}

// SetTargets sets where the call may be sent, in order of preference.
func (c *Call) SetTargets(targets []Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.targets = targets
}

// Targets returns where the call may be sent, in order of preference.
func (c *Call) Targets() []Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.targets
}

// AddAttempt notes an attempt that has ended.
func (c *Call) AddAttempt(a Attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = append(c.attempts, a)
}

// Attempts returns the attempts so far.
func (c *Call) Attempts() []Attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.attempts
}

// NoteWait adds to the time that the call stood in queues; granted says that
// it got the slot.
func (c *Call) NoteWait(wait time.Duration, granted Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited += wait
	c.slotted = c.slotted || granted == Granted
}

// Grant says how a wait for a slot ended.
type Grant uint8

// How a wait ended.
const (
	NotGranted Grant = iota
	Granted
)

// Waited is how long the call has stood in queues.
func (c *Call) Waited() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waited
}

// Slotted reports whether the call ever held a slot. One that did not costs
// its app nothing.
func (c *Call) Slotted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slotted
}

// SetWindow notes how the app's request window stood when the call passed it.
func (c *Call) SetWindow(w WindowState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.window = w
}

// Window returns how the app's request window stood.
func (c *Call) Window() WindowState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.window
}
