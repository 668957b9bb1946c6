// Package poll waits for many sockets in one goroutine.
//
// A load generator that gives each connection a goroutine pays for a switch,
// and for a read that finds nothing, with each answer. On a machine where it
// shares a core with the mock upstream, that is what would be measured. So both
// are loops over epoll, edge triggered: one read and one write for each request,
// nothing allocated, and waits that are exact to some microseconds.
//
// All sockets are on 127.0.0.1. It works on Linux only; elsewhere New fails.
//
// Start with Poller.Wait.
package poll
