// Package excerpt shows lines of a configuration file to people without
// showing the secrets in them. A secret is hidden where it stands, and
// wherever else its value turns up. Of a file that could not be parsed, so
// that nobody knows where values are, everything is hidden but known words.
//
// Start with New: the reader of the file notes where its nodes are (Index) and
// which of them to hide (Conceal, ConcealSuspects, Filter), and draws excerpts
// (At) when it knows all of them.
package excerpt

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

// Text is the text of a file, with what must not be shown of it. It is for one
// goroutine at a time.
type Text struct {
	lines [][]rune
	// known are the words that may be shown of a file that is not parsed.
	known map[string]bool
	// starts are where the tree's nodes begin, in the order of the file.
	starts []position
	// spans are the columns to hide, by line; both count from 0 here.
	spans map[int][]span
	// secrets are values to hide wherever they turn up.
	secrets []string
	// unparsed says that there is no tree to tell where values are: then
	// everything is hidden but known words.
	unparsed bool
}

// position is a place in the file; both count from 1.
type position struct{ line, column int }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// span is a half-open range of columns of a line.
type span struct{ from, to int }

// ShortestSought is the length in bytes from which a secret is sought in every
// text; shorter ones would be found inside ordinary words.
const ShortestSought = 8

// New cuts text into lines. The text has no other line ends than \n and \r\n.
// The known words may be shown even when the text turns out not to be YAML.
func New(text string, known map[string]bool) *Text {
	t := &Text{known: known, spans: map[int][]span{}}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		t.lines = append(t.lines, []rune(line))
	}
	return t
}

// Unparsed says that there is no tree to tell where values are.
func (t *Text) Unparsed() { t.unparsed = true }

// Line is a line as it is written, counted from 1; "" when there is no such
// line. It may hold secrets.
func (t *Text) Line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	return string(t.lines[n-1])
}

// Index notes where the nodes of the tree begin.
func (t *Text) Index(n *yaml.Node) {
	t.starts = append(t.starts, position{n.Line, n.Column})
	for _, child := range n.Content {
		t.Index(child)
	}
}

// Conceal hides every scalar at or under n, and its value elsewhere.
func (t *Text) Conceal(n *yaml.Node) {
	eachScalar(n, map[*yaml.Node]bool{}, func(n *yaml.Node) {
		t.hide(n)
		t.Filter(n.Value)
	})
}

// ConcealSuspects hides what may be a secret that was put in the wrong place:
// every scalar at or under n that is neither a short number nor a plain word.
func (t *Text) ConcealSuspects(n *yaml.Node) {
	harmless := regexp.MustCompile(`^([0-9.]{1,7}[A-Za-z]{0,3}|[a-z_]{0,24})$`)
	eachScalar(n, map[*yaml.Node]bool{}, func(n *yaml.Node) {
		if !harmless.MatchString(n.Value) {
			t.hide(n)
		}
	})
}

// eachScalar visits the scalars at or under n, and what aliases there mean.
func eachScalar(n *yaml.Node, seen map[*yaml.Node]bool, visit func(*yaml.Node)) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if n.Kind == yaml.ScalarNode {
		visit(n)
	}
	eachScalar(n.Alias, seen, visit)
	for _, child := range n.Content {
		eachScalar(child, seen, visit)
	}
}

// Filter hides value wherever it turns up.
func (t *Text) Filter(value string) {
	if len(value) >= ShortestSought && !strings.Contains(value, "${") {
		t.secrets = append(t.secrets, value)
	}
}

// hide hides the source text of a scalar: exactly, when it is plain to see
// where it ends, else all up to where the next node begins.
func (t *Text) hide(n *yaml.Node) {
	line, column := n.Line-1, n.Column-1
	if line < 0 || line >= len(t.lines) || column < 0 || column > len(t.lines[line]) {
		return
	}
	if length := inLine(string(t.lines[line][column:]), n); length > 0 {
		t.spans[line] = append(t.spans[line], span{column, column + length})
		return
	}
	end := position{len(t.lines) + 1, 1}
	next, _ := slices.BinarySearchFunc(t.starts, position{n.Line, n.Column + 1}, position.compare)
	if next < len(t.starts) {
		end = t.starts[next]
	}
	for ; line < min(end.line, len(t.lines)); line++ {
		to := len(t.lines[line])
		if line == end.line-1 {
			to = min(to, end.column-1)
		}
		for column < to && unicode.IsSpace(t.lines[line][column]) {
			column++
		}
		if column < to {
			t.spans[line] = append(t.spans[line], span{column, to})
		}
		column = 0
	}
}

