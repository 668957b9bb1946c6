// Package bench measures Fairlead's mechanisms beside those that are usually
// taken for the same work, in one run on one machine, so that what counts is
// the ratio and not the machine.
//
// Slots: golang.org/x/sync/semaphore, a buffered channel, the bulkhead and the
// adaptive limiter of failsafe-go, and the fair queue of Kubernetes' API server
// (flowcontrol's queueset). Rates: golang.org/x/time/rate and failsafe-go. It is
// a module of its own, so that none of them becomes a dependency of the service.
//
// Peers are measured at their best: no metrics are registered, errors carry
// nothing, and each loop calls the peer directly, with nothing of ours between.
// A channel, a semaphore and a bulkhead do less than a fair queue: they know no
// callers, so they neither share nor weigh nor cap. They are here as the price
// below which nothing can be had.
//
// All benchmarks, six times, and the goals as a table:
//
//	for i in 1 2 3 4 5 6; do go test -run='^$' -bench=. -cpu=1,2 . ; done | tee bench.txt
//	go run ./cmd/ratios bench.txt
//
// With -count=6 each would be run six times on end, and a minute in which the
// machine was busy would hit one of them and not the one beside it.
//
// What a whole call costs, beside one through nginx, is measured by a program
// of its own (cmd/dataplane, with a load generator in load and a mock upstream in
// upstream):
//
//	go run ./cmd/dataplane -fairlead ../bin/fairlead
//
// So is the index of documents, beside SQLite's FTS5 and bleve (cmd/indexes, over
// text from corpus):
//
//	go run ./cmd/indexes -chunks 100000
//
// And so is the whole program with documents: taking them in, searching them, and what
// chats feel of that (cmd/documents, with documents from papers):
//
//	go run ./cmd/documents -fairlead ../bin/fairlead
//
// The tests show how much each way of limiting a rate admits in its worst
// window:
//
//	go test -run=TestWorstWindow -v .
package bench
