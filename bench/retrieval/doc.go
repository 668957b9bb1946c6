// Package retrieval measures how well passages are found: it gives the service's own
// analysis and index a collection whose answers are known, and tells how many of them
// come back, and how high. Beside it stands BM25 as one would write it in an hour, over
// words in lower case: what is gained over that is what stems, stop words and the rest
// are worth.
//
// Collections are read in the shapes in which they are published: that of BEIR
// (corpus.jsonl, queries.jsonl, a table of judgements), TREC's judgements, and SMART's
// files, in which Cranfield comes. One can be made of the manual pages of the machine:
// what a page says of itself in a line is the question, and the page without that line
// the answer.
//
// Start with Read, Make and Measure.
package retrieval
