// Package postings writes and reads posting lists: for one term, the documents
// that have it, in ascending order, and how often each does.
//
// A long list is cut into blocks of 128. A block holds the gaps between document
// numbers, and the frequencies, each packed into as few bits as the largest of
// them needs. Before the blocks stands a table with an entry for each: its last
// document, where it begins, and its peaks. A reader seeks in the table, and
// touches only blocks that it needs.
//
// The peaks of a block say how much one of its documents can score at most,
// whatever the ranking's parameters are: a score grows with the frequency and
// falls with the length, so the pairs (frequency, length) that no other one
// outdoes bound it. They are the impacts of Ding and Suel's block-max index
// ("Faster top-k document retrieval using block-max indexes", 2011), kept as
// pairs rather than as scores because the mean length is not known yet when a
// list is written.
//
// A short list has neither table nor blocks: it is read whole.
//
// Start with Encoder, then List.
package postings

import "errors"

const (
	// Block is how many postings a block has; the last one of a list may have fewer.
	Block = 128
	// Short is how many postings a list has at most that is not cut into blocks.
	Short = 16
	// Slack is how many bytes must be readable behind a list.
	Slack = 8

	entrySize = 16 // last document, offset: 4 bytes each; peaks: 8
)

// ErrDamaged is the error of whatever reads bytes that can't have been written so.
var ErrDamaged = errors.New("index is damaged")
