package responses_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

const path = "/v1/responses"

func TestWhole(t *testing.T) {
	model := &speaker{words: 2}
	s := start(t, model)
	status, text := s.do("a", http.MethodPost, path, `{"input":"hello"}`)
	id := idOf(t, text)
	if want := object(id, "completed", 2); status != http.StatusOK || text != want {
		t.Errorf("%d %s\nwant %s", status, text, want)
	}
	if status, got := s.do("a", http.MethodGet, path+"/"+id, ""); status != http.StatusOK || got != text {
		t.Errorf("stored: %d %s", status, got)
	}
	s.made(`{"input":"more","previous_response_id":"` + id + `"}`)
	if got := string(model.request().Past.Items); !strings.Contains(got, `"hello"`) || !strings.Contains(got, strings.Repeat("word ", 2)) {
		t.Errorf("continued with %s", got)
	}
	status, text = s.do("a", http.MethodGet, path+"/"+id+"/input_items?limit=1", "")
	if status != http.StatusOK || !strings.Contains(text, `"text":"hello"`) || !strings.Contains(text, `"has_more":false`) {
		t.Errorf("input items: %d %s", status, text)
	}
	if status, text = s.do("a", http.MethodDelete, path+"/"+id, ""); status != http.StatusOK ||
		text != `{"id":"`+id+`","object":"response","deleted":true}`+"\n" {
		t.Errorf("delete: %d %s", status, text)
	}
	if status, text = s.do("a", http.MethodGet, path+"/"+id, ""); status != http.StatusNotFound {
		t.Errorf("deleted: %d %s", status, text)
	}
	if n := s.records.count(); n != 2 {
		t.Errorf("%d records of 2 calls", n)
	}
}

// What is read takes memory until its client has it: there must be room for it.
func TestReadingNeedsMemory(t *testing.T) {
	s := start(t, &speaker{words: 2})
	id := s.made(`{"input":"hello"}`)
	eventually(t, "the call to give its memory back", func() bool { return s.bodies.Used() == 0 })
	own := s.bodies.Account("a", func() time.Duration { return time.Second })
	for size := int64(64 << 20); size > 0; {
		if own.Reserve(size) != nil {
			size /= 2
		}
	}
	for _, tail := range []string{"", "/input_items"} {
		status, text := s.do("a", http.MethodGet, path+"/"+id+tail, "")
		if status != http.StatusServiceUnavailable || !strings.Contains(text, `"memory_pressure"`) {
			t.Errorf("%q: %d %s, want a 503", tail, status, text)
		}
	}
	own.Close()
	if status, text := s.do("a", http.MethodGet, path+"/"+id, ""); status != http.StatusOK {
		t.Errorf("with room again: %d %s", status, text)
	}
}

func wantStream(id string, words int) string {
	var b strings.Builder
	b.WriteString(frame("response.created", 0, `"response":`+object(id, "in_progress", 0)))
	for n := range words {
		b.WriteString(frame("response.output_text.delta", n+1, `"delta":"word "`))
	}
	b.WriteString(frame("response.completed", words+1, `"response":`+object(id, "completed", words)))
	return b.String()
}

func TestStream(t *testing.T) {
	model := &speaker{words: 3}
	s := start(t, model)
	answer := s.open(t.Context(), "a", http.MethodPost, path, `{"input":"hello","stream":true}`)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	id := model.request().AnswerID
	if err != nil || string(got) != wantStream(id, 3) {
		t.Errorf("%v, got %s", err, got)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "X-Ratelimit-Remaining-Requests": "999", "X-Fairlead-Provider": "p",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	// It can be read at once, and continued.
	if status, text := s.do("a", http.MethodGet, path+"/"+id, ""); status != http.StatusOK || text != object(id, "completed", 3) {
		t.Errorf("stored: %d %s", status, text)
	}
	// Its events are gone with it.
	if status, text := s.do("a", http.MethodGet, path+"/"+id+"?stream=true", ""); status != http.StatusBadRequest {
		t.Errorf("as a stream: %d %s", status, text)
	}
}

// A stream that breaks ends with an error at which clients throw, then with the
// response that failed; so it is stored.
func TestStreamBreaks(t *testing.T) {
	model := &speaker{words: 2, fails: &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_truncated", Message: "It broke off"}}
	s := start(t, model)
	_, got := s.do("a", http.MethodPost, path, `{"input":"hello","stream":true,"metadata":{"k":"v"}}`)
	id := model.request().AnswerID
	_, after, _ := strings.Cut(got, frame("response.output_text.delta", 2, `"delta":"word "`))
	if !strings.HasPrefix(after, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":3,\"message\":\"It broke off\"") {
		t.Errorf("got %s", after)
	}
	_, after, _ = strings.Cut(after, "\n\n")
	for _, want := range []string{
		"event: response.failed\n", `"sequence_number":4`, `"id":"` + id + `"`, `"status":"failed"`, `"metadata":{"k":"v"}`,
		`"error":{"code":"server_error","message":"It broke off"}`,
	} {
		if !strings.Contains(after, want) {
			t.Errorf("got %s, want %s in it", after, want)
		}
	}
	status, text := s.do("a", http.MethodGet, path+"/"+id, "")
	if status != http.StatusOK || !strings.Contains(text, `"status":"failed"`) || !strings.Contains(text, "It broke off") {
		t.Errorf("stored: %d %s", status, text)
	}
}

// A client that leaves has the work ended, and the response is cancelled.
func TestClientLeaves(t *testing.T) {
	model := &speaker{words: 3, steps: make(chan struct{})}
	s := start(t, model)
	ctx, leave := context.WithCancel(t.Context())
	answer := s.open(ctx, "a", http.MethodPost, path, `{"input":"hello","stream":true}`)
	defer answer.Body.Close()
	if _, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	leave()
	eventually(t, "the work ends", model.hasLeft)
	eventually(t, "the response is cancelled", func() bool {
		_, text := s.do("a", http.MethodGet, path+"/"+model.request().AnswerID, "")
		return strings.Contains(text, `"status":"cancelled"`)
	})
}

func TestRefusals(t *testing.T) {
	s := start(t, &speaker{})
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", path, `{`, 400, `"code":"invalid_json"`},
		{"POST", path, `{"model":"none"}`, 404, `"code":"model_not_found"`},
		{"POST", path, `{"model":"none","background":true}`, 404, `"code":"model_not_found"`},
		{"POST", path, `{"model":"mute"}`, 502, `"type":"upstream_error"`},
		{"POST", path, `{"model":"mute","stream":true}`, 502, `"type":"upstream_error"`},
		{"POST", path, `{"model":"mute","stream":true,"background":true}`, 502, `"type":"upstream_error"`},
		{"POST", path, `{"background":true,"store":false}`, 400, `"param":"background"`},
		{"POST", path, `{"previous_response_id":"resp_0"}`, 400, `{"error":{"message":"Previous response with id 'resp_0' not found.",` +
			`"type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`},
		{"GET", path, ``, 405, `"code":"method_not_allowed"`},
		{"GET", path + "/resp_0", ``, 404, `{"error":{"message":"Response with id 'resp_0' not found.",` +
			`"type":"invalid_request_error","param":null,"code":"response_not_found"}}`},
		{"GET", path + "/resp_0/input_items?limit=0", ``, 400, `"param":"limit"`},
		{"GET", path + "/resp_0/other", ``, 404, `"code":"not_found"`},
	} {
		if status, text := s.do("a", tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, text)
		}
	}
}

