// Package fromresponses writes a request of OpenAI's Responses API as one for chat
// completions. The tools are read first, from wherever the request tells them,
// since what is called in the conversation goes by their names; the other fields
// go by the table of rules; the conversation, with what came before it, last.
//
// A response is a list of items where chat completions have messages: what the
// model said and called side by side becomes one message of the assistant, what
// leads the conversation one message of the system.
//
// Start with Request; Fields is the table.
package fromresponses
