// Package reply turns what a provider answers in one dialect into another:
// whole answers, streams and errors, between OpenAI's chat completions and
// Anthropic's messages.
//
// Text is copied, not decoded. A stream is translated frame by frame by a state
// machine that holds no more than it must: chat completions may send the
// arguments of several calls interleaved, Anthropic's stream has one block
// after the other, so what belongs to a later block waits until the one that is
// open is complete. That wait is bounded in bytes.
//
// A stream that ends without its end marker is an error, never an end.
//
// Start with Answer and Stream. docs/translation.md
// tells what becomes of stop reasons and usage.
package reply
