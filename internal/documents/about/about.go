// Package about guesses what a document is about from its beginning: its title, its
// language, whose report it is, and on which time. A guess is only ever made from words
// that stand there; what is not found stays empty.
//
// Start with Guess: it is fed the pieces of the canonical text.
package about

import (
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/canon"
)

const (
	// readBytes is how much of a document's beginning is looked at.
	readBytes = 12 << 10
	// titleBytes and nameBytes are the most of a title, and of a company's name.
	titleBytes = 300
	nameBytes  = 120
)

// Guess gathers what is needed of a document. The zero Guess is ready.
type Guess struct {
	text    []byte // its beginning
	heading string // the first one
	line    string // the first line that is not one
}

// Add takes the next piece of the canonical text.
func (g *Guess) Add(p canon.Piece) {
	if len(g.text) >= readBytes {
		return
	}
	if p.Kind == canon.Heading && g.heading == "" {
		g.heading = p.Title
	}
	if p.Kind == canon.Prose && g.line == "" {
		line, _, _ := strings.Cut(string(canon.Cut(p.Text, titleBytes+1)), "\n")
		g.line = line
	}
	if len(g.text) > 0 {
		g.text = append(g.text, '\n')
	}
	g.text = append(g.text, canon.Cut(p.Text, readBytes)...)
}

// About is the guess. known is what the file says of itself; what it has is kept.
// language tells the language of a text; nil is Language.
func (g *Guess) About(known fairlead.About, language func(text string) string) fairlead.About {
	if language == nil {
		language = Language
	}
	text := string(canon.Cut(g.text, readBytes))
	a := known
	a.Title = oneOf(a.Title, g.heading, g.line)
	if a.Language == "" && text != "" {
		a.Language = language(text)
	}
	if a.Company == "" {
		a.Company = Company(text)
	}
	if a.Period == "" {
		a.Period = Period(a.Title + "\n" + text)
	}
	a.Company = clean(a.Company, nameBytes)
	return a
}

// oneOf is the first title that could be one.
func oneOf(titles ...string) string {
	for i, title := range titles {
		// A first line that is longer is the beginning of a text.
		if last := i == len(titles)-1; last && len(title) > titleBytes {
			return ""
		}
		if title = clean(title, titleBytes); title != "" && !isPlaceholder(title) {
			return title
		}
	}
	return ""
}

// clean is a text on one line, of bounded length.
func clean(text string, most int) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	return strings.TrimSpace(string(canon.Cut([]byte(text), most)))
}

// isPlaceholder reports whether a title is what programs put where nobody gave one.
func isPlaceholder(title string) bool {
	switch t := strings.ToLower(title); {
	case t == "untitled", t == "untitled document", t == "document", t == "document1", t == "title", t == "(anonymous)", t == "powerpoint presentation",
		t == "presentation", t == "slide 1", t == "sheet1", t == "microsoft word":
		return true
	case strings.HasPrefix(t, "microsoft word - ") && strings.TrimPrefix(t, "microsoft word - document") != t:
		return true
	}
	return false
}
