package extractive

import (
	"context"
	"math"
	"slices"
	"strings"
)

// fitting is how well sentences fit a topic.
type fitting struct {
	cues     cues
	sections map[int]float64 // how well they fit, as far as that is known
}

func newFitting(t Topic) fitting { return fitting{cuesOf(t), make(map[int]float64)} }

// fit is how well a sentence fits by its cues and its section; 0 is not at all. text is in
// lower case, behind a space.
func (r *Reading) fit(f *fitting, s *sentence, text string) float64 {
	fit := 1.2 * r.headed(f, s, text)
	if cues := f.cues.hits(text); cues > 0 {
		fit += 0.8 + 0.5*math.Min(float64(cues), 3)
	}
	return fit
}

// headed is how well what stands above a sentence fits, or before its colon: 0 to 1.
func (r *Reading) headed(f *fitting, s *sentence, text string) float64 {
	const longest = 40
	worth, ok := f.sections[s.section]
	if !ok {
		worth = f.cues.section(strings.ToLower(r.src.Path(s.section)))
		f.sections[s.section] = worth
	}
	if label, _, ok := strings.Cut(text[:min(len(text), longest)], ":"); ok {
		worth = max(worth, f.cues.section(label))
	}
	return worth
}

// deal gives each sentence the one of the topics that it fits best. Of two that it fits
// alike it is told of the graver one, and what is headed as a risk is one, however many
// good words it has.
func (r *Reading) deal(ctx context.Context, topics []Topic) error {
	var among []Topic
	var fittings []fitting
	for _, t := range []Topic{Risks, Outlook, Strengths, Financial} {
		if slices.Contains(topics, t) {
			among, fittings = append(among, t), append(fittings, newFitting(t))
		}
	}
	if len(among) < 2 { //nolint:mnd // there is nothing to choose
		return nil
	}
	for i := range r.sentences {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := &r.sentences[i]
		text, best := " "+strings.ToLower(r.text(s)), 0.0
		for n := range fittings {
			fit := r.fit(&fittings[n], s, text)
			if among[n] == Risks && r.headed(&fittings[n], s, text) > 0 {
				fit = math.Inf(1)
			}
			if fit > best {
				best, s.topic = fit, among[n]
			}
		}
	}
	return nil
}
