// Package http2 is a client of one origin over HTTP/2: net/http's transport under
// a pool with the limits of package http1.
//
// The idea: what HTTP/2 is, is the transport's business; who may use which
// connection for how long is decided here. The transport opens single
// connections (Transport.NewClientConn), and the pool in pool.go gives them to
// calls: many at a time, as many as the server allows, and in order of arrival
// when there is no room. So every setting of http1.Settings has the meaning that
// it has there, and every error is one of package http1's. What differs is in the
// nature of HTTP/2:
//
//   - A connection is opened only when those that are open, or are being opened,
//     have no room. Calls that come meanwhile wait for it.
//   - Silence is that of one call, so it ends that call. Its connection, which
//     may be dead, gets no new ones.
//   - A call that the server refuses unseen is asked again.
//
// HTTP/2 is agreed on while TLS is. A server that won't gets ErrNotSpoken back to
// the caller, who has package http1 for it.
//
// Start with Client.Do.
package http2
