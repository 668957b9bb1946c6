package chunk

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/about"
	"github.com/fairleadhq/fairlead/internal/documents/canon"
	"github.com/fairleadhq/fairlead/internal/extract"
)

const (
	// partBytes and partChunks are how much goes into one DocumentContent.
	partBytes  = 256 << 10
	partChunks = 512
	// partOutline is how many pages, sections and tables do.
	partOutline = 4096
)

// Config says how a document is split.
type Config struct {
	// Limits bound what the document may come to: Text and Pages are heeded.
	Limits extract.Limits
	// Tokens is the most that a chunk may have; 0 is DefaultTokens.
	Tokens int
	// Overlap is how many tokens a chunk has of the one before in its section; 0 is 15 %
	// of Tokens, and less than 0 is none.
	Overlap int
	// Counter counts tokens; if it is nil they are estimated.
	Counter fairlead.TokenCounter
	// Language tells the language of a text, as ISO 639-1, or "". If it is nil a plain
	// guess is made.
	Language func(text string) string
}

// Totals is what has become of a document.
type Totals struct {
	Chunks, Pages int
	TextBytes     int64
	About         fairlead.About
}

// Builder makes what is stored of a document from its blocks: canonical text, outline and
// chunks. It is for one document and one goroutine, and needs about the same memory for
// any document.
type Builder struct {
	config   Config
	emit     func(fairlead.DocumentContent) error
	canon    *canon.Builder
	splitter *splitter
	guess    about.Guess
	known    fairlead.About
	part     fairlead.DocumentContent
}

// New returns a Builder that gives what it made to emit, part after part. What emit is
// given is its own.
func New(config Config, emit func(fairlead.DocumentContent) error) *Builder {
	most := config.Tokens
	if most == 0 {
		most = DefaultTokens
	}
	most = max(most, leastTokens)
	overlap := config.Overlap
	if overlap == 0 {
		overlap = most * 15 / 100
	}
	b := &Builder{config: config, emit: emit}
	b.splitter = newSplitter(most, min(max(overlap, 0), most/2), config.Counter, b.takeChunk)
	b.canon = canon.New(config.Limits, canon.Output{Part: b.takePart, Piece: b.takePiece})
	return b
}

// Add takes the next block. It is an extract.Emit. Errors are an extract.LimitError where
// the document passes a limit, and those of emit.
func (b *Builder) Add(block extract.Block) error { return b.canon.Add(block) }

// Know is told what the file says of itself, before Close. It is believed more than what
// the text says.
func (b *Builder) Know(a fairlead.About) { b.known = a }

// Close gives out what is left, and tells what there is in all. Errors are those of emit.
func (b *Builder) Close() (Totals, error) {
	if err := b.canon.Close(); err != nil {
		return Totals{}, err
	}
	if err := b.splitter.flush(); err != nil {
		return Totals{}, err
	}
	if err := b.flush(); err != nil {
		return Totals{}, err
	}
	return Totals{
		Chunks: b.splitter.seq, Pages: b.canon.Pages(), TextBytes: b.canon.Bytes(),
		About: b.guess.About(b.known, b.config.Language),
	}, nil
}

func (b *Builder) takePart(p fairlead.DocumentContent) error {
	if b.isEmpty() {
		b.part.Offset = p.Offset
	}
	b.part.Text = append(b.part.Text, p.Text...)
	b.part.Pages = append(b.part.Pages, p.Pages...)
	b.part.Sections = append(b.part.Sections, p.Sections...)
	b.part.Tables = append(b.part.Tables, p.Tables...)
	return b.flushIfFull()
}

func (b *Builder) takePiece(p canon.Piece) error {
	b.guess.Add(p)
	return b.splitter.add(p)
}

func (b *Builder) takeChunk(c fairlead.Chunk) error {
	if b.isEmpty() {
		b.part.Offset = b.canon.Bytes()
	}
	c.Text = ""
	b.part.Chunks = append(b.part.Chunks, c)
	return b.flushIfFull()
}

func (b *Builder) isEmpty() bool {
	return len(b.part.Text)+len(b.part.Pages)+len(b.part.Sections)+len(b.part.Tables)+len(b.part.Chunks) == 0
}

func (b *Builder) flushIfFull() error {
	if len(b.part.Text) < partBytes && len(b.part.Chunks) < partChunks &&
		len(b.part.Pages)+len(b.part.Sections)+len(b.part.Tables) < partOutline {
		return nil
	}
	return b.flush()
}

// flush gives out the part in hand.
func (b *Builder) flush() error {
	if b.isEmpty() {
		return nil
	}
	part := b.part
	b.part = fairlead.DocumentContent{}
	return b.emit(part)
}
