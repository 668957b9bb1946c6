package envelope

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
)

func TestChat(t *testing.T) {
	body := `{"model":"gpt-4o\u002dmini", "messages":[{"role":"user","content":null,"x":[{}]}],"stream":true,` +
		`"max_tokens":5,"max_completion_tokens":7,"stream_options":{"a":1,"include_usage":true},"tools":[],"n":1,"next_week":{"field":[1]}} `
	env, err := Chat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if env.Model != "gpt-4o-mini" || !env.Stream || !env.IncludeUsage || env.MaxTokens != 7 {
		t.Errorf("got %+v", env)
	}
	if got := body[env.ModelAt.Start:env.ModelAt.End]; got != `"gpt-4o\u002dmini"` {
		t.Errorf("ModelAt is %s", got)
	}
	if got := body[env.StreamOptionsAt.Start:env.StreamOptionsAt.End]; got != `{"a":1,"include_usage":true}` {
		t.Errorf("StreamOptionsAt is %s", got)
	}
	if want := len(body) - 2; env.CloseAt != want {
		t.Errorf("CloseAt is %d, want %d", env.CloseAt, want)
	}
}

// TestScanChatReadsWhatAnAnswerMayCost: the number of choices, and the larger of
// the two limits of each.
func TestScanChatReadsWhatAnAnswerMayCost(t *testing.T) {
	for _, c := range []struct {
		members         string
		choices, tokens int
	}{
		{``, 0, 0},
		{`,"n":100,"max_tokens":50`, 100, 50},
		{`,"max_tokens":300,"max_completion_tokens":1`, 0, 300},
		{`,"max_completion_tokens":1,"max_tokens":300`, 0, 300},
		{`,"max_tokens":1,"max_completion_tokens":300`, 0, 300},
		{`,"max_tokens":300,"max_completion_tokens":null`, 0, 300},
	} {
		env, err := Chat([]byte(`{"messages":[{"role":"user"}]` + c.members + `}`))
		if err != nil || env.Choices != c.choices || env.MaxTokens != c.tokens {
			t.Errorf("%s: %d choices of %d tokens, %v; want %d of %d", c.members, env.Choices, env.MaxTokens, err, c.choices, c.tokens)
		}
	}
}

// TestFlat: what may hold an image is not called flat.
func TestFlat(t *testing.T) {
	const link = `{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}`
	for _, test := range []struct {
		body     string
		chat     bool
		messages bool
	}{
		{`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null}]}`, true, true},
		{`{"model":"m","messages":[{"role":"user","content":"\"image_url\""}],"n":1,"stream":true,"user":"u"}`, true, true},
		{`{"messages":[{"role":"user","content":[` + link + `]}]}`, false, false},
		{`{"messages":[{"role":"user","content":"hi"},{"content":[],"role":"user"}]}`, false, false},
		{`{"messages":[{"role":"user","content":"hi","more":` + link + `}]}`, false, false},
		{`{"more":[` + link + `],"messages":[{"role":"user"}]}`, false, false},
		{`{"tools":[],"messages":[{"role":"user"}]}`, false, false},
		{`{"messages":[{"role":"user"}],"stream_options":{"include_usage":true}}`, true, false},
	} {
		if env, err := Chat([]byte(test.body)); err != nil || env.Flat != test.chat {
			t.Errorf("%s: a chat is flat: %t, %v", test.body, env.Flat, err)
		}
		if env, err := Messages([]byte(test.body)); err != nil || env.Flat != test.messages {
			t.Errorf("%s: messages are flat: %t, %v", test.body, env.Flat, err)
		}
	}
}

