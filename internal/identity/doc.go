// Package identity says who is calling: a secret becomes the application that
// it belongs to.
//
// Secrets are 256 random bits, so one HMAC-SHA-256 under the service's pepper
// is enough to keep them; the slow hashes that passwords need would let callers
// without a key saturate the processors. Only digests are stored, and whoever
// steals the database without the pepper can neither use nor guess a key.
//
// A Directory answers from memory: a map of digests behind an atomic pointer,
// replaced whole when Run sees that a key has changed, in this process or
// another. Start with Directory in directory.go; keys.go is how keys are made,
// rotated and revoked; start.go is what a first start needs.
package identity
