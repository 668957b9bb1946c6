// Package tochat writes a request for Anthropic's messages as one for OpenAI's
// chat completions. The fields go by the table of rules; a turn of the
// conversation becomes a message, with the results of tools as messages of
// their own before it.
//
// Start with Request; Fields is the table.
package tochat
