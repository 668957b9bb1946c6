package documents_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/mock"
)

// secret is a word of the first app's document, of its name and of its metadata.
const secret = "Quuxzanzibar"

// belongings are ids of what an app has.
type belongings struct{ document, store, batch, response, chat string }

// madeUp are ids of the same form that nobody has.
func madeUp() belongings {
	return belongings{
		"file-000000000000000000000000", "vs_000000000000000000000000", "vsfb_000000000000000000000000",
		"resp_" + strings.Repeat("0", 48), "req_999999_1500000000",
	}
}

// furnish gives an app one of everything.
func furnish(t *testing.T, s *service, key, text string) belongings {
	t.Helper()
	var b belongings
	form, kind := form(text+".md", []byte("# Report\n\nThe profit of "+text+" rose in 2023.\n"), map[string]string{"metadata": `{"owner": "` + text + `"}`})
	a, err := s.try(t.Context(), request{http.MethodPost, "/documents/upload?wait=100", key, kind, form})
	if err != nil || a.status != http.StatusCreated {
		t.Fatal(err, a)
	}
	var made struct {
		ID       string `json:"id"`
		Document string `json:"document_id"`
	}
	if err := json.Unmarshal(a.body, &made); err != nil {
		t.Fatal(err)
	}
	b.document = made.Document
	s.want(t, key, "POST /v1/vector_stores", `{"name": "`+text+`"}`, &made)
	b.store = made.ID
	s.want(t, key, "POST /v1/vector_stores/"+b.store+"/file_batches", `{"file_ids": ["`+b.document+`"], "attributes": {"owner": "`+text+`"}}`, &made)
	b.batch = made.ID
	s.want(t, key, "POST /v1/responses", `{"model": "up/mock", "input": "hello"}`, &made)
	b.response = made.ID
	resumable := s.ask(t, key, http.MethodPost, "/chat/completion", `{"model": "up/mock", "stream": true, "resumable": true, "messages": [{"role": "user", "content": "hello"}]}`)
	b.chat = resumable.header.Get("X-Request-Id")
	return b
}

// route is an endpoint that takes ids.
type route struct{ method, path string }

// idRoutes are the service's routes that take the id of something that is an app's.
func idRoutes(t *testing.T, s *service) []route {
	t.Helper()
	var info struct {
		Endpoints []string `json:"endpoints"`
	}
	s.want(t, "", "GET /info", "", &info)
	var all []route
	for _, endpoint := range info.Endpoints {
		method, path, _ := strings.Cut(endpoint, " ")
		switch {
		case !strings.Contains(path, "{"), strings.HasPrefix(path, "/admin/"), strings.HasPrefix(path, "/ui/"), path == "/v1/models/{id}":
		default:
			all = append(all, route{method, path})
		}
	}
	if len(all) < 20 {
		t.Fatalf("found %d routes: the test is not reading them", len(all))
	}
	return all
}

// fill puts ids in place of a path's names; of a path with several, the others are of the
// second belongings.
func (r route) fill(which string, b, rest belongings) string {
	pick := func(name string) belongings {
		if name == which {
			return b
		}
		return rest
	}
	id := pick("id").document
	switch {
	case strings.HasPrefix(r.path, "/v1/responses/"):
		id = pick("id").response
	case strings.HasPrefix(r.path, "/chat/"):
		id = pick("id").chat
	}
	return strings.NewReplacer("{id}", id, "{store}", pick("store").store, "{batch}", pick("batch").batch, "{page}", "1").Replace(r.path)
}

// names are those of a path that stand for ids.
func (r route) names(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, found := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.path, -1) {
		switch found[1] {
		case "id", "store", "batch":
			names = append(names, found[1])
		case "page":
		default:
			t.Fatalf("%s takes a %s, which this test does not know", r.path, found[1])
		}
	}
	return names
}

// body is one with which a route goes beyond the look at its body.
func (r route) body(b belongings) string {
	switch {
	case r.method != http.MethodPost || strings.HasSuffix(r.path, "/cancel"):
		return ""
	case strings.HasSuffix(r.path, "/search"):
		return `{"query": "profit"}`
	case strings.HasSuffix(r.path, "/files"):
		return `{"file_id": "` + b.document + `"}`
	case strings.HasSuffix(r.path, "/file_batches"):
		return `{"file_ids": ["` + b.document + `"]}`
	case strings.HasSuffix(r.path, "/files/{id}"):
		return `{"attributes": {"a": "b"}}`
	}
	return `{"name": "renamed"}`
}

// rivals are a service with two apps that each have one of everything.
type rivals struct {
	*service

	first, other belongings
}

func newRivals(t *testing.T) *rivals {
	t.Helper()
	upstream := httptest.NewServer(mock.New(mock.Options{}))
	t.Cleanup(upstream.Close)
	s := newService(t, fmt.Sprintf("llm:\n  providers:\n    up: {base_url: %q, models: [\"*\"]}\n", upstream.URL+"/v1"))
	return &rivals{s, furnish(t, s, keyA, secret), furnish(t, s, keyB, "Otherwise")}
}

