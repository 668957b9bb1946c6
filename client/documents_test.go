package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/client"
	"github.com/fairleadhq/fairlead/client/filter"
	"github.com/fairleadhq/fairlead/client/report"
)

const documentAnswer = `{"success":true,"document_id":"file-1","name":"r.pdf","status":"queued","pages":null,"pages_done":0,"chunks":null,` +
	`"bytes":4,"text_bytes":null,"media_type":null,"sha256":"ab","created":"2027-01-15T08:00:01Z","metadata":{"year":2024},` +
	`"about":{"company":"Acme"},"embedding_pending":false,"request_id":"req_1_1"}`

func TestUploadDocument(t *testing.T) {
	tries := 0
	handler := func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			w.Header().Set("Retry-After-Ms", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.Method != http.MethodPost || r.URL.String() != "/documents/upload?wait=30" || r.Header.Get("X-Fairlead-Class") != "batch" {
			t.Errorf("called %s %s", r.Method, r.URL)
		}
		file, _, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		text, _ := io.ReadAll(file)
		if string(text) != "text" || r.FormValue("name") != "r.pdf" || r.FormValue("metadata") != `{"year":2024}` {
			t.Errorf("sent %q %v", text, r.MultipartForm.Value)
		}
		if known := r.ContentLength > 0; known != (tries == 2) {
			t.Errorf("try %d: Content-Length %d", tries, r.ContentLength)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, documentAnswer)
	}
	c := serve(t, handler, client.WithMaxAttempts(3))
	file := strings.NewReader("skipped text")
	_, _ = file.Seek(int64(len("skipped ")), io.SeekStart)
	upload := client.Upload{Name: "r.pdf", Body: file, Metadata: map[string]any{"year": 2024}, Wait: 30 * time.Second, Class: client.Batch}
	got, err := c.UploadDocument(t.Context(), upload)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != "file-1" || got.Status != "queued" || got.Ended() || got.Pages != 0 || got.About.Company != "Acme" ||
		got.Created.Unix() != 1800000001 || fmt.Sprint(got.Metadata) != "map[year:2024]" || tries != 2 {
		t.Errorf("got %+v after %d tries", got, tries)
	}
	// What can't be read again is sent once.
	upload.Body = io.MultiReader(strings.NewReader("text"))
	if _, err := c.UploadDocument(t.Context(), upload); err != nil {
		t.Error(err)
	}
	tries = 0
	upload.Body = io.MultiReader(strings.NewReader("text"))
	var refusal *client.APIError
	if _, err := c.UploadDocument(t.Context(), upload); !errors.As(err, &refusal) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
	if _, err := c.UploadDocument(t.Context(), client.Upload{}); err == nil {
		t.Error("an upload without a Body was sent")
	}
}

func TestDocuments(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"GET /documents": `{"success":true,"documents":[` + documentAnswer + `],"has_more":true,"last_id":"file-1"}`,
			"GET /documents?after=file-1&limit=1&order=asc": `{"success":true,"documents":[],"has_more":false,"last_id":null}`,
			"GET /documents/file-1":                         documentAnswer,
			"DELETE /documents/file-1":                      `{"success":true,"document_id":"file-1","deleted":true}`,
			"DELETE /documents/odd":                         `{}`,
			"GET /documents/a%2Fb":                          `{"success":true}`,
			"GET /documents/file-1/content":                 "one\ntwo\n",
		}
		answer, ok := answers[r.Method+" "+r.RequestURI]
		if !ok {
			t.Errorf("called %s %s", r.Method, r.RequestURI)
		}
		_, _ = io.WriteString(w, answer)
	})
	page, err := c.Documents(t.Context(), client.DocumentList{})
	if err != nil || len(page.Documents) != 1 || page.Documents[0].ID != "file-1" || !page.HasMore || page.LastID != "file-1" {
		t.Errorf("%v %+v", err, page)
	}
	page, err = c.Documents(t.Context(), client.DocumentList{After: "file-1", Limit: 1, OldestFirst: true})
	if err != nil || len(page.Documents) != 0 || page.HasMore || page.LastID != "" {
		t.Errorf("%v %+v", err, page)
	}
	if d, err := c.Document(t.Context(), "file-1"); err != nil || d.Name != "r.pdf" {
		t.Errorf("%v %+v", err, d)
	}
	var broken *client.BrokenError
	if _, err := c.Document(t.Context(), "a/b"); !errors.As(err, &broken) {
		t.Errorf("an answer that is no document: %v", err)
	}
	if err := c.DeleteDocument(t.Context(), "file-1"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteDocument(t.Context(), "odd"); !errors.As(err, &broken) {
		t.Errorf("an answer that says nothing: %v", err)
	}
	var text bytes.Buffer
	if err := c.DocumentContent(t.Context(), "file-1", &text); err != nil || text.String() != "one\ntwo\n" {
		t.Errorf("%v %q", err, text.String())
	}
}

