package fairlead

import (
	"sync"
	"sync/atomic"
	"time"
)

// Call is one request on its way through the service. The face that received
// it makes it; gateway.do fills it; it is not used after the operation
// returned, except by its face for headers. It belongs to the goroutine that
// handles it: others may only ask Slotted and Holding.
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
	// Class is how urgent the call is: its app's class, or lower.
	Class Class
	// Patience is how long its client said it would wait for the answer, counted
	// from Arrived; 0 if it did not say.
	Patience time.Duration
	// Waiting, if the face sets it, is called now and then while the call stands
	// in the queue, on the call's own goroutine. An error means that the caller
	// is gone.
	Waiting func() error
	// Entered, if the face sets it, is called on the call's own goroutine when the call
	// has got a place in the queue, or its slot at once: it was not refused. That may be
	// more than once, as each attempt enters anew. It must not block.
	Entered func()
	// Memory, if the face sets it, is where there must be room for what is kept of
	// the call's answer on its way.
	Memory Memory
	// Party is what the gates keep of the call's app, so that each need not look
	// for it. Only they set and read it.
	Party any
	// Interrupt ends a write to the caller that blocks. The face may set it; it is
	// called, from any goroutine, when the call's time is over or the call is
	// ended from elsewhere.
	Interrupt func()

	absorbing sync.Mutex // guards attempts and waited while calls are absorbed

	streams  func()
	received int64
	slotted  atomic.Bool
	holding  atomic.Int32
	attempts []Attempt
	first    [1]Attempt // room for the attempts of most calls
	waited   time.Duration
	targets  []Target
	estimate Estimate
	requests WindowState
	tokens   WindowState
}

// Memory bounds what is held for calls. Its methods don't block; any goroutine of
// the call may use them.
type Memory interface {
	// Reserve takes room for so many bytes, which the call has until it gives them
	// back or ends. An error, of Kind Busy, says that there is none.
	Reserve(bytes int64) error
	Return(bytes int64)
}

// Estimate is what a call is expected to cost, before it has been made.
type Estimate struct {
	// Input and Output are tokens of the prompt and of the answer, Most is more
	// than both together will be, as far as that is known.
	Input, Output, Most int
	// Stream says that the answer is to come piece by piece.
	Stream bool
	// Width is how many slots the call takes; 0 means 1.
	Width int
}

// Target is a provider and the name under which it serves a model.
type Target struct {
	Provider string
	Model    string
}

// Attempt is one try upstream, as it is told in a Record.
type Attempt struct {
	Target
	// Waited is the time in the queue for the slot, and Predicted what it was
	// expected to be when the wait began; 0 if the slot was free or nothing was
	// known of it.
	Waited, Predicted time.Duration
	// FirstContent is the time from sending to the first byte of content,
	// Duration that to the end.
	FirstContent, Duration time.Duration
	// Status is what the upstream answered in its own protocol; 0 if nothing.
	Status int
	Usage  Usage
	// Err says why the attempt ended; nil means that it succeeded.
	Err *Error
}

// SetTargets sets where the call may be sent, in order of preference.
func (c *Call) SetTargets(targets []Target) { c.targets = targets }

// Targets returns where the call may be sent, in order of preference.
func (c *Call) Targets() []Target { return c.targets }

// AddAttempt notes an attempt that has ended.
func (c *Call) AddAttempt(a Attempt) {
	if c.attempts == nil {
		c.attempts = c.first[:0]
	}
	c.attempts = append(c.attempts, a)
}

// Absorb notes what a call that was made for this one has done, when it has ended. It
// may be called from several goroutines at once, but not while the call itself makes
// attempts.
func (c *Call) Absorb(inner *Call) {
	c.absorbing.Lock()
	defer c.absorbing.Unlock()
	for i := range inner.attempts {
		c.AddAttempt(inner.attempts[i])
	}
	c.waited += inner.waited
	if inner.Slotted() {
		c.slotted.Store(true)
	}
}

// Attempts returns the attempts so far.
func (c *Call) Attempts() []Attempt { return c.attempts }

// NoteWait adds to the time that the call stood in queues; granted says that
// it got the slot.
func (c *Call) NoteWait(wait time.Duration, granted Grant) {
	c.waited += wait
	if granted == Granted {
		if !c.slotted.Load() { // storing is dear
			c.slotted.Store(true)
		}
		c.holding.Add(1)
	}
}

// OnStream sets what is to be done when the answer begins as a stream.
func (c *Call) OnStream(begun func()) { c.streams = begun }

// NoteStream is for a face whose answer begins as a stream that does not come through the
// gateway: who was to wait for the whole of it need not any more.
func (c *Call) NoteStream() {
	if c.streams != nil {
		c.streams()
	}
}

// NoteReceived notes how many bytes of a body were received, and Received tells it.
func (c *Call) NoteReceived(bytes int64) { c.received = bytes }

// Received is what NoteReceived noted.
func (c *Call) Received() int64 { return c.received }

// NoteServed notes that the call had what it asked for, though it may not have needed a
// slot: it costs its app what a call costs.
func (c *Call) NoteServed() { c.slotted.Store(true) }

// noteRelease notes that the call gave a slot back.
func (c *Call) noteRelease() { c.holding.Add(-1) }

// noteUndo notes that the call gave a slot back without an attempt. Where it has
// made none before, it is a call that never held one.
func (c *Call) noteUndo() {
	c.noteRelease()
	if len(c.attempts) == 0 {
		c.slotted.Store(false)
	}
}

// Grant says how a wait for a slot ended.
type Grant uint8

// How a wait ended.
const (
	NotGranted Grant = iota
	Granted
)

// Waited is how long the call has stood in queues.
func (c *Call) Waited() time.Duration { return c.waited }

// Slotted reports whether the call ever held a slot that it did not give back
// unused. One that did not costs its app nothing.
func (c *Call) Slotted() bool { return c.slotted.Load() }

// Holding is how many leases the call holds now.
func (c *Call) Holding() int { return int(c.holding.Load()) }

// SetEstimate notes what the call is expected to cost.
func (c *Call) SetEstimate(e Estimate) {
	// One by one: copied as a whole, a processor waits for what was just written.
	c.estimate.Input, c.estimate.Output, c.estimate.Most = e.Input, e.Output, e.Most
	c.estimate.Stream, c.estimate.Width = e.Stream, e.Width
}

// Estimate returns what the call is expected to cost.
func (c *Call) Estimate() Estimate { return c.estimate }

// SetRequests notes how the app's request window stood when the call passed it.
func (c *Call) SetRequests(w WindowState) { c.requests = w }

// Requests returns how the app's request window stood.
func (c *Call) Requests() WindowState { return c.requests }

// SetTokens notes how the app's token window stood when the call passed it.
func (c *Call) SetTokens(w WindowState) { c.tokens = w }

// Tokens returns how the app's token window stood.
func (c *Call) Tokens() WindowState { return c.tokens }
