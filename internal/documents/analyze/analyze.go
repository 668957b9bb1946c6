// Package analyze answers questions about whole documents: findings of a type, each with
// citations, and insights for investors over several documents.
//
// The idea: a document is read in parts that fit the model, several at a time; what the
// model finds in a part is kept only with quotes that stand in that part, word for word;
// then the model says which of the kept findings belong together, by their numbers.
// Figures and ratios don't come from the model: they are read from the tables and
// computed here. So whatever a model says, and whatever a document talks it into, every
// citation is the document's own text, and of no other document than the one that was
// asked about.
//
// The model is asked by way of fairlead.Model, which enters the gate for each question;
// this package holds a slot only while it computes itself. With no model but the offline
// one, package extractive picks sentences instead, and the report says so.
//
// Time runs out in the middle of long documents. As soon as anything was read, the last part
// of it is kept for merging, and what was read by then is a partial report, not an error.
//
// Start with New, then Analyzer.Analyze.
package analyze

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/ask"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/clock"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/plan"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

// Waiter waits for documents.
type Waiter interface {
	// Wait returns the app's document when it has ended: ready, or not to be read. It
	// holds no slot, and blocks at most until ctx ends. An id that the app does not have is
	// an error of Kind NotFound.
	Wait(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, error)
}

// Resolved is what the name of a model leads to.
type Resolved struct {
	// Offline says that it is no language model: the extractive engine answers.
	Offline bool
	// ContextTokens is how many tokens a prompt and its answer may have together; 0 is not
	// known.
	ContextTokens int

	name string // that was asked for
}

func (r Resolved) named(name string) Resolved {
	r.name = name
	return r
}

// Config is what an Analyzer works with. All but Limits must be set.
type Config struct {
	Text      fairlead.DocumentText
	Chunks    fairlead.DocumentChunks
	Documents Waiter
	// Model is asked from several goroutines at once, with one Call.
	Model fairlead.Model
	// Resolve says what a model is, "" being the default one. Its errors go to the caller.
	Resolve func(app *fairlead.App, model string) (Resolved, error)
	// Gate is entered, with the pool fairlead.LocalPool, for what is computed here.
	Gate   fairlead.Gate
	Tokens fairlead.TokenCounter
	Limits Limits
}

// Limits bound one analysis. Zero values are those below.
type Limits struct {
	// Calls is how many times the model is asked, that for merging included: 40. A second
	// question after an answer that could not be read, and one in a plainer form for a
	// model that refuses the first, come on top.
	Calls int
	// Parallel is how many of them run at once: 4.
	Parallel int
	// InputTokens is the longest prompt: 32,000. OutputTokens is the longest answer: 4,096.
	InputTokens, OutputTokens int
	// Findings is how many a report has: 12.
	Findings int
	// Documents is how many Insights reads: 20.
	Documents int
}

func (l Limits) orDefaults() Limits {
	or := func(n *int, usual int) {
		if *n <= 0 {
			*n = usual
		}
	}
	or(&l.Calls, 40)
	or(&l.Parallel, 4)
	or(&l.InputTokens, 32_000)
	or(&l.OutputTokens, 4096)
	or(&l.Findings, 12)
	or(&l.Documents, 20)
	return l
}

// Analyzer analyses documents. It is immutable, and safe for concurrent use.
type Analyzer struct {
	config Config
	limits Limits
}

// New returns an Analyzer.
func New(c Config) *Analyzer { return &Analyzer{config: c, limits: c.Limits.orDefaults()} }

// Request asks for an analysis.
type Request struct {
	Document fairlead.DocumentID
	// Type is one of task.Types.
	Type string
	// Question is what Type "custom" answers, and else prefers.
	Question string
	// Model is the name of a model; "" is the default one.
	Model string
}

// Progress is how far an analysis has come.
type Progress struct {
	Stage Stage
	// PagesRead and Pages are 0 until they are known. Calls is how many times the model
	// will have been asked, CallsDone how many of these have ended.
	PagesRead, Pages int
	CallsDone, Calls int
	// Findings is how many candidates have been verified.
	Findings int
}

// Stage is what an analysis does.
type Stage string

// The stages, in order.
const (
	Waiting Stage = "waiting" // for a document that is being ingested
	Reading Stage = "reading"
	Merging Stage = "merging"
)

// Analyze analyses a document of the call's app. It blocks until the report is there, at
// most until ctx ends; with a deadline that is a little before it. progress, if it is not
// nil, is called now and then on the caller's goroutine, and not before the document is
// known to be there; its error ends the analysis and is in the one returned.
//
// Errors are *fairlead.Error: of Kind Invalid with the codes invalid_analysis_type,
// missing_field (no document_id, or no question for "custom"), too_long and
// document_not_readable; of Kind NotFound with document_not_found; of Kind Busy with
// document_not_ready, where the time runs out before the document is ingested; those of
// Resolve, of the Gate, and of the Model if it answered none of the questions.
func (a *Analyzer) Analyze(ctx context.Context, call *fairlead.Call, req Request, progress func(Progress) error) (*Report, error) {
	if req.Document == "" {
		return nil, task.Missing("document_id", "The body has no document_id")
	}
	t, err := task.Asked(req.Type, req.Question)
	if err != nil {
		return nil, err
	}
	model, err := a.config.Resolve(call.App, req.Model)
	if err != nil {
		return nil, err
	}
	r := a.newRun(ctx, call, t, model.named(req.Model))
	r.tell = progress
	if err := r.open(ctx, []fairlead.DocumentID{req.Document}); err != nil {
		return nil, err
	}
	if model.Offline {
		return r.offlineReport(ctx)
	}
	return r.report(ctx)
}

