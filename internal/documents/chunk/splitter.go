package chunk

import (
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/canon"
)

const (
	// DefaultTokens is how many tokens a chunk has at most, where nothing else is said.
	DefaultTokens = 512
	// leastTokens is the smallest such limit.
	leastTokens = 16
	// bytesPerToken bounds the bytes of a chunk, for text of which a token is long.
	bytesPerToken = 16
	// ahead is how many chunks the buffer may hold.
	ahead = 3
	// stepBytes is how much is read before it is looked whether to cut.
	stepBytes = 1 << 10
	// contextBytes is how long a Context may be.
	contextBytes = 1 << 10
)

// rank is how good a place is to part the text.
type rank uint8

const (
	glyph     rank = iota // in a word, or a table that is kept whole
	word                  // and behind a heading
	line                  // of a paragraph
	phrase                // a sentence
	paragraph             // a block, or a row
)

// place is a place to part the text: what is before ends at end, what follows begins at
// next, and between the two is white space. cost is the estimate up to end.
type place struct {
	end, next, cost int64
	rank            rank
}

// unit is what the buffer has of a block, or of a row.
type unit struct {
	start, end int64
	page       int
	kind       canon.Kind
	section    *section
	domain     int64  // where the text begins within which chunks overlap
	head       string // of its table, for a Row
}

// splitter makes chunks of the pieces of a canonical text.
type splitter struct {
	emit    func(c fairlead.Chunk) error
	counter fairlead.TokenCounter
	most    int   // tokens of a chunk
	overlap int64 // the estimate of what chunks have in common

	// The buffer: text is the canonical text from at on; fresh is where what is in no
	// chunk yet begins.
	text   []byte
	at     int64
	fresh  int64
	places []place
	units  []unit
	// cost is the estimate of all text so far; the others are those of what is before at
	// and fresh.
	cost, startCost, freshCost int64
	ratio                      float64 // of counts to estimates, learned

	scan    scanner
	section *section
	page    int
	last    canon.Kind // of the last piece
	more    bool       // the last piece goes on
	domain  int64
	table   int64  // where the table begins that goes on; -1 if none does
	head    []byte // of that table
	// headText is head, when there are rows below it, and headEnd says that there are.
	headText string
	headEnd  bool
	seq      int
}

func newSplitter(most, overlap int, counter fairlead.TokenCounter, emit func(c fairlead.Chunk) error) *splitter {
	return &splitter{
		emit: emit, counter: counter, most: most, overlap: int64(overlap) * part, ratio: 1, table: -1,
	}
}

// end is where the buffer ends.
func (s *splitter) end() int64 { return s.at + int64(len(s.text)) }

// fill is the estimate of the tokens in the buffer.
func (s *splitter) fill() float64 { return float64(s.cost-s.startCost) * s.ratio / part }

// holds reports whether the buffer has at least so many tokens. What it has from the
// chunk before is never most of them: chunks are cut off where much more follows.
func (s *splitter) holds(tokens int) bool { return s.fill() >= float64(tokens) }

// add takes the next piece.
func (s *splitter) add(p canon.Piece) error {
	if !s.more {
		if err := s.bounds(&p); err != nil {
			return err
		}
		s.begin(&p)
	}
	s.last, s.more, s.page = p.Kind, p.More, p.Page
	return s.read(p.Text)
}

// bounds ends the chunk before the piece, if it is to end there.
func (s *splitter) bounds(p *canon.Piece) error {
	ends := false
	if s.table >= 0 && (p.First || !isRow(p.Kind)) {
		s.keepTable()
		s.table, s.domain = -1, p.Start
		ends = s.holds(s.most / 4)
	}
	switch {
	case len(s.text) == 0:
		return nil
	case p.Page != s.page:
		s.domain = p.Start
		ends = ends || s.holds(s.most/8) || p.Kind == canon.Heading && s.sectionEnds(p)
	case p.Kind == canon.Heading:
		ends = ends || s.sectionEnds(p)
	case p.First && isRow(p.Kind):
		ends = ends || s.holds(s.most/4)
	}
	if !ends {
		return nil
	}
	return s.flush()
}