// A text that breaks off is not taken for the whole.
func TestContentBreaks(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<16))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	var broken *client.BrokenError
	if err := c.DocumentContent(t.Context(), "file-1", io.Discard); !errors.As(err, &broken) {
		t.Errorf("got %v", err)
	}
	full := errors.New("full")
	if err := c.DocumentContent(t.Context(), "file-1", writerFunc(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) || errors.As(err, &broken) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSearch(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"document_ids":["file-1"],"filters":{"type":"and","filters":[{"type":"eq","key":"year","value":2024},` +
			`{"type":"in","key":"by","value":["a","b"]}]},"limit":3,"query":"risk"}`
		if r.URL.Path != "/documents/search" || string(body) != want {
			t.Errorf("%s: sent %s, want %s", r.URL, body, want)
		}
		_, _ = io.WriteString(w, `{"success":true,"results":[{"document_id":"file-1","score":0.5,"text":"the risk","page":2,"start":8,"end":16}]}`)
	})
	f := filter.All(filter.Compare("year", "eq", 2024), filter.Compare("by", "in", []string{"a", "b"}))
	got, err := c.Search(t.Context(), client.SearchRequest{Query: "risk", Documents: []string{"file-1"}, Limit: 3, Filter: &f})
	if err != nil || len(got) != 1 || got[0].Text != "the risk" || got[0].Page != 2 || got[0].End != 16 {
		t.Errorf("%v %+v", err, got)
	}
}

const reportMembers = `"engine":"llm","partial":true,"why":"deadline","pages_read":3,"pages":9`

func TestStudies(t *testing.T) {
	finding := `[{"title":"T","detail":"D","citations":[{"document_id":"file-1","page":2,"start":8,"end":16,"quote":"the risk"}]}]`
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := `{"success":true,` + reportMembers + `,"findings":` + finding + `,"risks":` + finding + `}`
		switch r.URL.Path + string(body) {
		case `/documents/analyze{"analysis_type":"custom","document_id":"file-1","model":"m","question":"Why?"}`:
		case `/investment/insights{"document_ids":["file-1"],"focus":"debt"}`:
		default:
			t.Errorf("%s: sent %s", r.URL, body)
		}
		if r.Header.Get("Accept") == "text/event-stream" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: progress\ndata: {\"stage\":\"reading\",\"pages_read\":1}\n\n: keep-alive\n\nevent: result\ndata: "+answer+"\n\n")
			return
		}
		_, _ = io.WriteString(w, answer)
	})
	var told []report.Progress
	for _, progress := range []func(report.Progress){nil, func(p report.Progress) { told = append(told, p) }} {
		analysis, err := c.Analyze(t.Context(), client.AnalyzeRequest{Document: "file-1", Type: "custom", Question: "Why?", Model: "m", Progress: progress})
		if err != nil || analysis.Engine != "llm" || !analysis.Partial || analysis.Findings[0].Citations[0].Quote != "the risk" {
			t.Errorf("%v %+v", err, analysis)
		}
		insights, err := c.Insights(t.Context(), client.InsightsRequest{Documents: []string{"file-1"}, Focus: "debt", Progress: progress})
		if err != nil || insights.PagesRead != 3 || insights.Risks[0].Title != "T" {
			t.Errorf("%v %+v", err, insights)
		}
	}
	if len(told) != 2 || told[0] != (report.Progress{Stage: "reading", PagesRead: 1}) {
		t.Errorf("told %+v", told)
	}
}

// A stream that breaks, or tells an error, has no result.
func TestStudyBreaks(t *testing.T) {
	for name, text := range map[string]string{
		"cut":      "event: progress\ndata: {}\n\nevent: result\ndata: {\"success\":true}\n",
		"an error": "event: progress\ndata: {}\n\nevent: error\ndata: {\"success\":false,\"error\":\"Too late\",\"code\":\"deadline_exceeded\"}\n\n",
		"nothing":  "event: result\ndata: {}\n\n",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, text)
		}))
		c := client.New(server.URL, "key", client.WithMaxAttempts(3), client.WithBackoff(0, 0))
		_, err := c.Analyze(t.Context(), client.AnalyzeRequest{Document: "x", Type: "risk", Progress: func(report.Progress) {}})
		var broken *client.BrokenError
		var refusal *client.APIError
		if !errors.As(err, &broken) || errors.As(err, &refusal) != (name == "an error") {
			t.Errorf("%s: %v", name, err)
		}
		c.CloseIdleConnections()
		server.Close()
	}
}
