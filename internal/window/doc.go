// Package window counts events against limits of the form "never more than N
// in any span of length W", exactly: not in most spans, not on average, and
// not in spans that begin at a full minute.
//
// The usual ways to do it (a counter per minute, two counters weighted, a
// token bucket) admit close to 2N in some span when the arrivals are chosen
// for it. Exactness is cheap, though: one more may come if and only if the
// N-th most recent one is at least W old, so it is enough to remember the last
// N times in order. A Ring does that; a Guard uses the same memory to block
// for a while whoever comes too fast.
//
// Buckets are for what a Ring can't count: entries that weigh something, such
// as the tokens of a request, and that are corrected later; and limits so large
// that a time for each entry takes too much memory. They remember one time for
// all entries that come close together, and err on one side only: never more
// than N in any span of length W, and now and then an entry counts for up to
// W/600 longer than W.
//
// Who is refused is told when to come back. Each further one is told the next
// later place, so that those who were refused together don't return together,
// only to be refused again.
//
// Times are durations since a start of the caller's choosing, read from a
// clock that does not jump (time.Since of a fixed time). Spans are half-open:
// what came at t counts until just before t+W.
//
// Start with Ring.Admit.
package window
