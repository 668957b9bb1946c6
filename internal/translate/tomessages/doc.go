// Package tomessages writes a request for OpenAI's chat completions as one for
// Anthropic's messages. The order of work follows what depends on what: what
// the request asks of tools and of thinking is read first, since it bounds the
// rest; the other fields then go by the table of rules; the conversation comes
// last.
//
// Start with Request; Fields is the table.
package tomessages