// run is one analysis. It belongs to the goroutine that asked for it.
type run struct {
	*Analyzer

	call    *fairlead.Call
	task    task.Task
	model   Resolved
	clock   clock.Clock
	asker   *ask.Asker
	tell    func(Progress) error
	state   Progress
	sources []*source.Source // the documents
}

// newRun begins an analysis, whose model is resolved.
func (a *Analyzer) newRun(ctx context.Context, call *fairlead.Call, t task.Task, model Resolved) *run {
	r := &run{Analyzer: a, call: call, task: t, model: model, clock: clock.New(ctx)}
	_, answer := r.room()
	r.asker = ask.New(a.config.Model, call, model.name, answer)
	return r
}

const (
	// promptTokens are what rules and schema take, promptShare what is left free of a
	// prompt since counts are estimates, in per cent.
	promptTokens, promptShare = 1500, 10
	// leastWindow is the smallest window, in tokens.
	leastWindow = 1000
)

// room is how many tokens of text fit into one question, and how long its answer may be.
func (r *run) room() (text, answer int) {
	all, answer := r.limits.InputTokens, r.limits.OutputTokens
	if size := r.model.ContextTokens; size > 0 {
		answer = min(answer, max(size/4, 256))
		all = min(all, size-answer)
	}
	return max((all-promptTokens)*(100-promptShare)/100, leastWindow), answer
}

// windows cuts a document into windows, of which at most so many are read.
func (r *run) windows(ctx context.Context, doc, most int) ([]plan.Window, error) {
	fits, _ := r.room()
	p := plan.Planner{Chunks: r.config.Chunks, Tokens: r.config.Tokens, Fits: fits, Topics: r.task.Topics, Question: r.task.Question}
	all, err := p.Windows(ctx, r.sources[doc], doc, most)
	return all, ended(ctx, err)
}

// progress tells how far the run has come.
func (r *run) progress(stage Stage) error {
	r.state.Stage = stage
	if r.tell == nil {
		return nil
	}
	return r.tell(r.state)
}

// open waits for the documents, and reads their outlines.
func (r *run) open(ctx context.Context, ids []fairlead.DocumentID) error {
	for _, id := range ids {
		d, err := r.wait(ctx, id)
		if err != nil {
			return err
		}
		src, err := source.Open(ctx, r.config.Text, d)
		if err != nil {
			return ended(ctx, err)
		}
		r.sources = append(r.sources, src)
		r.state.Pages += src.Pages()
	}
	return nil
}

// comeBack is when to ask again for a document that is still being ingested.
const comeBack = 15 * time.Second

// wait waits for a document, as long as there is time left to read it.
func (r *run) wait(ctx context.Context, id fairlead.DocumentID) (fairlead.Document, error) {
	waiting, cancel := r.clock.Waiting(ctx)
	defer cancel()
	d, err := r.waitAloud(waiting, id)
	switch {
	case errors.Is(err, errUntold):
		return d, err
	case ctx.Err() != nil:
		return d, ended(ctx, ctx.Err())
	case waiting.Err() != nil, err == nil && !d.Status.Ended():
		return d, &fairlead.Error{
			Kind: fairlead.Busy, Code: "document_not_ready", Message: "The document is still being ingested, please try again later", RetryAfter: comeBack,
		}
	case err != nil:
		return d, err
	case d.App != r.call.App.ID: // whatever the store says
		return d, source.NotFound()
	case d.Status != fairlead.DocumentReady:
		return d, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "document_not_readable", Param: "document_id",
			Message: "The document has no text that can be analysed", Detail: cmp.Or(d.Reason, "its status is "+string(d.Status)),
		}
	}
	return d, nil
}

// quiet is how long a document is waited for without telling so: that there is none is
// known at once, and told best before anything else.
const quiet = time.Second

// errUntold is in the error of progress that could not be told.
var errUntold = errors.New("progress could not be told")

// waitAloud waits for a document, and tells so if that takes longer.
func (r *run) waitAloud(ctx context.Context, id fairlead.DocumentID) (d fairlead.Document, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() { // it is waited for on every way out
		defer close(done)
		d, err = r.config.Documents.Wait(ctx, r.call.App.ID, id)
	}()
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	var untold error
	select {
	case <-done:
	case <-timer.C:
		if untold = r.progress(Waiting); untold != nil {
			cancel()
		}
		<-done
	}
	if untold != nil {
		return d, fmt.Errorf("%w: %w", errUntold, untold)
	}
	return d, err
}

// ended is err, or what the end of ctx means if that is why there was an error.
func ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fairlead.NewLate(err)
	case ctx.Err() != nil:
		return fairlead.NewCanceled(err)
	}
	return err
}
