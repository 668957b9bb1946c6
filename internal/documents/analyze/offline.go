package analyze

import (
	"context"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/extractive"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

// maxSentencesRead is how much of a text is read for sentences, in bytes.
const maxSentencesRead = 4 << 20

// report analyses the document by the model.
func (r *run) report(ctx context.Context) (*Report, error) {
	n, err := r.numbers(ctx)
	if err != nil {
		return nil, err
	}
	computed := n[0].findings()
	windows, err := r.windows(ctx, 0, r.limits.Calls-1)
	if err != nil {
		return nil, err
	}
	r.state.Calls = len(windows)
	if len(windows) > 1 {
		r.state.Calls++
	}
	if err := r.progress(Reading); err != nil {
		return nil, err
	}
	m, err := r.readAll(ctx, windows)
	if err != nil {
		return nil, err
	}
	if err := r.finish(&m); err != nil {
		return nil, err
	}
	findings, err := r.merge(ctx, &m, max(r.limits.Findings-len(computed), 1))
	if err != nil {
		return nil, err
	}
	n[0] = n[0].cut()
	return &Report{
		Coverage: m.coverage, Engine: LLM, Findings: append(findings, computed...), Metrics: n[0].metrics, Ratios: n[0].ratios,
	}, nil
}

// numbers reads the figures of the documents, where the task has any, in a local slot.
func (r *run) numbers(ctx context.Context) ([]numbers, error) {
	out := make([]numbers, len(r.sources))
	if !r.task.Figures {
		return out, nil
	}
	lease, err := r.config.Gate.Enter(ctx, r.call, fairlead.LocalPool)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	for i, src := range r.sources {
		if out[i], err = numbersOf(ctx, src); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// offlineReport analyses the document without a model. It holds a local slot.
func (r *run) offlineReport(ctx context.Context) (*Report, error) {
	if err := r.progress(Reading); err != nil {
		return nil, err
	}
	lease, err := r.config.Gate.Enter(ctx, r.call, fairlead.LocalPool)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	src := r.sources[0]
	report := &Report{Engine: Extractive}
	if r.task.Figures {
		n, err := numbersOf(ctx, src)
		if err != nil {
			return nil, err
		}
		report.Findings = n.findings()
		n = n.cut()
		report.Metrics, report.Ratios = n.metrics, n.ratios
	}
	reading, pages, err := r.collect(ctx, src)
	if err != nil {
		return nil, err
	}
	left := r.limits.Findings - len(report.Findings)
	for i, topic := range r.task.Topics {
		share := (left + len(r.task.Topics) - i - 1) / (len(r.task.Topics) - i)
		found, err := r.best(ctx, reading, extractive.Ask{Topic: topic, Question: r.task.Question, Limit: share})
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !cites(report.Findings, f.Citations[0]) {
				f.Category = categoryOf(r.task.Type, topic)
				report.Findings = append(report.Findings, f)
				left--
			}
		}
	}
	report.Pages, report.PagesRead = r.state.Pages, pages
	return report, nil
}

// collect reads the sentences of a document. pages is how many it looked at.
func (r *run) collect(ctx context.Context, src *source.Source) (reading *extractive.Reading, pages int, err error) {
	spans := src.Sample(maxSentencesRead, extractive.Worth(r.task.Topics, r.task.Question))
	reading, err = extractive.Collect(ctx, src, spans, r.task.Topics...)
	return reading, src.PagesIn(spans), ended(ctx, err)
}

// best are the best sentences of a topic, as findings.
func (r *run) best(ctx context.Context, reading *extractive.Reading, ask extractive.Ask) ([]Finding, error) {
	found, err := reading.Best(ctx, ask)
	if err != nil {
		return nil, ended(ctx, err)
	}
	out := make([]Finding, 0, len(found))
	for _, f := range found {
		title := f.Title
		if title == "" {
			title = titleOf(ask.Topic)
		}
		out = append(out, Finding{Title: title, Detail: strings.Join(strings.Fields(f.Citation.Quote), " "), Citations: []fairlead.Citation{f.Citation}})
	}
	return out, nil
}

// cites reports whether one of the findings has that citation.
func cites(all []Finding, c fairlead.Citation) bool {
	for _, f := range all {
		for _, have := range f.Citations {
			if have.Document == c.Document && have.Start < c.End && c.Start < have.End {
				return true
			}
		}
	}
	return false
}

// titleOf is the title of a finding that stands in no section.
func titleOf(t extractive.Topic) string {
	switch t {
	case extractive.Risks:
		return "Risk"
	case extractive.Strengths:
		return "Strength"
	case extractive.Outlook:
		return "Outlook"
	case extractive.Financial:
		return "Finances"
	case extractive.Question:
		return "On the question"
	case extractive.Summary:
	}
	return "Main point"
}

// categoryOf is the category of a type that a topic stands for.
func categoryOf(t task.Type, topic extractive.Topic) string {
	switch {
	case t == task.Investment && topic == extractive.Strengths:
		return "strength"
	case t == task.Investment && topic == extractive.Risks:
		return "risk"
	case t == task.Investment && topic == extractive.Outlook:
		return "outlook"
	case t == task.Investment && topic == extractive.Financial:
		return "performance"
	case t == task.Financial && topic == extractive.Outlook:
		return "guidance"
	case t == task.Custom:
		return "answer"
	}
	return ""
}
