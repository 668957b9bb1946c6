package worker

import (
	"fmt"
	"math"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// receiver takes the frames of a child, which may say anything, and hands on what makes
// sense: parts of one text, within it and within the limits. A nil receiver takes
// nothing.
type receiver struct {
	document *fairlead.Document
	to       fairlead.DocumentSink
	limits   extract.Limits

	text   int64 // bytes so far
	chunks int
	pages  int
}

func (r *receiver) take(kind byte, data []byte) error {
	switch {
	case r == nil:
		return errNonsense
	case kind == frameProgress:
		return r.progress(data)
	case kind == frameContent:
		return r.content(data)
	}
	return errNonsense
}

func (r *receiver) progress(data []byte) error {
	var p progress
	if err := decode(data, &p); err != nil {
		return err
	}
	if p.Pages < 0 || p.PagesDone < 0 || len(p.MediaType) > longestItem {
		return errNonsense
	}
	d := r.document
	if p.MediaType != "" {
		d.MediaType = p.MediaType
	}
	d.Pages, d.PagesDone = p.Pages, p.PagesDone
	if err := r.to.Progress(*d); err != nil {
		return &sinkError{err}
	}
	return nil
}

func (r *receiver) content(data []byte) error {
	part, err := decodeContent(data)
	if err != nil {
		return err
	}
	if part.Offset != r.text {
		return fmt.Errorf("%w: a part of the text is missing", errNonsense)
	}
	r.text += int64(len(part.Text))
	r.chunks += len(part.Chunks)
	r.pages += len(part.Pages)
	if r.text > unfoldedText(r.limits.Text) {
		return &passedError{"text"}
	}
	if r.limits.Pages > 0 && r.pages > r.limits.Pages {
		return &passedError{"pages"}
	}
	if err := r.within(&part); err != nil {
		return err
	}
	if err := r.to.Content(part); err != nil {
		return &sinkError{err}
	}
	return nil
}

// unfoldedText is how long the canonical text may be: what stands between its blocks and
// cells is not counted as text.
func unfoldedText(most int64) int64 {
	if most <= 0 || most > math.MaxInt64/2 {
		return math.MaxInt64
	}
	return 2*most + 4096
}

// within checks that lists speak of the text so far. A section's end may not be known
// yet where it is sent.
func (r *receiver) within(part *fairlead.DocumentContent) error {
	for _, p := range part.Pages {
		if p.Number < 1 || !r.holds(p.Start, p.End) {
			return errNonsense
		}
	}
	for _, s := range part.Sections {
		if s.Level < 1 || !r.holds(s.Start, s.End) {
			return errNonsense
		}
	}
	for _, t := range part.Tables {
		if !r.holds(t.Start, t.HeaderEnd) || !r.holds(t.HeaderEnd, t.End) {
			return errNonsense
		}
	}
	for i := range part.Chunks {
		c := &part.Chunks[i]
		if !r.holds(c.Start, c.End) || c.Seq < 0 || c.Page < 0 || c.LastPage < c.Page || c.Tokens < 0 {
			return errNonsense
		}
	}
	return nil
}

func (r *receiver) holds(start, end int64) bool { return 0 <= start && start <= end && end <= r.text }

// check checks what the child says has become of the document.
func (r *receiver) check(answer *result) error {
	if r == nil {
		return nil
	}
	if answer.Failure != "" {
		return nil
	}
	if !answer.Status.Ended() || answer.Pages < 0 || answer.Chunks < 0 || answer.TextBytes < 0 {
		return errNonsense
	}
	if answer.Status != fairlead.DocumentReady {
		return nil
	}
	if answer.TextBytes != r.text || answer.Chunks != r.chunks {
		return fmt.Errorf("%w: it counts otherwise than it sends", errNonsense)
	}
	if r.text == 0 {
		*answer = result{
			Status: fairlead.DocumentNoText, Code: "no_text", Reason: "The document has no text that can be read: it may be scanned pages",
			MediaType: answer.MediaType, Pages: answer.Pages,
		}
	}
	return nil
}

// passedError is that a child sends more than it may.
type passedError struct{ limit string }

func (e *passedError) Error() string { return "the document passes the limit of " + e.limit }

func (e *passedError) result() *result { return limitResult(e.limit) }

// limitResult is what has become of a document that passes a limit.
func limitResult(limit string) *result {
	limit = strings.TrimSuffix(limit, "_bytes")
	return &result{
		Status: fairlead.DocumentLimitHit, Code: "limit_" + limit,
		Reason: "Reading the document takes more than is allowed: " + limitWords(limit),
	}
}

// limitWords says what is too much, by the limit. docs/documents.md lists them all.
func limitWords(limit string) string {
	switch limit {
	case "time":
		return "processor time"
	case "pages":
		return "it has too many pages"
	case "text":
		return "it has too much text"
	case "unfolded":
		return "its compressed parts unfold too far"
	case "ratio":
		return "it unfolds to too many times its own size"
	case "entries":
		return "it is made of too many files"
	case "depth":
		return "its parts stand too deep in one another"
	case "token":
		return "one of its elements is too long"
	case "row":
		return "one of its rows is too long"
	case "path":
		return "the names that lead to one of its values are too long"
	case "header":
		return "the head of a message in it is too long"
	case "parts":
		return "a message in it has too many parts"
	case "blocks":
		return "a message in it has too many paragraphs"
	case "notes":
		return "it has too many notes"
	case "styles":
		return "it has too many styles"
	case "fonts":
		return "it has too many fonts"
	case "relations":
		return "it has too many links between its parts"
	case "shared_strings":
		return "its cells have too many different texts"
	case "bytes":
		return "its file is too large for its format"
	}
	return strings.ReplaceAll(limit, "_", " ")
}
