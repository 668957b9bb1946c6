package mock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead/internal/mock"
)

// form is one of the ways in which a model call is answered.
type form struct {
	name, path, body string // body without model
	stream           bool
	endMarker        string
	finish           string
}

func forms() []form {
	return []form{
		{"chat", "/v1/chat/completions", user, false, "", `"finish_reason":"stop"`},
		{"chat stream", "/v1/chat/completions", user + `,"stream":true`, true, "data: [DONE]", `"finish_reason":"stop"`},
		{"embeddings", "/v1/embeddings", `"input":"x"`, false, "", ""},
		{"messages", "/v1/messages", user + `,"max_tokens":100`, false, "", `"stop_reason":"end_turn"`},
		{"messages stream", "/v1/messages", user + `,"max_tokens":100,"stream":true`, true, "event: message_stop", `"stop_reason":"end_turn"`},
		{"responses", "/v1/responses", `"input":"Hello"`, false, "", `"status":"completed","store"`},
		{"responses stream", "/v1/responses", `"input":"Hello","stream":true`, true, "event: response.completed", `"status":"completed","store"`},
		{"count", "/v1/messages/count_tokens", user, false, "", ""},
	}
}

func (f form) ask(t *testing.T, url, model string) answered {
	t.Helper()
	return send(t, request(t, http.MethodPost, url+f.path, `{"model":"`+model+`",`+f.body+`}`))
}

// TestFaultsBeforeAnyAnswer: these look the same whatever was asked for.
func TestFaultsBeforeAnyAnswer(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, f := range forms() {
		for flags, status := range map[string]int{
			"429": 429, "status=401": 401, "500": 500, "status=529": 529, "503+retry_after=7": 503, "retry_after=0": 429,
		} {
			a := f.ask(t, url, "mock+"+flags)
			if a.status != status || text(t, a.body, "error", "message") == "" {
				t.Errorf("%s, %s: got %d %s", f.name, flags, a.status, a.body)
			}
			_, want, _ := strings.Cut(flags, "retry_after=")
			if got := a.header.Get("Retry-After"); got != want {
				t.Errorf("%s, %s: Retry-After %q, want %q", f.name, flags, got, want)
			}
		}
		if a := f.ask(t, url, "mock+html"); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, "<p>Fairlead mock:") {
			t.Errorf("%s, html: %d %v %s", f.name, a.status, a.header, a.body)
		}
		if a := f.ask(t, url, "mock+empty"); a.status != 200 || a.body != "" || a.err != nil {
			t.Errorf("%s, empty: %d %q %v", f.name, a.status, a.body, a.err)
		}
		if a := f.ask(t, url, "mock+redirect=http://198.51.100.1/v1"); a.status != 307 || a.header.Get("Location") != "http://198.51.100.1/v1" {
			t.Errorf("%s, redirect: %d %v", f.name, a.status, a.header)
		}
	}
}

func TestFaultsInJSON(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, f := range forms() {
		if f.stream {
			continue
		}
		whole := f.ask(t, url, "mock+id=a")
		if a := f.ask(t, url, "mock+cut=3"); a.err == nil || a.status != 200 || !strings.HasPrefix(a.body, "{") {
			t.Errorf("%s, cut: %d %q, err %v", f.name, a.status, a.body, a.err)
		} else if length, _ := strconv.Atoi(a.header.Get("Content-Length")); length <= len(a.body) {
			t.Errorf("%s, cut: %d of %d bytes", f.name, len(a.body), length)
		}
		if a := f.ask(t, url, "mock+malformed=1"); a.err != nil || a.status != 200 || json.Valid([]byte(a.body)) || len(a.body) == 0 {
			t.Errorf("%s, malformed: %d %q, err %v", f.name, a.status, a.body, a.err)
		}
		if a := f.ask(t, url, "mock+error_midstream=1"); a.status != 200 || text(t, a.body, "error", "message") == "" {
			t.Errorf("%s, error_midstream: %d %s", f.name, a.status, a.body)
		}
		if a := f.ask(t, url, "mock+nousage"); strings.Contains(a.body, `"usage"`) || !json.Valid([]byte(a.body)) {
			t.Errorf("%s, nousage: %s", f.name, a.body)
		}
		if whole.err != nil || !json.Valid([]byte(whole.body)) {
			t.Errorf("%s, without a fault: %q %v", f.name, whole.body, whole.err)
		}
	}
}

