package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/files"
	"github.com/fairleadhq/fairlead/internal/api/library/librarytest"
	"github.com/fairleadhq/fairlead/internal/api/upload"
	"github.com/fairleadhq/fairlead/internal/places"
)

// service is the face with a library in memory behind it.
type service struct {
	t       *testing.T
	url     string
	library *librarytest.Library
	gateway *librarytest.Gateway
	face    *files.Face
}

const maxFile = 3 << 19

func start(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, library: librarytest.New(), gateway: &librarytest.Gateway{Limit: time.Minute}}
	s.face = files.New(files.Config{
		Rewriter: twice{},
		Gateway:  s.gateway, Receiver: s.library, Shelf: s.library, Reader: s.library, Files: s.library, Searcher: s.library,
		Stores: s.library, Members: s.library, Contents: s.library, Batches: s.library, Docks: upload.NewDocks(places.New(4, nil), 2), MaxFile: maxFile,
	})
	s.url = librarytest.Serve(t, time.Second, api.Face(s.face))
	return s
}

// as makes a request of an app, of which the status must be that, and decodes its answer.
func (s *service) as(app, method, path, body string, want int) map[string]any {
	s.t.Helper()
	status, text := librarytest.JSON(s.t, app, method, s.url+path, body)
	if status != want {
		s.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, status, text, want)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	return v
}

func (s *service) do(method, path, body string) map[string]any {
	s.t.Helper()
	return s.as("a", method, path, body, 200)
}

// send uploads a text with fields beside it.
func (s *service) send(text string, fields ...string) (int, string) {
	s.t.Helper()
	body := new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for i := 0; i < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	to, _ := w.CreateFormFile("file", "ä report.txt")
	_, _ = io.WriteString(to, text)
	_ = w.Close()
	answer, got := librarytest.Do(s.t, librarytest.Request{
		App: "a", Method: http.MethodPost, URL: s.url + "/v1/files", Type: w.FormDataContentType(), Body: body,
	})
	return answer.StatusCode, got
}

// file uploads a text and returns its id.
func (s *service) file(text string) string {
	s.t.Helper()
	status, got := s.send(text, "purpose", "assistants")
	var v struct{ ID string }
	if err := json.Unmarshal([]byte(got), &v); err != nil || status != 200 {
		s.t.Fatalf("%d %s", status, got)
	}
	return v.ID
}

// store makes a vector store.
func (s *service) store(body string) string {
	s.t.Helper()
	return fmt.Sprint(s.do(http.MethodPost, "/v1/vector_stores", body)["id"])
}

func (s *service) refused(method, path, body string, want int, code string) {
	s.t.Helper()
	got := s.as("a", method, path, body, want)
	if e, ok := got["error"].(map[string]any); !ok || e["code"] != code {
		s.t.Errorf("%s %s %s: %v, want %s", method, path, body, got, code)
	}
}

