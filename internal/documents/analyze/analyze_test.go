package analyze_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
)

// narrow makes the model read Acme's report in about seven windows.
func narrow() analyze.Limits { return analyze.Limits{InputTokens: 3000, Parallel: 3} }

func TestFindingsAreProved(t *testing.T) {
	t.Parallel()
	b := newBed(narrow(), &model{answer: honest("depend", "litigation", "breach")}, acme().text("portal", "file-acme"))
	var stages []analyze.Progress
	got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, func(p analyze.Progress) error {
		stages = append(stages, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.checkFindings(t, got.Findings)
	if len(got.Findings) != 3 || !strings.HasPrefix(got.Findings[0].Title, "Merged: ") || got.Engine != analyze.LLM || got.Partial {
		t.Errorf("got %d findings of engine %s, partial %t: %+v", len(got.Findings), got.Engine, got.Partial, got.Findings)
	}
	pages := len(b.library.texts["file-acme"].outline.Pages)
	if got.Pages != pages || got.PagesRead != pages || got.DroppedCitations != 0 {
		t.Errorf("got %d of %d pages read and %d citations dropped, want all %d and none", got.PagesRead, got.Pages, got.DroppedCitations, pages)
	}
	calls := b.model.calls()
	if want := (fairlead.Usage{Input: 100 * calls, Output: 10 * calls}); got.Usage != want || calls < 5 || b.model.most > 3 {
		t.Errorf("got usage %+v of %d calls, %d at once", got.Usage, calls, b.model.most)
	}
	first, last := stages[0], stages[len(stages)-1]
	if first.Stage != analyze.Reading || last.Stage != analyze.Merging || last.PagesRead != pages || last.Calls != calls || last.CallsDone != calls-1 {
		t.Errorf("got progress from %+v to %+v", first, last)
	}
}

func TestOneWindowIsNotMerged(t *testing.T) {
	t.Parallel()
	b := newBed(analyze.Limits{}, &model{answer: honest("depend")}, acme().text("portal", "file-acme"))
	got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
	if err != nil || b.model.calls() != 1 || len(got.Findings) != 1 || got.Findings[0].Title != "depend" {
		t.Fatalf("got %+v, %v by %d calls", got, err, b.model.calls())
	}
	q := b.model.asked[0]
	if !q.schema || q.request.Envelope.MaxTokens == 0 || q.request.Dialect != fairlead.OpenAIChat || q.request.Envelope.CloseAt == 0 {
		t.Errorf("got the request %+v", q.request.Envelope)
	}
}

func TestFiguresComeFromTables(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "local/offline"} {
		b := newBed(narrow(), &model{answer: honest("service business")}, acme().text("portal", "file-acme"))
		got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "financial", Model: name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.checkFindings(t, got.Findings)
		checkFigures(t, b, got)
		if len(got.Findings) > 12 || b.gate.entered != 1 {
			t.Errorf("got %d findings, and %d entries of the gate", len(got.Findings), b.gate.entered)
		}
	}
}

func checkFigures(t *testing.T, b *bed, got *analyze.Report) {
	t.Helper()
	ratios := make(map[string]float64)
	for _, r := range got.Ratios {
		ratios[r.Name+" "+r.Period] = r.Value
		for _, in := range r.Inputs {
			b.checkCitations(t, in.Citation)
		}
	}
	for name, want := range map[string]float64{
		"revenue_growth FY2018": 100 * 175.0 / 1402, "net_margin FY2018": 100 * 158.0 / 1577, "current_ratio FY2018": 1.5, "quick_ratio FY2018": 1,
		"return_on_equity FY2018": 15.8, "free_cash_flow FY2018": 250e6, "interest_coverage FY2017": 21,
	} {
		if got, ok := ratios[name]; !ok || got < want-1e-6 || got > want+1e-6 {
			t.Errorf("%s: got %g (%t), want %g", name, got, ok, want)
		}
	}
	details := ""
	for _, f := range got.Findings {
		if f.Category == analyze.Figures {
			details += f.Detail + "\n"
		}
	}
	for _, want := range []string{"Revenue: 1.577 billion $ in FY2018, 1.402 billion $ in FY2017", "Revenue growth FY2018: 12.5 %", "Current ratio FY2018: 1.50"} {
		if !strings.Contains(details, want) {
			t.Errorf("the findings don't say %q:\n%s", want, details)
		}
	}
}

func TestOfflineAsksNoModel(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"summary": "industrial pumps", "risk": "single supplier", "financial": "service business", "investment": "patented seal", "custom": "raise the dividend",
	} {
		b := newBed(analyze.Limits{}, &model{}, acme().text("portal", "file-acme"))
		got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{
			Document: "file-acme", Type: kind, Model: "local/offline", Question: map[string]string{"custom": "What happens to the dividend?"}[kind],
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.checkFindings(t, got.Findings)
		if got.Engine != analyze.Extractive || b.model.calls() != 0 || b.gate.entered != 1 || got.PagesRead != got.Pages || len(got.Findings) > 12 {
			t.Errorf("%s: got engine %s, %d calls, %d entries, %d of %d pages", kind, got.Engine, b.model.calls(), b.gate.entered, got.PagesRead, got.Pages)
		}
		if !slices.ContainsFunc(got.Findings, func(f analyze.Finding) bool { return strings.Contains(f.Detail, want) }) {
			t.Errorf("%s: no finding says %q: %+v", kind, want, got.Findings)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	other := acme().text("another", "file-other")
	scan := acme().text("portal", "file-scan")
	scan.document.Status = fairlead.DocumentNoText
	b := newBed(analyze.Limits{}, &model{}, acme().text("portal", "file-acme"), other, scan)
	for name, test := range map[string]struct {
		req   analyze.Request
		kind  fairlead.Kind
		code  string
		param string
	}{
		"no document":      {analyze.Request{Type: "risk"}, fairlead.Invalid, "missing_field", "document_id"},
		"no type":          {analyze.Request{Document: "file-acme"}, fairlead.Invalid, "missing_field", "analysis_type"},
		"unknown type":     {analyze.Request{Document: "file-acme", Type: "insights"}, fairlead.Invalid, "invalid_analysis_type", "analysis_type"},
		"no question":      {analyze.Request{Document: "file-acme", Type: "custom", Question: " \n"}, fairlead.Invalid, "missing_field", "question"},
		"long question":    {analyze.Request{Document: "file-acme", Type: "custom", Question: strings.Repeat("w", 9000)}, fairlead.Invalid, "too_long", "question"},
		"unknown model":    {analyze.Request{Document: "file-acme", Type: "risk", Model: "nope"}, fairlead.NotFound, "model_not_found", ""},
		"unknown document": {analyze.Request{Document: "file-nope", Type: "risk"}, fairlead.NotFound, "document_not_found", ""},
		"foreign document": {analyze.Request{Document: "file-other", Type: "risk"}, fairlead.NotFound, "document_not_found", ""},
		"no text":          {analyze.Request{Document: "file-scan", Type: "risk"}, fairlead.Invalid, "document_not_readable", "document_id"},
	} {
		_, err := b.analyzer.Analyze(t.Context(), b.call, test.req, nil)
		if e, ok := errors.AsType[*fairlead.Error](err); !ok || e.Kind != test.kind || e.Code != test.code || e.Param != test.param {
			t.Errorf("%s: got %v, want %s %s %s", name, err, test.kind, test.code, test.param)
		} else if e.Code == "document_not_found" && e.Message != fairlead.NoDocument {
			t.Errorf("%s: got message %q", name, e.Message)
		}
	}
	if b.model.calls() != 0 || b.gate.entered != 0 {
		t.Errorf("refusals cost %d calls and %d slots", b.model.calls(), b.gate.entered)
	}
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	good := honest("depend")
	for name, test := range map[string]struct {
		answer func(ctx context.Context, q asked) (string, error)
		want   int // findings; -1 is an error
	}{
		"in a fence": {func(ctx context.Context, q asked) (string, error) {
			s, err := good(ctx, q)
			return "Here you are:\n```json\n" + s + "\n```\nAnything else?", err
		}, 1},
		"a list alone": {func(ctx context.Context, q asked) (string, error) {
			s, err := good(ctx, q)
			return strings.TrimSuffix(strings.TrimPrefix(s, `{"findings":`), "}"), err
		}, 1},
		"braces before": {func(ctx context.Context, q asked) (string, error) {
			s, err := good(ctx, q)
			return "{note} [1] " + s, err
		}, 1},
		"cut off": {func(_ context.Context, q asked) (string, error) {
			s, err := honest("depend", "breach")(t.Context(), q)
			return s[:len(s)-20], err
		}, 1},
		"the second time": {func(ctx context.Context, q asked) (string, error) {
			if !strings.Contains(q.last, "Answer again") {
				return "I can't do that, {sorry}.", nil
			}
			return good(ctx, q)
		}, 1},
		"never":         {func(context.Context, asked) (string, error) { return "no", nil }, -1},
		"nothing found": {func(context.Context, asked) (string, error) { return `{"findings": []}`, nil }, 0},
		"of the wrong type": {func(context.Context, asked) (string, error) {
			return `{"findings": [1, null, "x", {"title": 5, "citations": 7}, {"title": {}, "citations": [3, null, {"quote": []}]}]}`, nil
		}, 0},
		"numbers as text": {func(context.Context, asked) (string, error) {
			return `{"findings": [{"title": "t", "detail": "d", "importance": "high", "citations": [{"page": "9", "quote": "We depend on a single supplier"}]}]}`, nil
		}, 1},
		"bare quotes": {func(context.Context, asked) (string, error) {
			return `{"notes": {}, "findings": [{"title": "t", "detail": "d", "citations": ["We depend on a single supplier", "We never said that at all"]}]}`, nil
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(analyze.Limits{}, &model{answer: test.answer}, acme().text("portal", "file-acme"))
			got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
			if test.want < 0 {
				if !fairlead.IsKind(err, fairlead.Upstream) || b.model.calls() != 2 {
					t.Fatalf("got %v after %d calls, want an error of the upstream after two", err, b.model.calls())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b.checkFindings(t, got.Findings)
			if len(got.Findings) != test.want {
				t.Errorf("got %d findings, want %d: %+v", len(got.Findings), test.want, got.Findings)
			}
		})
	}
}

func TestModelWithoutSchemas(t *testing.T) {
	t.Parallel()
	good := honest("depend", "litigation")
	b := newBed(narrow(), &model{answer: func(ctx context.Context, q asked) (string, error) {
		if q.schema {
			return "", &fairlead.Error{Kind: fairlead.Invalid, Code: "upstream_invalid_request", Param: "response_format"}
		}
		return good(ctx, q)
	}}, acme().text("portal", "file-acme"))
	got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
	if err != nil || len(got.Findings) != 2 || got.Partial {
		t.Fatalf("got %+v, %v", got, err)
	}
	with := 0
	for _, q := range b.model.asked {
		if q.schema {
			with++
		}
	}
	if with > 3 { // those that were under way at the same time
		t.Errorf("%d questions had a schema after it was refused", with)
	}
}

func TestSomeWindowsFail(t *testing.T) {
	t.Parallel()
	good := honest("depend", "litigation", "breach")
	broken := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}
	for name, test := range map[string]struct {
		fails func(q asked) bool
		why   analyze.Why
		err   bool
	}{
		"the third":   {func(q asked) bool { return q.nth == 3 }, analyze.WhyProvider, false},
		"the merging": {func(q asked) bool { return q.merging }, analyze.WhyMerge, false},
		"all":         {func(asked) bool { return true }, "", true},
	} {
		b := newBed(narrow(), &model{answer: func(ctx context.Context, q asked) (string, error) {
			if test.fails(q) {
				return "", broken
			}
			return good(ctx, q)
		}}, acme().text("portal", "file-acme"))
		got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
		if test.err {
			if !errors.Is(err, broken) {
				t.Errorf("%s: got %v, want the model's error", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b.checkFindings(t, got.Findings)
		if !got.Partial || got.Why != test.why || (got.PagesRead == got.Pages) != (test.why == analyze.WhyMerge) || len(got.Findings) == 0 {
			t.Errorf("%s: got partial %t, why %q, %d of %d pages, %d findings", name, got.Partial, got.Why, got.PagesRead, got.Pages, len(got.Findings))
		}
	}
}

// deadline is a case of TestDeadline.
type deadline struct {
	each time.Duration // how long the model takes
	kind fairlead.Kind // of the error; 0 is a report
	why  analyze.Why
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]deadline{
		"enough":           {time.Second, 0, ""},
		"half of it":       {20 * time.Second, 0, analyze.WhyDeadline},
		"not even the one": {70 * time.Second, fairlead.Late, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test.run)
		})
	}
}

func (d deadline) run(t *testing.T) {
	const most = time.Minute
	good := honest("depend", "litigation", "breach", "expect", "leading")
	b := newBed(analyze.Limits{InputTokens: 3000, Parallel: 2}, &model{answer: func(ctx context.Context, q asked) (string, error) {
		each := d.each
		if q.merging {
			each = time.Second
		}
		select {
		case <-time.After(each):
			return good(ctx, q)
		case <-ctx.Done():
			return "", fairlead.NewLate(ctx.Err())
		}
	}}, acme().text("portal", "file-acme"))
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	start := time.Now()
	got, err := b.analyzer.Analyze(ctx, b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
	took := time.Since(start)
	if d.kind != 0 {
		if !fairlead.IsKind(err, d.kind) || took > most {
			t.Fatalf("got %v after %s, want kind %s", err, took, d.kind)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	b.checkFindings(t, got.Findings)
	if got.Partial != (d.why != "") || got.Why != d.why || took >= most || (got.PagesRead < got.Pages) != got.Partial || got.PagesRead == 0 {
		t.Errorf("got partial %t, why %q, %d of %d pages after %s", got.Partial, got.Why, got.PagesRead, got.Pages, took)
	}
	if last := b.model.asked[len(b.model.asked)-1]; !last.merging {
		t.Error("the last question was not that for merging")
	}
}

func TestMergingThatTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := honest("depend", "litigation")
		b := newBed(narrow(), &model{answer: func(ctx context.Context, q asked) (string, error) {
			if !q.merging {
				return good(ctx, q)
			}
			<-ctx.Done()
			return "", fairlead.NewLate(ctx.Err())
		}}, acme().text("portal", "file-acme"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := b.analyzer.Analyze(ctx, b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
		if err != nil || ctx.Err() != nil || got.Why != analyze.WhyMerge || len(got.Findings) != 2 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestWaitingForTheDocument(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		takes time.Duration
		code  string
	}{"in time": {30 * time.Second, ""}, "too long": {time.Hour, "document_not_ready"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(analyze.Limits{}, &model{answer: honest("depend")}, acme().text("portal", "file-acme"))
				b.library.wait = func(ctx context.Context) error {
					select {
					case <-time.After(test.takes):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var first analyze.Stage
				_, err := b.analyzer.Analyze(ctx, b.call, analyze.Request{Document: "file-acme", Type: "risk"}, func(p analyze.Progress) error {
					first = cmp.Or(first, p.Stage)
					return nil
				})
				if first != analyze.Waiting {
					t.Errorf("got the stage %q first", first)
				}
				e, _ := errors.AsType[*fairlead.Error](err)
				if test.code == "" && err != nil || test.code != "" && (e == nil || e.Code != test.code || e.Kind != fairlead.Busy || e.RetryAfter <= 0) {
					t.Errorf("got %v, want %q", err, test.code)
				}
			})
		})
	}
}

func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ asked) (string, error) {
			<-ctx.Done()
			return "", fairlead.NewCanceled(ctx.Err())
		}
		b := newBed(narrow(), &model{answer: hang}, acme().text("portal", "file-acme"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := b.analyzer.Analyze(ctx, b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
		if !fairlead.IsKind(err, fairlead.Canceled) {
			t.Errorf("got %v, want that the caller left", err)
		}
		// While it waits for the document.
		gone := errors.New("gone")
		b.library.wait = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		_, err = b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, func(analyze.Progress) error { return gone })
		if !errors.Is(err, gone) {
			t.Errorf("got %v, want what progress returned", err)
		}
		// And where it is progress that can't be told any more: the error as it is.
		b = newBed(narrow(), &model{answer: honest("depend")}, acme().text("portal", "file-acme"))
		_, err = b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-acme", Type: "risk"}, func(p analyze.Progress) error {
			if p.CallsDone == 2 {
				return gone
			}
			return nil
		})
		if !errors.Is(err, gone) {
			t.Errorf("got %v, want what progress returned", err)
		}
	})
}

// slow is a case of TestOneSlowWindow.
type slow struct {
	limits        analyze.Limits
	most          time.Duration // the time of all
	each          time.Duration // how long the model takes
	late, partial bool
}

// TestOneSlowWindow: as long as nothing is read there is nothing to merge, and no time is
// kept for that.
func TestOneSlowWindow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]slow{
		"in time":      {analyze.Limits{}, 180 * time.Second, 170 * time.Second, false, false},
		"silent":       {analyze.Limits{}, 180 * time.Second, time.Hour, true, false},
		"silent, soon": {analyze.Limits{}, 6 * time.Second, time.Hour, true, false},
		"one of many":  {narrow(), 180 * time.Second, 170 * time.Second, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test.run)
		})
	}
}

func (s slow) run(t *testing.T) {
	good := honest("depend", "litigation", "breach")
	b := newBed(s.limits, &model{answer: func(ctx context.Context, q asked) (string, error) {
		select {
		case <-time.After(s.each):
			return good(ctx, q)
		case <-ctx.Done():
			return "", fairlead.NewLate(ctx.Err())
		}
	}}, acme().text("portal", "file-acme"))
	ctx, cancel := context.WithTimeout(t.Context(), s.most)
	defer cancel()
	began := time.Now()
	got, err := b.analyzer.Analyze(ctx, b.call, analyze.Request{Document: "file-acme", Type: "risk"}, nil)
	took := time.Since(began)
	if took >= s.most {
		t.Errorf("it took %v of %v", took, s.most)
	}
	if s.late {
		if !fairlead.IsKind(err, fairlead.Late) || took < s.most-time.Second {
			t.Errorf("got %v after %v of %v", err, took, s.most)
		}
		return
	}
	if err != nil || got.Partial != s.partial || got.PagesRead == 0 || len(got.Findings) == 0 {
		t.Errorf("got %+v, %v after %v", got, err, took)
	}
}
