// Package strictyaml reads a YAML file into a struct and tells every mistake in
// it at once: with line and column, an excerpt that hides secrets, and the key
// that was probably meant. Unknown keys, keys that come twice, values of the
// wrong kind and unset variables are mistakes; nothing is guessed.
//
// The struct's tags say which keys there are (yaml), what they may hold (least,
// most, below, oneof, by) and which variables set them (env); see Field. Values
// are int, float64, bool, string, Duration, Size, Secret, lists of strings or
// secrets, mappings of strings or of lists of them, structs, and lists of structs. A text may hold
// ${NAME}, which is replaced after parsing, so that a variable cannot add keys.
//
// Start with NewDecoder. Decode parses the file (parse.go) and lays its nodes
// over the struct (walk.go, leaf.go, scalar.go, expand.go). Then the caller
// sets what did not come from the file (Override), judges the result
// (Complain), and asks how it went (Finish).
package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/fairleadhq/fairlead/internal/config/excerpt"
)

// ShortestSought is the length in bytes from which a secret is hidden wherever
// it turns up, and not only where it stands.
const ShortestSought = excerpt.ShortestSought

// maxProblems bounds how many problems are told: nobody reads more, and a large
// file may be wrong in every line.
const maxProblems = 200

// Options are what the struct's tags do not say.
type Options struct {
	// Name names the file in messages.
	Name string
	// Env are the variables that ${NAME} may name.
	Env map[string]string
	// Words may be shown of a file that is not YAML, beside its keys.
	Words []string
	// Begin, unless nil, completes a new entry of a list or a mapping whose
	// entries are structs, before the file is laid over it. The entry is a pointer
	// to the struct, with its name set if it has one; key is where it stands.
	Begin func(key string, entry any)
}

// Decoder lays values over one struct, the file's first, and gathers what is
// wrong with them. It is for one goroutine at a time.
type Decoder struct {
	// Origins tells where the values came from so far. The caller adds those
	// that it sets itself.
	Origins Origins

	options  Options
	root     reflect.Value // the struct
	src      *excerpt.Text
	at       map[string]*yaml.Node // where keys of the file stand
	problems Errors
	untold   int // problems found after maxProblems
	warnings []string
	aliases  int // seen so far
}

// NewDecoder returns a decoder for the struct that into points to, which holds
// the defaults.
func NewDecoder(into any, options Options) *Decoder {
	options.Name = shownPath(options.Name)
	d := &Decoder{
		Origins: Origins{},
		options: options,
		root:    reflect.ValueOf(into).Elem(),
		at:      map[string]*yaml.Node{},
	}
	d.src = excerpt.New("", d.words())
	return d
}

