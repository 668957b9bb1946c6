// Package message is the syntax of HTTP/1.1 messages as a client needs it:
// requests are written, answers are read. It does no I/O; it is given bytes as
// they come and says what they are.
//
// Reading is strict. What is not plainly right is refused with a Reason, since
// whoever disagrees with a server on where an answer ends takes the next one
// for a part of it. A Reason is a constant, so none of the bytes reach a log.
//
// Start with Header.Parse and Framing; Request is the way out.
package message