func TestCutsInsideJSON(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, f := range forms() {
		if f.stream {
			continue
		}
		if a := f.ask(t, url, "mock+cut=0:7"); a.err == nil || len(a.body) != 7 {
			t.Errorf("%s, cut after 7 bytes: %q, err %v", f.name, a.body, a.err)
		}
		if a := f.ask(t, url, "mock+clean=0:9999"); a.err != nil || a.status != 200 || json.Valid([]byte(a.body)) || !json.Valid([]byte(a.body+"}")) {
			t.Errorf("%s, a clean cut right before the end: %q, err %v", f.name, a.body, a.err)
		}
	}
}

// broken is what a faulty stream looks like.
type broken struct {
	flags       string
	frames      int // 0: more than 4; -1: none
	end, finish bool
	cut         bool
	text, last  string // somewhere, and in the last frame
}

func TestFaultsInStreams(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, f := range forms() {
		if !f.stream {
			continue
		}
		for _, want := range []broken{
			{flags: "id=x", end: true, finish: true},
			{flags: "cut=3", frames: 3, cut: true},
			{flags: "cut=0", frames: -1, cut: true},
			{flags: "cut=9999", end: true, finish: true, cut: true},
			{flags: "malformed=2", end: true, finish: true},
			{flags: "error_midstream=2", frames: 3, last: `"error":{`},
			{flags: "nodone"},
			{flags: "nofinish", end: true},
			{flags: "comments", end: true, finish: true, text: ": Fairlead mock\n\n"},
			{flags: "echo+id=x", end: true, finish: true, text: "Hello"},
		} {
			t.Run(f.name+" "+want.flags, func(t *testing.T) {
				want.check(t, f, f.ask(t, url, "mock+"+want.flags))
			})
		}
	}
}

func (want broken) check(t *testing.T, f form, a answered) {
	t.Helper()
	frames := a.frames()
	if n := max(want.frames, 0); want.frames != 0 && len(frames) != n || want.frames == 0 && len(frames) <= 4 {
		t.Errorf("%d frames, want %d", len(frames), want.frames)
	}
	if got := strings.Contains(a.body, f.endMarker); got != want.end {
		t.Errorf("end marker %t, want %t", got, want.end)
	}
	if got := strings.Contains(a.body, f.finish); got != want.finish {
		t.Errorf("finish reason %t, want %t", got, want.finish)
	}
	if got := a.err != nil; got != want.cut {
		t.Errorf("broken off %t, want %t (%v)", got, want.cut, a.err)
	}
	if !strings.Contains(a.body, want.text) {
		t.Errorf("no %q in %s", want.text, a.body)
	}
	if len(frames) > 0 && !strings.Contains(frames[len(frames)-1], want.last) {
		t.Errorf("last frame %q, want %q in it", frames[len(frames)-1], want.last)
	}
	for i, frame := range frames {
		malformed := want.flags == "malformed=2" && i == 1
		if valid := frame == "[DONE]" || json.Valid([]byte(frame)); valid == malformed {
			t.Errorf("frame %d: %q", i, frame)
		}
	}
}

func TestCutsInsideStreams(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, f := range forms() {
		if !f.stream {
			continue
		}
		for _, want := range []struct {
			flags        string
			whole, bytes int // events, and bytes of the next; -1: all but the last
			broken       bool
		}{
			{"cut=3:9", 3, 9, true},
			{"clean=3:9", 3, 9, false},
			{"cut=0:1", 0, 1, true},
			{"clean=3", 3, 0, false},
			{"clean=0", 0, 0, false},
			{"clean=2:999999", 2, -1, false},
		} {
			a := f.ask(t, url, "mock+"+want.flags)
			events := strings.SplitAfter(a.body, "\n\n")
			rest := events[len(events)-1]
			if len(events)-1 != want.whole || (a.err != nil) != want.broken {
				t.Errorf("%s, %s: %d events, want %d; err %v", f.name, want.flags, len(events)-1, want.whole, a.err)
			}
			if want.bytes >= 0 && len(rest) != want.bytes || want.bytes < 0 && !strings.HasSuffix(rest, "}\n") {
				t.Errorf("%s, %s: then %q, want %d bytes", f.name, want.flags, rest, want.bytes)
			}
		}
	}
}

