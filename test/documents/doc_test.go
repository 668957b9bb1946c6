// Package documents_test holds the documents of a real service, in a process of its own,
// to what is promised of them: no app finds another's, every quote stands where it is said
// to stand, nothing that was acknowledged is lost when the service is killed, a full disk
// ends uploads and nothing else, and neither large nor hostile files are felt.
//
// Start with newService in service_test.go. With FAIRLEAD_PROOF set the tests that begin
// with TestProof have their full counts. FAIRLEAD_BIN names the program, which is built
// if it is not set.
package documents_test