// same sends the other app's request with an id of the first app's, and with one that is
// made up: the answers must be the same, and hold nothing of the first app's.
func (r *rivals) same(t *testing.T, foreign, unknown wish) *answer {
	t.Helper()
	got, want := r.ask(t, keyB, foreign.method, foreign.path, foreign.body), r.ask(t, keyB, unknown.method, unknown.path, unknown.body)
	if got.status != want.status {
		t.Errorf("%v: status %d, and %d for %v", foreign, got.status, want.status, unknown)
	}
	if a, b := r.plain(got), r.plain(want); a != b {
		t.Errorf("%v:\n%s\n%v:\n%s", foreign, a, unknown, b)
	}
	if strings.Contains(string(got.body), secret) {
		t.Errorf("%v tells of the first app: %s", foreign, got.body)
	}
	return got
}

// wish is a request of the other app's.
type wish struct{ method, path, body string }

// plain is an answer without what differs between any two: ids of requests and of what
// was made, times, and the ids that were asked for.
func (r *rivals) plain(a *answer) string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		switch {
		case name == "Date", name == "X-Request-Id", name == "Content-Length", strings.HasPrefix(name, "X-Ratelimit-"), name == "Ratelimit", name == "X-Fairlead-Queue-Ms", name == "X-Upstream-Request-Id":
		default:
			fmt.Fprintf(&all, "%s: %s\n", name, a.header[name])
		}
	}
	text := all.String() + string(a.body)
	made := madeUp()
	for _, id := range []string{
		r.first.document, made.document, r.first.store, made.store, r.first.batch, made.batch, r.first.response, made.response,
		r.first.chat, made.chat,
	} {
		text = strings.ReplaceAll(text, id, "ID")
	}
	for _, pattern := range []string{`\breq_\d+_\d+`, `\b(?:resp|msg|vs|vsfb|fs|chatcmpl)_?[-0-9A-Za-z]{8,}`, `\b1\d{9}(?:\.\d+)?\b`, `Openai-Processing-Ms: \S+`} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, "SOME")
	}
	return text
}

// TestForeignPaths: on every route that takes an id, another app's is an unknown one.
func TestForeignPaths(t *testing.T) {
	t.Parallel()
	r := newRivals(t)
	before := r.snapshot(t)
	compared := 0
	for _, way := range idRoutes(t, r.service) {
		for _, name := range way.names(t) {
			// Beside one id that is not the app's, the others are its own, or neither's.
			for _, rest := range []belongings{r.other, r.first, madeUp()} {
				body := way.body(r.other)
				a := r.same(t, wish{way.method, way.fill(name, r.first, rest), body}, wish{way.method, way.fill(name, madeUp(), rest), body})
				if a.status < 400 {
					t.Errorf("%s %s: %v", way.method, way.fill(name, r.first, rest), a)
				}
				compared++
			}
		}
		if way.method == http.MethodGet { // the ids are real
			path := way.fill("", belongings{}, r.first)
			if a := r.ask(t, keyA, way.method, path, ""); a.status != http.StatusOK {
				t.Errorf("%s %s for its own app: %v", way.method, path, a)
			}
		}
	}
	t.Logf("%d pairs of requests compared", compared)
	if after := r.snapshot(t); after != before {
		t.Errorf("the first app has\n%s\nand had\n%s", after, before)
	}
}

// snapshot is all that the first app has.
func (r *rivals) snapshot(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, path := range []string{
		"/documents", "/v1/files", "/v1/vector_stores", "/v1/vector_stores/" + r.first.store + "/files",
		"/v1/vector_stores/" + r.first.store + "/file_batches/" + r.first.batch, "/v1/responses/" + r.first.response,
	} {
		a := r.ask(t, keyA, http.MethodGet, path, "")
		fmt.Fprintf(&all, "%s: %d %s\n", path, a.status, a.body)
	}
	return regexp.MustCompile(`"last_active_at":\d+`).ReplaceAllString(all.String(), "")
}

// with is the wish with ids in place of what stands for them.
func (w wish) with(b, own belongings) wish {
	ids := strings.NewReplacer(
		"DOCUMENT", b.document, "STORE", b.store, "BATCH", b.batch, "RESPONSE", b.response, "MINE", own.document, "OWN", own.store,
	)
	return wish{w.method, ids.Replace(w.path), ids.Replace(w.body)}
}