// TestFormsOfStreams: other line ends and more lines, but the same events.
func TestFormsOfStreams(t *testing.T) {
	_, url := serve(t, mock.Options{})
	for _, f := range forms() {
		if !f.stream {
			continue
		}
		a := f.ask(t, url, "mock+crlf+comments+multiline+error_midstream=4")
		plain := strings.ReplaceAll(a.body, "\r\n", "\n")
		if strings.ContainsAny(plain, "\r") || strings.Count(a.body, "\r\n") != strings.Count(a.body, "\n") {
			t.Errorf("%s: line ends in %q", f.name, a.body)
		}
		n := 0
		for block := range strings.SplitSeq(strings.TrimSuffix(plain, "\n\n"), "\n\n: Fairlead mock\n\n") {
			_, data, _ := strings.Cut(strings.TrimPrefix(block, ": Fairlead mock\n\n"), "data: {\ndata: ")
			if n++; !json.Valid([]byte("{" + data)) {
				t.Errorf("%s: event %q", f.name, block)
			}
		}
		if n != 5 {
			t.Errorf("%s: %d events, want 5", f.name, n)
		}
	}
}

func TestTimesHealsTheModel(t *testing.T) {
	m, url := serve(t, mock.Options{})
	chat := forms()[0]
	for _, model := range []string{"mock+503+times=2", "mock+503+times=2+id=other"} {
		for i, want := range []int{503, 503, 200, 200} {
			if a := chat.ask(t, url, model); a.status != want {
				t.Errorf("%s, call %d: %d, want %d", model, i+1, a.status, want)
			}
		}
	}
	m.Reset()
	if a := chat.ask(t, url, "mock+503+times=2"); a.status != 503 {
		t.Errorf("after a reset: %d, want 503", a.status)
	}
}

func TestEveryFlagOfTheHelpExistsAndNoOther(t *testing.T) {
	_, server := serve(t, mock.Options{})
	good := map[string]string{
		"tokens": "=2", "echo": "", "usage": "=1:2", "nousage": "", "comments": "", "crlf": "", "multiline": "", "clean": "=1:2", "delay": "=1ms", "pace": "=0.001",
		"status": "=418", "retry_after": "=1", "hang": "", "hang_after": "=1", "cut": "=1", "malformed": "=1",
		"error_midstream": "=1", "nodone": "", "nofinish": "", "html": "", "empty": "", "redirect": "=http://example.com",
		"times": "=1", "id": "=x",
	}
	var helped int
	for line := range strings.Lines(mock.FlagsHelp) {
		if !strings.HasPrefix(line, "  ") {
			continue
		}
		helped++
		name, _, hasValue := strings.Cut(strings.Fields(line)[0], "=")
		value, known := good[name]
		if !known {
			t.Errorf("the help has a flag %q that this test has not", name)
		}
		// GET of a model reads the flags without playing them.
		path := server + "/v1/models/mock+"
		if a := send(t, request(t, http.MethodGet, path+name+url.QueryEscape(value), "")); a.status != 200 {
			t.Errorf("%s%s: %d", name, value, a.status)
		}
		bad := name + "=\x7f"
		if !hasValue {
			bad = name + "=1"
		}
		if name == "id" {
			bad = name + "="
		}
		if a := post(t, server+"/v1/chat/completions", `{"model":"mock+`+bad+`",`+user+`}`); a.status != 400 || !strings.Contains(a.body, name) {
			t.Errorf("%q: %d %s, want 400 that names the flag", bad, a.status, a.body)
		}
	}
	if helped != len(good) {
		t.Errorf("the help lists %d flags, want %d", helped, len(good))
	}
	for _, bad := range []string{"mock+", "mock+200", "mock+600", "mock+delay=1h", "mock+usage=1", "mock+tokens=0", "mock+echo+tokens=3", "mock+cut=1:x", "mock+cut=1:-1", "mock+clean=:1"} {
		if a := post(t, server+"/v1/chat/completions", `{"model":"`+bad+`",`+user+`}`); a.status != 400 {
			t.Errorf("%s: %d, want 400", bad, a.status)
		}
	}
}

// clocked is a ResponseWriter that notes when it was flushed.
type clocked struct {
	header  http.Header
	body    bytes.Buffer
	status  int
	flushes []time.Time
}

