package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Item is a finding as a model gave it. Nothing of it is verified but its bounds.
type Item struct {
	Category      string // one of the task's, or ""
	Title, Detail string
	Importance    int     // 1 to 5
	Quotes        []Quote // of an answer to Read
	Sources       []int   // of an answer to Merge
}

// Quote is what a model says to have read.
type Quote struct {
	Page int // 0 if it did not say
	Text string
}

const (
	maxItems   = 24
	maxQuotes  = 5
	maxSources = 24
	maxTitle   = 160  // characters
	maxDetail  = 1600 // characters
	maxQuote   = 4000 // characters
)

// errNoFindings is the error of an answer that is not what was asked for.
var errNoFindings = errors.New("the answer has no list of findings")

// Items reads an answer. It takes the findings that are whole from one that was cut off.
// The error, of an answer that has no list of findings, quotes nothing of it.
func (t *Task) Items(answer string) ([]Item, error) {
	const tries = 8
	for range tries {
		at := strings.IndexAny(answer, "{[")
		if at < 0 {
			break
		}
		answer = answer[at:]
		if list, ok := findList(answer); ok {
			return t.items(list), nil
		}
		answer = answer[1:]
	}
	return nil, errNoFindings
}

// findList reads the list of findings of the JSON value that begins a text. ok is false
// where there is none, or it was cut off before its first element was whole.
func findList(text string) (list []json.RawMessage, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	first, err := d.Token()
	if err != nil {
		return nil, false
	}
	if first == json.Delim('[') {
		list, whole := elements(d)
		isList := len(list) > 0 && bytes.HasPrefix(bytes.TrimSpace(list[0]), []byte("{"))
		return list, isList || whole && len(list) == 0 && strings.TrimSpace(text[d.InputOffset():]) == ""
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		if name != "findings" {
			var skipped json.RawMessage
			if d.Decode(&skipped) != nil {
				return nil, false
			}
			continue
		}
		open, err := d.Token()
		if err != nil || open != json.Delim('[') {
			return nil, err == nil && open == nil // null
		}
		list, whole := elements(d)
		return list, whole || len(list) > 0
	}
	return nil, false
}

// elements reads the elements of an array up to its end, or to where the text is cut off.
func elements(d *json.Decoder) (list []json.RawMessage, whole bool) {
	for d.More() && len(list) < maxItems {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return list, false
		}
		list = append(list, raw)
	}
	_, err := d.Token()
	return list, err == nil
}

// wireItem is a finding in JSON.
type wireItem struct {
	Category   loose    `json:"category"`
	Title      loose    `json:"title"`
	Detail     loose    `json:"detail"`
	Importance loose    `json:"importance"`
	Citations  []quoted `json:"citations"`
	Sources    []loose  `json:"sources"`
}

// loose is a string, or a number or anything else in its place.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		if s = string(raw); s == "null" || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
			s = ""
		}
	}
	*l = loose(s)
	return nil
}

func (l loose) number() int {
	f, err := strconv.ParseFloat(strings.TrimSpace(strings.Trim(string(l), "[]#p. ")), 64)
	if err != nil || math.Abs(f) > 1e9 {
		return 0
	}
	return int(f)
}

// quoted is a citation in JSON: an object, or the quote alone.
type quoted struct {
	Page  loose `json:"page"`
	Quote loose `json:"quote"`
	Text  loose `json:"text"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (q *quoted) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return q.Quote.UnmarshalJSON(raw)
	}
	type plain quoted
	var p plain
	if json.Unmarshal(raw, &p) == nil { // else it has no quote, and is dropped
		*q = quoted(p)
	}
	return nil
}

func (t *Task) items(list []json.RawMessage) []Item {
	items := make([]Item, 0, len(list))
	for _, raw := range list {
		var w wireItem
		if json.Unmarshal(raw, &w) != nil {
			continue
		}
		item := Item{
			Category: string(w.Category), Title: clean(string(w.Title), maxTitle), Detail: clean(string(w.Detail), maxDetail),
			Importance: min(max(w.Importance.number(), 1), 5),
		}
		if !slices.Contains(t.Categories, item.Category) {
			item.Category = ""
		}
		for _, q := range w.Citations[:min(len(w.Citations), maxQuotes)] {
			text := clean(string(q.Quote), maxQuote)
			if text == "" {
				text = clean(string(q.Text), maxQuote)
			}
			item.Quotes = append(item.Quotes, Quote{Page: max(q.Page.number(), 0), Text: text})
		}
		for _, s := range w.Sources[:min(len(w.Sources), maxSources)] {
			item.Sources = append(item.Sources, s.number())
		}
		if item.Title == "" && item.Detail == "" {
			continue
		}
		items = append(items, item)
	}
	return items
}

// clean is a text on one line, without characters that can't be seen, cut between two
// characters.
func clean(text string, most int) string {
	text = strings.ToValidUTF8(text, "")
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u00ad' {
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:most-1])) + "…"
}