// shownPath spells the file's name so that it cannot garble a message.
func shownPath(path string) string {
	if plainText(path) != "" {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// words are what a file may hold anywhere without giving anything away.
func (d *Decoder) words() map[string]bool {
	known := map[string]bool{}
	for _, shape := range Shapes(d.root.Type(), "") {
		known[shape[strings.LastIndex(shape, ".")+1:]] = true
	}
	for _, word := range d.options.Words {
		known[word] = true
	}
	return known
}

// Decode lays the file over the struct. It reports whether the file could be
// read as one YAML document; if not, judging the values would tell of mistakes
// that nobody made.
func (d *Decoder) Decode(data []byte) (readable bool) {
	tree := d.parse(data)
	readable = len(d.problems) == 0
	if tree != nil {
		d.mapping(tree, path{}, d.root)
	}
	return readable
}

// Override sets a leaf of the struct to a text that did not come from the file.
// A secret is hidden from then on; a list of strings is separated by commas.
func (d *Decoder) Override(to Leaf, text string, origin Origin) {
	if isSecret(to.Value) {
		d.Hide(text)
	}
	if complaint := assign(to.Value, text, to.Field); complaint != "" {
		d.Add(Problem{
			File: origin.String(), Key: to.Key,
			Message:    describe(text, to.Value) + " " + complaint,
			Suggestion: DidYouMean(text, to.OneOf),
		})
		return
	}
	d.Origins[to.Key] = origin
}

// Hide keeps a secret out of everything that is said, unless it is shorter than
// ShortestSought.
func (d *Decoder) Hide(secret string) { d.src.Filter(secret) }

// HideAt keeps the file's value of key, if it has one, out of everything that
// is said.
func (d *Decoder) HideAt(key string) {
	if n, ok := d.at[key]; ok {
		d.src.Conceal(n)
	}
}

// tell notes a problem of the node n.
func (d *Decoder) tell(n *yaml.Node, p path, message, suggestion string) {
	d.tellAt(position{n.Line, n.Column}, p.key, message, suggestion)
}

// tellAt notes a problem at a position of the file.
func (d *Decoder) tellAt(at position, key, message, suggestion string) {
	d.Add(Problem{
		File: d.options.Name, Line: at.line, Column: at.column,
		Key: key, Message: message, Suggestion: suggestion,
	})
}

// Add notes a problem.
func (d *Decoder) Add(p Problem) {
	if len(d.problems) >= maxProblems {
		d.untold++
		return
	}
	d.problems = append(d.problems, p)
}

// Complain notes a problem of the effective value of key, wherever it came
// from. What is already known to be wrong is not told again.
func (d *Decoder) Complain(key, message, suggestion string) {
	if d.problems.anyUnder(key) || d.problems.anyAbove(key) {
		return
	}
	d.Add(d.Placed(Problem{Key: key, Message: message, Suggestion: suggestion}))
}

// Wrong reports whether a problem was found at key or below it.
func (d *Decoder) Wrong(key string) bool { return d.problems.anyUnder(key) }

// Placed finds where the value of the problem's key came from: for a default,
// the nearest key above it in the file.
func (d *Decoder) Placed(p Problem) Problem {
	for key := p.Key; key != ""; key = parent(key) {
		switch origin := d.Origins[key]; origin.Source {
		case Environment, Flag:
			p.File = origin.String()
			return p
		case File, Default:
		}
		if n, ok := d.at[key]; ok {
			p.File, p.Line, p.Column = d.options.Name, n.Line, n.Column
			return p
		}
	}
	return p
}

// Quote quotes the effective value of key for a message. What came out of a
// variable by ${NAME} is shown as the file has it.
func (d *Decoder) Quote(key, value string) string {
	n, inFile := d.at[key]
	if inFile && n.Alias != nil {
		n = n.Alias
	}
	if inFile && d.Origins[key].Source == File && strings.Contains(n.Value, "${") {
		value = n.Value
	}
	return strconv.Quote(value)
}

// parent cuts the last part off a dotted key.
func parent(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}

// Warn notes a sentence about a value that may be used all the same.
func (d *Decoder) Warn(sentence string) { d.warnings = append(d.warnings, sentence) }

// Finish returns the warnings if nothing is wrong, and else everything that is,
// as Errors. Neither holds a secret.
func (d *Decoder) Finish() (warnings []string, err error) {
	if len(d.problems) > 0 {
		return nil, d.errors()
	}
	for i, warning := range d.warnings {
		d.warnings[i] = d.src.Censor(warning)
	}
	return d.warnings, nil
}

// errors draws the excerpts, now that every secret is known, and removes
// secrets from all that is said.
func (d *Decoder) errors() Errors {
	for i := range d.problems {
		p := &d.problems[i]
		p.Key, p.Message, p.Suggestion = d.src.Censor(p.Key), d.src.Censor(p.Message), d.src.Censor(p.Suggestion)
		if p.Line > 0 {
			p.Excerpt = d.src.At(p.Line, p.Column)
		}
	}
	all := d.problems.sorted()
	if d.untold > 0 {
		all = append(all, Problem{Message: fmt.Sprintf("and %d more problems", d.untold)})
	}
	return all
}