func (c *clocked) Header() http.Header { return c.header }

func (c *clocked) WriteHeader(status int) { c.status = status }

func (c *clocked) Write(b []byte) (int, error) { return c.body.Write(b) }

func (c *clocked) Flush() { c.flushes = append(c.flushes, time.Now()) }

// timed plays a model in the bubble's time until ctx ends.
func timed(ctx context.Context, t *testing.T, m *mock.Mock, f form, model string) *clocked {
	t.Helper()
	w := &clocked{header: make(http.Header)}
	r := request(t, http.MethodPost, f.path, `{"model":"`+model+`",`+f.body+`}`).WithContext(ctx)
	m.ServeHTTP(w, r)
	return w
}

func TestDelayAndPace(t *testing.T) {
	for _, f := range forms() {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := timed(t.Context(), t, mock.New(mock.Options{}), f, "mock+delay=2+pace=300ms")
			for i, at := range w.flushes {
				if got, want := at.Sub(start), 2*time.Second+time.Duration(i)*300*time.Millisecond; got != want {
					t.Errorf("%s: piece %d after %v, want %v", f.name, i, got, want)
				}
			}
			if n := len(w.flushes); n < 1 || f.stream && n < 5 {
				t.Errorf("%s: %d pieces", f.name, n)
			}
		})
	}
}

func TestHangsUntilTheClientLeaves(t *testing.T) {
	for _, f := range forms() {
		for flags, frames := range map[string]int{"hang": 0, "hang_after=3": 3, "hang_after=0": 0, "delay=100": 0} {
			synctest.Test(t, func(t *testing.T) {
				m := mock.New(mock.Options{})
				w := left(t, m, f, "mock+"+flags)
				if got := len((answered{body: w.body.String()}).frames()); f.stream && got != frames {
					t.Errorf("%s, %s: %d frames, want %d", f.name, flags, got, frames)
				}
				if begun := w.body.Len() > 0; !f.stream && begun != strings.HasPrefix(flags, "hang_after") {
					t.Errorf("%s, %s: sent %q", f.name, flags, w.body.String())
				}
				got := m.Stats()
				if got.Aborted != 1 || got.Models["mock+"+flags].Aborted != 1 || got.InFlight != 0 {
					t.Errorf("%s, %s: aborted %d, in flight %d; want 1, 0", f.name, flags, got.Aborted, got.InFlight)
				}
			})
		}
	}
}

// left plays a model for a client that leaves after 30 s, and checks that
// this is when it ends.
func left(t *testing.T, m *mock.Mock, f form, model string) *clocked {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), 30*time.Second)
	defer leave()
	start := time.Now()
	w := timed(ctx, t, m, f, model)
	if got := time.Since(start); got != 30*time.Second {
		t.Errorf("%s, %s: ended after %v, want when the client left", f.name, model, got)
	}
	if json.Valid(w.body.Bytes()) {
		t.Errorf("%s, %s: a whole answer: %q", f.name, model, w.body.String())
	}
	return w
}

// TestDisconnectIsCounted: the client's leaving shows in the counts over a
// real connection, before the first byte and in the middle of a stream.
func TestDisconnectIsCounted(t *testing.T) {
	for _, model := range []string{"mock+hang", "mock+hang_after=2", "mock+pace=1+tokens=50"} {
		m := mock.New(mock.Options{})
		entered, ended := make(chan struct{}), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			close(entered)
			m.ServeHTTP(w, r)
		}))
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-entered
			if model == "mock+hang" {
				leave()
			}
		}()
		r := request(t, http.MethodPost, server.URL+"/v1/chat/completions", `{"model":"`+model+`","stream":true,`+user+`}`).WithContext(ctx)
		transport := &http.Transport{DisableKeepAlives: true}
		if response, err := transport.RoundTrip(r); err == nil {
			_, _ = io.ReadFull(response.Body, make([]byte, 10))
			leave()
			response.Body.Close()
		}
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: still running 5 s after the client left", model)
		}
		if got := m.Stats(); got.Aborted != 1 || got.InFlight != 0 || got.Total != 1 {
			t.Errorf("%s: aborted %d, in flight %d, total %d; want 1, 0, 1", model, got.Aborted, got.InFlight, got.Total)
		}
		server.Close()
		leave()
	}
}
