// Package quote finds the place in a document of what somebody says to have read
// there. A language model gives a quote nearly as it stands: with other white space,
// quotation marks, hyphens or case, or with words left out. What comes out here is the
// document's own bytes, or nothing.
//
// The idea: text and quote are folded alike, so that what does not matter is gone, and
// the folded quote is looked for byte by byte. Words and figures are never changed: a
// quote with another word or another figure is not found, and a figure is never found
// inside a longer one.
//
// Start with New, then Text.Find.
package quote

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
)

const (
	// MaxBytes is the most that a citation quotes. A longer quote must be found as a
	// whole and is then cut between two words.
	MaxBytes = 1200
	// maxAsked is the most of a quote that is looked for.
	maxAsked = 8 << 10
	// minLetters is the least that a quote without a figure must have.
	minLetters = 12
	// minLettersOfFigure and minFigure are the least letters of one with a figure, and
	// the least of both: a number alone proves nothing.
	minLettersOfFigure, minFigure = 3, 6
	// maxPlaces is how many places of the same words are looked at.
	maxPlaces = 64
	// maxWord is the most letters that are taken in to make a word whole.
	maxWord = 40
	// stride is how many folded bytes lie between two marks.
	stride = 256
)

// Text is a stretch of a document's canonical text in which quotes are looked for. It
// is immutable. It holds the text about twice.
type Text struct {
	document fairlead.DocumentID
	pages    []fairlead.Page
	base     int64
	text     string
	folded   string
	// marks are in order, and at least stride folded bytes apart.
	marks []mark
}

// New prepares text, which is the document's canonical text from byte base on. pages
// are the document's, in order.
func New(document fairlead.DocumentID, pages []fairlead.Page, base int64, text string) *Text {
	t := &Text{document: document, pages: pages, base: base, text: text}
	out := make([]byte, 0, len(text))
	f, room := folder{text: text}, [utf8.UTFMax]byte{}
	for {
		letters, start, ok := f.step(&room)
		if !ok {
			break
		}
		if n := len(t.marks); len(letters) > 0 && (n == 0 || len(out) >= t.marks[n-1].folded+stride) {
			t.marks = append(t.marks, mark{folded: len(out), text: start})
		}
		out = append(out, letters...)
	}
	t.folded = string(out)
	return t
}

// mark says where in the text a folded byte comes from, which begins a character.
type mark struct{ folded, text int }

// place is bytes [start, end) of a Text's text.
type place struct{ start, end int }

// Find returns the place of a quote. Of several it is one on the page, if page is not
// 0, else the one next to it, else the first. ok is false where the text does not have
// the quote, or the quote is too short to prove anything.
//
// Where words were left out ("…"), all parts must be there, one behind the other. The
// citation runs from the first to the last if that is not more than MaxBytes, else it is
// the longest part alone.
func (t *Text) Find(quote string, page int) (c fairlead.Citation, ok bool) {
	if len(quote) > maxAsked {
		quote = strings.ToValidUTF8(quote[:maxAsked], "")
	}
	asked := parts(quote)
	if trivial(strings.Join(asked, "")) {
		return c, false
	}
	if at, found := t.choose(t.sequences(asked), page); found {
		return t.cite(at), true
	}
	if len(asked) < 2 || !t.inOrder(asked) {
		return c, false
	}
	longest := asked[0]
	for _, part := range asked[1:] {
		if len(part) > len(longest) {
			longest = part
		}
	}
	if trivial(longest) {
		return c, false
	}
	at, found := t.choose(t.sequences([]string{longest}), page)
	if !found {
		return c, false
	}
	return t.cite(at), true
}

// inOrder reports whether the parts follow one another, however far apart.
func (t *Text) inOrder(asked []string) bool {
	from := 0
	for _, part := range asked {
		_, next, ok := t.after(part, from)
		if !ok {
			return false
		}
		from = next
	}
	return true
}

// sequences finds where the parts follow one another.
func (t *Text) sequences(asked []string) []place {
	var found []place
	from := 0
	for range maxPlaces {
		first, next, ok := t.after(asked[0], from)
		if !ok {
			return found
		}
		from = next
		whole, complete := first, true
		for _, part := range asked[1:] {
			var at place
			if at, next, ok = t.after(part, next); !ok {
				return found // what is not behind here is not behind a later place
			}
			whole.end = at.end
			complete = whole.end-whole.start <= MaxBytes
			if !complete {
				break
			}
		}
		if complete {
			found = append(found, whole)
		}
	}
	return found
}

// after finds the first place of a folded part from folded byte from on. next is where
// to go on.
func (t *Text) after(part string, from int) (at place, next int, ok bool) {
	for {
		i := strings.Index(t.folded[from:], part)
		if i < 0 {
			return at, 0, false
		}
		i += from
		at = place{t.origin(i).start, t.origin(i + len(part) - 1).end}
		if wide, whole := t.widen(at); whole {
			return wide, i + len(part), true
		}
		_, size := utf8.DecodeRuneInString(t.folded[i:])
		from = i + size
	}
}

