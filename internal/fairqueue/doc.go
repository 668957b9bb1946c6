// Package fairqueue shares a fixed number of slots fairly among flows.
//
// A Flow is whoever must not be hurt by the others. Each acquisition takes one
// slot of the Queue and one of a Pool, together or not at all, so whoever waits
// for a busy Pool keeps no slot of the Queue from anyone else. Released slots
// are handed over directly to a waiter, never put up for grabs.
//
// The order in which waiters are served:
//
//  1. the flow that holds the fewest slots now,
//  2. among those, the flow that was served least recently,
//  3. within a flow, the waiter that arrived first.
//
// By 1 a flow that asks for little is served at the next release that its pool
// can use, however many waiters the others have queued. By 2 no flow starves
// where there are more flows than slots: between two grants to one flow, every
// other flow that holds as little and waits is served once.
//
// Slots held now are compared, not service charged in the past: generations
// last from one second to minutes, and an order by past service lets one flow
// hold most of the slots for as long as its estimate was wrong.
//
// The queue is bounded, in all and for each flow. A waiter ends with its
// context. All operations cost O(p log n) for p pools and n waiting flows.
//
// Start with Queue.
package fairqueue
