package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/mock"
)

// keeping is a service with a provider of two keys that keeps its responses, and one
// that does not speak of them.
func keeping(t *testing.T) *service {
	t.Helper()
	s := &service{mock: mock.New(mock.Options{})}
	up := httptest.NewServer(s.mock)
	t.Cleanup(up.Close)
	loaded, err := config.Load(config.Input{
		Path: "test.yaml", Data: []byte(`llm:
  providers:
    openai: {base_url: "` + up.URL + `/v1", models: ["mock*"], api_keys: ["key-number-one", "key-number-two"]}
    other: {base_url: "` + up.URL + `/v1", models: ["mock*"]}
`),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server, err = New(t.Context(), loaded, Options{Version: "test", Logger: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// respond asks for a response.
func (s *service) respond(t *testing.T, target, body string, past fairlead.Past) (text string, keeper fairlead.Maker, err error) {
	t.Helper()
	asked, err := envelope.Responses([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	call := &fairlead.Call{App: &fairlead.App{ID: "a", Weight: 1}, Operation: fairlead.Chat, Arrived: time.Now()}
	call.SetTargets([]fairlead.Target{{Provider: target, Model: asked.Model}})
	req := &fairlead.Request{Dialect: fairlead.OpenAIResponses, Body: []byte(body), Envelope: asked.Envelope, Past: past}
	var got strings.Builder
	err = s.upstream.Answer(t.Context(), call, req, func(e fairlead.Event) error {
		if e.Head != nil {
			keeper = e.Head.Keeper
		}
		got.Write(e.Data)
		return nil
	})
	return got.String(), keeper, err
}

func TestAResponseIsContinuedByItsMaker(t *testing.T) {
	s := keeping(t)
	makers := make(map[fairlead.Maker]int)
	for range 20 {
		text, keeper, err := s.respond(t, "openai", `{"model":"mock+echo","input":"one"}`, fairlead.Past{})
		if err != nil || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(keeper.Key) || keeper.Provider != "openai" {
			t.Fatalf("got %q, %+v, %v", text, keeper, err)
		}
		makers[keeper]++
		var made struct{ ID string }
		if err := json.Unmarshal([]byte(text), &made); err != nil {
			t.Fatal(err)
		}
		next := fmt.Sprintf(`{"model":"mock+echo","input":"two","previous_response_id":%q}`, made.ID)
		text, again, err := s.respond(t, "openai", next, fairlead.Past{Maker: keeper, Items: []byte(`{"role":"user","content":"never sent"}`)})
		if err != nil || again != keeper || !strings.Contains(text, `"text":"Fairlead mock: one / two"`) {
			t.Fatalf("got %q, %+v, %v", text, again, err)
		}
	}
	if len(makers) != 2 {
		t.Errorf("answered by %v, want both keys", makers)
	}
}

// TestAResponseMadeElsewhere is continued with the conversation so far.
func TestAResponseMadeElsewhere(t *testing.T) {
	s := keeping(t)
	const body = `{"model":"mock+echo","input":"two","previous_response_id":"resp_elsewhere","stream":true}`
	text, _, err := s.respond(t, "openai", body, fairlead.Past{Items: []byte(`{"type":"message","role":"user","content":"one"}`)})
	if err != nil || !strings.Contains(text, `"delta":" two"`) || !strings.Contains(text, "event: response.completed\n") {
		t.Errorf("got %q, %v", text, err)
	}
	const want = `{"model":"mock+echo","input":[{"type":"message","role":"user","content":"one"},{"type":"message","role":"user","content":"two"}],"stream":true}`
	if got := string(s.mock.Stats().Last.Body); got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

// TestAProviderWithoutResponses is asked for a chat completion, and keeps nothing.
func TestAProviderWithoutResponses(t *testing.T) {
	s := keeping(t)
	text, keeper, err := s.respond(t, "other", `{"model":"mock+echo","input":"one"}`, fairlead.Past{})
	if err != nil || keeper != (fairlead.Maker{}) || !strings.Contains(text, `"object":"response"`) || !strings.Contains(text, `"status":"completed"`) {
		t.Errorf("got %q, %+v, %v", text, keeper, err)
	}
	if got, want := string(s.mock.Stats().Last.Body), `{"model":"mock+echo","messages":[{"role":"user","content":"one"}]}`; got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
	_, _, err = s.respond(t, "other", `{"model":"mock","input":"one"}`, fairlead.Past{Maker: fairlead.Maker{Provider: "other"}})
	if !fairlead.IsKind(err, fairlead.Invalid) {
		t.Errorf("of a maker without a mark: got %v", err)
	}
}

// TestKeyMarks are the same as long as the pepper is, and another for another key.
func TestKeyMarks(t *testing.T) {
	one := &Server{pepper: []byte("pepper")}
	first := one.keyMark(strictyaml.Secret("key-number-one"))
	if again := (&Server{pepper: []byte("pepper")}).keyMark("key-number-one"); again != first || len(first) != 16 {
		t.Errorf("got %q and %q", first, again)
	}
	if first == one.keyMark("key-number-two") || first == (&Server{pepper: []byte("salt")}).keyMark("key-number-one") {
		t.Errorf("got %q for two", first)
	}
}

// TestTheDeepestBody that is taken is answered, told and kept, whoever answers it.
func TestTheDeepestBody(t *testing.T) {
	s := start(t, twoApps)
	deep := func(model string, stream bool, depth int) string {
		const form = `{"model":"%s/mock+echo","input":"one","stream":%v,"tools":[{"type":"namespace","name":"n","tools":[` +
			`{"type":"function","name":"f","parameters":{"x":%s}}]}]}`
		return fmt.Sprintf(form, model, stream, strings.Repeat("[", depth)+strings.Repeat("]", depth))
	}
	depth := 1
	for ; depth < jsonscan.MaxDepth; depth++ {
		if _, err := envelope.Responses([]byte(deep("up", false, depth))); err != nil {
			break
		}
	}
	for _, model := range []string{"up", "claude"} {
		for _, stream := range []bool{false, true} {
			status, text := s.read(s.post(t.Context(), "/v1/responses", crmKey, deep(model, stream, depth-1)))
			id := regexp.MustCompile(`"id":"(resp_\w+)"`).FindStringSubmatch(text)
			if status != http.StatusOK || id == nil || !strings.Contains(text, `"status":"completed"`) {
				t.Fatalf("%s, stream %v: %d %.300s", model, stream, status, text)
			}
			status, text = s.read(s.get(t.Context(), http.MethodGet, "/v1/responses/"+id[1], crmKey, ""))
			if status != http.StatusOK || !strings.Contains(text, `"status":"completed"`) {
				t.Errorf("%s, stream %v: kept is %d %.300s", model, stream, status, text)
			}
		}
	}
	status, text := s.read(s.post(t.Context(), "/v1/responses", crmKey, deep("up", false, depth)))
	if status != http.StatusBadRequest || !strings.Contains(text, `"code":"invalid_json"`) {
		t.Errorf("deeper: %d %.300s", status, text)
	}
}

// read is what an answer says; 0 and why if there is none.
func (s *service) read(resp *http.Response, err error) (status int, text string) {
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(all)
}
