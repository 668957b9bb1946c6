package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
)

func chatRequest(t *testing.T, body, model string) *fairlead.Request {
	t.Helper()
	env, err := envelope.Chat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if model != "" {
		env.Model = model
	}
	return &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: []byte(body), Envelope: env}
}

func TestForUpstream(t *testing.T) {
	const m = `"messages":[{"role":"user","content":"model"}]`
	const options = `"stream_options":{"include_usage":true}`
	for _, test := range []struct {
		name, body, model, want string
		injected                bool
	}{
		{"nothing to do", `{"model":"a",` + m + `}`, "a", `{"model":"a",` + m + `}`, false},
		{"the same name, escaped", `{"model":"\u0061",` + m + `}`, "a", `{"model":"\u0061",` + m + `}`, false},
		{"model replaced", `{"model" : "p/a" ,` + m + `}`, "a\"b", `{"model" : "a\"b" ,` + m + `}`, false},
		{"null model replaced", `{` + m + `,"model":null}`, "a", `{` + m + `,"model":"a"}`, false},
		{"model added", `{` + m + ` } `, "a", `{` + m + ` ,"model":"a"} `, false},
		{"no model known", `{` + m + `}`, "", `{` + m + `}`, false},
		{"stream with usage", `{"model":"a","stream":true,` + options + `,` + m + `}`, "a", `{"model":"a","stream":true,` + options + `,` + m + `}`, false},
		{"options added", `{"model":"a","stream":true,` + m + "\n}", "a", `{"model":"a","stream":true,` + m + "\n," + options + `}`, true},
		{"both added", `{"stream":true,` + m + `}`, "a", `{"stream":true,` + m + `,"model":"a",` + options + `}`, true},
		{"false replaced", `{"model":"a","stream":true,"stream_options":{"x":1,"include_usage" : false},` + m + `}`, "a", `{"model":"a","stream":true,"stream_options":{"x":1,"include_usage" : true},` + m + `}`, true},
		{"null options", `{"stream_options":null,"model":"a","stream":true,` + m + `}`, "b", `{` + options + `,"model":"b","stream":true,` + m + `}`, true},
		{"empty options", `{"model":"a","stream_options":{ },"stream":true,` + m + `}`, "b", `{"model":"b","stream_options":{ "include_usage":true},"stream":true,` + m + `}`, true},
		{"other options kept", `{"stream":true,"stream_options":{"x":{}},"model":"a",` + m + `}`, "b", `{"stream":true,"stream_options":{"x":{},"include_usage":true},"model":"b",` + m + `}`, true},
		{"no stream", `{"model":"a","stream_options":{"include_usage":false},` + m + `}`, "a", `{"model":"a","stream_options":{"include_usage":false},` + m + `}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := chatRequest(t, test.body, test.model)
			out := ForUpstream(req)
			if string(out.Body) != test.want || out.UsageInjected != test.injected {
				t.Errorf("got %s, %t\nwant %s, %t", out.Body, out.UsageInjected, test.want, test.injected)
			}
			if string(req.Body) != test.body {
				t.Errorf("the request's body was changed to %s", req.Body)
			}
			if test.want == test.body && &out.Body[0] != &req.Body[0] {
				t.Error("an unchanged body was copied")
			}
		})
	}
}

func TestForUpstreamEmbeddings(t *testing.T) {
	body := []byte(`{}`)
	out := ForUpstream(&fairlead.Request{
		Dialect: fairlead.OpenAIEmbeddings, Body: body, Envelope: fairlead.Envelope{Model: "a", Stream: true, CloseAt: 1},
	})
	if want := `{"model":"a"}`; string(out.Body) != want || out.UsageInjected {
		t.Errorf("got %s, %t, want %s", out.Body, out.UsageInjected, want)
	}
}

func FuzzForUpstream(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user"}],"stream":true}`,
		`{"stream":true,"stream_options":{"a":[1],"include_usage":null} , "model":"x", "messages":[{"role":"user"}]}`,
		` { "stream_options" : { } ,"messages":[{"role":"user","n":1}],"stream":true , "k":1e5 } `,
	} {
		f.Add([]byte(body), "gpt-4o-mini")
	}
	f.Fuzz(func(t *testing.T, body []byte, model string) {
		env, err := envelope.Chat(body)
		if err != nil {
			return
		}
		env.Model = strings.ToValidUTF8(model, "?")
		out := ForUpstream(&fairlead.Request{Dialect: fairlead.OpenAIChat, Body: body, Envelope: env})
		sent, err := envelope.Chat(out.Body)
		if err != nil {
			t.Fatalf("%q became %q: %v", body, out.Body, err)
		}
		if env.Model != "" && sent.Model != env.Model || sent.Stream != env.Stream || sent.IncludeUsage != (env.IncludeUsage || env.Stream) {
			t.Fatalf("%q became %q", body, out.Body)
		}
		// Without the splices it is what it was: every member's bytes, in order.
		if got, want := unspliced(t, out.Body), unspliced(t, body); got != want {
			t.Fatalf("%q became %q:\n%s\nwant\n%s", body, out.Body, got, want)
		}
		if !out.UsageInjected && env.Model == "" && !bytes.Equal(out.Body, body) {
			t.Fatalf("%q was changed to %q", body, out.Body)
		}
	})
}

// unspliced writes a body's members in order with their bytes, without those
// that splices are about.
func unspliced(t *testing.T, body []byte) string {
	t.Helper()
	var b strings.Builder
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
		switch {
		case name == "model":
		case name == "stream_options" && string(value) != "null":
			if rest := unsplicedOptions(t, value); rest != "" {
				fmt.Fprintf(&b, "options %s\n", rest)
			}
		case name != "stream_options":
			fmt.Fprintf(&b, "%q %s\n", name, value)
		}
	}
	return b.String()
}

func unsplicedOptions(t *testing.T, options []byte) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(options, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "include_usage")
	if len(members) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", members)
}
