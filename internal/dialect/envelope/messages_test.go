package envelope

import (
	"testing"

	"github.com/fairleadhq/fairlead"
)

func TestMessages(t *testing.T) {
	const rest = `"messages":[{"role":"user","content":"hi"}]`
	for _, test := range []struct {
		body, code, param string
		want              fairlead.Envelope
	}{
		{body: `{"model":"claude","max_tokens":10,"stream":true,` + rest + `}`, want: fairlead.Envelope{Model: "claude", MaxTokens: 10, Stream: true, Flat: true}},
		{body: `{` + rest + `,"system":[{"type":"text","text":"x"}],"n":"any","stream_options":7,"next_week":{"a":1,"a":2}}`},
		{body: `{"model":null,"max_tokens":null,"stream":null,"tools":null,` + rest + `}`, want: fairlead.Envelope{Flat: true}},
		{body: `{"model":"a","model":"b",` + rest + `}`, code: codeDuplicateKey, param: "model"},
		{body: `{"mod\u0065l":"a","model":"b",` + rest + `}`, code: codeDuplicateKey, param: "model"},
		{body: `{"messages":[{"role":"user","role":"assistant"}]}`, code: codeDuplicateKey, param: "role"},
		{body: `{"model":"a"}`, code: codeMissingField, param: "messages"},
		{body: `{"messages":[]}`, code: codeMissingField, param: "messages"},
		{body: `{"messages":[{"content":"x"}]}`, code: codeMissingField, param: "messages[0].role"},
		{body: `{"max_tokens":"1",` + rest + `}`, code: codeInvalidType, param: "max_tokens"},
		{body: `{"max_tokens":-1,` + rest + `}`, code: codeInvalidType, param: "max_tokens"},
		{body: `{"stream":1,` + rest + `}`, code: codeInvalidType, param: "stream"},
		{body: `{"tools":{},` + rest + `}`, code: codeInvalidType, param: "tools"},
		{body: `{` + rest, code: codeInvalidJSON},
		{body: `[]`, code: codeInvalidJSON},
	} {
		env, err := Messages([]byte(test.body))
		if test.code != "" {
			if e := fairlead.AsError(err); e == nil || e.Code != test.code || e.Param != test.param || e.Kind != fairlead.Invalid {
				t.Errorf("%s: got %+v, want %s of %s", test.body, e, test.code, test.param)
			}
			continue
		}
		env.ModelAt, env.CloseAt = fairlead.Span{}, 0
		if err != nil || env != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.body, env, err, test.want)
		}
	}
	if env, err := CountTokens([]byte(`{"stream":true,"max_tokens":5,` + rest + `}`)); err != nil || env.Stream || env.MaxTokens != 0 {
		t.Errorf("got %+v, %v, want neither a stream nor a length", env, err)
	}
}
