package translate_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate"
)

// FuzzRequest feeds any body in both directions: no panic, and what comes out
// is JSON without duplicate names, or a typed error.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		leastChat + "}", leastMessages + "}",
		`{"messages":[{"role":"assistant","tool_calls":[{"id":"a b","function":{"name":"f","arguments":"{\"a\":[1,{}]}"}}]},{"role":"tool","tool_call_id":"x","content":[{"type":"text","text":"\ud800"}]}],"tools":[{"function":{"name":"f","parameters":{"a":1}}}],"tool_choice":"required"}`,
		`{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"a\"b","data":"\u0000"}},{"type":"tool_result","tool_use_id":"x","content":[{"type":"document","source":{"type":"content","content":"c"}}]}]},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{"k":"v"}}]}],"thinking":{"type":"enabled"}}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\u0022\u005c"}}]}],"stop":"\u00a0","response_format":{"type":"json_schema","json_schema":{"schema":{}}},"reasoning_effort":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, pair := range [][2]fairlead.Dialect{{chat, messages}, {messages, chat}} {
			for _, thinking := range []translate.Thinking{translate.ByEffort, translate.ByBudget} {
				out, _, err := translate.Request(pair[0], pair[1], body, translate.Options{Thinking: thinking})
				checkRequest(t, out, err)
			}
		}
	})
}

func checkRequest(t *testing.T, out []byte, err error) {
	t.Helper()
	if err != nil {
		var e *fairlead.Error
		if !errors.As(err, &e) || e.Kind != fairlead.Invalid || e.Code == "" {
			t.Fatalf("got %v (%+v)", err, e)
		}
		return
	}
	if !json.Valid(out) {
		t.Fatalf("got what is not JSON: %s", out)
	}
	_, err = jsonscan.Object(out, func([]byte, jsonscan.Span) error { return nil })
	if err != nil && !strings.Contains(err.Error(), "too deep") {
		t.Fatalf("got %v for %s", err, out)
	}
}

// anyText draws texts with what escapes and surrogates are made of.
func anyText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.RuneFrom([]rune("aé\"\\/\n\t\u0000\u2028😀<&\ufffd ")))
}

// literal writes a text as a JSON string, escaped in one of several ways.
func literal(rt *rapid.T, text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		plain, err := json.Marshal(string(r))
		if err != nil {
			rt.Fatal(err)
		}
		switch {
		case r == '/' && rapid.Bool().Draw(rt, "slash"):
			b.WriteString(`\/`)
		case r < 0x10000 && rapid.Bool().Draw(rt, "escaped"):
			b.WriteString(`\u` + hex(r))
		case r >= 0x10000 && rapid.Bool().Draw(rt, "pair"):
			b.WriteString(`\u` + hex(0xd800+(r-0x10000)>>10) + `\u` + hex(0xdc00+(r-0x10000)&0x3ff))
		default:
			b.Write(plain[1 : len(plain)-1])
		}
	}
	b.WriteByte('"')
	return b.String()
}

func hex(r rune) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}

// part is what a chat message can say, in a form that both dialects share: a
// turn is a list of these.
type part struct{ kind, a, b, c string }

// TestThereAndBack draws conversations, writes them as chat completions,
// translates them there and back, and reads them again: each turn must say
// what it said, in its words.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var written []string
		var want []part
		add := func(message string, parts ...part) {
			written = append(written, message)
			want = append(want, parts...)
		}
		said := func(name string) string { return "x" + anyText().Draw(rt, name) } // never blank
		if rapid.Bool().Draw(rt, "has system") {
			s := said("system")
			add(`{"role":"system","content":`+literal(rt, s)+`}`, part{"system", s, "", ""})
		}
		for range rapid.IntRange(1, 5).Draw(rt, "turns") {
			u, url, data := said("user"), "https://x/"+anyText().Draw(rt, "url"), rapid.StringMatching(`[A-Za-z0-9+/]{0,20}=?`).Draw(rt, "data")
			add(`{"role":"user","content":[{"type":"text","text":`+literal(rt, u)+`},{"type":"image_url","image_url":{"url":`+literal(rt, url)+`}},`+
				`{"type":"image_url","image_url":{"url":`+literal(rt, "data:image/png;base64,"+data)+`}}]}`,
				part{"user", u, "", ""}, part{"image", url, "", ""}, part{"image", "data:image/png;base64," + data, "", ""})
			a, name, key, value, answer := said("assistant"), said("name"), anyText().Draw(rt, "key"), anyText().Draw(rt, "value"), anyText().Draw(rt, "answer")
			arguments := `{ ` + literal(rt, key) + ` : ` + literal(rt, value) + `}`
			add(`{"role":"assistant","content":`+literal(rt, a)+`,"tool_calls":[{"id":"c1","type":"function","function":{"name":`+literal(rt, name)+`,"arguments":`+literal(rt, arguments)+`}}]}`,
				part{"assistant", a, "", ""}, part{"call", "c1", name, arguments})
			add(`{"role":"tool","tool_call_id":"c1","content":`+literal(rt, answer)+`}`, part{"result", "c1", answer, ""})
			add(`{"role":"assistant","content":`+literal(rt, a)+`}`, part{"assistant", a, "", ""})
		}
		body := `{"model":"m","messages":[` + strings.Join(written, ",") + `]}`
		there, dropped, err := translate.Request(chat, messages, []byte(body), translate.Options{})
		if err != nil || len(dropped) > 0 {
			rt.Fatalf("there: %v, dropped %q\n%s", err, dropped, body)
		}
		back, dropped, err := translate.Request(messages, chat, there, translate.Options{})
		if err != nil || len(dropped) > 0 {
			rt.Fatalf("back: %v, dropped %q\n%s", err, dropped, there)
		}
		if got := readChat(rt, back); !reflect.DeepEqual(got, want) {
			rt.Fatalf("got  %q\nwant %q\n%s\n%s", got, want, there, back)
		}
	})
}

// readChat reads a conversation with encoding/json.
func readChat(rt *rapid.T, body []byte) []part {
	var wire struct {
		Messages []struct {
			Role    string
			CallID  string `json:"tool_call_id"`
			Content json.RawMessage
			Calls   []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		rt.Fatal(err)
	}
	var parts []part
	for _, m := range wire.Messages {
		var text string
		var list []struct {
			Type, Text string
			Image      struct{ URL string } `json:"image_url"`
		}
		isText := json.Unmarshal(m.Content, &text) == nil
		switch {
		case m.Role == "tool":
			parts = append(parts, part{"result", m.CallID, text, ""})
		case isText:
			parts = append(parts, part{m.Role, text, "", ""})
		case json.Unmarshal(m.Content, &list) == nil:
			for _, p := range list {
				if p.Type == "text" {
					parts = append(parts, part{m.Role, p.Text, "", ""})
				} else {
					parts = append(parts, part{"image", p.Image.URL, "", ""})
				}
			}
		}
		for _, c := range m.Calls {
			parts = append(parts, part{"call", c.ID, c.Function.Name, c.Function.Arguments})
		}
	}
	return parts
}

// TestLongText sends a prompt of 1 MB: its bytes stay what they were.
func TestLongText(t *testing.T) {
	text := `"` + strings.Repeat(`h\u00e9llo\n\"w\u00f6rld\" \ud83d\ude00 ü `, 30_000) + `"`
	out, _, err := translate.Request(chat, messages, []byte(`{"messages":[{"role":"user","content":`+text+`}]}`), translate.Options{})
	if err != nil || !strings.Contains(string(out), text) {
		t.Errorf("the prompt changed on its way there (%v)", err)
	}
	out, _, err = translate.Request(messages, chat, []byte(`{"messages":[{"role":"user","content":[{"type":"text","text":`+text+`}]}]}`), translate.Options{})
	if err != nil || !strings.Contains(string(out), text) {
		t.Errorf("the prompt changed on its way back (%v)", err)
	}
}

func BenchmarkRequest(b *testing.B) {
	text := strings.Repeat("the quick brown fox jumps over the lazy dog ", 2300)
	body := []byte(`{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"` + text + `"}],"max_tokens":5,"temperature":0.5}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := translate.Request(chat, messages, body, translate.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
