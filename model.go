package fairlead

import (
	"context"
	"time"
)

// Model is whatever answers a model operation: a provider, a router over
// providers, a layer around either.
//
// Answer blocks until the answer is complete and emitted, or has failed; when
// it returns nothing of the call is still running. An answer that broke off
// returns an error even if events were emitted; a nil error means that the End
// event was emitted. Errors are *Error; of Kind Unsupported when the model does
// not have the operation.
type Model interface {
	Answer(ctx context.Context, call *Call, req *Request, emit Emit) error
}

// Preparer is a Model that can tell whether it takes a request before it is the
// call's turn.
type Preparer interface {
	// Prepare fails as Answer would, where that would fail without asking anyone.
	// What it has worked out for Answer it may leave in req.Prepared. It does not
	// block.
	Prepare(call *Call, req *Request) error
}

// Emit takes the events of an answer in order: one Head, any number of Data,
// one End. An error means that the caller is gone: stop. The event and its
// bytes are only valid until Emit returns.
type Emit func(Event) error

// Event is a piece of an answer. Exactly one of Head, Data and End is set.
type Event struct {
	Head *Head
	// Data is whole frames of a stream, or a piece of a body.
	Data []byte
	End  *End
}

// Head comes before any data.
type Head struct {
	ContentType string
	// Stream says that Data are frames of an event stream.
	Stream bool
	// Status is what the upstream answered in its own protocol.
	Status int
	// Header holds the upstream's headers worth keeping, under canonical names.
	Header map[string]string
	// Hold is for how long the upstream has no room for another request after
	// this one, where it says so; else 0. It is for routing, not for the caller.
	Hold time.Duration
	// Keeper is who keeps the answer under the id that it has, and can be asked to
	// continue it; zero if nobody does. It is for the service, not for the caller.
	Keeper Maker
}

// End says that the answer is whole.
type End struct {
	Usage  Usage
	Finish string // the provider's finish reason; "" if there is none
}

// Usage counts tokens. Zero means not known.
type Usage struct {
	Input, Output int
}

// Gate hands out slots. Enter blocks until call may make one attempt against
// pool, in fair turn: slots of the service, the app and the pool together or
// none, and within the pool's own rates. The lease covers that attempt. It fails
// with Kind Busy when the queue is full, or when its turn will not come, or has
// not come, in time; and with Kind Canceled when the caller has left.
type Gate interface {
	Enter(ctx context.Context, call *Call, pool string) (Lease, error)
}

// LocalPool is the name of the pool of work done in this process.
const LocalPool = "local"
