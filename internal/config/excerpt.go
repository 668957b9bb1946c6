package config

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

// source is the text of the file, with what must not be shown of it.
type source struct {
	name  string
	lines [][]rune
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

// shortestFiltered is the length from which a secret is sought in every text;
// shorter ones would be found inside ordinary words.
const shortestFiltered = shortestKey

// newSource cuts text into lines. The text has no other line ends than \n and
// \r\n.
func newSource(name, text string) *source {
	s := &source{name: name, spans: map[int][]span{}}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		s.lines = append(s.lines, []rune(line))
	}
	return s
}

// index notes where the nodes of the tree begin.
func (s *source) index(n *yaml.Node) {
	s.starts = append(s.starts, position{n.Line, n.Column})
	for _, child := range n.Content {
		s.index(child)
	}
}

// conceal hides every scalar at or under n, and its value elsewhere.
func (s *source) conceal(n *yaml.Node) {
	eachScalar(n, map[*yaml.Node]bool{}, func(n *yaml.Node) {
		s.hide(n)
		s.filter(n.Value)
	})
}

// concealSuspects hides what may be a secret that was put in the wrong place:
// every scalar at or under n that is neither a short number nor a plain word.
func (s *source) concealSuspects(n *yaml.Node) {
	harmless := regexp.MustCompile(`^([0-9.]{1,7}[A-Za-z]{0,3}|[a-z_]{0,24})$`)
	eachScalar(n, map[*yaml.Node]bool{}, func(n *yaml.Node) {
		if !harmless.MatchString(n.Value) {
			s.hide(n)
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

// filter hides value wherever it turns up.
func (s *source) filter(value string) {
	if len(value) >= shortestFiltered && !strings.Contains(value, "${") {
		s.secrets = append(s.secrets, value)
	}
}

// hide hides the source text of a scalar: exactly, when it is plain to see
// where it ends, else all up to where the next node begins.
func (s *source) hide(n *yaml.Node) {
	line, column := n.Line-1, n.Column-1
	if line < 0 || line >= len(s.lines) || column < 0 || column > len(s.lines[line]) {
		return
	}
	if length := inLine(string(s.lines[line][column:]), n); length > 0 {
		s.spans[line] = append(s.spans[line], span{column, column + length})
		return
	}
	end := position{len(s.lines) + 1, 1}
	next, _ := slices.BinarySearchFunc(s.starts, position{n.Line, n.Column + 1}, position.compare)
	if next < len(s.starts) {
		end = s.starts[next]
	}
	for ; line < min(end.line, len(s.lines)); line++ {
		to := len(s.lines[line])
		if line == end.line-1 {
			to = min(to, end.column-1)
		}
		for column < to && unicode.IsSpace(s.lines[line][column]) {
			column++
		}
		if column < to {
			s.spans[line] = append(s.spans[line], span{column, to})
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

// excerpt renders the line with a caret under the column, both counted from 1.
func (s *source) excerpt(at position) string {
	if at.line < 1 || at.line > len(s.lines) {
		return ""
	}
	line, caret := s.lines[at.line-1], at.column-1
	shown, caretAt := mask(line, s.hidden(at.line-1), caret)
	const widest, lead = 120, 60 // characters of a long line
	if len(shown) > widest {
		from := max(0, min(caretAt-lead, len(shown)-widest))
		shown, caretAt = shown[from:from+widest], caretAt-from
	}
	return strings.TrimRight(s.censor(string(shown)), " ") + "\n" + strings.Repeat(" ", max(caretAt, 0)) + "^"
}

// hidden returns the spans of a line to hide, in order, not overlapping. Where
// a secret stands, a comment after it is hidden too: it may be the last one.
func (s *source) hidden(line int) []span {
	text := s.lines[line]
	spans := slices.Clone(s.spans[line])
	if s.unparsed {
		spans = append(spans, unknownWords(text)...)
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
func unknownWords(line []rune) []span {
	known := knownWords()
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
		if word := string(line[start:i]); word != "-" && !known[word] {
			spans = append(spans, span{start, i})
		}
	}
	return spans
}

// censor hides the secrets in a text.
func (s *source) censor(text string) string {
	// The longest first: one secret may hold another.
	slices.SortFunc(s.secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	s.secrets = slices.Compact(s.secrets)
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// knownWords are the words that a file may hold anywhere without giving
// anything away.
func knownWords() map[string]bool {
	known := map[string]bool{}
	shapes := append(shapesOf(reflect.TypeFor[Config](), ""), absentShapes()...)
	for _, shape := range shapes {
		known[shape[strings.LastIndex(shape, ".")+1:]] = true
	}
	for _, name := range presetNames() {
		known[name] = true
	}
	return known
}
