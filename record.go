package fairlead

import "time"

// Record is the one account of a call that has ended, written when the last
// byte was delivered or the reader was cut. Totals, histograms and the access
// log are readers of Records. It holds no prompt, key or document.
type Record struct {
	ID        string
	App       AppID
	Operation Operation
	Face      string
	// Model is the name that the caller asked for, Target what it became; both
	// are empty when the call ended before that was known.
	Model  string
	Target Target
	Stream bool
	Class  Class

	Arrived time.Time
	// Waited is the time in queues; Duration is from arrival to the last byte,
	// queues included; FirstContent is from arrival to the first byte of
	// content, 0 if none came.
	Waited, Duration, FirstContent time.Duration

	Attempts []Attempt
	Usage    Usage
	// BytesIn and BytesOut count bodies.
	BytesIn, BytesOut int64
	// Err says why the call failed; nil means that it succeeded.
	Err *Error
}

// Recorder reads Records. Record is called once for each call, on the call's
// own goroutine, and must not block.
type Recorder interface {
	Record(r *Record)
}

// Totals are sums over all Records since start.
type Totals struct {
	Records   int64
	Succeeded int64
	// SucceededTime is the summed Duration of those that succeeded.
	SucceededTime time.Duration
}

// Stats tells the totals.
type Stats interface {
	Totals() Totals
}
