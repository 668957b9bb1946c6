package analyze

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/ask"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/plan"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/quote"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

// maxPerWindow is how many findings are asked of a window.
const maxPerWindow = 10

// candidate is a verified finding of one window.
type candidate struct {
	Finding

	importance int
	doc        int
}

// result is what has become of a window.
type result struct {
	window     plan.Window
	candidates []candidate
	// unproved and dropped count quotes that are not there and findings without any.
	unproved, dropped int
	usage             fairlead.Usage
	err               error
}

// mapped is what has become of all windows.
type mapped struct {
	candidates []candidate
	coverage   Coverage
	read       []plan.Window
	// late says that the time ran out, err is the first error of the model.
	late bool
	err  error
}

// readAll has the model read the windows, several at a time, as long as there is time. It
// fails only if the caller is gone.
func (r *run) readAll(ctx context.Context, windows []plan.Window) (mapped, error) {
	reading, end := r.clock.Reading(ctx)
	defer end.End()
	todo, done := make(chan plan.Window), make(chan result)
	var workers sync.WaitGroup
	for range min(r.limits.Parallel, len(windows)) {
		workers.Go(func() {
			for w := range todo {
				done <- r.readOne(reading, w)
			}
		})
	}
	go func() { // waited for: done is closed behind the workers
		defer close(done)
		defer workers.Wait()
		defer close(todo)
		for _, w := range windows {
			select {
			case todo <- w:
			case <-reading.Done():
				return
			}
		}
	}()
	var m mapped
	var gone error
	for res := range done {
		if m.add(res); res.err == nil {
			end.Part()
		}
		r.state.CallsDone++
		r.state.PagesRead, r.state.Findings = r.pagesRead(m.read), len(m.candidates)
		if gone == nil {
			if gone = r.progress(Reading); gone != nil {
				end.End()
			}
		}
	}
	if gone != nil {
		return m, gone
	}
	if err := ctx.Err(); err != nil {
		return m, ended(ctx, err)
	}
	m.late = reading.Err() != nil && len(m.read) < len(windows)
	return m, nil
}

func (m *mapped) add(res result) {
	m.coverage.Usage.Input += res.usage.Input
	m.coverage.Usage.Output += res.usage.Output
	if res.err != nil {
		if m.err == nil || fairlead.IsKind(m.err, fairlead.Canceled) || fairlead.IsKind(m.err, fairlead.Late) {
			m.err = res.err
		}
		return
	}
	m.read = append(m.read, res.window)
	m.candidates = append(m.candidates, res.candidates...)
	m.coverage.DroppedCitations += res.unproved
	m.coverage.DroppedFindings += res.dropped
}

// finish says how much was read, in the coverage. It returns the error where nothing was.
func (r *run) finish(m *mapped) error {
	m.coverage.Pages, m.coverage.PagesRead = r.state.Pages, r.pagesRead(m.read)
	if len(m.read) == 0 {
		switch {
		case m.late && (m.err == nil || fairlead.IsKind(m.err, fairlead.Canceled)):
			return fairlead.NewLate(m.err)
		case m.err != nil:
			return m.err
		}
		return nil
	}
	switch {
	case m.late:
		m.coverage.miss(WhyDeadline)
	case m.err != nil:
		m.coverage.miss(WhyProvider)
	}
	// In the text's order, whoever answered first.
	slices.SortStableFunc(m.candidates, func(a, b candidate) int {
		if a.doc != b.doc {
			return a.doc - b.doc
		}
		return int(min(max(a.Citations[0].Start-b.Citations[0].Start, -1), 1))
	})
	return nil
}

// pagesRead counts the pages of which a part was read, of all documents.
func (r *run) pagesRead(read []plan.Window) (n int) {
	for i := range r.sources {
		n += r.pagesOf(i, read)
	}
	return n
}

func (r *run) pagesOf(doc int, read []plan.Window) int {
	var spans []fairlead.TextSpan
	for _, w := range read {
		if w.Document == doc {
			spans = append(spans, w.Span)
		}
	}
	slices.SortFunc(spans, func(a, b fairlead.TextSpan) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	return r.sources[doc].PagesIn(spans)
}

// readOne has the model read a window. It runs beside others.
func (r *run) readOne(ctx context.Context, w plan.Window) result {
	res := result{window: w}
	text, err := w.Source.Text(ctx, w.Span)
	if err != nil {
		res.err = ended(ctx, err)
		return res
	}
	part := task.Part{Number: w.Number, Of: w.Of, About: w.Source.Name(), Pages: pagesOf(&w, text)}
	items, usage, err := r.asker.Ask(ctx, &r.task, ask.Question{Messages: r.task.Read(part, maxPerWindow), Schema: r.task.ReadSchema()})
	res.usage, res.err = usage, err
	if err != nil {
		return res
	}
	place := quote.New(w.Source.Document.ID, w.Source.Outline.Pages, w.Span.Start, text)
	for _, item := range items {
		c, unproved := verified(item, place)
		res.unproved += unproved
		if len(c.Citations) == 0 {
			res.dropped++
			continue
		}
		c.doc = w.Document
		res.candidates = append(res.candidates, c)
	}
	return res
}

// verified is a finding with those of its quotes that are there; unproved is how many are
// not.
func verified(item task.Item, place *quote.Text) (c candidate, unproved int) {
	c = candidate{Finding: Finding{Category: item.Category, Title: item.Title, Detail: item.Detail}, importance: item.Importance}
	for _, q := range item.Quotes {
		found, ok := place.Find(q.Text, q.Page)
		if !ok {
			unproved++
			continue
		}
		c.cite(found)
	}
	return c, unproved
}

// maxCitations is how many citations a finding has.
const maxCitations = 6

// cite adds a citation, unless the finding has one of the same place.
func (f *Finding) cite(c fairlead.Citation) {
	for i, have := range f.Citations {
		if have.Document != c.Document || c.Start >= have.End || have.Start >= c.End {
			continue
		}
		if c.Start <= have.Start && c.End >= have.End { // the longer one
			f.Citations[i] = c
		}
		return
	}
	if len(f.Citations) < maxCitations {
		f.Citations = append(f.Citations, c)
	}
}

// pagesOf cuts a window's text at its pages.
func pagesOf(w *plan.Window, text string) []task.PageText {
	var out []task.PageText
	at := w.Span.Start
	for _, p := range w.Source.Outline.Pages {
		if p.End <= at || p.Start >= w.Span.Start+int64(len(text)) {
			continue
		}
		from, to := max(p.Start, w.Span.Start), min(p.End, w.Span.Start+int64(len(text)))
		out = append(out, task.PageText{Number: p.Number, Text: strings.TrimRight(text[from-w.Span.Start:to-w.Span.Start], "\n")})
	}
	if len(out) == 0 {
		out = append(out, task.PageText{Number: w.Source.PageAt(at), Text: text})
	}
	return out
}