func TestScanChatTakesNulls(t *testing.T) {
	for _, body := range []string{
		`{"messages":[{"role":"user"}]}`,
		`{"messages":[{"role":"user"}],"model":null,"stream":null,"stream_options":null,"max_tokens":null,"max_completion_tokens":null,"tools":null,"n":null}`,
		`{"messages":[{"role":""}],"model":"","stream":false,"stream_options":{"include_usage":null}}`,
	} {
		env, err := Chat([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if env.Model != "" || env.Stream || env.IncludeUsage || env.MaxTokens != 0 {
			t.Errorf("%s: got %+v", body, env)
		}
	}
}

func TestScanChatRefuses(t *testing.T) {
	const messages = `"messages":[{"role":"user"}]`
	for _, test := range []struct{ body, code, param string }{
		{``, "invalid_json", ""},
		{`[]`, "invalid_json", ""},
		{`nonsense`, "invalid_json", ""},
		{`{` + messages, "invalid_json", ""},
		{`{` + messages + `} {}`, "invalid_json", ""},
		{`{` + messages + `,"model":}`, "invalid_json", ""},
		{`{` + messages + `,"stream":tru}`, "invalid_json", ""},
		{`{` + messages + `,"n":1x}`, "invalid_json", ""},
		{"{" + messages + ",\"model\":\"\xff\"}", "invalid_json", ""},
		{`{"model":"a",` + messages + `,"mod\u0065l":"b"}`, "duplicate_key", "model"},
		{`{` + messages + `,"my prompt is this":1,"my prompt is this":2}`, "duplicate_key", ""},
		{`{` + messages + `,"` + strings.Repeat("k", 65) + `":1,"` + strings.Repeat("k", 65) + `":2}`, "duplicate_key", ""},
		{`{` + messages + `,"stream_options":{"include_usage":true,"include_usage":false}}`, "duplicate_key", "include_usage"},
		{`{"messages":[{"role":"user","role":"system"}]}`, "duplicate_key", "role"},
		{`{}`, "missing_field", "messages"},
		{`{"messages":[]}`, "missing_field", "messages"},
		{`{"messages":null}`, "invalid_type", "messages"},
		{`{"messages":{}}`, "invalid_type", "messages"},
		{`{"messages":"hi"}`, "invalid_type", "messages"},
		{`{"messages":[{"role":"user"},"hi"]}`, "invalid_type", "messages[1]"},
		{`{"messages":[{"content":"hi"}]}`, "missing_field", "messages[0].role"},
		{`{"messages":[{"role":null}]}`, "invalid_type", "messages[0].role"},
		{`{"model":1,` + messages + `}`, "invalid_type", "model"},
		{`{"stream":"true",` + messages + `}`, "invalid_type", "stream"},
		{`{"stream":1,` + messages + `}`, "invalid_type", "stream"},
		{`{"stream_options":[],` + messages + `}`, "invalid_type", "stream_options"},
		{`{"stream_options":{"include_usage":1},` + messages + `}`, "invalid_type", "stream_options.include_usage"},
		{`{"max_tokens":-1,` + messages + `}`, "invalid_type", "max_tokens"},
		{`{"max_tokens":1.5,` + messages + `}`, "invalid_type", "max_tokens"},
		{`{"max_tokens":"1",` + messages + `}`, "invalid_type", "max_tokens"},
		{`{"max_completion_tokens":99999999999999999999,` + messages + `}`, "invalid_type", "max_completion_tokens"},
		{`{"n":[],` + messages + `}`, "invalid_type", "n"},
		{`{"tools":{},` + messages + `}`, "invalid_type", "tools"},
	} {
		_, err := Chat([]byte(test.body))
		wantRefusal(t, test.body, err, fairlead.Error{Kind: fairlead.Invalid, Code: test.code, Param: test.param})
	}
}

// wantRefusal checks kind, code and param of an error.
func wantRefusal(t *testing.T, what string, err error, want fairlead.Error) {
	t.Helper()
	var e *fairlead.Error
	if !errors.As(err, &e) {
		t.Errorf("%.200s: got %v, want an error with code %s", what, err, want.Code)
		return
	}
	if e.Kind != want.Kind || e.Code != want.Code || e.Param != want.Param {
		t.Errorf("%.200s: got %s %s %q, want %s %s %q", what, e.Kind, e.Code, e.Param, want.Kind, want.Code, want.Param)
	}
	if e.Message == "" {
		t.Errorf("%.200s: no message", what)
	}
}

func TestScanErrorsTellThePlaceAndNotTheBody(t *testing.T) {
	_, err := Chat([]byte("{\n  \"messages\": [{\"role\":\"user\"}],\n  \"canary\": canary\n}"))
	e := fairlead.AsError(err)
	if want := "byte 47 (line 3, column 13)"; !strings.Contains(e.Detail, want) {
		t.Errorf("got %q, want %q in it", e.Detail, want)
	}
	if said := fmt.Sprintf("%+v %v", *e, e); strings.Contains(said, "canary") {
		t.Errorf("the error quotes the body: %s", said)
	}
}

func TestEmbeddings(t *testing.T) {
	body := `{"input":["a",[1,2]],"model":"embed"}`
	env, err := Embeddings([]byte(body))
	if err != nil || env.Model != "embed" || body[env.ModelAt.Start:env.ModelAt.End] != `"embed"` || env.CloseAt != len(body)-1 {
		t.Errorf("got %+v, %v", env, err)
	}
	if _, err := Embeddings([]byte(`{"input":"a"}`)); err != nil {
		t.Error(err)
	}
	for _, test := range []struct{ body, code, param string }{
		{`{"model":"m"}`, "missing_field", "input"},
		{`{"input":""}`, "missing_field", "input"},
		{`{"input":[]}`, "missing_field", "input"},
		{`{"input":null}`, "invalid_type", "input"},
		{`{"input":{}}`, "invalid_type", "input"},
		{`{"input":"a","model":[]}`, "invalid_type", "model"},
		{`{"input":"a","input":"b"}`, "duplicate_key", "input"},
		{`{"input":"a"`, "invalid_json", ""},
	} {
		_, err := Embeddings([]byte(test.body))
		wantRefusal(t, test.body, err, fairlead.Error{Kind: fairlead.Invalid, Code: test.code, Param: test.param})
	}
}

func TestScanNativeCuts(t *testing.T) {
	const m = `"messages":[{"role":"user"}]`
	for _, test := range []struct{ body, want string }{
		{`{` + m + `}`, `{` + m + `}`},
		{`{` + m + `,"x":1,"document_ids":[]}`, `{` + m + `,"x":1}`},
		{`{"document_ids":[ ] , ` + m + ` }`, `{ ` + m + ` }`},
		{`{ "resumable":false, "conversation_id":null ,"document_ids":null,` + m + `,"model":"a"}`, `{` + m + `,"model":"a"}`},
		{`{"resumable":null,` + m + `,"conversation_id":"","document_ids":[],"model":"a" , "resum":true}`, `{` + m + `,"model":"a" , "resum":true}`},
		{`{` + m + `, "resumable":false , "conversation_id":"" }`, `{` + m + ` }`},
		{`{` + m + `,"tools":[{"document_ids":[1]}]}`, `{` + m + `,"tools":[{"document_ids":[1]}]}`},
	} {
		own, chat, err := Native([]byte(test.body), Wish{})
		if err != nil || string(chat) != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.body, chat, err, test.want)
			continue
		}
		want, err := Chat(chat)
		if err != nil || own.Envelope != want {
			t.Errorf("%s: got envelope %+v, want %+v, %v", test.body, own.Envelope, want, err)
		}
	}
	body := []byte(`{` + m + `}`)
	if _, chat, _ := Native(body, Wish{}); &chat[0] != &body[0] {
		t.Error("a body without cuts was copied")
	}
}

