package files_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/library/librarytest"
)

// An id of another app's answers exactly as one that is not there: on every route that
// the face has, whichever of its ids is the foreign one.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	s := start(t)
	file := s.file("a secret line\n")
	store := s.store(`{"name":"secret"}`)
	batch := fmt.Sprint(s.do(http.MethodPost, "/v1/vector_stores/"+store+"/file_batches", `{"file_ids":["`+file+`"]}`)["id"])
	s.library.End(fairlead.DocumentReady, "")
	own := fmt.Sprint(s.as("b", http.MethodPost, "/v1/vector_stores", `{}`, 200)["id"]) // b's
	foreign := map[string]string{"{id}": file, "{store}": store, "{batch}": batch}
	bodies := map[string][]string{
		"POST /v1/vector_stores":                                          {`{"file_ids":["{id}"]}`},
		"POST /v1/vector_stores/{store}":                                  {`{"name":"mine"}`, `{}`},
		"POST /v1/vector_stores/{store}/search":                           {`{"query":"secret"}`},
		"POST /v1/vector_stores/{store}/files":                            {`{"file_id":"{id}"}`},
		"POST /v1/vector_stores/{store}/files/{id}":                       {`{"attributes":{"a":1}}`},
		"POST /v1/vector_stores/{store}/file_batches":                     {`{"file_ids":["{id}"]}`, `{"files":[{"file_id":"{id}"}]}`},
		"GET /v1/files?after={id}":                                        nil,
		"GET /v1/vector_stores?after={store}":                             nil,
		"GET /v1/vector_stores/{store}/files?after={id}&filter=completed": nil,
	}
	for _, route := range s.face.Routes() {
		if route.Policy != api.AppKey {
			t.Errorf("%s %s has the policy %d", route.Method, route.Path, route.Policy)
		}
		if name := route.Method + " " + route.Path; bodies[name] == nil && strings.Contains(route.Path, "{") {
			bodies[name] = []string{""}
		}
	}
	checked := 0
	for name, texts := range bodies {
		method, path, _ := strings.Cut(name, " ")
		if texts == nil {
			texts = []string{""}
		}
		for _, body := range texts {
			for _, inOwn := range []string{"", own} { // with b's own store in the path, too
				checked += s.compare(method, path, body, inOwn, foreign)
			}
		}
	}
	if checked < 35 {
		t.Errorf("%d requests were compared", checked)
	}
	if got := s.do(http.MethodGet, "/v1/vector_stores/"+store, ""); got["name"] != "secret" {
		t.Errorf("app b changed app a's store: %v", got)
	}
	s.do(http.MethodGet, "/v1/vector_stores/"+store+"/files/"+file, "")
}

// compare makes a request with foreign ids and with unknown ones.
func (s *service) compare(method, path, body, store string, foreign map[string]string) int {
	s.t.Helper()
	if store != "" {
		path = strings.ReplaceAll(path, "{store}", store)
	}
	if !strings.Contains(path+body, "{id}") && !strings.Contains(path+body, "{store}") && !strings.Contains(path+body, "{batch}") {
		return 0
	}
	var answers []string
	for _, named := range []func(id string) string{
		func(id string) string { return id },
		func(id string) string {
			return id[:strings.IndexAny(id, "-_")+1] + strings.Repeat("9", len(id)-strings.IndexAny(id, "-_")-1)
		},
	} {
		put := strings.NewReplacer("{id}", named(foreign["{id}"]), "{store}", named(foreign["{store}"]), "{batch}", named(foreign["{batch}"]))
		status, text := librarytest.JSON(s.t, "b", method, s.url+put.Replace(path), put.Replace(body))
		answers = append(answers, fmt.Sprint(status, " ", text))
	}
	if answers[0] != answers[1] || !strings.HasPrefix(answers[0], "4") || strings.Contains(answers[0], "secret") {
		s.t.Errorf("%s %s %s\nforeign: %s\nmissing: %s", method, path, body, answers[0], answers[1])
	}
	return 1
}
