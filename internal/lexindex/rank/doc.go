// Package rank finds the best documents of segments by BM25, without looking at
// most of those that can't be among them.
//
// The score of a document is the sum, over the terms of a query, of
//
//	weight × idf × (k1 + 1) × f / (f + k1 × (1 - b + b × length / mean length))
//
// where f is how often the document has the term, and idf is
// ln(1 + (N - n + 0.5) / (n + 0.5)) for a term that n of N documents have
// (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and
// Beyond", 2009; the 1 + keeps it positive).
//
// Scores are whole numbers, in units that are chosen for each query so that the
// best possible score is about 1<<30. So they add up to the same in any order, a
// bound is a bound to the last digit, and of equal documents the one with the
// lower id is always the better.
//
// A segment is read in windows of documents. In each, the terms are put in the
// order of how much they can add there, by the peaks of their blocks. Those
// terms that even together can't lift a document over the worst that is kept are
// only looked up for documents that another term found (Turtle and Flood's
// MaxScore, "Query evaluation: strategies and optimizations", 1995, by windows
// as in Chakrabarti, Chaudhuri and Ganti, "Interval-based pruning for top-k
// processing over compressed lists", 2011). Where all terms together can't, the
// window is passed over.
//
// Start with Scorer.
package rank
