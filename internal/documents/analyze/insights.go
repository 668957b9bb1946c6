package analyze

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/extractive"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/plan"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

// InsightsRequest asks for insights.
type InsightsRequest struct {
	Documents []fairlead.DocumentID
	// Focus is what matters most to the caller; "" is nothing in particular.
	Focus string
	Model string
}

// perKind is how many items insights have of each kind.
const perKind = 6

// Insights reads documents of the call's app for investors. It is as Analyze is, but that
// its errors name document_ids; too_many_documents comes on top, of Kind Invalid.
func (a *Analyzer) Insights(ctx context.Context, call *fairlead.Call, req InsightsRequest, progress func(Progress) error) (*InsightsReport, error) {
	ids, err := a.idsOf(req)
	if err != nil {
		return nil, err
	}
	t, err := task.Focused(req.Focus)
	if err != nil {
		return nil, err
	}
	model, err := a.config.Resolve(call.App, req.Model)
	if err != nil {
		return nil, err
	}
	r := a.newRun(ctx, call, t, model.named(req.Model))
	r.tell = progress
	if err := r.open(ctx, ids); err != nil {
		return nil, ofMany(err)
	}
	if model.Offline {
		return r.offlineInsights(ctx)
	}
	return r.insights(ctx)
}

// idsOf checks a request, and returns its documents, each once.
func (a *Analyzer) idsOf(req InsightsRequest) ([]fairlead.DocumentID, error) {
	var ids []fairlead.DocumentID
	for _, id := range req.Documents {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > a.limits.Documents {
			return nil, &fairlead.Error{
				Kind: fairlead.Invalid, Code: "too_many_documents", Param: "document_ids",
				Message: "document_ids must not name more than " + strconv.Itoa(a.limits.Documents) + " documents",
			}
		}
	}
	if len(ids) == 0 {
		return nil, task.Missing("document_ids", "The body has no document_ids")
	}
	return ids, nil
}

// ofMany is the error about one of several documents.
func ofMany(err error) error {
	e, ok := err.(*fairlead.Error) //nolint:errorlint // only what was made here is changed
	if !ok || e.Param != "document_id" {
		return err
	}
	changed := *e
	changed.Param = "document_ids"
	return &changed
}

// insights reads the documents by the model.
func (r *run) insights(ctx context.Context) (*InsightsReport, error) {
	all, err := r.numbers(ctx)
	if err != nil {
		return nil, err
	}
	var windows []plan.Window
	each := max((r.limits.Calls-1)/len(r.sources), 1)
	for i := range r.sources {
		some, err := r.windows(ctx, i, each)
		if err != nil {
			return nil, err
		}
		windows = append(windows, some...)
	}
	slices.SortStableFunc(windows, func(a, b plan.Window) int { return cmp.Compare(b.Worth, a.Worth) })
	r.state.Calls = len(windows) + 1
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
	findings, err := r.merge(ctx, &m, 4*perKind-2)
	if err != nil {
		return nil, err
	}
	out := &InsightsReport{Coverage: m.coverage, Engine: LLM}
	out.sort(findings)
	out.tell(r.latestFirst(all))
	for i, src := range r.sources {
		out.Documents = append(out.Documents, documentRead(src, r.pagesOf(i, m.read)))
	}
	return out, nil
}

// sort puts findings where they belong.
func (i *InsightsReport) sort(findings []Finding) {
	for _, f := range findings {
		list := &i.Thesis
		switch f.Category {
		case "strength":
			list = &i.Strengths
		case "risk":
			list = &i.Risks
		case "outlook":
			list = &i.Outlook
		}
		if len(*list) < perKind {
			*list = append(*list, f)
		}
	}
}

// tell puts the numbers in.
func (i *InsightsReport) tell(all []numbers) {
	n := join(all).cut()
	i.Metrics, i.Ratios = n.metrics, n.ratios
}

// latestFirst puts the numbers of documents in order: those of the latest period first,
// since a later report corrects an earlier one.
func (r *run) latestFirst(all []numbers) []numbers {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	latest := func(i int) (year string) {
		for _, m := range all[i].metrics {
			if len(m.Period) == len("FY2018") && m.Period > year && strings.HasPrefix(m.Period, "FY") {
				year = m.Period
			}
		}
		return year
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(latest(b), latest(a)), r.sources[b].Document.Created.Compare(r.sources[a].Document.Created))
	})
	out := make([]numbers, len(all))
	for i, at := range order {
		out[i] = all[at]
	}
	return out
}

func documentRead(src *source.Source, pages int) DocumentRead {
	d := &src.Document
	return DocumentRead{Document: d.ID, Name: d.Name, Company: d.About.Company, Period: d.About.Period, PagesRead: pages, Pages: src.Pages()}
}

// offlineInsights reads the documents without a model. It holds a local slot.
func (r *run) offlineInsights(ctx context.Context) (*InsightsReport, error) {
	lease, err := r.config.Gate.Enter(ctx, r.call, fairlead.LocalPool)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	out := &InsightsReport{Engine: Extractive}
	out.Pages = r.state.Pages
	all := make([]numbers, len(r.sources))
	share := max((perKind+len(r.sources)-1)/len(r.sources), 1)
	for i, src := range r.sources {
		if all[i], err = numbersOf(ctx, src); err != nil {
			return nil, err
		}
		pages, err := r.offlineOne(ctx, src, out, share)
		if err != nil {
			return nil, err
		}
		out.PagesRead += pages
		out.Documents = append(out.Documents, documentRead(src, pages))
		r.state.PagesRead = out.PagesRead
		if err := r.progress(Reading); err != nil {
			return nil, err
		}
	}
	out.tell(r.latestFirst(all))
	return out, nil
}

// offlineOne adds what one document has of each kind, at most share, and no sentence twice.
func (r *run) offlineOne(ctx context.Context, src *source.Source, out *InsightsReport, share int) (pages int, err error) {
	reading, pages, err := r.collect(ctx, src)
	if err != nil {
		return 0, err
	}
	var seen []Finding
	for _, kind := range []struct {
		topic extractive.Topic
		name  string
		list  *[]Finding
	}{
		{extractive.Outlook, "outlook", &out.Outlook},
		{extractive.Risks, "risk", &out.Risks},
		{extractive.Strengths, "strength", &out.Strengths},
		{extractive.Summary, "thesis", &out.Thesis},
	} {
		found, err := r.best(ctx, reading, extractive.Ask{Topic: kind.topic, Question: r.task.Question, Limit: 2 * share})
		if err != nil {
			return 0, err
		}
		n := 0
		for _, f := range found {
			if n < share && len(*kind.list) < perKind && !cites(seen, f.Citations[0]) {
				f.Category = kind.name
				*kind.list, seen = append(*kind.list, f), append(seen, f)
				n++
			}
		}
	}
	return pages, nil
}
