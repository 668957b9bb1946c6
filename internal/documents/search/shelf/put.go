package shelf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/language"
	"github.com/fairleadhq/fairlead/internal/language/thesaurus"
	"github.com/fairleadhq/fairlead/internal/lexindex"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// pageOfChunks is how many chunks are read from the store at once.
const pageOfChunks = 256

// Put puts a document's chunks, as the store has them when it is the document's turn, in
// the place of what the shelf has of it. A document that the store has no chunks of is
// taken out. wanted, if not nil, is asked when its turn has come whether it still is. It
// blocks for other changes and for the store, or until ctx ends; then the shelf is as
// before, or the document is not in it.
func (s *Shelf) Put(ctx context.Context, d fairlead.Document, from fairlead.DocumentChunks, wanted func() bool) error {
	done, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer done()
	if wanted != nil && !wanted() {
		return nil
	}
	if err := s.remove(d.Number); err != nil {
		return err
	}
	if err := s.put(ctx, d, from); err != nil {
		return errors.Join(err, s.remove(d.Number))
	}
	return nil
}

// Remove takes a document out, if it is there and, where that is not nil, wanted says so
// when its turn has come. It blocks for other changes.
func (s *Shelf) Remove(ctx context.Context, number int64, wanted func() bool) error {
	done, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer done()
	if wanted != nil && !wanted() {
		return nil
	}
	return s.remove(number)
}

// put reads a document's chunks, has segments made of them and adds those.
func (s *Shelf) put(ctx context.Context, d fairlead.Document, from fairlead.DocumentChunks) error {
	chunks, err := readChunks(ctx, d, from, 0)
	if err != nil || len(chunks) == 0 {
		return err
	}
	d.About.Language = s.words.languageOf(d, chunks)
	if err := s.noteLanguage(d.About.Language); err != nil {
		return err
	}
	making, err := s.maker.Begin(ctx, Title{Name: d.Name, About: d.About})
	if err != nil {
		return err
	}
	defer making.Close()
	a := adding{shelf: s, making: making, number: d.Number}
	for len(chunks) > 0 {
		if err := a.add(ctx, chunks); err != nil {
			return err
		}
		if chunks, err = readChunks(ctx, d, from, chunks[len(chunks)-1].Seq+1); err != nil {
			return err
		}
	}
	return a.flush(ctx)
}

func readChunks(ctx context.Context, d fairlead.Document, from fairlead.DocumentChunks, seq int) ([]fairlead.Chunk, error) {
	chunks, err := from.Chunks(ctx, d.App, d.ID, seq, pageOfChunks)
	if err != nil {
		return nil, fmt.Errorf("read a document's chunks: %w", err)
	}
	return chunks, nil
}

// Words makes terms. It is safe for concurrent use, and may serve many shelves.
type Words struct {
	detector *language.Detector
	idle     chan *page
	synonyms Synonyms
}

// Synonyms say what is looked for beside what was asked.
type Synonyms uint8

// What is looked for beside.
const (
	NoSynonyms Synonyms = iota
	// FinanceSynonyms are other names of the figures of financial reports.
	FinanceSynonyms
)

// mostIdle is how many pages are kept for the next who needs one.
const mostIdle = 4

// NewWords returns Words.
func NewWords(synonyms Synonyms) *Words {
	return &Words{detector: language.NewDetector(), idle: make(chan *page, mostIdle), synonyms: synonyms}
}

// page is what one goroutine makes terms with.
type page struct {
	builder   *segment.Builder
	analyzer  *language.Analyzer
	thesaurus *thesaurus.Thesaurus
	tokens    []language.Token
	counts    map[string]int

	lang    string
	about   []string // the terms of what the document is called
	section string   // of the last chunk
	above   []lexindex.Term
}

func (w *Words) take() *page {
	select {
	case p := <-w.idle:
		return p
	default:
	}
	p := &page{builder: segment.NewBuilder(fields), analyzer: language.NewAnalyzer(), counts: make(map[string]int)}
	p.thesaurus = thesaurus.New(p.analyzer)
	return p
}

func (w *Words) give(p *page) {
	select {
	case w.idle <- p:
	default:
	}
}

// languageOf tells the language of a document.
func (w *Words) languageOf(d fairlead.Document, chunks []fairlead.Chunk) string {
	if d.About.Language != "" {
		return d.About.Language
	}
	const enough = 16 << 10
	var text strings.Builder
	for i := range chunks {
		if text.WriteString(chunks[i].Text); text.Len() > enough {
			break
		}
		text.WriteByte('\n')
	}
	if lang := w.detector.Detect(text.String()); lang != "" {
		return lang
	}
	return "en"
}

// begin begins with a document.
func (p *page) begin(t Title) {
	p.lang, p.above = t.About.Language, nil
	name := strings.TrimSuffix(t.Name, filepath.Ext(t.Name))
	p.about = p.about[:0]
	for _, text := range []string{t.About.Title, t.About.Company, t.About.Period, strings.ReplaceAll(name, "_", " ")} {
		p.about = append(p.about, p.terms(text)...)
	}
}

func (p *page) terms(text string) []string {
	p.tokens = p.analyzer.Append(p.tokens[:0], text, p.lang)
	terms := make([]string, len(p.tokens))
	for i, token := range p.tokens {
		terms[i] = token.Text
	}
	return terms
}

// doc makes terms of a chunk. Of what stands above it each term counts once.
func (p *page) doc(c *fairlead.Chunk) lexindex.Doc {
	if p.above == nil || c.Section != p.section {
		p.section = c.Section
		clear(p.counts)
		for _, term := range p.about {
			p.counts[term] = 1
		}
		for _, term := range p.terms(c.Section) {
			p.counts[term] = 1
		}
		p.above = p.counted()
	}
	clear(p.counts)
	p.count(c.Text)
	p.count(c.Context)
	return lexindex.Doc{ID: c.Number, Fields: [][]lexindex.Term{body: p.counted(), heading: p.above}}
}

func (p *page) count(text string) {
	p.tokens = p.analyzer.Append(p.tokens[:0], text, p.lang)
	for _, token := range p.tokens {
		p.counts[token.Text]++
	}
}

func (p *page) counted() []lexindex.Term {
	terms := make([]lexindex.Term, 0, len(p.counts))
	for text, n := range p.counts {
		terms = append(terms, lexindex.Term{Text: text, Count: n})
	}
	return terms
}
