// Package front is a fast lane before a net/http server: it serves the plainest
// HTTP/1.1 requests itself, and hands every other connection over to net/http.
//
// A plain request is what programs send all day: GET, HEAD, POST or DELETE of a
// simple path, ordinary header lines, and a body of declared length or none. It is
// read by the one goroutine that its connection has, in one pass over a buffer that
// is borrowed, and the handler sees what net/http would show it. What is not
// certainly plain, however right or wrong, is not judged here: the connection goes
// to net/http with every byte that was read, and stays there. So the lane refuses
// nothing, and its answers are those of net/http, byte for byte.
//
// A client that leaves while its handler works is noticed by one watcher for all
// connections, not by a goroutine for each (see package socket). Deadlines are kept in
// memory and reach the system only when something has to wait (see socket.Clock).
//
// What a handler may not do here: keep the headers of a request or an answer, or
// the writer, after it returned, since the next request uses them again; take the
// connection over; send trailers, a transfer coding of its own or an answer 1xx.
//
// Start with Server.Serve, then conn.serve, package plain, and answer.
package front
