// Package local is the offline provider: it answers where no provider is
// configured, so that every endpoint works with no key and no network. It
// never pretends to be a language model.
//
// A chat is answered with sentences quoted from the conversation itself, those
// that share the most words with the last user message, or from the documents that were
// searched for it, after a sentence that
// says who answers and how to configure a model. Embeddings are lexical: a bag of words,
// hashed into 256 dimensions, so texts are near one another when they
// share words, not when they share a meaning.
//
// Usage counts words, not tokens, and max_tokens bounds the words of a reply.
//
// Start with Provider.
package local
