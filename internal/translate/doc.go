// Package translate turns a request of one dialect into one of another: OpenAI's
// chat completions into Anthropic's messages, and back, and requests of OpenAI's
// Responses API into chat completions. What comes back, the answers and the
// streams, is translated by the packages reply and responses below it.
//
// It works on raw JSON. A request is taken apart level by level and put together
// again from its own bytes, so a prompt is copied and never decoded. Each field
// has a fate, told by a table: it is kept, mapped to what means the same, left
// out because nothing is lost by it, dropped and reported, or refused. Fields
// that are in no table, next month's for instance, are dropped and reported.
// Nothing is ever lost in silence: what a caller can do without is in the list
// of dropped fields, what it may rely on is an error that names the field.
//
// Start with Request and Responses. The tables are in the Fields of the packages that
// they call; docs/translation.md shows them.
//
// The functions keep no state and do no I/O.
package translate
