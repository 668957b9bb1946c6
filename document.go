package fairlead

import (
	"context"
	"time"
)

// DocumentID names a document: "file-" and 24 characters. A document's bytes never
// change, so an id with offsets names the same text for ever.
type DocumentID string

// DocumentStatus is how far a document has come.
type DocumentStatus string

// The statuses. The first three are those of a document that is being ingested; of the
// others only DocumentReady is searched and read.
const (
	DocumentQueued     DocumentStatus = "queued"
	DocumentExtracting DocumentStatus = "extracting"
	DocumentIndexing   DocumentStatus = "indexing"
	DocumentReady      DocumentStatus = "ready"
	// DocumentNoText is a document that was read to its end and has no text, such as
	// scanned pages.
	DocumentNoText DocumentStatus = "no_text"
	// DocumentLimitHit is one that needs more memory, time, pages or text than a
	// document may; Reason says which.
	DocumentLimitHit    DocumentStatus = "limit_hit"
	DocumentUnsupported DocumentStatus = "unsupported"
	DocumentEncrypted   DocumentStatus = "encrypted"
	DocumentFailed      DocumentStatus = "failed"
)

// Ended reports whether it is the status of a document that does not change any more.
func (s DocumentStatus) Ended() bool {
	return s != DocumentQueued && s != DocumentExtracting && s != DocumentIndexing
}

// Document is a file that an app uploaded, and what is known of it.
type Document struct {
	ID  DocumentID
	App AppID
	// Number stands for the document in indexes; it is unique and never used again.
	Number int64
	// Name is a label that its app gave it: no path.
	Name string
	// Purpose is what the app said that it is for, as OpenAI's API has it.
	Purpose string
	// MediaType is what its bytes are, "" until that is known.
	MediaType string
	Bytes     int64
	SHA256    [32]byte
	Created   time.Time
	// Metadata holds strings, float64s and bools.
	Metadata map[string]any
	Status   DocumentStatus
	// Reason says why a document that is not ready ended so, in one sentence for its app.
	Reason string
	// Code is a stable name of that, in snake case.
	Code string
	// PagesDone is how many pages have been read, Pages how many there are; 0 is not
	// known.
	Pages, PagesDone int
	// Chunks is how many pieces are searched, TextBytes the length of the canonical text.
	Chunks    int
	TextBytes int64
	// EmbeddingPending says that it is found by its words, and not yet by its meaning.
	EmbeddingPending bool
	About            About
}

// About is what a document says of itself, as far as that could be told.
type About struct {
	Title    string
	Language string // ISO 639-1
	Company  string
	// Period is the time that it reports on, such as "FY2018".
	Period string
}

// Page is where a page stands in a document's canonical text: bytes [Start, End).
type Page struct {
	Number     int // from 1
	Start, End int64
}

// Section is a heading and what stands below it, up to the next heading of its level or
// a higher one: bytes [Start, End) of the canonical text.
type Section struct {
	Level      int // from 1
	Title      string
	Start, End int64
}

// Table is a table of rows: bytes [Start, End) of the canonical text, of which
// [Start, HeaderEnd) are the rows that head it. Each row is a line, its cells are
// parted by " | ".
type Table struct{ Start, HeaderEnd, End int64 }

// Chunk is a piece of a document that is searched as one.
type Chunk struct {
	// Number stands for the chunk in indexes: it is unique in the store, and never used
	// again. 0 until it is stored.
	Number     int64
	Document   DocumentID
	Seq        int   // its place in the document, from 0
	Start, End int64 // bytes of the canonical text
	Page       int   // where it begins; LastPage is where it ends
	LastPage   int
	// Section is the headings above it, the highest first, parted by " > ".
	Section string
	// Context is what its reader should know beside: the head of the table that it is
	// part of.
	Context string
	Tokens  int
	Table   bool
	// Text is the canonical text's bytes [Start, End).
	Text string
}

// Citation is a piece of a document, word for word.
type Citation struct {
	Document   DocumentID
	Page       int
	Start, End int64 // bytes of the canonical text
	Quote      string
}

// Passage is what a search found.
type Passage struct {
	Document   DocumentID
	Name       string // the document's
	Score      float64
	Page       int
	Section    string
	Start, End int64
	Text       string // the canonical text's bytes [Start, End)
	Context    string
	// Metadata is the document's, or in a vector store that which it has there.
	Metadata map[string]any
}

// Query is what a Searcher looks for.
type Query struct {
	// Texts are what is asked, in one or several ways.
	Texts []string
	// Within bounds the documents that are searched.
	Within Within
	// Limit is the most passages that are wanted.
	Limit int
	// Rank says how what was found is put in order.
	Rank Ranking
}

// Within bounds a search to some of the app's documents. The zero Within is all of them.
type Within struct {
	// Documents, if not nil, are the only ones.
	Documents []DocumentID
	// Stores, if not nil, are vector stores whose documents are the only ones.
	Stores []VectorStoreID
	// Filter, if not nil, is a condition on metadata.
	Filter *Filter
}

// Ranking says how passages are put in order. The zero Ranking is the service's own.
type Ranking struct {
	// Ranker is "auto", "none", or the name of a ranker that is configured.
	Ranker string
	// Threshold is the least score of a passage, where 1 is the best there can be.
	Threshold float64
}

// FilterOp is how a Filter compares or combines.
type FilterOp string

// The operations of filters.
const (
	FilterEq  FilterOp = "eq"
	FilterNe  FilterOp = "ne"
	FilterGt  FilterOp = "gt"
	FilterGte FilterOp = "gte"
	FilterLt  FilterOp = "lt"
	FilterLte FilterOp = "lte"
	FilterIn  FilterOp = "in"
	FilterNin FilterOp = "nin"
	FilterAnd FilterOp = "and"
	FilterOr  FilterOp = "or"
)

// Filter is a condition on metadata: a comparison of the value under Key, or a
// combination of Filters.
type Filter struct {
	Op      FilterOp
	Key     string
	Value   any // a string, float64 or bool; for in and nin a []any of them
	Filters []Filter
}

// Searcher finds passages in the documents of the call's app, and of no other. It
// blocks, at most until ctx ends, and enters the gate on its own.
type Searcher interface {
	Search(ctx context.Context, call *Call, q Query) ([]Passage, error)
}

// TokenCounter counts tokens. It does not block on anything but its own first use.
type TokenCounter interface {
	Count(text string) int
}
