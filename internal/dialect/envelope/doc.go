// Package envelope reads of a request's body what admission and routing need, and
// checks the few members that the service acts on. It is one pass over the raw
// bytes, which must be a valid JSON object without duplicate names; everything
// else in them goes through unread.
//
// There is a function for each kind of body: Chat, Embeddings, Messages,
// CountTokens, Responses, and Native, which also takes out what is Fairlead's own.
package envelope
