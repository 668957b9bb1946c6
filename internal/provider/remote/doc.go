// Package remote is what adapters to upstreams over HTTP have in common. An
// adapter says in a Language what its API has of its own: paths, the header of
// the key, how a whole answer is judged and a stream is watched, how errors are
// read. All else is here: what an answer must be to pass, and what a failure is
// called. Connections, their limits and the clocks of silence are package http1's;
// those of the first content and of the whole call are in clock.go.
//
// The idea: bytes pass through. The caller's body is sent as it came, but for
// the splices of package dialect, and the answer's bytes are emitted as they
// come. What is added is certainty. An answer is emitted as whole only
// when it is; every other end is an *fairlead.Error that says who is at fault
// and what the caller can do.
//
// Start with Language, then Provider.Answer in remote.go. answer.go and stream.go
// read what comes back, refusal.go and failure.go name what went wrong.
//
// The provider's key goes to the origin of the base URL and nowhere else:
// redirects are not followed, no proxy is taken from the environment, and
// every address is checked (package reach) at the moment of dialling.
package remote