// sectionEnds reports whether what is in the buffer is not put together with the section
// that the heading begins.
func (s *splitter) sectionEnds(p *canon.Piece) bool {
	first := s.units[0].section
	return s.holds(s.most/4) || first == nil || p.Level < first.level
}

func isRow(k canon.Kind) bool { return k == canon.Row || k == canon.HeaderRow }

// begin begins a block or row.
func (s *splitter) begin(p *canon.Piece) {
	if len(s.text) == 0 {
		s.at, s.fresh, s.domain = p.Start, p.Start, p.Start
		s.startCost, s.freshCost = s.cost, s.cost
		s.places, s.units = s.places[:0], s.units[:0]
	} else {
		r := paragraph
		if s.last == canon.Heading {
			r = word
		}
		s.places = append(s.places, place{end: s.end(), next: p.Start, cost: s.cost, rank: r})
		for s.end() < p.Start {
			s.text = append(s.text, '\n')
		}
	}
	switch {
	case p.Kind == canon.Heading:
		s.section, s.domain = s.section.below(p.Level, p.Title), p.Start
	case p.First && isRow(p.Kind):
		s.table, s.head, s.headEnd, s.domain = p.Start, s.head[:0], false, p.Start
	}
	u := unit{start: p.Start, end: p.Start, page: p.Page, kind: p.Kind, section: s.section, domain: s.domain}
	if p.Kind == canon.Row {
		if !s.headEnd {
			s.headText, s.headEnd = string(s.head), true
		}
		u.head = s.headText
	}
	s.units = append(s.units, u)
	s.scan.begin()
}

// read puts a piece's text into the buffer, and cuts chunks off where there is enough.
func (s *splitter) read(text []byte) error {
	if s.last == canon.HeaderRow && !s.headEnd {
		s.noteHead(text)
	}
	for len(text) > 0 {
		step := canon.Cut(text, stepBytes)
		text = text[len(step):]
		s.look(step)
		for s.fill() > float64(ahead*s.most) || len(s.text) > 2*ahead*s.most*bytesPerToken {
			if err := s.cut(s.aim(goesOn)); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteHead adds to the head of the table that goes on.
func (s *splitter) noteHead(text []byte) {
	if len(s.head) > 0 && s.units[len(s.units)-1].end == s.units[len(s.units)-1].start {
		s.head = append(s.head, '\n')
	}
	s.head = append(s.head, canon.Cut(text, max(contextBytes-len(s.head), 0))...)
}

// look puts text into the buffer, with the places at which it can be parted.
func (s *splitter) look(text []byte) {
	for i := 0; i < len(text); {
		if n, cost := s.scan.letters(text[i:]); n > 0 {
			s.cost += int64(cost)
			i += n
			continue
		}
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text[i:])
		}
		at := s.end() + int64(i)
		is := scriptOf(r)
		if is != white {
			if rank, ok := s.scan.before(r, is); ok {
				s.places = append(s.places, place{end: at - int64(s.scan.gap), next: at, cost: s.cost, rank: rank})
			}
		}
		s.scan.take(r, n, is)
		s.cost += int64(s.scan.meter.add(is))
		i += n
	}
	s.text = append(s.text, text...)
	s.units[len(s.units)-1].end = s.end()
}

// keepTable has a table that fits into a chunk not be parted, where it can be helped.
func (s *splitter) keepTable() {
	if s.table < s.fresh || len(s.places) == 0 {
		return
	}
	first := len(s.places)
	for first > 0 && s.places[first-1].end > s.table {
		first--
	}
	before := s.startCost
	if first > 0 {
		before = s.places[first-1].cost
	}
	if float64(s.cost-before)*s.ratio/part > float64(s.most) {
		return
	}
	for i := first; i < len(s.places); i++ {
		s.places[i].rank = glyph
	}
}

// flush makes chunks of all that is in the buffer.
func (s *splitter) flush() error {
	for len(s.text) > 0 {
		if err := s.cut(s.aim(isWhole)); err != nil {
			return err
		}
	}
	return nil
}