// origin is the character of the text that folded byte i comes from.
func (t *Text) origin(i int) place {
	m := t.marks[sort.Search(len(t.marks), func(n int) bool { return t.marks[n].folded > i })-1]
	f, room := folder{text: t.text, next: m.text}, [utf8.UTFMax]byte{}
	for count := m.folded; ; {
		letters, start, _ := f.step(&room)
		if count += len(letters); count > i {
			return place{start, f.next}
		}
	}
}

// widen takes in the rest of a word that begins or ends the place, and what belongs to
// a figure that does. whole is false where the place cuts through a figure.
func (t *Text) widen(at place) (wide place, whole bool) {
	first, _ := utf8.DecodeRuneInString(t.text[at.start:])
	last, _ := utf8.DecodeLastRuneInString(t.text[:at.end])
	switch {
	case unicode.IsDigit(first):
		if t.figureBefore(at.start) {
			return at, false
		}
	case unicode.IsLetter(first) && !dense(first):
		at.start = t.wordStart(at.start)
	}
	switch {
	case unicode.IsDigit(last):
		if t.figureBehind(at.end) {
			return at, false
		}
	case unicode.IsLetter(last) && !dense(last):
		at.end = t.wordEnd(at.end)
	}
	return t.affixes(at), true
}

// figureBefore reports whether the digit at i goes on with a figure.
func (t *Text) figureBefore(i int) bool {
	r, size := utf8.DecodeLastRuneInString(t.text[:i])
	if r == '.' || r == ',' {
		r, _ = utf8.DecodeLastRuneInString(t.text[:i-size])
	}
	return unicode.IsDigit(r)
}

// figureBehind reports whether a figure goes on at i.
func (t *Text) figureBehind(i int) bool {
	r, size := utf8.DecodeRuneInString(t.text[i:])
	if r == '.' || r == ',' {
		r, _ = utf8.DecodeRuneInString(t.text[i+size:])
	}
	return unicode.IsDigit(r)
}

func (t *Text) wordStart(i int) int {
	for from := i; ; {
		r, size := utf8.DecodeLastRuneInString(t.text[:i])
		if !unicode.IsLetter(r) || dense(r) {
			return i
		}
		if i -= size; from-i > maxWord {
			return from
		}
	}
}

func (t *Text) wordEnd(i int) int {
	for from := i; ; {
		r, size := utf8.DecodeRuneInString(t.text[i:])
		if !unicode.IsLetter(r) || dense(r) {
			return i
		}
		if i += size; i-from > maxWord {
			return from
		}
	}
}

// affixes takes in the sign, the currency, the parentheses and the percent sign of a
// figure at either end.
func (t *Text) affixes(at place) place {
	if r, _ := utf8.DecodeRuneInString(t.text[at.start:]); unicode.IsDigit(r) {
		for {
			r, size := utf8.DecodeLastRuneInString(t.text[:at.start])
			if !strings.ContainsRune("(-−$€£¥", r) {
				break
			}
			at.start -= size
		}
	}
	if r, _ := utf8.DecodeLastRuneInString(t.text[:at.end]); unicode.IsDigit(r) {
		for {
			r, size := utf8.DecodeRuneInString(t.text[at.end:])
			if !strings.ContainsRune(")%€£¥", r) {
				break
			}
			at.end += size
		}
	}
	return at
}

// choose picks the place on the page, or next to it.
func (t *Text) choose(all []place, page int) (best place, ok bool) {
	far := 0
	for i, at := range all {
		distance := 0
		if page > 0 {
			distance = t.pageAt(t.base+int64(at.start)) - page
			distance = max(distance, -distance)
		}
		if i == 0 || distance < far {
			best, far = at, distance
		}
	}
	return best, len(all) > 0
}

// cite makes a citation of a place, cut to MaxBytes.
func (t *Text) cite(at place) fairlead.Citation {
	at.end = t.cut(at)
	start := t.base + int64(at.start)
	return fairlead.Citation{
		Document: t.document, Page: t.pageAt(start), Start: start, End: t.base + int64(at.end), Quote: t.text[at.start:at.end],
	}
}

// cut is where a place ends that is no longer than MaxBytes: behind a word, or at least
// behind a character.
func (t *Text) cut(at place) int {
	if at.end-at.start <= MaxBytes {
		return at.end
	}
	piece := t.text[at.start : at.start+MaxBytes]
	if i := strings.LastIndexAny(piece, " \n\t"); i > MaxBytes/2 {
		return at.start + len(strings.TrimRight(piece[:i], " \n\t"))
	}
	end := at.start + MaxBytes
	for end > at.start+1 && !utf8.RuneStart(t.text[end]) {
		end--
	}
	return end
}

// pageAt is the number of the page on which a byte of the document stands; 1 where
// there are no pages.
func (t *Text) pageAt(offset int64) int { return PageAt(t.pages, offset) }

// PageAt is the number of the page on which a byte of a document's canonical text
// stands. Between two pages it is the one before, and 1 where there are none.
func PageAt(pages []fairlead.Page, offset int64) int {
	i := sort.Search(len(pages), func(n int) bool { return pages[n].Start > offset })
	if i == 0 {
		return 1
	}
	return pages[i-1].Number
}
