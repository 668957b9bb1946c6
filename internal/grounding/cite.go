package grounding

import (
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Mark is where an answer names a source: bytes [Start, End) of its text.
type Mark struct {
	Source     int // from 1
	Start, End int
}

// Marks finds the numbers of sources in an answer: [1], [2, 3], and 【1】, which some
// models prefer. Numbers of which there is no source are left out.
func (s *Sources) Marks(text string) []Mark {
	var found []Mark
	for at := 0; at < len(text); at++ {
		open := opening(text[at:])
		if open == 0 {
			continue
		}
		numbers, n := numbersIn(text[at+open:])
		for _, number := range numbers {
			if number >= 1 && number <= len(s.Passages) {
				found = append(found, Mark{Source: number, Start: at, End: at + open + n})
			}
		}
	}
	return found
}

// opening is the length of the bracket that text begins with; 0 if it does not.
func opening(text string) int {
	const wide = "【"
	switch {
	case text[0] == '[':
		return 1
	case len(text) >= len(wide) && text[:len(wide)] == wide:
		return len(wide)
	}
	return 0
}

// numbersIn reads numbers up to the closing bracket, n bytes in all; none if there is
// anything else.
func numbersIn(text string) (numbers []int, n int) {
	const wide, mostDigits = "】", 3
	digits := 0
	for n < len(text) {
		c := text[n]
		switch {
		case c >= '0' && c <= '9' && digits < mostDigits:
			digits++
		case (c == ',' || c == ' ') && digits > 0, c == ' ' && digits == 0:
			numbers, digits = add(numbers, text[n-digits:n]), 0
		case c == ']' && (digits > 0 || len(numbers) > 0):
			return add(numbers, text[n-digits:n]), n + 1
		case n+len(wide) <= len(text) && text[n:n+len(wide)] == wide && (digits > 0 || len(numbers) > 0):
			return add(numbers, text[n-digits:n]), n + len(wide)
		default:
			return nil, 0
		}
		n++
	}
	return nil, 0
}

func add(numbers []int, digits string) []int {
	if n, err := strconv.Atoi(digits); err == nil {
		return append(numbers, n)
	}
	return numbers
}

// Cited returns the numbers of the sources that text names, each once, in their order
// there.
func (s *Sources) Cited(text string) []int {
	var cited []int
	seen := make(map[int]bool)
	for _, m := range s.Marks(text) {
		if !seen[m.Source] {
			seen[m.Source] = true
			cited = append(cited, m.Source)
		}
	}
	return cited
}

// Citations is the JSON array of the sources that text names: each with its number, where
// it stands and its words, which are those of the document.
func (s *Sources) Citations(text string) []byte {
	w := rawjson.NewWriter(1 << 10) //nolint:mnd // about that much
	w.Open('[')
	for _, number := range s.Cited(text) {
		p := &s.Passages[number-1]
		w.Raw(citation(number, p))
	}
	w.Close(']')
	return w.Bytes()
}

func citation(number int, p *fairlead.Passage) []byte {
	w := rawjson.NewWriter(len(p.Text) + 256) //nolint:mnd // the members' names
	w.Open('{')
	w.IntMember("source", number)
	w.TextMember("document_id", string(p.Document))
	w.TextMember("name", p.Name)
	w.IntMember("page", p.Page)
	w.TextMember("section", p.Section)
	w.IntMember("start", int(p.Start))
	w.IntMember("end", int(p.End))
	w.TextMember("quote", p.Text)
	w.Close('}')
	return w.Bytes()
}

// Watch returns an emit for a stream of chat chunks: before its end it puts a chunk with
// the citations, which has no choices. What else comes passes as it is.
func (s *Sources) Watch(emit fairlead.Emit) fairlead.Emit {
	watch := &watch{sources: s, emit: emit}
	return watch.event
}

type watch struct {
	sources *Sources
	emit    fairlead.Emit
	text    []byte // of the answer so far
	told    bool
}

// maxWatched is how much of an answer is looked at for the numbers of sources.
const maxWatched = 1 << 20

func (w *watch) event(e fairlead.Event) error {
	if e.Data == nil || w.told {
		return w.emit(e)
	}
	out := make([]byte, 0, len(e.Data))
	for frame := range sse.Frames(e.Data) {
		data := sse.Data(frame, nil)
		if string(data) == "[DONE]" {
			out, w.told = sse.AppendData(out, w.chunk()), true
		} else if len(w.text) < maxWatched {
			w.read(data)
		}
		out = append(out, frame...)
	}
	return w.emit(fairlead.Event{Data: out})
}

// read keeps the text of a chunk's first choice.
func (w *watch) read(data []byte) {
	chunk, err := rawjson.ReadObject(data)
	if err != nil {
		return
	}
	choices, err := rawjson.ReadArray(chunk.Get("choices"))
	if err != nil || len(choices) == 0 {
		return
	}
	first, err := rawjson.ReadObject(choices[0])
	if err != nil {
		return
	}
	if delta, err := rawjson.ReadObject(first.Get("delta")); err == nil {
		w.text = append(w.text, delta.Get("content").Text()...)
	}
}

// chunk is the one that tells the citations.
func (w *watch) chunk() []byte {
	out := rawjson.NewWriter(1 << 10) //nolint:mnd // about that much
	out.Open('{')
	out.TextMember("object", "chat.completion.chunk")
	out.Member("choices", []byte("[]"))
	out.Member("citations", w.sources.Citations(string(w.text)))
	out.Close('}')
	return out.Bytes()
}
