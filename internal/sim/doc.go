// Package sim answers what a configuration would do under some traffic, in
// seconds instead of hours: it runs the service's own scheduler, windows and
// burst guard under virtual time.
//
// What is real: package fairqueue decides who gets a slot, who waits and who is
// dropped; package window decides who is over a rate and who is blocked; package
// estimate knows how long calls take, for who is refused as hopeless. What is
// made up are the callers, which behave as a traffic file says or as a log
// recorded (package traffic), and how long the providers work. The gates between
// them stand here in the order in which package admission has them (gates.go),
// because admission lives in real time and speaks of HTTP calls.
//
// One goroutine does everything, in the order of package virtual's events, and
// all chance comes from seeded generators, so a run is the same every time.
//
// Beside the service's scheduler there are two small others, to compare it with
// (contrast.go).
//
// Start with Run, and read on in gates.go.
package sim
