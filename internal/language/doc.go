// Package language makes the terms by which text is found. What is written in a
// document and what is asked for pass the same way, so that both come to the same
// terms: text is cut into words, words lose their case, their accents and their
// endings, numbers have one spelling, and scripts that are written without spaces
// are cut into overlapping pieces. How it is done depends on the language, which
// Detect tells.
//
// It is a mechanism: it knows nothing of documents. The stemmers are those of the
// Snowball project (snowballstem.org); the forms of characters are Unicode's.
//
// Start with Analyzer.Append; Version changes whenever terms come out differently.
package language

// Version stands for how terms are made. An index that was made under another one
// does not fit any more.
const Version = 1

// MaxTerm is the length of the longest term, in bytes.
const MaxTerm = 64
