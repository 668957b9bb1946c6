// Package wire finds where an HTTP/1.1 message ends, as it comes in pieces.
//
// It is no client and no server: it knows the start line, the three headers on
// which the framing depends, and the chunks, and it neither keeps nor allocates
// anything. The load generator reads answers with it, the mock upstream requests.
//
// Start with Message.Next.
package wire