func TestScanNativeResumable(t *testing.T) {
	const m = `"messages":[{"role":"user"}]}`
	const want = `{"stream":true,` + `"messages":[{"role":"user"}],"stream_options":{"include_usage":true}}`
	for body, wish := range map[string]Wish{`{"resumable":true,"stream":true,` + m: {}, `{"resumable":true,"stream":false,` + m: {Stream: true}} {
		if own, chat, err := Native([]byte(body), wish); err != nil || !own.Resumable || !own.Stream || string(chat) != want {
			t.Errorf("%s: %+v, %s, %v", body, own, chat, err)
		}
	}
}

func TestScanNativeDocuments(t *testing.T) {
	own, chat, err := Native([]byte(`{"document_ids":["file-1","file-\u0032"],"messages":[{"role":"user"}]}`), Wish{})
	if err != nil || !slices.Equal(own.Documents, []fairlead.DocumentID{"file-1", "file-2"}) {
		t.Errorf("documents %q, %v", own.Documents, err)
	}
	if want := `{"messages":[{"role":"user"}]}`; string(chat) != want {
		t.Errorf("the provider gets %s, want %s", chat, want)
	}
}

func TestScanNativeRefuses(t *testing.T) {
	const m = `,"messages":[{"role":"user"}]}`
	for _, test := range []struct {
		body string
		want fairlead.Error
	}{
		{`{"document_ids":[[]]` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Param: "document_ids"}},
		{`{"document_ids":["a",1]` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Param: "document_ids"}},
		{`{"conversation_id":"c"` + m, fairlead.Error{Kind: fairlead.Unsupported, Code: "not_available", Param: "conversation_id"}},
		{`{"resumable":true` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_value", Param: "resumable"}},
		{`{"document_ids":"file-1"` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Param: "document_ids"}},
		{`{"conversation_id":1` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Param: "conversation_id"}},
		{`{"resumable":"yes"` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Param: "resumable"}},
		{`{"resumable":}`, fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_json"}},
		{`{"resumable":false}`, fairlead.Error{Kind: fairlead.Invalid, Code: "missing_field", Param: "messages"}},
		{`{"resumable":false,"resumable":true` + m, fairlead.Error{Kind: fairlead.Invalid, Code: "duplicate_key", Param: "resumable"}},
	} {
		_, _, err := Native([]byte(test.body), Wish{})
		wantRefusal(t, test.body, err, test.want)
	}
}

