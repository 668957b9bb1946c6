package pdf

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/extract"
)

const (
	// longestHeading is the most bytes of one.
	longestHeading = 160
	// larger is how much larger a heading's letters are than the text's.
	larger = 1.15
	// apart is how much farther below the line before it the first line of a paragraph
	// stands than lines do mostly.
	apart = 1.3
)

// layout makes blocks of lines, page after page.
type layout struct {
	// names is the outline, by pages; nil if there is none.
	names map[int][]name
	emit  extract.Emit
	// sizes counts letters by the height of their line, in quarters of a point, over the
	// pages so far.
	sizes map[int]int
	bolds int
	all   int
	// paragraph is what is being gathered.
	paragraph []line
}

// page emits the blocks of a page's lines.
func (l *layout) page(n int, lines []line) error {
	lines = onOneLine(lines)
	l.learn(lines)
	text, step := l.textHeight(), usualStep(lines)
	names := slices.Clone(l.names[n])
	for i := 0; i < len(lines); {
		if level, used := l.heading(lines[i:], &names, text); used > 0 {
			if err := l.headed(level, lines[i:i+used]); err != nil {
				return err
			}
			i += used
			continue
		}
		if t, used := tableAt(lines[i:]); used > 0 {
			if err := l.flush(); err != nil {
				return err
			}
			if err := l.emit(t); err != nil {
				return err
			}
			i += used
			continue
		}
		if len(l.paragraph) > 0 && parted(l.paragraph[len(l.paragraph)-1], lines[i], step) {
			if err := l.flush(); err != nil {
				return err
			}
		}
		l.paragraph = append(l.paragraph, lines[i])
		i++
	}
	return l.flush() // a page ends its paragraph: what follows may be a page's foot
}

// onOneLine puts together what stands beside each other: PDFium breaks lines between
// pieces of a letter or two.
func onOneLine(lines []line) []line {
	out := lines[:0]
	for _, l := range lines {
		if len(out) == 0 || !beside(out[len(out)-1], l) {
			out = append(out, l)
			continue
		}
		last := &out[len(out)-1]
		if l.box.left-last.box.right > wideGap*max(last.box.height(), 1) {
			last.cells = append(last.cells, l.cells...)
		} else {
			end := &last.cells[len(last.cells)-1]
			end.text += " " + l.cells[0].text
			end.right = l.cells[0].right
			last.cells = append(last.cells, l.cells[1:]...)
		}
		last.text += " " + l.text
		last.box.right = l.box.right
		last.bold = last.bold && l.bold && len(last.cells) == 1
	}
	return out
}

// beside reports whether b stands to the right of a, on the same line.
func beside(a, b line) bool {
	return len(a.cells) > 0 && len(b.cells) > 0 && b.box.left >= a.box.right-1 &&
		math.Abs(a.box.bottom-b.box.bottom) < 0.2*a.box.height() && math.Abs(a.box.top-b.box.top) < 0.2*a.box.height() &&
		!strings.ContainsAny(a.text[max(0, len(a.text)-3):], hyphens)
}

func (l *layout) headed(level int, lines []line) error {
	if err := l.flush(); err != nil {
		return err
	}
	text := joined(lines)
	return l.emit(extract.Block{Kind: extract.Heading, Level: level, Text: strings.ReplaceAll(text, "\n", " ")})
}

// flush emits the paragraph that was gathered.
func (l *layout) flush() error {
	if len(l.paragraph) == 0 {
		return nil
	}
	text := joined(l.paragraph)
	l.paragraph = l.paragraph[:0]
	return l.emit(extract.Block{Kind: extract.Paragraph, Text: text})
}

