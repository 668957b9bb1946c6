// Package sse frames event streams (text/event-stream) without decoding them.
//
// A frame is one event with the blank line that ends it, byte for byte. Lines
// end in \n, \r\n or \r, also mixed. A Reader cuts what comes from upstream
// after whole frames only, so whatever is written downstream is never half an
// event; all frames that one read brought are handed on together, so one read
// costs one write. Joined, the blocks that a Reader returns are exactly the
// bytes that it read, without the byte order mark that may come first.
//
// Start with Reader; Frames and Data take a block apart, the Append functions
// write frames.
package sse
