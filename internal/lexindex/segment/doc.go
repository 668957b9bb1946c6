// Package segment is a part of an index that does not change any more: some
// groups of documents, and for each term the documents that have it. It is the
// same bytes in a file, which is mapped into memory and read where it lies, and
// in memory.
//
// From its start, a segment is:
//
//	magic     8 bytes, and 8 that are 0
//	terms     in order of field and text; of each sixteen the posting lists, and behind
//	          them their entries: bytes shared with the text before, the others, how many
//	          postings, how many bytes they take. Terms of one field begin with its number
//	index     of each sixteen terms, where their entries begin, and their first key's end
//	keys      those first keys
//	ids       of each document, 8 bytes
//	owners    of each document the row of its group, 4 bytes
//	lengths   of each field, of each document the code of its length, 1 byte
//	groups    in order of their numbers: number, first document, how many, lengths by field
//	footer    how many there are of everything, the sizes and CRC-32C of the sections above,
//	          and its own
//
// Documents are numbered from 0 within a segment, those of a group one behind the
// other, so that a search in some groups reads some ranges of documents.
//
// Open checks the footer. Everything else is checked where it is read, as far as
// it must be to read nothing outside of the segment; Verify compares the sums.
//
// Start with Builder and Merge, which write, and Reader.
package segment

import "hash/crc32"

const (
	// MaxFields is how many fields a document has at most.
	MaxFields = 4
	// MaxTerm is how many bytes the text of a term has at most.
	MaxTerm = 512
	// MaxDocuments is how many documents a segment has at most.
	MaxDocuments = 1 << 31

	magic       = "flxseg\x00\x01"
	headerSize  = 16
	blockTerms  = 16 // terms that share an entry of the index
	indexEntry  = 12
	groupRow    = 8 + 4 + 4 + 8*MaxFields
	maxKey      = 1 + MaxTerm
	idSize      = 8
	ownerSize   = 4
	footerSize  = 4*4 + 8 + sectionKinds*(8+4) + 8 + 4 + len(magic)
	footerSum   = footerSize - len(magic) - 4 // where its own sum stands
	mostEntries = 1 << 31
)

// The sections, in order.
const (
	termSection = iota
	indexSection
	keySection
	idSection
	ownerSection
	lengthSection
	groupSection
	sectionKinds
)

// Term is a word of a field, as its analyser left it, and how often it is there.
type Term struct {
	Text  string
	Count int
}

// Doc is what is searched as one. Terms need not be in order, and one may be there more
// than once; counts add up.
type Doc struct {
	ID     int64
	Fields [][]Term
}

// Group is a row of documents that come and go together.
type Group struct {
	Number int64
	// First is its first document in the segment, Docs how many it has.
	First, Docs uint32
	// Lengths are how many terms its documents have in each field.
	Lengths [MaxFields]uint64
}

func sums() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// word and short are for numbers that are known to fit.
func word(n int) uint32       { return uint32(n) } //nolint:gosec // G115: from 0, less than 1<<32
func short(n int) uint8       { return uint8(n) }  //nolint:gosec // G115: from 0, less than 256
func count(n uint64) int      { return int(n) }    //nolint:gosec // G115: checked to be small
func size(n int) uint64       { return uint64(n) } //nolint:gosec // G115: never negative
func signed(n uint64) int64   { return int64(n) }  //nolint:gosec // G115: the same 64 bits
func unsigned(n int64) uint64 { return uint64(n) } //nolint:gosec // G115: the same 64 bits
func low(n uint64) uint32     { return uint32(n) } //nolint:gosec // G115: checked to be small
