package client

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/fairleadhq/fairlead/client/internal/events"
	"github.com/fairleadhq/fairlead/client/report"
)

// AnalyzeRequest asks what a document says.
type AnalyzeRequest struct {
	Document string // its ID
	// Type is summary, investment, risk, financial, or custom, which has a Question.
	Type     string
	Question string
	// Model is a model's name, or provider/model; "" is the service's default.
	Model string
	// Progress, if not nil, is told now and then how far the analysis has come.
	Progress func(report.Progress)
	// Class is the call's class; "" is the client's (WithClass).
	Class Class
}

// InsightsRequest asks what documents say of a company.
type InsightsRequest struct {
	Documents []string // their IDs
	Focus     string
	Model     string
	Progress  func(report.Progress)
	Class     Class
}

// Analyze asks what a document says, with the proof. It waits for a document that is
// still being read. Errors are those of Chat.
func (c *Client) Analyze(ctx context.Context, r AnalyzeRequest) (*report.Analysis, error) {
	members := map[string]any{"document_id": r.Document, "analysis_type": r.Type}
	if r.Question != "" {
		members["question"] = r.Question
	}
	if r.Model != "" {
		members["model"] = r.Model
	}
	what, err := c.post("/documents/analyze", r.Class, members)
	if err != nil {
		return nil, err
	}
	a := new(report.Analysis)
	a.Raw, err = c.study(ctx, what, r.Progress, a)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Insights asks what documents say of a company, with the proof. Errors are those of
// Chat.
func (c *Client) Insights(ctx context.Context, r InsightsRequest) (*report.Insights, error) {
	members := map[string]any{"document_ids": r.Documents}
	if r.Focus != "" {
		members["focus"] = r.Focus
	}
	if r.Model != "" {
		members["model"] = r.Model
	}
	what, err := c.post("/investment/insights", r.Class, members)
	if err != nil {
		return nil, err
	}
	i := new(report.Insights)
	i.Raw, err = c.study(ctx, what, r.Progress, i)
	if err != nil {
		return nil, err
	}
	return i, nil
}

// study makes a call whose answer is a report, by way of a stream if somebody wants to
// know how it comes along.
func (c *Client) study(ctx context.Context, what call, progress func(report.Progress), into any) (raw json.RawMessage, err error) {
	var id string
	if progress != nil {
		raw, id, err = c.follow(ctx, what, progress)
	} else {
		var header http.Header
		header, err = c.fetch(ctx, what, &raw)
		id = requestID(header, "")
	}
	if err != nil {
		return nil, err
	}
	var success struct {
		Success bool `json:"success"`
	}
	err = json.Unmarshal(raw, &success)
	if err == nil && !success.Success {
		err = errors.New("the answer does not say that it is a success")
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return nil, &BrokenError{RequestID: id, Err: err}
	}
	return raw, nil
}

// follow reads a stream of progress up to the result.
func (c *Client) follow(ctx context.Context, what call, progress func(report.Progress)) (raw json.RawMessage, id string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	what.accept = "text/event-stream"
	answer, err := c.do(ctx, what)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	id = requestID(answer.Header, "")
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || kind != what.accept {
		return nil, id, &BrokenError{RequestID: id, Err: errors.New("the answer is not an event stream")}
	}
	for stream := events.NewReader(answer.Body); ; {
		event, err := stream.Next()
		if err == nil && event.Kind == "error" {
			err = streamError(event.Data)
		}
		if err != nil {
			return nil, id, &BrokenError{RequestID: id, Err: err}
		}
		switch event.Kind {
		case "result":
			readTail(answer.Body, cancel)
			return event.Data, id, nil
		case "progress":
			var p report.Progress
			if err := json.Unmarshal(event.Data, &p); err != nil {
				return nil, id, &BrokenError{RequestID: id, Err: err}
			}
			progress(p)
		}
	}
}