// TestForeignBodies: the same for ids in bodies and in queries.
func TestForeignBodies(t *testing.T) {
	t.Parallel()
	r := newRivals(t)
	before := r.snapshot(t)
	for _, w := range []wish{
		{http.MethodGet, "/documents?after=DOCUMENT", ""},
		{http.MethodGet, "/v1/files?after=DOCUMENT", ""},
		{http.MethodGet, "/v1/vector_stores?after=STORE", ""},
		{http.MethodGet, "/v1/vector_stores?before=STORE", ""},
		{http.MethodGet, "/v1/vector_stores/OWN/files?after=DOCUMENT", ""},
		{http.MethodGet, "/v1/vector_stores/OWN/files?before=DOCUMENT", ""},
		{http.MethodGet, "/v1/vector_stores/OWN/file_batches/BATCH/files", ""},
		{http.MethodPost, "/documents/search", `{"query": "profit of ` + secret + `", "document_ids": ["DOCUMENT"]}`},
		{http.MethodPost, "/documents/search", `{"query": "profit", "document_ids": ["DOCUMENT", "MINE"]}`},
		{http.MethodPost, "/documents/analyze", `{"document_id": "DOCUMENT", "analysis_type": "investment"}`},
		{http.MethodPost, "/documents/analyze", `{"document_id": "DOCUMENT", "analysis_type": "risk", "stream": true}`},
		{http.MethodPost, "/investment/insights", `{"document_ids": ["DOCUMENT"]}`},
		{http.MethodPost, "/investment/insights", `{"document_ids": ["MINE", "DOCUMENT"]}`},
		{http.MethodPost, "/chat/completion", `{"model": "up/mock+echo", "document_ids": ["DOCUMENT"], "messages": [{"role": "user", "content": "profit?"}]}`},
		{http.MethodPost, "/chat/completion", `{"model": "up/mock+echo", "stream": true, "document_ids": ["DOCUMENT", "MINE"], "messages": [{"role": "user", "content": "profit?"}]}`},
		{http.MethodPost, "/v1/vector_stores", `{"name": "x", "file_ids": ["DOCUMENT"]}`},
		{http.MethodPost, "/v1/vector_stores/OWN/files", `{"file_id": "DOCUMENT"}`},
		{http.MethodPost, "/v1/vector_stores/OWN/file_batches", `{"file_ids": ["DOCUMENT"]}`},
		{http.MethodPost, "/v1/vector_stores/OWN/file_batches", `{"files": [{"file_id": "MINE"}, {"file_id": "DOCUMENT"}]}`},
		{http.MethodPost, "/v1/responses", `{"model": "up/mock", "input": "profit?", "tools": [{"type": "file_search", "vector_store_ids": ["STORE"]}]}`},
		{http.MethodPost, "/v1/responses", `{"model": "up/mock", "input": "profit?", "include": ["file_search_call.results"], "tools": [{"type": "file_search", "vector_store_ids": ["OWN", "STORE"]}]}`},
		{http.MethodPost, "/v1/responses", `{"model": "up/mock", "input": "and?", "previous_response_id": "RESPONSE"}`},
	} {
		r.same(t, w.with(r.first, r.other), w.with(madeUp(), r.other))
	}
	if after := r.snapshot(t); after != before {
		t.Errorf("the first app has\n%s\nand had\n%s", after, before)
	}
}

// TestInjectedFilters: no condition widens a search to another app's documents.
func TestInjectedFilters(t *testing.T) {
	t.Parallel()
	r := newRivals(t)
	if found := r.search(t, secret); len(found) != 1 {
		t.Fatalf("the first app finds %v", found)
	}
	compare := func(op, key, value string) string {
		return fmt.Sprintf(`{"type": %q, "key": %q, "value": %s}`, op, key, value)
	}
	filters := []string{
		compare("eq", "owner", `"`+secret+`"`), compare("ne", "owner", `"Otherwise"`), compare("eq", "app", `"first"`),
		compare("eq", "app_id", `"first"`), compare("ne", "app", `"other"`), compare("in", "document_id", `["`+r.first.document+`"]`),
		compare("eq", "id", `"`+r.first.document+`"`), compare("eq", "owner' OR 1=1 --", `"x"`), compare("eq", "owner", `"x' OR '1'='1"`),
		compare("nin", "owner", `["Otherwise"]`), compare("gt", "$.owner", `-1`), compare("ne", "nowhere", `0`),
	}
	for _, inner := range slices.Clone(filters) {
		filters = append(filters, `{"type": "or", "filters": [`+inner+`, `+compare("ne", "nowhere", `"x"`)+`]}`)
	}
	searches := 0
	for _, filter := range filters {
		for _, query := range []string{secret, "profit", "owner:" + secret, `" OR app:first *`} {
			body := fmt.Sprintf(`{"query": %q, "filters": %s}`, query, filter)
			for _, path := range []string{"/documents/search", "/v1/vector_stores/" + r.other.store + "/search"} {
				a := r.ask(t, keyB, http.MethodPost, path, body)
				if a.status != http.StatusOK && a.status != http.StatusBadRequest {
					t.Errorf("%s %s: %v", path, body, a)
				}
				// The query is told again by one of them.
				text := strings.ReplaceAll(string(a.body), fmt.Sprintf("%q", query), "")
				if strings.Contains(text, r.first.document) || strings.Contains(text, secret) {
					t.Errorf("%s %s finds the first app's: %s", path, body, a.body)
				}
				searches++
			}
		}
	}
	t.Logf("%d searches", searches)
}