// data is the ids of a list.
func data(list map[string]any) (ids []string) {
	for _, item := range list["data"].([]any) { //nolint:errcheck,forcetypeassert // as answered
		ids = append(ids, fmt.Sprint(item.(map[string]any)["id"])) //nolint:errcheck,forcetypeassert // as answered
	}
	return ids
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := start(t)
	one, two := s.file("one\n"), s.file("two\n")
	got := s.do(http.MethodGet, "/v1/files/"+one, "")
	want := map[string]any{
		"id": one, "object": "file", "bytes": 4.0, "created_at": 1800000001.0, "expires_at": nil, "filename": "ä report.txt",
		"purpose": "assistants", "status": "uploaded", "status_details": nil,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if again := s.file("one\n"); again != one {
		t.Errorf("the same bytes are %s, want %s", again, one)
	}
	list := s.do(http.MethodGet, "/v1/files?order=asc&limit=1", "")
	if !reflect.DeepEqual(data(list), []string{one}) || list["has_more"] != true || list["object"] != "list" || list["last_id"] != one {
		t.Errorf("got %v", list)
	}
	if list = s.do(http.MethodGet, "/v1/files", ""); !reflect.DeepEqual(data(list), []string{two, one}) || list["has_more"] != false {
		t.Errorf("got %v", list)
	}
	if list = s.do(http.MethodGet, "/v1/files?purpose=batch", ""); len(data(list)) != 0 || list["first_id"] != nil {
		t.Errorf("got %v", list)
	}
	s.library.End(fairlead.DocumentNoText, "It has no text")
	if got = s.do(http.MethodGet, "/v1/files/"+one, ""); got["status"] != "error" || got["status_details"] != "It has no text" {
		t.Errorf("got %v", got)
	}
	if got = s.do(http.MethodDelete, "/v1/files/"+one, ""); !reflect.DeepEqual(got, map[string]any{"id": one, "object": "file", "deleted": true}) {
		t.Errorf("got %v", got)
	}
	s.refused(http.MethodDelete, "/v1/files/"+one, "", 404, "document_not_found")
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		fields []string
		code   string
	}{
		"no purpose":                 {nil, "missing_field"},
		"another purpose":            {[]string{"purpose", "fun"}, "invalid_value"},
		"an expiry, as SDKs send it": {[]string{"purpose", "batch", "expires_after[anchor]", "created_at"}, "not_available"},
		"an unknown field":           {[]string{"purpose", "batch", "porpoise", "x"}, "unknown_field"},
	} {
		if status, text := s.send("text", test.fields...); status != 400 || !strings.Contains(text, `"code":"`+test.code+`"`) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := s.send(strings.Repeat("x", maxFile+1), "purpose", "batch"); status != 413 || !strings.Contains(text, "file_too_large") {
		t.Errorf("too large: %d %s", status, text)
	}
	if list := s.do(http.MethodGet, "/v1/files", ""); len(data(list)) != 0 {
		t.Errorf("left behind: %v", list)
	}
}

func TestFileContent(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, text := range []string{"<script>alert(1)</script>\x00", strings.Repeat("0123456789abcdef", maxFile/16), ""} {
		id := s.file(text)
		answer, got := librarytest.Do(t, librarytest.Request{App: "a", Method: http.MethodGet, URL: s.url + "/v1/files/" + id + "/content"})
		if got != text || answer.StatusCode != http.StatusOK {
			t.Errorf("%d, %d bytes of %d", answer.StatusCode, len(got), len(text))
		}
		for name, want := range map[string]string{
			"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff",
			"Content-Disposition": "attachment; filename*=utf-8''%C3%A4%20report.txt", "Content-Security-Policy": "default-src 'none'; sandbox",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

func TestStores(t *testing.T) {
	t.Parallel()
	s := start(t)
	one, two := s.file("one\n"), s.file("two and\n")
	id := s.store(`{"name":"papers","metadata":{"k":"v"},"expires_after":{"anchor":"last_active_at","days":2},"file_ids":["` + one + `","` + two + `","` + one + `"]}`)
	if !strings.HasPrefix(id, "vs_") || len(id) != 27 {
		t.Errorf("id %q", id)
	}
	path := "/v1/vector_stores/" + id
	got := s.do(http.MethodGet, path, "")
	created, ok := got["created_at"].(float64)
	want := map[string]any{
		"id": id, "object": "vector_store", "created_at": created, "name": "papers", "usage_bytes": 12.0, "status": "in_progress",
		"file_counts":   map[string]any{"in_progress": 2.0, "completed": 0.0, "failed": 0.0, "cancelled": 0.0, "total": 2.0},
		"expires_after": map[string]any{"anchor": "last_active_at", "days": 2.0}, "expires_at": created + 2*24*3600,
		"last_active_at": created, "metadata": map[string]any{"k": "v"},
	}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	s.library.End(fairlead.DocumentReady, "")
	if got = s.do(http.MethodPost, path, `{"name":"others","metadata":null,"expires_after":null}`); got["name"] != "others" || got["status"] != "completed" ||
		got["expires_at"] != nil || len(got["metadata"].(map[string]any)) != 0 { //nolint:errcheck,forcetypeassert // as answered
		t.Errorf("got %v", got)
	}
	if got = s.do(http.MethodPost, path, `{}`); got["name"] != "others" {
		t.Errorf("got %v", got)
	}
	second := s.store(`{}`)
	if got = s.do(http.MethodGet, "/v1/vector_stores", ""); !reflect.DeepEqual(data(got), []string{second, id}) {
		t.Errorf("got %v", got)
	}
	if got = s.do(http.MethodGet, "/v1/vector_stores?limit=1&before="+id, ""); !reflect.DeepEqual(data(got), []string{second}) || got["has_more"] != false {
		t.Errorf("before: %v", got)
	}
	if got = s.do(http.MethodDelete, path, ""); got["object"] != "vector_store.deleted" || got["deleted"] != true {
		t.Errorf("got %v", got)
	}
	s.refused(http.MethodGet, path, "", 404, "vector_store_not_found")
	s.do(http.MethodGet, "/v1/files/"+one, "") // its files stay
	for body, code := range map[string]string{
		`{"description":"x"}`: "not_available", `{"metadata":{"k":1}}`: "invalid_type", `{"expires_after":{"anchor":"created_at","days":1}}`: "invalid_value",
		`{"expires_after":{"anchor":"last_active_at","days":0}}`: "invalid_value", `{"expires_after":{"days":1}}`: "missing_field",
		`{"chunking_strategy":{"type":"static","static":{"max_chunk_size_tokens":800,"chunk_overlap_tokens":400}}}`: "not_available",
		`{"chunking_strategy":{"type":"else"}}`: "invalid_value", `{"colour":"x"}`: "unknown_field",
	} {
		s.refused(http.MethodPost, "/v1/vector_stores", body, 400, code)
	}
	s.refused(http.MethodPost, "/v1/vector_stores", `{"file_ids":["file-unknown"]}`, 404, "document_not_found")
	if got = s.do(http.MethodGet, "/v1/vector_stores", ""); len(data(got)) != 1 {
		t.Errorf("a store that was refused was left: %v", got)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	s := start(t)
	one, two := s.file("one\nline\n"), s.file("two\n")
	path := "/v1/vector_stores/" + s.store(`{"name":"papers"}`) + "/files"
	got := s.do(http.MethodPost, path, `{"file_id":"`+one+`","attributes":{"year":2024,"ok":true},"chunking_strategy":{"type":"auto"}}`)
	if got["id"] != one || got["object"] != "vector_store.file" || got["status"] != "in_progress" || got["last_error"] != nil ||
		fmt.Sprint(got["attributes"]) != "map[ok:true year:2024]" || fmt.Sprint(got["chunking_strategy"]) != "map[type:other]" {
		t.Errorf("got %v", got)
	}
	answer, _ := librarytest.Do(t, librarytest.Request{App: "a", Method: http.MethodGet, URL: s.url + path + "/" + one})
	if got := answer.Header.Get("openai-poll-after-ms"); got != "500" {
		t.Errorf("told to wait %q ms", got)
	}
	s.refused(http.MethodGet, path+"/"+one+"/content", "", 503, "document_not_ready")
	s.library.End(fairlead.DocumentReady, "")
	s.do(http.MethodPost, path, `{"file_id":"`+two+`"}`)
	got = s.do(http.MethodGet, path+"/"+one+"/content", "")
	if want := "[map[text:one\nline\n type:text]]"; fmt.Sprint(got["data"]) != want || got["object"] != "vector_store.file_content.page" || got["has_more"] != false {
		t.Errorf("got %v", got)
	}
	if got = s.do(http.MethodPost, path+"/"+one, `{"attributes":{"a":"b"}}`); fmt.Sprint(got["attributes"]) != "map[a:b]" || got["status"] != "completed" {
		t.Errorf("got %v", got)
	}
	s.refused(http.MethodPost, path+"/"+one, `{}`, 400, "missing_field")
	for query, want := range map[string][]string{
		"": {two, one}, "?order=asc": {one, two}, "?filter=completed": {two, one}, "?filter=in_progress": nil, "?filter=failed": nil,
		"?filter=cancelled": nil, "?limit=1": {two}, "?after=" + two: {one},
	} {
		if got := data(s.do(http.MethodGet, path+query, "")); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	s.refused(http.MethodGet, path+"?filter=done", "", 400, "invalid_value")
	if got = s.do(http.MethodDelete, path+"/"+one, ""); got["object"] != "vector_store.file.deleted" || got["id"] != one {
		t.Errorf("got %v", got)
	}
	s.refused(http.MethodGet, path+"/"+one, "", 404, "vector_store_file_not_found")
	s.do(http.MethodGet, "/v1/files/"+one, "")
	failing := s.file("bad")
	s.do(http.MethodPost, path, `{"file_id":"`+failing+`"}`)
	s.library.End(fairlead.DocumentUnsupported, "It can't be read")
	if got = s.do(http.MethodGet, path+"/"+failing, ""); got["status"] != "failed" ||
		fmt.Sprint(got["last_error"]) != "map[code:unsupported_file message:It can't be read]" {
		t.Errorf("got %v", got)
	}
}

func TestLongContentOfMember(t *testing.T) {
	t.Parallel()
	s := start(t)
	text := strings.Repeat("äöü ", maxFile/8)
	id := s.file(text)
	s.library.End(fairlead.DocumentReady, "")
	path := "/v1/vector_stores/" + s.store(`{"file_ids":["`+id+`"]}`) + "/files/" + id + "/content"
	var whole strings.Builder
	for _, piece := range s.do(http.MethodGet, path, "")["data"].([]any) { //nolint:errcheck,forcetypeassert // as answered
		fmt.Fprint(&whole, piece.(map[string]any)["text"]) //nolint:errcheck,forcetypeassert // as answered
	}
	if whole.String() != text {
		t.Errorf("%d bytes of %d, or others", whole.Len(), len(text))
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	s := start(t)
	one, two := s.file("one\n"), s.file("two\n")
	s.library.End(fairlead.DocumentReady, "")
	three := s.file("three\n")
	path := "/v1/vector_stores/" + s.store(`{}`) + "/file_batches"
	got := s.do(http.MethodPost, path, `{"file_ids":["`+one+`","`+three+`"],"attributes":{"k":"v"}}`)
	id := fmt.Sprint(got["id"])
	if !strings.HasPrefix(id, "vsfb_") || got["object"] != "vector_store.file_batch" || got["status"] != "in_progress" ||
		fmt.Sprint(got["file_counts"]) != "map[cancelled:0 completed:1 failed:0 in_progress:1 total:2]" {
		t.Errorf("got %v", got)
	}
	other := s.do(http.MethodPost, path, `{"files":[{"file_id":"`+two+`","attributes":{"of":"its own"}}]}`)
	if list := s.do(http.MethodGet, path+"/"+id+"/files?order=asc", ""); !reflect.DeepEqual(data(list), []string{one, three}) {
		t.Errorf("got %v", list)
	}
	if list := s.do(http.MethodGet, path+"/"+id+"/files?filter=completed", ""); !reflect.DeepEqual(data(list), []string{one}) {
		t.Errorf("got %v", list)
	}
	if got = s.do(http.MethodPost, path+"/"+id+"/cancel", ""); got["status"] != "cancelled" ||
		fmt.Sprint(got["file_counts"]) != "map[cancelled:1 completed:1 failed:0 in_progress:0 total:2]" {
		t.Errorf("got %v", got)
	}
	if got = s.do(http.MethodGet, path+"/"+id, ""); got["status"] != "cancelled" {
		t.Errorf("got %v", got)
	}
	if got = s.do(http.MethodPost, path+"/"+fmt.Sprint(other["id"])+"/cancel", ""); got["status"] != "completed" {
		t.Errorf("cancelled too late: %v", got)
	}
	for body, code := range map[string]string{
		`{}`: "invalid_value", `{"file_ids":[]}`: "invalid_value", `{"file_ids":["x"],"files":[{"file_id":"y"}]}`: "invalid_value",
		`{"files":[{}]}`: "missing_field", `{"files":[{"file_id":"x"},{"file_id":"x"}]}`: "invalid_value", `{"files":[{"file_id":"x","else":1}]}`: "unknown_field",
		`{"files":[{"file_id":"x","chunking_strategy":{"type":"static"}}]}`: "not_available",
		`{"files":[{"file_id":"` + one + `"}],"attributes":{"z":1}}`:        "invalid_value",
	} {
		s.refused(http.MethodPost, path, body, 400, code)
	}
	s.refused(http.MethodPost, path, `{"file_ids":["`+one+`","file-unknown"]}`, 404, "document_not_found")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := start(t)
	one, two := s.file("the risk here\n"), s.file("the risk there\n")
	s.library.End(fairlead.DocumentReady, "")
	id := s.store(`{}`)
	path := "/v1/vector_stores/" + id
	s.do(http.MethodPost, path+"/files", `{"file_id":"`+one+`","attributes":{"year":2024}}`)
	_ = two // is in no store
	got := s.do(http.MethodPost, path+"/search", `{"query":"risk"}`)
	want := map[string]any{
		"object": "vector_store.search_results.page", "search_query": []any{"risk"}, "has_more": false, "next_page": nil,
		"data": []any{map[string]any{
			"file_id": one, "filename": "ä report.txt", "score": 0.5, "attributes": map[string]any{"year": 2024.0},
			"content": []any{map[string]any{"type": "text", "text": "the risk here"}},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	s.do(http.MethodPost, path+"/search", `{"query":["a","b"],"max_num_results":50,"rewrite_query":true,`+
		`"ranking_options":{"ranker":"default-2024-11-15","score_threshold":0.25},"filters":{"type":"gte","key":"year","value":2023}}`)
	queries := s.library.Queries()
	wantQuery := fairlead.Query{
		Texts: []string{"a", "b", "another a"}, Limit: 50, Rank: fairlead.Ranking{Ranker: "auto", Threshold: 0.25},
		Within: fairlead.Within{
			Stores: []fairlead.VectorStoreID{fairlead.VectorStoreID(id)}, Filter: &fairlead.Filter{Op: fairlead.FilterGte, Key: "year", Value: 2023.0},
		},
	}
	if got := queries[len(queries)-1]; !reflect.DeepEqual(got, wantQuery) {
		t.Errorf("searched for %+v, want %+v", got, wantQuery)
	}
	for body, code := range map[string]string{
		`{}`: "missing_field", `{"query":[]}`: "invalid_value", `{"query":[""]}`: "invalid_value", `{"query":"q","max_num_results":0}`: "invalid_value",
		`{"query":"q","ranking_options":{"score_threshold":2}}`: "invalid_value", `{"query":"q","ranking_options":{"hybrid":1}}`: "unknown_field",
	} {
		s.refused(http.MethodPost, path+"/search", body, 400, code)
	}
}

// twice finds one other way to ask.
type twice struct{}

func (twice) Rewrite(_ context.Context, _ *fairlead.Call, texts []string) []string {
	return append(texts, "another "+texts[0])
}

func TestExpiredStore(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.store(`{}`)
	old := time.Now().Add(-48 * time.Hour)
	err := s.library.PutVectorStore(t.Context(), fairlead.VectorStore{
		ID: fairlead.VectorStoreID(id), App: "a", Created: old, Active: old, ExpiresAfter: 24 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/vector_stores/" + id
	if got := s.do(http.MethodGet, path, ""); got["status"] != "expired" {
		t.Errorf("got %v", got)
	}
	s.refused(http.MethodPost, path+"/search", `{"query":"q"}`, 400, "vector_store_expired")
	s.refused(http.MethodPost, path+"/files", `{"file_id":"x"}`, 400, "vector_store_expired")
	if got := s.do(http.MethodPost, path, `{"expires_after":{"anchor":"last_active_at","days":1}}`); got["status"] != "completed" {
		t.Errorf("got %v", got)
	}
	s.do(http.MethodPost, path+"/search", `{"query":"q"}`)
}

// What is used is noted, and does not bring a store back that is deleted meanwhile.
func TestUseIsNoted(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.store(`{}`)
	old := time.Now().Add(-time.Hour)
	again := fairlead.VectorStore{ID: fairlead.VectorStoreID(id), App: "a", Created: old, Active: old}
	if err := s.library.PutVectorStore(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	path := "/v1/vector_stores/" + id
	s.do(http.MethodPost, path+"/search", `{"query":"q"}`)
	if got, ok := s.do(http.MethodGet, path, "")["last_active_at"].(float64); !ok || got < float64(time.Now().Add(-time.Minute).Unix()) {
		t.Errorf("last active at %v", got)
	}
	for range 20 {
		again.ID = fairlead.VectorStoreID(s.store(`{}`))
		if err := s.library.PutVectorStore(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			librarytest.JSON(t, "a", http.MethodPost, s.url+"/v1/vector_stores/"+string(again.ID)+"/search", `{"query":"q"}`)
		}()
		s.do(http.MethodDelete, "/v1/vector_stores/"+string(again.ID), "")
		<-done
		s.refused(http.MethodGet, "/v1/vector_stores/"+string(again.ID), "", 404, "vector_store_not_found")
	}
}
