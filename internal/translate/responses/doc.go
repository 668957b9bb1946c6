// Package responses writes what a provider answers in chat completions as a
// response of OpenAI's Responses API, whole or as a stream of events.
//
// A response is a list of items: what the model thought, what it said, what it
// calls. A turn gathers them, from a whole completion in one go or from the chunks
// of a stream; where it streams, it tells every step as an event. Both end in the
// same response object, since both are made by the same turn.
//
// Text is copied, not decoded. It is held until the end, for the last events repeat
// it; the bound of what is held is the bound of an answer.
//
// A stream that ends without its end marker is an error, never an end. What its
// client is told then is up to its face.
//
// Start with Answer and Stream, then turn. docs/translation.md tells what becomes
// of finish reasons and usage.
package responses
