// Package wire is the bare connection of a client that gives it no goroutine
// and, while nothing comes, no buffer.
//
// Its deadlines are timeouts of single reads and writes, set lazily: one that
// an older read set, and that is earlier than the one wanted, is left to run
// out. If it stops a later read, it is moved and the read goes on. So timeouts
// are exact, and a stream of small reads sets one deadline in a timeout's
// length. Cut sets one in the past and lets none follow: that is how another
// goroutine ends what is under way. Fill waits for bytes and takes a buffer
// only when they are there. Glance looks for bytes without waiting.
//
// TLS goes over a Conn, so it is spared deadlines that come too early, and what
// a glance reads is understood as TLS. Start with Conn.
package wire
