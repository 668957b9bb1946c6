// Package load makes requests to a gateway at a pace and takes the time of the
// answers.
//
// In a closed loop each connection asks again as soon as it has its answer:
// that fills the target, and its processor time for each request is what counts.
// In an open loop requests are due at a constant rate, whatever became of those
// before, and the time of each counts from when it was *due*: a target that
// stalls for a second then has a thousand slow requests at a thousand a second,
// and not one for each connection (Gil Tene's "coordinated omission").
//
// One goroutine serves all connections (package poll), and nothing is allocated
// for a request, so that it shares one core with the mock upstream and is still
// faster than what it measures. Histogram stands for itself. Probe takes the
// time until a client's leaving is seen behind the target.
//
// Start with Run.
package load
