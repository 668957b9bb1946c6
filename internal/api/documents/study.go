package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// The bounds of what is asked of an analysis.
const (
	maxQuestion = 8 << 10 // bytes
	maxModel    = 256
	maxStudied  = 20 // documents
)

const (
	typeStream    = "text/event-stream"
	eventProgress = "progress"
	eventResult   = "result"
)

// Analyst reads documents by way of a model. What it returns is put as a JSON object. It
// calls progress now and then, on the caller's goroutine, whose error ends the work and is
// returned; and it waits for documents that are still being ingested.
type Analyst interface {
	// Analyze looks for what is asked in one document.
	Analyze(ctx context.Context, call *fairlead.Call, ask Question, progress func(Progress) error) (result any, err error)
	// Insights puts together what several documents say of a company.
	Insights(ctx context.Context, call *fairlead.Call, ask Study, progress func(Progress) error) (result any, err error)
}

// Question is what an analysis is to answer.
type Question struct {
	Document fairlead.DocumentID
	// Type is summary, investment, risk, financial or custom; of the last Text is what
	// is asked.
	Type, Text string
	// Model is a model's name; "" is the service's default.
	Model string
}

// Study is what insights are wanted of.
type Study struct {
	Documents []fairlead.DocumentID
	Focus     string
	Model     string
}

// Progress is how far an analysis has come. Counts are 0 until they are known; Calls is
// how often the model will have been asked.
type Progress struct {
	Stage     string `json:"stage"`
	PagesRead int    `json:"pages_read"`
	Pages     int    `json:"pages"`
	CallsDone int    `json:"calls_done"`
	Calls     int    `json:"calls"`
	Findings  int    `json:"findings"`
}

// analyze answers POST /documents/analyze.
func (f *Face) analyze(x *api.Exchange) error {
	return f.study(x, fairlead.Analyze, func(r *fields.Reader) (inquiry, []fairlead.DocumentID) {
		ask := Question{
			Document: fairlead.DocumentID(needText(r, "document_id", maxModel)),
			Type:     r.OneOf("analysis_type", "summary", "investment", "risk", "financial", "custom"),
			Text:     r.Text("question", maxQuestion), Model: r.Text("model", maxModel),
		}
		r.Need("analysis_type")
		if ask.Type == "custom" && ask.Text == "" {
			r.Need("question")
			r.Refuse("question", "must not be empty with the analysis_type custom")
		}
		return func(ctx context.Context, call *fairlead.Call, progress func(Progress) error) (any, error) {
			return f.config.Analyst.Analyze(ctx, call, ask, progress)
		}, []fairlead.DocumentID{ask.Document}
	}, "document_id", "analysis_type", "question", "model", "stream")
}

// insights answers POST /investment/insights.
func (f *Face) insights(x *api.Exchange) error {
	return f.study(x, fairlead.Insights, func(r *fields.Reader) (inquiry, []fairlead.DocumentID) {
		r.Need("document_ids")
		ask := Study{
			Documents: documentIDs(r.Texts("document_ids", maxStudied)), Focus: r.Text("focus", maxQuestion),
			Model: r.Text("model", maxModel),
		}
		if len(ask.Documents) == 0 {
			r.Refuse("document_ids", "must not be empty")
		}
		return func(ctx context.Context, call *fairlead.Call, progress func(Progress) error) (any, error) {
			return f.config.Analyst.Insights(ctx, call, ask, progress)
		}, ask.Documents
	}, "document_ids", "focus", "model", "stream")
}

// inquiry is what is asked of the analyst.
type inquiry func(ctx context.Context, call *fairlead.Call, progress func(Progress) error) (any, error)

// study answers an inquiry, whole or as a stream. ask reads the body, and returns which
// documents it is about: they must be there before anything is said.
func (f *Face) study(
	x *api.Exchange, op fairlead.Operation, ask func(r *fields.Reader) (inquiry, []fairlead.DocumentID), known ...string,
) error {
	call := x.Call()
	return x.Answer(call, api.Shape{ErrorFrame: refusal.NativeFrame}, func(emit fairlead.Emit) error {
		return f.config.Gateway.Run(x.Context(), call, op, func(ctx context.Context) error {
			body, err := x.ReadJSON(ctx)
			if err != nil {
				return err
			}
			r := fields.New(body, known...)
			streams := r.Flag("stream") || strings.Contains(x.R.Header.Get("Accept"), typeStream)
			inquire, about := ask(r)
			if err := r.Err(); err != nil {
				return err
			}
			if err := f.findAll(ctx, x.App.ID, about); err != nil {
				return err
			}
			if streams {
				return stream(ctx, x, call, emit, inquire)
			}
			return whole(ctx, x, call, emit, inquire)
		})
	})
}

// findAll finds out whether the app's documents are there.
func (f *Face) findAll(ctx context.Context, app fairlead.AppID, ids []fairlead.DocumentID) error {
	for _, id := range ids {
		if _, err := library.Find(ctx, f.config.Shelf, app, id); err != nil {
			return err
		}
	}
	return nil
}

// whole answers an inquiry by its result alone.
func whole(ctx context.Context, x *api.Exchange, call *fairlead.Call, emit fairlead.Emit, inquire inquiry) error {
	result, err := inquire(ctx, call, func(Progress) error { return nil })
	if err != nil {
		return err
	}
	text, err := success(result, x.ID)
	if err != nil {
		return err
	}
	return library.Answer(emit, text)
}

// success is a result with what every native answer has.
func success(result any, requestID string) (json.RawMessage, error) {
	text, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	id, err := json.Marshal(requestID)
	if err != nil {
		return nil, err
	}
	head := append([]byte(`{"success":true,"request_id":`), id...)
	rest := bytes.TrimPrefix(text, []byte("{"))
	if !bytes.Equal(rest, []byte("}")) {
		head = append(head, ',')
	}
	return append(head, rest...), nil
}

// tell writes one event.
func tell(emit fairlead.Emit, event string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return emit(fairlead.Event{Data: sse.AppendEvent(nil, "", event, text)})
}

// stream answers an inquiry by events: its progress, then its result.
func stream(ctx context.Context, x *api.Exchange, call *fairlead.Call, emit fairlead.Emit, inquire inquiry) error {
	if err := x.Streams(call, api.Queued, api.KeepAlive); err != nil {
		return err
	}
	x.BeatApart()
	call.NoteStream()
	call.Waiting = nil // it waits in no queue: the calls that are made for it do
	if err := emit(fairlead.Event{Head: &fairlead.Head{ContentType: typeStream, Stream: true}}); err != nil {
		return err
	}
	if err := tell(emit, eventProgress, Progress{Stage: "started"}); err != nil {
		return err
	}
	result, err := inquire(ctx, call, func(p Progress) error { return tell(emit, eventProgress, p) })
	if err != nil {
		return err
	}
	text, err := success(result, x.ID)
	if err != nil {
		return err
	}
	if err := tell(emit, eventResult, text); err != nil {
		return err
	}
	return emit(fairlead.Event{End: &fairlead.End{}})
}