// An app cannot tell another's response from one that never was, on any route.
func TestForeignIsUnknown(t *testing.T) {
	s := start(t, &speaker{words: 1})
	mine := s.made(`{"input":"hello","background":true}`)
	for _, tt := range []struct{ method, path, body string }{
		{"GET", path + "/{id}", ""},
		{"GET", path + "/{id}?stream=true&starting_after=1", ""},
		{"DELETE", path + "/{id}", ""},
		{"POST", path + "/{id}/cancel", ""},
		{"GET", path + "/{id}/input_items", ""},
		{"POST", path, `{"previous_response_id":"{id}"}`},
		{"POST", path, `{"previous_response_id":"{id}","stream":true}`},
		{"POST", path, `{"previous_response_id":"{id}","background":true}`},
	} {
		ask := func(id string) (int, string) {
			status, text := s.do("b", tt.method, strings.ReplaceAll(tt.path, "{id}", id), strings.ReplaceAll(tt.body, "{id}", id))
			return status, strings.ReplaceAll(text, id, "{id}")
		}
		status, text := ask(mine)
		unknown, same := ask("resp_" + strings.Repeat("0", 48))
		want := http.StatusNotFound
		if tt.body != "" { // a wrong member
			want = http.StatusBadRequest
		}
		if status != want || status != unknown || text != same {
			t.Errorf("%s %s: %d %s, and of an unknown one %d %s", tt.method, tt.path, status, text, unknown, same)
		}
	}
	if status, _ := s.do("a", http.MethodGet, path+"/"+mine, ""); status != http.StatusOK {
		t.Errorf("its own app: %d", status)
	}
}

// What cannot be stored fails before anything of it is told, and what need not be
// stored goes on.
func TestStoreIsBroken(t *testing.T) {
	s := start(t, &speaker{words: 1})
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{}`, `{"stream":true}`, `{"background":true}`, `{"background":true,"stream":true}`, `{"previous_response_id":"x"}`} {
		if status, text := s.do("a", http.MethodPost, path, body); status != http.StatusInternalServerError || !strings.Contains(text, `"code":"storage_failed"`) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	told := s.open(t.Context(), "a", http.MethodPost, path, `{}`)
	defer told.Body.Close()
	text, err := io.ReadAll(told.Body)
	if err != nil || told.Header.Get("X-Should-Retry") != "false" || !strings.Contains(string(text), "store: false") {
		t.Errorf("told %v, %s, %v", told.Header, text, err)
	}
	if status, text := s.do("a", http.MethodPost, path, `{"store":false}`); status != http.StatusOK {
		t.Errorf("not stored: %d %s", status, text)
	}
	eventually(t, "each call has its record", func() bool { return s.records.count() == 7 })
	for _, r := range s.records.all {
		if len(r.Attempts) > 1 {
			t.Errorf("%d attempts for what could not be stored", len(r.Attempts))
		}
	}
}

// TestSlowReadersOfLongResponses: what is held for them is bounded, and given back when
// they go.
func TestSlowReadersOfLongResponses(t *testing.T) {
	const words, readers = 8 << 20 / len("word "), 8
	s := start(t, &speaker{words: words})
	id := s.made(`{"input":"hello"}`)
	ctx, leave := context.WithCancel(t.Context())
	busy := 0
	for range readers {
		answer := s.open(ctx, "a", http.MethodGet, path+"/"+id, "")
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable {
			busy++
		}
	}
	if used := s.bodies.Used(); busy == 0 || used < 8<<20 || used > 32<<20 {
		t.Errorf("%d bytes are held for %d readers of 8 MiB, %d others were refused", used, readers-busy, busy)
	}
	leave()
	eventually(t, "nothing is held", func() bool { return s.bodies.Used() == 0 })
	if status, text := s.do("a", http.MethodGet, path+"/"+id, ""); status != http.StatusOK || len(text) < 8<<20 {
		t.Errorf("read again: %d, %d bytes", status, len(text))
	}
}
