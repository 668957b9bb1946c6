package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fairleadhq/fairlead/client"
)

const wholeStream = ": keep-alive\n\n" +
	"id: 1\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n" +
	"id: 2\ndata: {\"choices\":[{\"delta\":{\"content\":\"Good \"}}]}\n\n" +
	": keep-alive\n\n" +
	"id: 3\ndata:{\"choices\":[{\"delta\":{\"content\":\"morning\"},\"finish_reason\":null}]}\n\n" +
	"id: 4\ndata: {\"choices\":[{\"delta\":{},\ndata: \"finish_reason\":\"stop\"}]}\n\n" +
	"id: 5\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n" +
	"id: 6\ndata: [DONE]\n\n"

// canned is a transport whose every answer is a stream read from body.
type canned struct {
	body  func() io.Reader
	calls int
	sent  []byte
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c.sent = sent
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK",
		Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}, "X-Request-Id": {"req_3_1"}},
		Body:   io.NopCloser(c.body()), Request: r,
	}, nil
}

// heard is what came of a streamed question.
type heard struct {
	text   string
	deltas []client.Delta
	calls  int
	sent   string
	err    error
}

// stream reads body as the answer to a streamed question.
func stream(t *testing.T, body func() io.Reader) heard {
	t.Helper()
	var h heard
	transport := &canned{body: body}
	c := client.New("http://service", "fl_test", client.WithTransport(transport))
	h.err = c.Stream(t.Context(), question(), func(d client.Delta) error {
		h.text += d.Content
		h.deltas = append(h.deltas, d)
		return nil
	})
	h.calls, h.sent = transport.calls, string(transport.sent)
	return h
}

func wantBroken(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*client.BrokenError](err); !ok {
		t.Errorf("error %v, want a BrokenError", err)
	}
}

func TestStream(t *testing.T) {
	for name, end := range map[string]string{"\\n": "\n", "\\r\\n": "\r\n", "\\r": "\r"} {
		whole := strings.ReplaceAll(wholeStream, "\n", end)
		t.Run(name+" at once", func(t *testing.T) {
			wantGoodMorning(t, stream(t, func() io.Reader { return strings.NewReader(whole) }))
		})
		t.Run(name+" byte by byte", func(t *testing.T) {
			wantGoodMorning(t, stream(t, func() io.Reader { return iotest.OneByteReader(strings.NewReader(whole)) }))
		})
	}
}

func wantGoodMorning(t *testing.T, h heard) {
	t.Helper()
	if h.err != nil || h.text != "Good morning" || len(h.deltas) != 5 {
		t.Fatalf("text %q in %d pieces, error %v", h.text, len(h.deltas), h.err)
	}
	if got := h.deltas[3].Finish; got != "stop" {
		t.Errorf("Finish = %q", got)
	}
	if got := h.deltas[4].Usage; got == nil || *got != (client.Usage{PromptTokens: 3, CompletionTokens: 2, TotalTokens: 5}) {
		t.Errorf("Usage = %+v", got)
	}
	if !json.Valid(h.deltas[0].Raw) {
		t.Errorf("Raw = %s", h.deltas[0].Raw)
	}
	if !strings.Contains(h.sent, `"stream":true`) {
		t.Errorf("sent %s", h.sent)
	}
}

// A stream that is cut anywhere before its end mark is an error, and what came
// before is a beginning of the whole.
func TestStreamCutAnywhere(t *testing.T) {
	end := strings.Index(wholeStream, "data: [DONE]\n\n") + len("data: [DONE]\n")
	for at := range end + 1 {
		h := stream(t, func() io.Reader { return strings.NewReader(wholeStream[:at]) })
		var broken *client.BrokenError
		if !errors.As(h.err, &broken) || broken.RequestID != "req_3_1" || !errors.Is(h.err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: error %v, want a BrokenError", at, h.err)
		}
		if !strings.HasPrefix("Good morning", h.text) {
			t.Fatalf("cut at %d: text %q", at, h.text)
		}
		if h.calls != 1 {
			t.Fatalf("cut at %d: asked %d times; an answer had begun", at, h.calls)
		}
	}
}

func TestStreamThatTellsAnError(t *testing.T) {
	const begun = "data: {\"choices\":[{\"delta\":{\"content\":\"Good\"}}]}\n\n"
	for name, body := range map[string]string{
		"native": begun + "event: error\ndata: {\"success\":false,\"error\":\"The provider broke off\",\"code\":\"upstream_truncated\"," +
			"\"request_id\":\"req_3_1\"}\n\n",
		"OpenAI's": begun + "data: {\"error\":{\"message\":\"The provider broke off\",\"code\":\"upstream_truncated\"}}\n\ndata: [DONE]\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := stream(t, func() io.Reader { return strings.NewReader(body) })
			wantBroken(t, h.err)
			told, ok := errors.AsType[*client.APIError](h.err)
			if !ok {
				t.Fatalf("error %v, want an APIError in it", h.err)
			}
			if told.Code != "upstream_truncated" || told.Message != "The provider broke off" || told.Status != 0 {
				t.Errorf("error = %+v", *told)
			}
			if h.text != "Good" || h.calls != 1 {
				t.Errorf("text %q, %d calls", h.text, h.calls)
			}
		})
	}
}

func TestStreamThatIsNoStream(t *testing.T) {
	for name, body := range map[string]string{
		"a malformed chunk": "data: {\"choices\":\n\n",
		"a line too long":   "data: " + strings.Repeat("x", 5<<20) + "\n\n",
	} {
		h := stream(t, func() io.Reader { return strings.NewReader(body) })
		if len(h.deltas) != 0 {
			t.Errorf("%s: heard %d pieces", name, len(h.deltas))
		}
		wantBroken(t, h.err)
	}
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, wholeAnswer) })
	wantBroken(t, c.Stream(t.Context(), question(), func(client.Delta) error { return nil }))
}

func TestCallbackEndsTheStream(t *testing.T) {
	left := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {}\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
		close(left)
	})
	enough := errors.New("enough")
	if err := c.Stream(t.Context(), question(), func(client.Delta) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v, want the callback's", err)
	}
	<-left // the service sees that nobody reads on
}

func TestContextEndsTheStream(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {}\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := c.Stream(ctx, question(), func(client.Delta) error { cancel(); return nil })
	wantBroken(t, err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled in it", err)
	}
}

// Every field of an event may be missing or strange without being lost.
func TestEventsInOrder(t *testing.T) {
	body := "retry: 10\nunknown\n\ndata\n\ndata:\n\n" + // nothing to tell
		"data: {\"n\":1}\n\n\n\nid:2\ndata: {\"n\":2}\n\ndata: [DONE]\n\n"
	h := stream(t, func() io.Reader { return strings.NewReader(body) })
	if h.err != nil {
		t.Fatal(h.err)
	}
	var raw []string
	for _, d := range h.deltas {
		raw = append(raw, string(d.Raw))
	}
	if want := []string{`{"n":1}`, `{"n":2}`}; !slices.Equal(raw, want) {
		t.Errorf("events %q, want %q", raw, want)
	}
}
