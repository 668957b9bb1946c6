// Package openai is the adapter to any upstream that speaks OpenAI's API: chat
// completions and embeddings over HTTP, whole or as an event stream.
//
// The idea: bytes pass through. The caller's body is sent as it came, but for
// the splices of package dialect, and the answer's bytes are emitted as they
// come. What the adapter adds is certainty. An answer is emitted as whole only
// when it is; every other end is an *fairlead.Error that says who is at fault
// and what the caller can do.
//
// Start with Provider.Answer in openai.go. A flight (flight.go) is one request
// on its way: it owns the clocks that may cut the request short, and nothing
// of it outlives Answer. answer.go and stream.go read what comes back,
// refusal.go and failure.go name what went wrong, dial.go opens connections
// and address.go says where to.
//
// The provider's key goes to the origin of the base URL and nowhere else:
// redirects are not followed, no proxy is taken from the environment, and
// every address is checked at the moment of dialling.
package openai
