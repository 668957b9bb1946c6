// Command dataplane measures what a call through Fairlead costs beside one
// through nginx, and prints the goals, the figures and the machine as Markdown.
//
//	go run ./cmd/dataplane -fairlead ../bin/fairlead
//	go run ./cmd/dataplane -fairlead ../bin/fairlead -scenarios json-small,sse -rounds 1
//
// Each run starts a fresh mock upstream and a fresh target. The target has one
// processor for itself; the load generator, which is this program, and the
// upstream share another one. What counts is the processor time that the kernel
// charges to the target while the load is steady. The targets take turns within
// each round, so that a minute in which the machine was busy hits all of them,
// and each ratio is of two runs of the same round. A run is repeated, up to twice,
// when other programs took more than a twentieth of the target's processor.
//
// Peers are named in a JSON file (-peers; see package target). All is on
// 127.0.0.1; it ends by itself, with every process that it started. It needs
// Linux, taskset, and nginx (apt-get install nginx).
//
// Start with the scenarios in scenarios.go and with runner.run.
package main
