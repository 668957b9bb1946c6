package analyze

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/ask"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/clock"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

const (
	// maxQuoteShown is how much of a quote the model sees when it merges, in characters.
	maxQuoteShown = 240
	// maxShown is how many quotes of a candidate it sees.
	maxShown = 2
)

// merge makes the final findings of the candidates, no more than most: by the model where it read more
// than one window, and there is a choice, or else by what they say of themselves.
func (r *run) merge(ctx context.Context, m *mapped, most int) ([]Finding, error) {
	all := joinAlike(m.candidates)
	if len(m.read) < 2 && len(all) <= most || len(all) < 2 {
		return ranked(all, most), nil
	}
	if err := r.progress(Merging); err != nil {
		return nil, err
	}
	findings, err := r.mergeByModel(ctx, m, all, most)
	r.state.CallsDone++
	if left(ctx, err) {
		return nil, ended(ctx, err)
	}
	if len(findings) == 0 { // whatever went wrong, the candidates are there
		m.coverage.miss(WhyMerge)
		findings = ranked(all, most)
	}
	return findings, nil
}

// left reports whether the whole analysis ends with an error of its model: its caller
// has left.
func left(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && !fairlead.IsKind(ended(ctx, err), fairlead.Late)
}

// mergeByModel has the model say which candidates belong together.
func (r *run) mergeByModel(ctx context.Context, m *mapped, all []candidate, most int) ([]Finding, error) {
	ctx, cancel := clock.Telling(ctx)
	defer cancel()
	shown := r.shown(all)
	listed := make([]task.Candidate, len(shown))
	for i, c := range shown {
		listed[i] = task.Candidate{Number: i + 1, Category: c.Category, Title: c.Title, Detail: c.Detail, Importance: c.importance}
		if len(r.sources) > 1 {
			listed[i].Document = r.sources[c.doc].Name()
		}
		for _, q := range c.Citations[:min(len(c.Citations), maxShown)] {
			listed[i].Quotes = append(listed[i].Quotes, shorten(q.Quote))
		}
	}
	items, usage, err := r.asker.Ask(ctx, &r.task, ask.Question{Messages: r.task.Merge(listed, most, len(r.sources)), Schema: r.task.MergeSchema()})
	m.coverage.Usage.Input += usage.Input
	m.coverage.Usage.Output += usage.Output
	if err != nil {
		return nil, err
	}
	return m.prove(items, shown, most), nil
}

// prove makes findings of what the model has merged, with the citations of the candidates
// that it names. One that names none is dropped.
func (m *mapped) prove(items []task.Item, shown []candidate, most int) []Finding {
	var out []Finding
	for _, item := range items {
		f := Finding{Category: item.Category, Title: item.Title, Detail: item.Detail}
		for _, n := range item.Sources {
			if n < 1 || n > len(shown) {
				continue
			}
			c := shown[n-1]
			for _, q := range c.Citations {
				f.cite(q)
			}
			if f.Category == "" {
				f.Category = c.Category
			}
		}
		if len(f.Citations) == 0 {
			m.coverage.DroppedFindings++
			continue
		}
		if len(out) < most {
			out = append(out, f)
		}
	}
	return out
}

// shown are the candidates that fit into a question, the most important first.
func (r *run) shown(all []candidate) []candidate {
	const bytesPerToken = 3
	fits, _ := r.room()
	left := fits * bytesPerToken
	byImportance := slices.Clone(all)
	slices.SortStableFunc(byImportance, func(a, b candidate) int { return cmp.Compare(b.importance, a.importance) })
	for i, c := range byImportance {
		const frame = 120
		left -= frame + len(c.Title) + len(c.Detail)
		for _, q := range c.Citations[:min(len(c.Citations), maxShown)] {
			left -= min(len(q.Quote), maxQuoteShown*3)
		}
		if left < 0 && i > 0 {
			return byImportance[:i]
		}
	}
	return byImportance
}

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > maxQuoteShown {
		return string(r[:maxQuoteShown]) + "…"
	}
	return text
}

// joinAlike joins candidates that have the same title, or the same first citation.
func joinAlike(all []candidate) []candidate {
	var out []candidate
	for _, c := range all {
		at := slices.IndexFunc(out, func(o candidate) bool { return sameFinding(o, c) })
		if at < 0 {
			c.Citations = slices.Clone(c.Citations)
			out = append(out, c)
			continue
		}
		o := &out[at]
		if c.importance > o.importance {
			o.importance, o.Title, o.Detail, o.Category = c.importance, c.Title, c.Detail, c.Category
		}
		for _, q := range c.Citations {
			o.cite(q)
		}
	}
	return out
}

func sameFinding(a, b candidate) bool {
	if a.doc != b.doc || a.Category != b.Category {
		return false
	}
	x, y := a.Citations[0], b.Citations[0]
	if x.Start == y.Start && x.End == y.End {
		return true
	}
	return a.Title != "" && bare(a.Title) == bare(b.Title)
}

// bare is a title's letters and digits in lower case.
func bare(title string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, title)
}

// ranked are the most important findings; of equals, those of each category in turn.
func ranked(all []candidate, most int) []Finding {
	nth, turn := make(map[string]int), make([]int, len(all))
	order := make([]int, len(all))
	for i := range all {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[b].importance, all[a].importance) })
	for _, i := range order {
		turn[i] = nth[all[i].Category]
		nth[all[i].Category]++
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(all[b].importance, all[a].importance), cmp.Compare(turn[a], turn[b]))
	})
	out := make([]Finding, 0, min(len(all), most))
	for _, i := range order[:min(len(order), most)] {
		out = append(out, all[i].Finding)
	}
	return out
}