func FuzzNative(f *testing.F) {
	f.Add([]byte(`{"resumable":null , "messages":[{"role":"user"}],"conversation_id":"","x":{"document_ids":[]},"document_ids":[]}`))
	f.Add([]byte(`{"document_ids":[],"messages":[{"role":"a"}]}`))
	f.Add([]byte(`{"resumable":true,"stream":true,"messages":[{"role":"a"}]}`))
	for _, options := range []string{`null`, `{ }`, `{"include_usage":false}`, `{"include_usage":null,"x":1}`, `{"x":1}`} {
		f.Add([]byte(`{"resumable":null,"stream_options":` + options + `,"messages":[{"role":"a"}],"document_ids":[],"stream":null,"model":"m"}`))
		f.Add([]byte(`{"stream":true,"messages":[{"role":"a"}],"conversation_id":"","stream_options": ` + options + ` ,"resumable":false}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, wish := range []Wish{{}, {Stream: true}} {
			checkNative(t, body, wish)
		}
	})
}

func checkNative(t *testing.T, body []byte, wish Wish) {
	t.Helper()
	own, chat, err := Native(body, wish)
	if err != nil {
		if e := fairlead.AsError(err); e.Kind != fairlead.Invalid && e.Kind != fairlead.Unsupported {
			t.Fatalf("%q: got %v", body, err)
		}
		return
	}
	var before, after map[string]json.RawMessage
	if err := json.Unmarshal(body, &before); err != nil {
		t.Fatalf("%q was accepted: %v", body, err)
	}
	if err := json.Unmarshal(chat, &after); err != nil {
		t.Fatalf("%q became %q: %v", body, chat, err)
	}
	if own.Resumable != (string(before["resumable"]) == "true") || own.Resumable && !own.Stream {
		t.Fatalf("%q: resumable is %t", body, own.Resumable)
	}
	for _, name := range []string{"document_ids", "conversation_id", "resumable"} {
		delete(before, name)
	}
	if wish.Stream || string(before["stream"]) == "true" {
		checkStream(t, before, after)
	}
	if fmt.Sprintf("%q", before) != fmt.Sprintf("%q", after) {
		t.Fatalf("%q became %q", body, chat)
	}
	if want, err := Chat(chat); err != nil || own.Envelope != want {
		t.Fatalf("%q: got envelope %+v, want %+v, %v", body, own.Envelope, want, err)
	}
}

// checkStream holds that a body asks for a stream, and for its usage unless it said
// so or not before, and takes both out of it.
func checkStream(t *testing.T, before, after map[string]json.RawMessage) {
	t.Helper()
	var was, is map[string]json.RawMessage
	if err := json.Unmarshal(after["stream_options"], &is); err != nil || string(after["stream"]) != "true" {
		t.Fatalf("%q became %q: no stream, %v", before, after, err)
	}
	_ = json.Unmarshal(before["stream_options"], &was) // if it is there
	if was["include_usage"] == nil {
		if string(is["include_usage"]) != "true" {
			t.Fatalf("%q became %q: without usage", before, after)
		}
		delete(is, "include_usage")
	}
	if len(was)+len(is) > 0 && fmt.Sprintf("%q", was) != fmt.Sprintf("%q", is) {
		t.Fatalf("%q became %q", was, is)
	}
	for _, m := range []map[string]json.RawMessage{before, after} {
		delete(m, "stream")
		delete(m, "stream_options")
	}
}

// BenchmarkScanChat100KB scans a chat request whose prompt is prose with line
// ends and quotes.
func BenchmarkScanChat100KB(b *testing.B) {
	const message = `{"role":"user","content":"`
	text := strings.Repeat(`The \"quick\" brown fox jumps over the lazy dog, and 42 more of them follow it.\n`, 50)
	body := []byte(`{"model":"m","messages":[` + strings.Repeat(message+text+`"},`, 24) + message + text + `"}],"temperature":0.7,"max_tokens":256}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Chat(body); err != nil {
			b.Fatal(err)
		}
	}
}
