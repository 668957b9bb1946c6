package fairlead

import "time"

// Lease is one held slot. It is a value that whoever entered the gate must
// release in the same function, by defer.
type Lease struct {
	lessor Lessor
	ticket uint64
	waited time.Duration
}

// Lessor takes slots back. A ticket that was given back before is ignored.
type Lessor interface {
	Release(ticket uint64)
}

// NewLease is for a Gate: a lease on the slot that lessor knows as ticket, for
// which the call waited that long.
func NewLease(lessor Lessor, ticket uint64, waited time.Duration) Lease {
	return Lease{lessor: lessor, ticket: ticket, waited: waited}
}

// Release gives the slot back. Releasing again, or releasing the zero Lease,
// does nothing.
func (l Lease) Release() {
	if l.lessor != nil {
		l.lessor.Release(l.ticket)
	}
}

// Waited is how long the call stood in the queue for this slot.
func (l Lease) Waited() time.Duration { return l.waited }
