// Package faults_test puts the running service before providers that fail, one
// way after the other, and holds it to what callers are promised: every call ends
// within its time, with an error of its own face's shape, never as if the answer
// were whole; and a second later nothing of it is held.
//
// Three upstreams fail here: a server that speaks bytes rather than HTTP and so
// breaks every rule of it (raw_test.go, its faults in catalogue_test.go), Toxiproxy
// between the service and that server (toxics_test.go), and `fairlead mock`
// (mock_test.go). Each fault has a provider and an app of its own, so that what is
// left behind can be told apart.
//
// Start with TestFaults in matrix_test.go. With FAIRLEAD_PROOF set the times
// themselves are held; without, a machine that is busy may add to them.
package faults_test