// inLine returns the length in characters of the scalar n that text begins
// with, 0 if it does not end in text.
func inLine(text string, n *yaml.Node) int {
	var found string
	switch {
	case n.Style == 0 && n.Value != "" && strings.HasPrefix(text, n.Value):
		found = n.Value
	case n.Style == yaml.DoubleQuotedStyle:
		found = regexp.MustCompile(`^"(\\.|[^"\\])*"`).FindString(text)
	case n.Style == yaml.SingleQuotedStyle:
		found = regexp.MustCompile(`^'(''|[^'])*'`).FindString(text)
	}
	return len([]rune(found))
}

// At renders a line with a caret under the column, both counted from 1; "" when
// there is no such line. What the text was told to hide is ***.
func (t *Text) At(line, column int) string {
	at := position{line, column}
	if at.line < 1 || at.line > len(t.lines) {
		return ""
	}
	shown, caretAt := mask(t.lines[at.line-1], t.hidden(at.line-1), at.column-1)
	const widest, lead = 120, 60 // characters of a long line
	if len(shown) > widest {
		from := max(0, min(caretAt-lead, len(shown)-widest))
		shown, caretAt = shown[from:from+widest], caretAt-from
	}
	return strings.TrimRight(t.Censor(string(shown)), " ") + "\n" + strings.Repeat(" ", max(caretAt, 0)) + "^"
}

// hidden returns the spans of a line to hide, in order, not overlapping. Where
// a secret stands, a comment after it is hidden too: it may be the last one.
func (t *Text) hidden(line int) []span {
	text := t.lines[line]
	spans := slices.Clone(t.spans[line])
	if t.unparsed {
		spans = append(spans, t.unknownWords(text)...)
	}
	if len(spans) == 0 {
		return nil
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	merged := spans[:1]
	for _, next := range spans[1:] {
		if last := &merged[len(merged)-1]; next.from <= last.to {
			last.to = max(last.to, next.to)
			continue
		}
		merged = append(merged, next)
	}
	rest := merged[len(merged)-1].to
	if comment := strings.Index(string(text[rest:]), " #"); comment >= 0 {
		from := rest + len([]rune(string(text[rest:])[:comment])) + 1
		merged = append(merged, span{from, len(text)})
	}
	return merged
}

// mask replaces the spans of line by *** and returns where caret went.
// Characters that are not printable become spaces.
func mask(line []rune, spans []span, caret int) (shown []rune, caretAt int) {
	caretAt = -1
	for i := 0; i < len(line); i++ {
		if i == caret {
			caretAt = len(shown)
		}
		if len(spans) > 0 && i == spans[0].from {
			if caretAt < 0 && caret < spans[0].to && caret >= i {
				caretAt = len(shown)
			}
			shown = append(shown, '*', '*', '*')
			i = spans[0].to - 1
			spans = spans[1:]
			continue
		}
		r := line[i]
		if !unicode.IsPrint(r) {
			r = ' '
		}
		shown = append(shown, r)
	}
	if caretAt < 0 {
		caretAt = len(shown)
	}
	return shown, caretAt
}

// unknownWords finds everything in a line but punctuation and known keys.
func (t *Text) unknownWords(line []rune) []span {
	var spans []span
	for i := 0; i < len(line); {
		if unicode.IsSpace(line[i]) || strings.ContainsRune(`{}[],:"'#`, line[i]) {
			i++
			continue
		}
		start := i
		for i < len(line) && !unicode.IsSpace(line[i]) && !strings.ContainsRune(`{}[],:"'#`, line[i]) {
			i++
		}
		if word := string(line[start:i]); word != "-" && !t.known[word] {
			spans = append(spans, span{start, i})
		}
	}
	return spans
}

// Censor hides the secrets in a text.
func (t *Text) Censor(text string) string {
	// The longest first: one secret may hold another.
	slices.SortFunc(t.secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	t.secrets = slices.Compact(t.secrets)
	for _, secret := range t.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}
