// Package http1 is an HTTP/1.1 client with one pool of connections to one
// origin.
//
// The goroutine that asks does all the work itself: it takes a connection or
// dials one, writes, waits for the head and reads the body. A connection has no
// goroutine and, while it is idle or waits for a head, no buffer. So a held
// stream costs its reader's goroutine and buffer, and no more. What a goroutine
// of its own would give is had otherwise:
//
//   - A caller that leaves: when the context ends, the connection's deadline is
//     set to the past, which ends whatever read or write is under way.
//   - Timeouts: deadlines of single reads and writes, set lazily.
//   - A kept connection that the other side closed: a look at the socket before
//     it is used again, without waiting. Whatever is found there but nothing
//     closes it. If it dies all the same before a byte of the answer came, or with
//     a 408, the request is sent once more on a new connection.
//
// Bytes that nobody asked for and that are on their way at that look are taken for
// the answer: HTTP/1.1 has nothing by which to tell them from one that is quick.
//
// Framing is strict: an answer that is not plainly right is refused with a
// reason, and its connection is closed.
//
// Start with Client.Do. The pool is in pool.go; package wire has the deadlines
// and the cutting, package message the syntax.
package http1
