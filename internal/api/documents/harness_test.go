package documents_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/documents"
	"github.com/fairleadhq/fairlead/internal/api/library/librarytest"
	"github.com/fairleadhq/fairlead/internal/api/upload"
	"github.com/fairleadhq/fairlead/internal/places"
)

// analyst tells what it was asked; it stops after its first step until it is let go on.
type analyst struct {
	steps   chan struct{} // nil: it does not stop
	fails   *fairlead.Error
	left    chan struct{} // closed when its call was ended
	asked   chan any      // nil: nobody wants to know
	several int           // steps that it tells of
}

func (a *analyst) Analyze(
	ctx context.Context, _ *fairlead.Call, ask documents.Question, progress func(documents.Progress) error,
) (any, error) {
	return a.answer(ctx, ask, progress)
}

func (a *analyst) Insights(
	ctx context.Context, _ *fairlead.Call, ask documents.Study, progress func(documents.Progress) error,
) (any, error) {
	return a.answer(ctx, ask, progress)
}

func (a *analyst) answer(ctx context.Context, ask any, progress func(documents.Progress) error) (any, error) {
	if a.asked != nil {
		a.asked <- ask
	}
	for n := range a.several {
		if err := progress(documents.Progress{Stage: "reading", PagesRead: n + 1, Pages: a.several}); err != nil {
			return nil, err
		}
	}
	if a.steps != nil {
		select {
		case <-a.steps:
		case <-ctx.Done():
			close(a.left)
			return nil, ctx.Err()
		}
	}
	if a.fails != nil {
		return nil, a.fails
	}
	return map[string]any{"engine": "fake", "findings": []string{"<one>"}}, nil
}

// service is the face with a library in memory behind it.
type service struct {
	t       *testing.T
	url     string
	library *librarytest.Library
	gateway *librarytest.Gateway
	analyst *analyst
	docks   *upload.Docks
	face    *documents.Face
}

const (
	maxFile = 100_000
	beat    = 20 * time.Millisecond
)

func start(t *testing.T) *service {
	t.Helper()
	s := &service{
		t: t, library: librarytest.New(), gateway: &librarytest.Gateway{Limit: time.Minute}, analyst: &analyst{},
		docks: upload.NewDocks(places.New(2, nil), 1),
	}
	s.face = documents.New(documents.Config{
		Gateway: s.gateway, Receiver: s.library, Shelf: s.library, Reader: s.library, Searcher: s.library, Analyst: s.analyst,
		Docks: s.docks, Limits: documents.Limits{File: maxFile, Wait: time.Minute},
	})
	s.url = librarytest.Serve(t, beat, api.Face(s.face))
	return s
}

// json makes a request of app a, of which the status must be that, and decodes its answer.
func (s *service) json(method, path, body string, want int) map[string]any {
	s.t.Helper()
	status, text := librarytest.JSON(s.t, "a", method, s.url+path, body)
	if status != want {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, status, text, want)
	}
	return object(s.t, text)
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// part is one of a form; a file has a name.
type part struct{ name, file, text string }

// form is a form, and its content type.
func form(parts ...part) (body *bytes.Buffer, contentType string) {
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for _, p := range parts {
		var to io.Writer
		if p.file != "" {
			to, _ = w.CreateFormFile(p.name, p.file)
		} else {
			to, _ = w.CreateFormField(p.name)
		}
		_, _ = io.WriteString(to, p.text)
	}
	_ = w.Close()
	return body, w.FormDataContentType()
}

// send uploads a form for an app.
func (s *service) send(app, query string, parts ...part) (int, string) {
	s.t.Helper()
	body, contentType := form(parts...)
	answer, text := librarytest.Do(s.t, librarytest.Request{
		App: app, Method: http.MethodPost, URL: s.url + "/documents/upload" + query, Type: contentType, Body: body,
	})
	return answer.StatusCode, text
}

// added uploads a text for app a and returns its id.
func (s *service) added(text string) string {
	s.t.Helper()
	status, answer := s.send("a", "", part{"file", "report.txt", text})
	if status != http.StatusCreated {
		s.t.Fatalf("%d %s", status, answer)
	}
	return fmt.Sprint(object(s.t, answer)["document_id"])
}

// ready is added, of a document that is ready.
func (s *service) ready(text string) string {
	id := s.added(text)
	s.library.End(fairlead.DocumentReady, "")
	return id
}

func wantCode(t *testing.T, status int, text string, wantStatus int, code string) {
	t.Helper()
	if status != wantStatus || !strings.Contains(text, `"code":"`+code+`"`) {
		t.Errorf("%d %s, want %d %s", status, text, wantStatus, code)
	}
}
