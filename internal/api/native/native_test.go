package native

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
)

// TestReadChat: what the upstream is sent for a native body, and nothing else
// of it changes.
func TestReadChat(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct {
		name, accept, body, want string
	}{
		{"plain", "", `{` + messages + `,"x":1.50}`, `{` + messages + `,"x":1.50}`},
		{"plain, JSON accepted", "application/json", `{` + messages + `}`, `{` + messages + `}`},
		{"stream in the body", "", `{"stream":true,` + messages + ` }`, `{"stream":true,` + messages + ` ,"stream_options":{"include_usage":true}}`},
		{"stream by header", "text/event-stream", `{` + messages + `}`, `{` + messages + `,"stream":true,"stream_options":{"include_usage":true}}`},
		{"header over body", "text/event-stream", `{"stream":false,` + messages + `}`, `{"stream":true,` + messages + `,"stream_options":{"include_usage":true}}`},
		{"null is not said", "text/event-stream", `{"stream":null,` + messages + `}`, `{"stream":true,` + messages + `,"stream_options":{"include_usage":true}}`},
		{
			"the client's own options", "", `{"stream":true,"stream_options":{"include_usage":false},` + messages + `}`,
			`{"stream":true,"stream_options":{"include_usage":false},` + messages + `}`,
		},
		{
			"options without a stream", "text/event-stream", `{"stream_options":null,` + messages + `}`,
			`{"stream_options":{"include_usage":true},` + messages + `,"stream":true}`,
		},
		{
			"other options", "", `{"stream":true,"stream_options":{ "x":[1] },` + messages + `}`,
			`{"stream":true,"stream_options":{ "x":[1] ,"include_usage":true},` + messages + `}`,
		},
		{
			"options that say nothing", "", `{"stream":true,"stream_options":{},` + messages + `}`,
			`{"stream":true,"stream_options":{"include_usage":true},` + messages + `}`,
		},
		{"ours are cut out", "", `{"resumable":false,` + messages + `,"document_ids":[]}`, `{` + messages + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, _, err := readChat([]byte(c.body), http.Header{"Accept": {c.accept}})
			if err != nil {
				t.Fatal(err)
			}
			if string(req.Body) != c.want {
				t.Errorf("got  %s\nwant %s", req.Body, c.want)
			}
			if again, err := envelope.Chat(req.Body); err != nil || again != req.Envelope {
				t.Errorf("the envelope %+v is not that of the body: %+v, %v", req.Envelope, again, err)
			}
			if !json.Valid(req.Body) {
				t.Error("not JSON any more")
			}
		})
	}
}

func TestFramesAreNumbered(t *testing.T) {
	n := &numbering{}
	got := n.frames(nil, []byte("id: 77\nretry: 5\nevent: x\ndata: {\"a\":1}\n\n: alive\n\ndata: one\ndata: two\n\n"))
	got = n.frames(got, []byte("data:[DONE]\r\n\r\n"))
	if want := "id: 1\ndata: {\"a\":1}\n\n: alive\n\nid: 2\ndata: one\ndata: two\n\nid: 3\ndata: [DONE]\n\n"; string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestReadChatRefusesWhatIsNotBuilt(t *testing.T) {
	for field, body := range map[string]string{
		"conversation_id": `{"conversation_id":"c","messages":[{"role":"user","content":"hi"}]}`,
	} {
		_, _, err := readChat([]byte(body), http.Header{})
		if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Unsupported || e.Code != "not_available" || e.Param != field {
			t.Errorf("%s: %+v, want it refused by name", field, e)
		}
	}
}

func TestLastEvent(t *testing.T) {
	for _, c := range []struct {
		header, query string
		want          int64
		wrong         string // the parameter that is
	}{
		{"", "", 0, ""},
		{"7", "", 7, ""},
		{"", "starting_after=8", 8, ""},
		{"9", "starting_after=8", 9, ""}, // a client that connects again by itself keeps the URL
		{"0", "", 0, ""},
		{"-1", "", 0, "last-event-id"},
		{"req_1/7", "", 0, "last-event-id"},
		{"", "starting_after=x", 0, "starting_after"},
		{"", "starting_after=99999999999999999999", 0, "starting_after"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/chat/completion/req_1?"+c.query, nil)
		r.Header.Set("Last-Event-ID", c.header)
		got, _, err := lastEvent(r)
		wrong := ""
		if e := fairlead.AsError(err); e != nil {
			wrong = e.Param
		}
		if got != c.want && err == nil || wrong != c.wrong {
			t.Errorf("%q and %q: %d, %v", c.header, c.query, got, err)
		}
	}
}