// joined puts lines together, and words that were parted at their ends.
func joined(lines []line) string {
	var b strings.Builder
	for i, l := range lines {
		text := strings.TrimRight(l.text, hyphens)
		b.WriteString(strings.Map(visible, text))
		if i+1 < len(lines) && len(text) == len(l.text) {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// visible takes out hyphens that PDFium leaves in the middle of lines.
func visible(r rune) rune {
	if strings.ContainsRune(hyphens, r) {
		return -1
	}
	return r
}

// learn counts the sizes of lines.
func (l *layout) learn(lines []line) {
	if l.sizes == nil {
		l.sizes = map[int]int{}
	}
	for i := range lines {
		n := len(lines[i].text)
		l.sizes[quarters(lines[i].box.height())] += n
		l.all += n
		if lines[i].bold {
			l.bolds += n
		}
	}
}

func quarters(height float64) int { return int(min(max(4*height+0.5, 0), 4000)) }

// textHeight is the height of most lines, in points.
func (l *layout) textHeight() float64 {
	size, most := 0, 0
	for s, n := range l.sizes {
		if n > most || n == most && s < size {
			size, most = s, n
		}
	}
	return float64(size) / 4
}

// usualStep is how far below the line before it a line of the page stands, mostly.
func usualStep(lines []line) float64 {
	var steps []float64
	for i := 1; i < len(lines); i++ {
		if step := lines[i-1].box.bottom - lines[i].box.bottom; step > 1 {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return 0
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// parted reports whether a paragraph ends between two lines.
func parted(before, after line, step float64) bool {
	if step == 0 || before.box == (box{}) || after.box == (box{}) {
		return false
	}
	down := before.box.bottom - after.box.bottom
	if down > apart*step {
		return true
	}
	if down < -step { // the next column, or beside
		return endsSentence(before.text) || !alike(before, after)
	}
	return !alike(before, after)
}

func alike(a, b line) bool {
	return max(a.box.height(), b.box.height()) < larger*min(a.box.height(), b.box.height())
}

func endsSentence(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, "\"”’)»"))
	return strings.ContainsRune(".:;!?。！？．؟۔", last)
}

// heading reports whether lines begin with a heading: its level, and of how many lines it
// is, 0 if there is none.
func (l *layout) heading(lines []line, names *[]name, text float64) (level, used int) {
	if len(lines[0].text) > longestHeading || len(lines[0].cells) > 3 {
		return 0, 0
	}
	if l.names != nil {
		return named(lines, names)
	}
	first := lines[0]
	ratio := first.box.height() / max(text, 1)
	switch {
	case letters(first.text) < 2 || len(first.cells) > 1 || text == 0:
		return 0, 0
	case ratio >= larger:
		level = 3
		if ratio >= 1.35 {
			level = 2
		}
		if ratio >= 1.7 {
			level = 1
		}
		used = 1
		for used < min(len(lines), 3) && alike(lines[used], first) && len(lines[used].text) <= longestHeading && near(lines[used-1], lines[used]) {
			used++
		}
		if used < len(lines) && alike(lines[used], first) && near(lines[used-1], lines[used]) {
			return 0, 0 // it goes on: no heading, but text in large letters
		}
		return level, used
	case first.bold && 3*l.bolds < l.all && ratio > 1/larger && !endsSentence(first.text):
		if len(lines) > 1 && lines[1].bold && near(first, lines[1]) {
			return 0, 0
		}
		return 4, 1
	}
	return 0, 0
}

// near reports whether b stands below a as the next line of the same text does.
func near(a, b line) bool {
	down := a.box.bottom - b.box.bottom
	return down > 0 && down < 1.6*a.box.height()
}

// named looks lines up in the outline's names of their page, and takes out what it finds.
func named(lines []line, names *[]name) (level, used int) {
	key := keyOf(lines[0].text)
	if key == "" {
		return 0, 0
	}
	first := len(key)
	for used = 1; used <= min(len(lines), 3); used++ {
		if used > 1 {
			key += keyOf(lines[used-1].text)
		}
		for i, n := range *names {
			// A heading may have a number that its name in the outline has not.
			at := strings.LastIndex(key, n.key)
			if at >= 0 && at < first && at <= longestNumber && at+len(n.key) == len(key) {
				*names = slices.Delete(*names, i, i+1)
				return n.level, used
			}
		}
	}
	return 0, 0
}

// longestNumber is the most bytes of what stands before a heading's name, as in "Chapter 3".
const longestNumber = 12

// keyOf is a text's letters and digits, in lower case.
func keyOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// letters counts a text's letters.
func letters(text string) (n int) {
	for _, r := range text {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}
