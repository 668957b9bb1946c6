package openai

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
)

const (
	response = `{"id":"resp_1","object":"response","status":"completed","error":null,"output":[{"id":"msg_1","type":"message"}],` +
		`"x":{"y":[1.50, 2]},"usage":{"input_tokens":3,"output_tokens":4}}`
	frames = ": hi\n\nevent: response.created\n" + `data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}` + "\n\n" +
		"event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","sequence_number":1,"delta":"H\u00e9","x":null}` + "\n\n" +
		"event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","sequence_number":2,"delta":"llo","x":null}` + "\n\n" +
		"event: some.news\n" + `data: {"type":"some.news", "a" : 1e3}` + "\n\n" +
		"event: response.completed\n" + `data: {"type":"response.completed","sequence_number":3,"response":` + response + "}\n\n"
)

// canned is an upstream that answers a stream, of which it sends so much, or a
// whole response.
type canned struct {
	mu     sync.Mutex
	path   string
	asked  []byte
	sends  int
	breaks bool // the connection, at the end of what is sent
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return
	}
	c.mu.Lock()
	c.path, c.asked = r.URL.Path, body
	sends, breaks := c.sends, c.breaks
	c.mu.Unlock()
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, response)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, frames[:sends])
	if breaks {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (c *canned) set(sends int, breaks bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sends, c.breaks = sends, breaks
}

// heard is what came of a call.
type heard struct {
	head fairlead.Head
	text bytes.Buffer
	end  *fairlead.End
}

func (h *heard) take(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		h.head = *e.Head
	case e.End != nil:
		h.end = &fairlead.End{Usage: e.End.Usage, Finish: e.End.Finish}
	default:
		h.text.Write(e.Data)
	}
	return nil
}

func ask(t *testing.T, p *remote.Provider, body string) (*heard, error) {
	t.Helper()
	var h heard
	req := &fairlead.Request{
		Dialect: fairlead.OpenAIResponses, Body: []byte(body),
		Envelope: fairlead.Envelope{Model: "up", Stream: strings.Contains(body, `"stream":true`)},
	}
	err := p.Answer(t.Context(), &fairlead.Call{Operation: fairlead.Chat}, req, h.take)
	return &h, err
}

func serve(t *testing.T) (*canned, *remote.Provider) {
	t.Helper()
	c := &canned{sends: len(frames)}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	p, err := New(remote.Config{Name: "acme", KeyMark: "m1", BaseURL: server.URL + "/v1", APIKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return c, p
}

// TestResponsesPassByteForByte in both directions, but for the model.
func TestResponsesPassByteForByte(t *testing.T) {
	c, p := serve(t)
	for _, test := range []struct{ body, sent, answer string }{
		{"{ \"model\" : \"alias\",\n\"input\":\"a\\u0062\" , \"client_metadata\":{\"n\":1.50}}\n", "{ \"model\" : \"up\",\n\"input\":\"a\\u0062\" , \"client_metadata\":{\"n\":1.50}}\n", response},
		{`{"model":"alias","stream":true,"input":[],"tools":[{"type":"namespace","tools":[]}]}`, `{"model":"up","stream":true,"input":[],"tools":[{"type":"namespace","tools":[]}]}`, frames},
	} {
		h, err := ask(t, p, test.body)
		if err != nil || h.text.String() != test.answer || h.end == nil {
			t.Errorf("got %q, %v, %v", h.text.String(), h.end, err)
		}
		if want := (fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 4}, Finish: "completed"}); h.end != nil && *h.end != want {
			t.Errorf("got the end %+v", h.end)
		}
		if c.path != "/v1/responses" || string(c.asked) != test.sent {
			t.Errorf("got %s %s\nwant %s", c.path, c.asked, test.sent)
		}
	}
}

// TestWhoKeepsIt: the provider by its key, unless it was told to keep nothing.
func TestWhoKeepsIt(t *testing.T) {
	_, p := serve(t)
	keeper := fairlead.Maker{Provider: "acme", Key: "m1"}
	for body, want := range map[string]fairlead.Maker{
		`{"model":"m","input":"a"}`: keeper, `{"model":"m","input":"a","stream":true,"store":true}`: keeper,
		`{"model":"m","input":"a","store":false}`: {}, `{"model":"m","input":"a","stream":true,"store":false}`: {},
	} {
		h, err := ask(t, p, body)
		if err != nil || h.head.Keeper != want {
			t.Errorf("%s: got %+v, %v", body, h.head.Keeper, err)
		}
	}
}

// TestResponsesCutAnywhere: a stream that ends, or breaks, within is never taken for
// whole, and what has passed of it is its beginning.
func TestResponsesCutAnywhere(t *testing.T) {
	c, p := serve(t)
	for cut := range len(frames) - 1 { // the last line end makes no difference
		c.set(cut, cut%3 == 0)
		h, err := ask(t, p, `{"model":"m","stream":true,"input":"a"}`)
		if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Upstream || h.end != nil {
			t.Fatalf("cut at %d: got %v, %v", cut, h.end, err)
		}
		if !strings.HasPrefix(frames, h.text.String()) || strings.Contains(h.text.String(), "response.completed") {
			t.Fatalf("cut at %d: %q has passed", cut, h.text.String())
		}
	}
}

// TestLongEvents: an event has room for an image, and has a bound.
func TestLongEvents(t *testing.T) {
	for size, want := range map[int]string{3 << 20: "", 9 << 20: "upstream_malformed_event"} {
		image := "event: response.image_generation_call.partial_image\n" +
			`data: {"type":"response.image_generation_call.partial_image","partial_image_b64":"` + strings.Repeat("A", size) + `"}` + "\n\n"
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, image+frames)
		}))
		p, err := New(remote.Config{Name: "acme", BaseURL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		h, err := ask(t, p, `{"model":"m","stream":true,"input":"a"}`)
		code := ""
		if err != nil {
			code = fairlead.AsError(err).Code
		}
		if code != want || want == "" && h.text.String() != image+frames {
			t.Errorf("%d bytes: got %v after %d", size, err, h.text.Len())
		}
		p.Close()
		server.Close()
	}
}
