package documents_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/documents"
	"github.com/fairleadhq/fairlead/internal/api/library/librarytest"
)

// walk goes through the list, page by page.
func (s *service) walk(query string) (got []string) {
	s.t.Helper()
	for after := ""; ; {
		page := s.json(http.MethodGet, "/documents?limit=2"+query+after, "", 200)
		for _, d := range page["documents"].([]any) { //nolint:errcheck,forcetypeassert // as answered
			got = append(got, fmt.Sprint(d.(map[string]any)["document_id"])) //nolint:errcheck,forcetypeassert // as answered
		}
		if page["has_more"] == false {
			return got
		}
		after = "&after=" + fmt.Sprint(page["last_id"])
	}
}

func TestListAndGet(t *testing.T) {
	t.Parallel()
	s := start(t)
	var ids []string
	for n := range 5 {
		ids = append(ids, s.added(fmt.Sprintf("text %d\n", n)))
	}
	if got := s.walk("&order=asc"); !reflect.DeepEqual(got, ids) {
		t.Errorf("asc: %v, want %v", got, ids)
	}
	if got := s.walk(""); got[0] != ids[4] || len(got) != 5 {
		t.Errorf("desc: %v", got)
	}
	if got := s.json(http.MethodGet, "/documents?order=asc&limit=2&before="+ids[3], "", 200); got["last_id"] != ids[2] || got["has_more"] != true {
		t.Errorf("before: %v", got)
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "order=up", "after=file-unknown", "before=b&after=a"} {
		if status, text := librarytest.JSON(t, "a", http.MethodGet, s.url+"/documents?"+query, ""); status != 400 {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	got := s.json(http.MethodGet, "/documents/"+ids[0], "", 200)
	if got["success"] != true || got["document_id"] != ids[0] || got["created"] != "2027-01-15T08:00:01Z" || got["media_type"] != nil {
		t.Errorf("got %v", got)
	}
	s.library.End(fairlead.DocumentFailed, "It is damaged")
	if got = s.json(http.MethodGet, "/documents/"+ids[0], "", 200); got["status"] != "failed" || got["reason"] != "It is damaged" {
		t.Errorf("got %v", got)
	}
	if got = s.json(http.MethodDelete, "/documents/"+ids[0], "", 200); got["deleted"] != true || got["document_id"] != ids[0] {
		t.Errorf("got %v", got)
	}
	s.json(http.MethodDelete, "/documents/"+ids[0], "", 404)
	if runs, looks := s.gateway.Counts(); len(runs) != 1 || looks == 0 {
		t.Errorf("reading made runs: %v, %d looks", runs, looks)
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := strings.Repeat("ä line\n", maxFile/8)
	id := s.added(long)
	status, text := librarytest.JSON(t, "a", http.MethodGet, s.url+"/documents/"+id+"/content", "")
	wantCode(t, status, text, 503, "document_not_ready")
	s.library.End(fairlead.DocumentReady, "")
	for query, want := range map[string]string{
		"": long, "?start=8&end=16": long[8:16], "?start=8": long[8:], "?end=900000000": long, "?page=2": "ä line\n", "?start=90000000": "",
	} {
		answer, text := librarytest.Do(t, librarytest.Request{App: "a", Method: http.MethodGet, URL: s.url + "/documents/" + id + "/content" + query})
		if answer.StatusCode != http.StatusOK || text != want || answer.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d, %d bytes of %s, want %d", query, answer.StatusCode, len(text), answer.Header.Get("Content-Type"), len(want))
		}
	}
	for query, want := range map[string]int{"?page=0": 400, "?page=x": 400, "?page=90000": 404, "?start=-1": 400, "?start=9&end=8": 400} {
		if status, text := librarytest.JSON(t, "a", http.MethodGet, s.url+"/documents/"+id+"/content"+query, ""); status != want {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	page := s.json(http.MethodGet, "/documents/"+id+"/pages/3", "", 200)
	if page["page"] != 3.0 || page["start"] != 16.0 || page["end"] != 24.0 || page["text"] != "ä line\n" || page["cut_short"] != nil {
		t.Errorf("got %v", page)
	}
	s.json(http.MethodGet, "/documents/"+id+"/pages/900000", "", 404)
	id = s.added("encrypted")
	s.library.End(fairlead.DocumentEncrypted, "It has a password")
	status, text = librarytest.JSON(t, "a", http.MethodGet, s.url+"/documents/"+id+"/content", "")
	wantCode(t, status, text, 400, "document_encrypted")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.ready("nothing\nthe risk is <high> & real\n")
	got := s.json(http.MethodPost, "/documents/search", `{"query":"risk","document_ids":["`+id+`"]}`, 200)
	want := map[string]any{
		"document_id": id, "name": "report.txt", "score": 0.5, "text": "the risk is <high> & real", "page": 2.0, "section": "", "start": 8.0, "end": 33.0,
	}
	if results := got["results"].([]any); len(results) != 1 || !reflect.DeepEqual(results[0], want) { //nolint:errcheck,forcetypeassert // as answered
		t.Errorf("got %v, want %v", results, want)
	}
	if got = s.json(http.MethodPost, "/documents/search", `{"query":"risk","document_ids":[]}`, 200); len(got["results"].([]any)) != 0 { //nolint:errcheck,forcetypeassert // as answered
		t.Errorf("in no document: %v", got)
	}
	filter := `{"type":"and","filters":[{"type":"eq","key":"a","value":true},{"type":"in","key":"b","value":[1,"x"]}]}`
	s.json(http.MethodPost, "/documents/search", `{"query":"q","limit":50,"filters":`+filter+`}`, 200)
	queries := s.library.Queries()
	wantQuery := fairlead.Query{Texts: []string{"q"}, Limit: 50, Within: fairlead.Within{Filter: &fairlead.Filter{
		Op: fairlead.FilterAnd, Filters: []fairlead.Filter{
			{Op: fairlead.FilterEq, Key: "a", Value: true}, {Op: fairlead.FilterIn, Key: "b", Value: []any{1.0, "x"}},
		},
	}}}
	if got := queries[len(queries)-1]; !reflect.DeepEqual(got, wantQuery) {
		t.Errorf("searched for %+v, want %+v", got, wantQuery)
	}
	for body, code := range map[string]string{
		`{}`: "missing_field", `{"query":""}`: "invalid_value", `{"query":1}`: "invalid_type", `{"query":"q","limit":51}`: "invalid_value",
		`{"query":"q","limit":1.5}`: "invalid_type", `{"query":"q","document_id":"x"}`: "unknown_field", `{"query":"q","document_ids":"x"}`: "invalid_type",
		`{"query":"q","document_ids":[1]}`: "invalid_type", `{"query":"q","filters":{"type":"like"}}`: "invalid_value", `{"query":"q","query":"r"}`: "duplicate_key",
		`{"query":"` + strings.Repeat("x", 33<<10) + `"}`: "invalid_value", `nonsense`: "invalid_json",
	} {
		status, text := librarytest.JSON(t, "a", http.MethodPost, s.url+"/documents/search", body)
		wantCode(t, status, text, 400, code)
	}
}

func TestStudies(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.analyst.asked = make(chan any, 1)
	id := s.ready("text")
	for _, test := range []struct {
		path, body string
		want       any
	}{
		{
			"/documents/analyze", `{"document_id":"` + id + `","analysis_type":"risk","model":"m"}`,
			documents.Question{Document: fairlead.DocumentID(id), Type: "risk", Model: "m"},
		},
		{
			"/documents/analyze", `{"document_id":"` + id + `","analysis_type":"custom","question":"Why?"}`,
			documents.Question{Document: fairlead.DocumentID(id), Type: "custom", Text: "Why?"},
		},
		{
			"/investment/insights", `{"document_ids":["` + id + `"],"focus":"debt"}`,
			documents.Study{Documents: []fairlead.DocumentID{fairlead.DocumentID(id)}, Focus: "debt"},
		},
	} {
		got := s.json(http.MethodPost, test.path, test.body, 200)
		if got["success"] != true || got["engine"] != "fake" || fmt.Sprint(got["findings"]) != "[<one>]" || got["request_id"] == nil {
			t.Errorf("got %v", got)
		}
		if asked := <-s.analyst.asked; !reflect.DeepEqual(asked, test.want) {
			t.Errorf("asked %+v, want %+v", asked, test.want)
		}
	}
	for body, code := range map[string]string{
		`{"analysis_type":"risk"}`: "missing_field", `{"document_id":"` + id + `"}`: "missing_field",
		`{"document_id":"` + id + `","analysis_type":"other"}`: "invalid_value", `{"document_id":"` + id + `","analysis_type":"custom"}`: "missing_field",
		`{"document_id":"` + id + `","analysis_type":"risk","stream":1}`: "invalid_type",
	} {
		status, text := librarytest.JSON(t, "a", http.MethodPost, s.url+"/documents/analyze", body)
		wantCode(t, status, text, 400, code)
	}
	for body, code := range map[string]string{
		`{}`: "missing_field", `{"document_ids":[]}`: "invalid_value", `{"document_ids":["` + strings.Repeat(`x","`, 20) + `x"]}`: "invalid_value",
	} {
		status, text := librarytest.JSON(t, "a", http.MethodPost, s.url+"/investment/insights", body)
		wantCode(t, status, text, 400, code)
	}
}

func TestStudyStreams(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.analyst.several = 8
	id := s.ready("text")
	body := `{"document_id":"` + id + `","analysis_type":"risk","stream":true}`
	answer, text := librarytest.Do(t, librarytest.Request{
		App: "a", Method: http.MethodPost, URL: s.url + "/documents/analyze", Type: "application/json", Body: strings.NewReader(body),
	})
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	frames := strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n")
	if len(frames) != 10 || frames[0] != "event: progress\ndata: {\"stage\":\"started\",\"pages_read\":0,\"pages\":0,\"calls_done\":0,\"calls\":0,\"findings\":0}" ||
		!strings.HasPrefix(frames[9], "event: result\ndata: {\"success\":true,\"request_id\":\"req_") {
		t.Errorf("got %q", text)
	}
	for _, frame := range frames[1:9] {
		if !strings.HasPrefix(frame, "event: progress\ndata: {\"stage\":\"reading\",\"pages_read\":") {
			t.Errorf("got %q", frame)
		}
	}
	s.analyst.fails = &fairlead.Error{Kind: fairlead.Late, Code: "deadline_exceeded", Message: "Too late"}
	if _, text = librarytest.JSON(t, "a", http.MethodPost, s.url+"/documents/analyze", body); !strings.Contains(text, "event: error\ndata: {\"success\":false,\"error\":\"Too late\"") ||
		strings.Contains(text, "event: result") {
		t.Errorf("got %q", text)
	}
	// What is wrong from the start has a status of its own.
	status, text := librarytest.JSON(t, "b", http.MethodPost, s.url+"/documents/analyze", body)
	wantCode(t, status, text, 404, "document_not_found")
}

// A client that waits is told that its call is alive, and one that leaves ends the work.
func TestStudyBeatsAndEnds(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.analyst.steps, s.analyst.left = make(chan struct{}), make(chan struct{})
	id := s.ready("text")
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/investment/insights",
		strings.NewReader(`{"document_ids":["`+id+`"]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer a")
	request.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var text strings.Builder
	for buf := make([]byte, 512); strings.Count(text.String(), api.KeepAlive) < 2; {
		n, err := answer.Body.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
	}
	leave()
	<-s.analyst.left
}

// A foreign document answers exactly as a missing one, on every route with an id.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.ready("a line\n")
	missing := "file-" + strings.Repeat("9", len(id)-len("file-"))
	type request struct{ method, path, body string }
	var requests []request
	for _, route := range s.face.Routes() {
		if strings.Contains(route.Path, "{id}") {
			requests = append(requests, request{route.Method, strings.NewReplacer("{page}", "1").Replace(route.Path), ""})
		}
	}
	if len(requests) != 4 {
		t.Errorf("%d routes with an id", len(requests))
	}
	requests = append(
		requests, request{http.MethodGet, "/documents?after={id}", ""},
		request{http.MethodPost, "/documents/search", `{"query":"line","document_ids":["{id}"]}`},
		request{http.MethodPost, "/documents/analyze", `{"document_id":"{id}","analysis_type":"summary"}`},
		request{http.MethodPost, "/documents/analyze", `{"document_id":"{id}","analysis_type":"summary","stream":true}`},
		request{http.MethodPost, "/investment/insights", `{"document_ids":["{id}"]}`},
	)
	for _, r := range requests {
		var answers []string
		for _, named := range []string{id, missing} {
			put := strings.NewReplacer("{id}", named)
			status, text := librarytest.JSON(t, "b", r.method, s.url+put.Replace(r.path), put.Replace(r.body))
			if i := strings.Index(text, `"request_id"`); i >= 0 {
				text = text[:i]
			}
			answers = append(answers, fmt.Sprint(status, " ", text))
		}
		if answers[0] != answers[1] || strings.Contains(answers[0], "line") {
			t.Errorf("%s %s: foreign %s, missing %s", r.method, r.path, answers[0], answers[1])
		}
	}
	if status, text := librarytest.JSON(t, "a", http.MethodGet, s.url+"/documents/"+id, ""); status != 200 {
		t.Errorf("its own app: %d %s", status, text)
	}
}

func TestEveryRouteHasAPolicy(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, route := range s.face.Routes() {
		if route.Policy != api.AppKey {
			t.Errorf("%s %s has the policy %d", route.Method, route.Path, route.Policy)
		}
	}
}
