// Package fairlead is the vocabulary of Fairlead: one self-hosted LLM service
// that many applications share at the same time without hurting each other.
//
// It holds the nouns of the domain (App, Call, Attempt, Record, Error, ...)
// and the few small interfaces by which the rooms of the house meet (Model,
// Gate, Quota, KeyStore, ...). It imports only the standard library and does
// no I/O, so everything else may import it.
//
// Start with Model in model.go: whatever answers is a Model, and layers wrap
// one another. Then Call and Record: a Call is one request on its way, a
// Record is what is said about it when it has ended.
package fairlead
