package fairlead

import "time"

// Lease is one grant of a Gate: the slots that one attempt holds. It is a value
// that whoever entered the gate must release in the same function, by defer.
type Lease struct {
	call   *Call
	lessor Lessor
	ticket uint64
	wait   LeaseWait
}

// LeaseWait is how long a call stood in the queue for a lease, and how long it
// was expected to when it began to wait; both are 0 if it did not wait.
type LeaseWait struct{ Actual, Predicted time.Duration }

// Lessor takes slots back.
type Lessor interface {
	// Release takes back what was granted under ticket. It reports false, and
	// does nothing else, if that was given back before.
	Release(ticket uint64) bool
	// Undo is Release of what was not used: it counts against no rate.
	Undo(ticket uint64) bool
	// Correct says what the work under ticket really costs, in tokens. It does
	// nothing after Release.
	Correct(ticket uint64, tokens int)
}

// NewLease is for a Gate: a lease of call on what lessor knows as ticket.
func NewLease(call *Call, lessor Lessor, ticket uint64, wait LeaseWait) Lease {
	return Lease{call: call, lessor: lessor, ticket: ticket, wait: wait}
}

// Release gives the slots back. Releasing again, or releasing the zero Lease,
// does nothing.
func (l Lease) Release() {
	if l.lessor != nil && l.lessor.Release(l.ticket) && l.call != nil {
		l.call.noteRelease()
	}
}

// Undo is Release for an attempt that was not made: it is as if the slots had never
// been granted. The provider's rates have their place back.
func (l Lease) Undo() {
	if l.lessor != nil && l.lessor.Undo(l.ticket) && l.call != nil {
		l.call.noteUndo()
	}
}

// Correct says what the attempt has used: it was admitted by an estimate. Usage
// that is not known changes nothing.
func (l Lease) Correct(u Usage) {
	if l.lessor != nil && u.Input+u.Output > 0 {
		l.lessor.Correct(l.ticket, u.Input+u.Output)
	}
}

// Wait tells how long the call stood in the queue for this lease.
func (l Lease) Wait() LeaseWait { return l.wait }
