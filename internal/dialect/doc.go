// Package dialect knows the languages in which applications and providers
// speak of models: OpenAI's chat completions and embeddings, Anthropic's messages,
// and the native body, which is a chat completion body with a few members of
// Fairlead's own.
//
// Bytes come first. A request is scanned once, for the Envelope that admission
// and routing need; what goes upstream is the caller's bytes but for splices
// with a name (the model, stream_options); an answer goes back as it came, and is
// watched, not decoded: a whole answer with one scan, a stream with one of each
// frame, or where a frame says the same as the one before in other words, with one
// of the words. So members that nobody here has heard of survive in both directions.
//
// Start with ScanChat and ForUpstream for requests, ReadChatAnswer and
// StreamWatch for answers; messages.go has the same of Anthropic's. Package responses
// below has the same of OpenAI's Responses API, package refusal the shapes of errors.
//
// The functions keep no state, but for the watches, and do no I/O.
package dialect
