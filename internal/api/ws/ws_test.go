package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/fairleadhq/fairlead"
)

func asClose(err error) (websocket.CloseError, bool) {
	return errors.AsType[websocket.CloseError](err)
}

func TestResponseOnALane(t *testing.T) {
	for _, path := range []string{"/v1/responses", "/ws"} {
		t.Run(path, func(t *testing.T) {
			b := open(t, layout{})
			c := b.mustDial(t, path)
			c.say(`{"type":"response.create","stream_id":"a","model":"m","input":"hello","future":{"type":1},"store":false}`)
			var got []string
			for n := range 4 {
				e := c.next()
				if e.Stream != "a" || e.Number == nil || *e.Number != n || !strings.HasPrefix(e.raw, `{"stream_id":"a","type":`) {
					t.Errorf("frame %d: %s", n, e.raw)
				}
				got = append(got, e.Type)
			}
			want := []string{"response.created", "response.output_text.delta", "response.output_text.delta", "response.completed"}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if got, want := string(b.model.request(0).Body), `{"stream":true,"model":"m","input":"hello","future":{"type":1},"store":false}`; got != want {
				t.Errorf("the model was asked %s, want %s", got, want)
			}
			b.expectNoSlot()
		})
	}
}

func TestConversationOfTheConnection(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/v1/responses")
	c.say(`{"type":"response.create","model":"m","input":"one","store":false}`)
	first, _ := c.until("response.completed")
	c.say(`{"type":"response.create","model":"m","input":"two","store":false,"previous_response_id":%q}`, first.Response.ID)
	second, _ := c.until("response.completed")
	if past := string(b.model.request(1).Past.Items); !strings.Contains(past, "one") || !strings.Contains(past, "echo one") {
		t.Errorf("the second goes on from %s", past)
	}
	other := b.mustDial(t, "/v1/responses")
	other.say(`{"type":"response.create","stream_id":"x","model":"m","input":"three","previous_response_id":%q}`, second.Response.ID)
	got := other.next()
	if got.Type != "error" || got.Status != 400 || got.Error.Code != "previous_response_not_found" || got.Stream != "x" ||
		got.Error.Param != "previous_response_id" {
		t.Errorf("over another connection: %s", got.raw)
	}
}

func TestWarmUp(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/v1/responses")
	c.say(`{"type":"response.create","model":"m","input":[{"role":"user","content":"long"}],"instructions":"be brief","store":false,"generate":false}`)
	warm, before := c.until("response.completed")
	if len(warm.Response.Output) != 0 || warm.Response.Status != "completed" || !reflect.DeepEqual(before, []string{"response.created"}) {
		t.Errorf("after %v came %s", before, warm.raw)
	}
	if b.model.count() != 0 || b.records.count() != 0 {
		t.Errorf("%d calls upstream, %d Records", b.model.count(), b.records.count())
	}
	c.say(`{"type":"response.create","model":"m","input":"now","store":false,"previous_response_id":%q}`, warm.Response.ID)
	c.until("response.completed")
	if past := string(b.model.request(0).Past.Items); !strings.Contains(past, "long") {
		t.Errorf("it goes on from %q", past)
	}
	c.say(`{"type":"response.create","model":"none","input":"x","generate":false}`)
	if got := c.next(); got.Type != "error" || got.Status != 404 {
		t.Errorf("of a model that is not there: %s", got.raw)
	}
}

func TestLanes(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/v1/responses")
	for n := range Lanes {
		c.say(`{"type":"response.create","stream_id":"lane-%d","model":"m","input":"hold","store":false}`, n)
	}
	for range Lanes {
		if e := c.next(); e.Type != "response.created" {
			t.Fatalf("got %s", e.raw)
		}
	}
	if n := b.control.Slots().InUse; n != Lanes {
		t.Errorf("%d slots in use, want %d", n, Lanes)
	}
	c.say(`{"type":"response.create","stream_id":"lane-16","model":"m","input":"x","store":false}`)
	if e := c.next(); e.Error.Code != "websocket_stream_limit_reached" || e.Status != 400 || e.Stream != "lane-16" {
		t.Errorf("one lane too many: %s", e.raw)
	}
	c.say(`{"type":"response.create","stream_id":"lane-3","model":"m","input":"after","store":false}`)
	for range Lanes {
		b.model.hold <- struct{}{}
	}
	ended := 0
	for {
		e := c.next()
		if e.Type == "response.completed" {
			if ended++; ended == Lanes+1 {
				break
			}
		}
		if e.Type == "response.created" && e.Stream != "lane-3" {
			t.Errorf("got %s", e.raw)
		}
	}
}

func TestTurnsOfALaneAreInOrder(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/ws")
	c.say(`{"type":"response.create","model":"m","input":"hold","store":false}`)
	c.until("response.created")
	for n := range Queue {
		c.say(`{"type":"response.create","model":"m","input":"t%d","store":false}`, n)
	}
	c.say(`{"type":"response.create","model":"m","input":"one too many","store":false}`)
	if e, _ := c.until("error"); e.Error.Code != "lane_full" || e.Status != 503 || e.Retry < 1 {
		t.Errorf("got %s", e.raw)
	}
	b.model.hold <- struct{}{}
	for range Queue + 1 {
		c.until("response.completed")
	}
	for n := range Queue {
		if got, want := string(b.model.request(n+1).Body), fmt.Sprintf(`"input":"t%d"`, n); !strings.Contains(got, want) {
			t.Errorf("turn %d was %s", n, got)
		}
	}
}

func TestFramesThatAreNotUnderstood(t *testing.T) {
	b := open(t, layout{})
	own, other := b.mustDial(t, "/ws"), b.mustDial(t, "/v1/responses")
	for _, c := range []struct {
		on         *client
		text, code string
	}{
		{own, `{`, "invalid_json"},
		{own, `{"type":"nothing"}`, "unknown_type"},
		{own, `{"stream_id":"a"}`, "invalid_value"},
		{other, `{"type":"ping"}`, "unknown_type"},
		{other, `{"type":"response.cancel"}`, "unknown_type"},
		{other, `{"type":"response.create","stream_id":"a b"}`, "invalid_stream_id"},
		{other, `{"type":"response.create","model":7}`, "invalid_type"},
		{own, `{"type":"chat.completion.create","model":"m"}`, ""},
	} {
		c.on.say("%s", c.text)
		e := c.on.next()
		if c.code == "" { // whatever it is called
			c.code = e.Error.Code
		}
		if e.Type != "error" || e.Status != 400 || e.Error.Type != "invalid_request_error" || e.Error.Code != c.code {
			t.Errorf("%s: got %s", c.text, e.raw)
		}
	}
	own.say(`{"type":"ping","stream_id":"p"}`)
	if e := own.next(); e.Type != "pong" || e.Stream != "p" {
		t.Errorf("got %s", e.raw)
	}
	for range mostBad + 1 {
		if err := other.Write(t.Context(), websocket.MessageText, []byte(`nonsense`)); err != nil {
			break
		}
	}
	if code, _ := other.code(); code != websocket.StatusPolicyViolation {
		t.Errorf("a flood of nonsense ended with %d", code)
	}
}

func TestTooLarge(t *testing.T) {
	b := open(t, layout{})
	for path, size := range map[string]int{"/ws": 1 << 20, "/v1/responses": 16 << 20} {
		c := b.mustDial(t, path)
		frame := func(length int) []byte {
			const head, tail = `{"type":"nothing","x":"`, `"}`
			return []byte(head + strings.Repeat("x", length-len(head)-len(tail)) + tail)
		}
		if err := c.Write(t.Context(), websocket.MessageText, frame(size)); err != nil {
			t.Fatal(err)
		}
		if e := c.next(); e.Error.Code != "unknown_type" {
			t.Errorf("%s: %s", path, e.raw)
		}
		if err := c.Write(t.Context(), websocket.MessageText, frame(size+1)); err != nil {
			t.Logf("%s: write: %v", path, err) // it was closed before all was sent
		}
		if code, _ := c.code(); code != websocket.StatusMessageTooBig {
			t.Errorf("%s: closed with %d", path, code)
		}
	}
}

func TestChatCompletion(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/ws")
	c.say(`{"type":"chat.completion.create","stream_id":"c","model":"m","messages":[{"role":"user","content":"x"}],"user":"hi"}`)
	for n, want := range []string{
		`{"stream_id":"c","type":"chat.completion.chunk","sequence_number":0,"data":{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"content":"echo "},"finish_reason":null}]}}`,
		`{"stream_id":"c","type":"chat.completion.chunk","sequence_number":1,"data":{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}}`,
		`{"stream_id":"c","type":"chat.completion.done","sequence_number":2}`,
	} {
		if got := c.next(); got.raw != want {
			t.Errorf("frame %d: got %s, want %s", n, got.raw, want)
		}
	}
	c.say(`{"type":"response.resume","stream_id":"d","response_id":"chatcmpl-7","starting_after":1}`)
	if got := c.next(); got.raw != `{"stream_id":"d","type":"chat.completion.done","sequence_number":2}` {
		t.Errorf("resumed: %s", got.raw)
	}
	if got := b.model.request(0); got.Dialect != fairlead.OpenAIChat || !got.Envelope.Stream {
		t.Errorf("asked in %s, a stream: %v", got.Dialect, got.Envelope.Stream)
	}
}

func TestRefusedTurn(t *testing.T) {
	for _, path := range []string{"/v1/responses", "/ws"} {
		b := open(t, layout{rate: 1})
		c := b.mustDial(t, path)
		c.say(`{"type":"response.create","stream_id":"r","model":"m","input":"one","store":false}`)
		c.until("response.completed")
		c.say(`{"type":"response.create","stream_id":"r","model":"m","input":"two","store":false}`)
		e := c.next()
		if e.Type != "error" || e.Status != 429 || e.Error.Type != "rate_limit_error" || e.Retry < 1 || e.Retry > 60 || e.Stream != "r" {
			t.Errorf("%s: got %s", path, e.raw)
		}
		if b.records.count() != 2 {
			t.Errorf("%s: %d Records, want 2", path, b.records.count())
		}
	}
}

func TestAnswerThatBreaks(t *testing.T) {
	for _, path := range []string{"/v1/responses", "/ws"} {
		b := open(t, layout{})
		c := b.mustDial(t, path)
		c.say(`{"type":"response.create","stream_id":"r","model":"m","input":"fail","store":false}`)
		e, before := c.until("error")
		if !reflect.DeepEqual(before, []string{"response.created"}) || e.Status != 502 || e.Error.Code != "upstream_broken" || e.Stream != "r" {
			t.Errorf("%s: after %v came %s", path, before, e.raw)
		}
		if e := c.next(); e.Type != "response.failed" || e.Response.Status != "failed" || e.Stream != "r" {
			t.Errorf("%s: then came %s", path, e.raw)
		}
	}
}

func TestKeys(t *testing.T) {
	b := open(t, layout{origins: []string{"https://*.example.com"}})
	ticket := b.ticket(t)
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, c := range []struct {
		name, path string
		o          websocket.DialOptions
		protocol   string
		fails      string // "" if it gets in, "1008" if it is told so
	}{
		{name: "bearer", path: "/ws", o: websocket.DialOptions{HTTPHeader: header("Authorization", "Bearer "+crmKey)}},
		{name: "x-api-key", path: "/v1/responses", o: websocket.DialOptions{HTTPHeader: header("X-Api-Key", crmKey)}},
		{
			name: "subprotocol beside others", path: "/v1/responses", protocol: "realtime",
			o: websocket.DialOptions{Subprotocols: []string{"openai-insecure-api-key." + crmKey, "realtime", "openai-beta.x"}},
		},
		{
			name: "subprotocol alone", path: "/ws", protocol: "openai-insecure-api-key." + crmKey,
			o: websocket.DialOptions{Subprotocols: []string{"openai-insecure-api-key." + crmKey}},
		},
		{name: "ticket", path: "/ws?ticket=" + ticket},
		{name: "ticket again", path: "/ws?ticket=" + ticket, fails: "1008"},
		{name: "no ticket", path: "/ws?ticket=", fails: "1008"},
		{name: "no key", path: "/v1/responses", fails: "1008"},
		{name: "a wrong key", path: "/ws", o: websocket.DialOptions{HTTPHeader: header("X-Api-Key", "wrong")}, fails: "1008"},
		{
			name: "two keys", path: "/ws", fails: "1008",
			o: websocket.DialOptions{HTTPHeader: header("X-Api-Key", crmKey), Subprotocols: []string{"openai-insecure-api-key." + shopKey}},
		},
		{name: "a strange page", path: "/ws", o: websocket.DialOptions{HTTPHeader: header("X-Api-Key", crmKey, "Origin", "https://evil.example")}, fails: "status 403"},
		{name: "a page that may", path: "/ws", o: websocket.DialOptions{HTTPHeader: header("X-Api-Key", crmKey, "Origin", "https://a.example.com")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := b.dial(t, c.path, &c.o)
			switch {
			case strings.HasPrefix(c.fails, "status"):
				if err == nil || !strings.HasPrefix(err.Error(), c.fails) {
					t.Errorf("got %v, want %s", err, c.fails)
				}
			case err != nil:
				t.Error(err)
			case c.fails == "1008":
				if code, reason := conn.code(); code != websocket.StatusPolicyViolation || reason == "" {
					t.Errorf("closed with %d %q", code, reason)
				}
			default:
				conn.say(`{"type":"response.create","model":"m","input":"x","store":false}`)
				conn.until("response.completed")
				if got := conn.Subprotocol(); got != c.protocol {
					t.Errorf("subprotocol %q, want %q", got, c.protocol)
				}
			}
		})
	}
}

func (b *bench) ticket(t *testing.T) string {
	t.Helper()
	status, body := b.ask(t, http.MethodPost, "/ws/ticket", http.Header{"X-Api-Key": {crmKey}})
	ticket, _, ok := strings.Cut(strings.TrimPrefix(body, `{"ticket":"`), `","expires_in":60}`)
	if status != http.StatusOK || !ok {
		t.Fatalf("status %d: %s", status, body)
	}
	return ticket
}

func (b *bench) ask(t *testing.T, method, path string, header http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	resp, err := b.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestPlainRequests(t *testing.T) {
	b := open(t, layout{})
	ticket := b.ticket(t)
	for _, c := range []struct {
		method, path string
		header       http.Header
		status       int
		code         string
	}{
		{"GET", "/ws", http.Header{"X-Api-Key": {crmKey}}, 426, "upgrade_required"},
		{"GET", "/v1/responses", http.Header{"X-Api-Key": {crmKey}}, 426, "upgrade_required"},
		{"GET", "/ws", nil, 401, "missing_api_key"},
		{"GET", "/ws?ticket=" + ticket, nil, 401, "missing_api_key"}, // which does not use it up
		{"POST", "/ws/ticket", nil, 401, "missing_api_key"},
		{"POST", "/ws/ticket", http.Header{"Sec-Websocket-Protocol": {"openai-insecure-api-key." + crmKey}}, 401, "missing_api_key"},
		{"GET", "/ws", http.Header{"X-Api-Key": {crmKey}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, 400, "invalid_handshake"},
	} {
		status, body := b.ask(t, c.method, c.path, c.header)
		if status != c.status || !strings.Contains(body, `"`+c.code+`"`) {
			t.Errorf("%s %s: status %d, %s", c.method, c.path, status, body)
		}
	}
	if _, err := b.dial(t, "/ws?ticket="+ticket, &websocket.DialOptions{}); err != nil {
		t.Error(err)
	}
}

func TestTickets(t *testing.T) {
	tickets, app := newTickets(), &fairlead.App{ID: "a"}
	first := tickets.issue(app)
	for range ticketsPerApp - 1 {
		tickets.issue(app)
	}
	if got := tickets.issue(&fairlead.App{ID: "b"}); tickets.redeem(got) == nil {
		t.Error("another app's ticket is not good")
	}
	last := tickets.issue(app)
	if tickets.redeem(first) != nil || tickets.redeem("") != nil || tickets.redeem(last) != app || tickets.redeem(last) != nil {
		t.Error("the oldest beyond the bound, none, or one that was used is good; or the last is not")
	}
}

func TestClientThatLeaves(t *testing.T) {
	b := open(t, layout{grace: 300 * time.Millisecond})
	c := b.mustDial(t, "/v1/responses")
	c.say(`{"type":"response.create","model":"m","input":"hold","store":false}`)
	c.until("response.created")
	begun := time.Now()
	_ = c.CloseNow()
	b.model.wait(t)
	if took := time.Since(begun); took > 100*time.Millisecond {
		t.Errorf("the call went on for %v", took)
	}
	c = b.mustDial(t, "/ws")
	c.say(`{"type":"response.create","model":"m","input":"hold","store":false}`)
	c.until("response.created")
	begun = time.Now()
	_ = c.CloseNow()
	b.model.wait(t)
	if took := time.Since(begun); took < 300*time.Millisecond || took > 3*time.Second {
		t.Errorf("an answer that can be resumed went on for %v", took)
	}
}

func TestResume(t *testing.T) {
	b := open(t, layout{grace: time.Minute})
	c := b.mustDial(t, "/ws")
	c.say(`{"type":"response.create","stream_id":"a","model":"m","input":"hold it","store":false}`)
	first, _ := c.until("response.created")
	_ = c.CloseNow()
	again := b.mustDial(t, "/ws")
	again.say(`{"type":"response.resume","stream_id":"b","response_id":%q,"starting_after":0}`, first.Response.ID)
	whole := b.mustDial(t, "/ws")
	whole.say(`{"type":"response.resume","stream_id":"w","response_id":%q}`, first.Response.ID)
	if e := whole.next(); e.raw != strings.Replace(first.raw, `"a"`, `"w"`, 1) {
		t.Errorf("read again: %s", e.raw)
	}
	b.model.hold <- struct{}{}
	last, before := again.until("response.completed")
	if len(before) != 2 || last.Stream != "b" || *last.Number != 3 {
		t.Errorf("after %v came %s", before, last.raw)
	}
	whole.until("response.completed")

	foreign, err := b.dial(t, "/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {shopKey}}})
	if err != nil {
		t.Fatal(err)
	}
	foreign.next()
	var said []string
	for _, id := range []string{first.Response.ID, "resp_nobodys"} {
		for _, frame := range []string{"resume", "cancel"} {
			foreign.say(`{"type":"response.%s","response_id":%q}`, frame, id)
			e := foreign.next()
			if e.Status != http.StatusNotFound {
				t.Errorf("got %s", e.raw)
			}
			said = append(said, e.raw)
		}
	}
	if said[0] != said[2] || said[1] != said[3] {
		t.Errorf("a foreign id is told from an unknown one: %q", said)
	}
}

func TestCancel(t *testing.T) {
	b := open(t, layout{})
	c := b.mustDial(t, "/ws")
	c.say(`{"type":"response.create","stream_id":"a","model":"m","input":"hold","store":false}`)
	first, _ := c.until("response.created")
	c.say(`{"type":"response.cancel","stream_id":"a"}`)
	if e := c.next(); e.Type != "response.cancelled" || e.Stream != "a" || !strings.Contains(e.raw, first.Response.ID) {
		t.Errorf("got %s", e.raw)
	}
	b.model.wait(t)
	c.say(`{"type":"response.create","stream_id":"b","model":"m","input":"hold","store":false}`)
	second, _ := c.until("response.created")
	c.say(`{"type":"response.cancel","response_id":%q}`, second.Response.ID)
	if e := c.next(); e.Type != "response.cancelled" || e.Stream != "b" {
		t.Errorf("got %s", e.raw)
	}
	b.model.wait(t)
	c.say(`{"type":"response.cancel","stream_id":"nothing"}`)
	c.say(`{"type":"ping"}`)
	if e := c.next(); e.Type != "pong" {
		t.Errorf("got %s", e.raw)
	}
}

func TestQueued(t *testing.T) {
	b := open(t, layout{slots: 1})
	c := b.mustDial(t, "/ws")
	c.say(`{"type":"response.create","stream_id":"a","model":"m","input":"hold","store":false}`)
	c.until("response.created")
	c.say(`{"type":"response.create","stream_id":"b","model":"m","input":"x","store":false}`)
	if e := c.next(); e.Type != "response.queued" || e.Position != 1 || e.Stream != "b" {
		t.Errorf("got %s", e.raw)
	}
	b.model.hold <- struct{}{}
	for range 2 {
		c.until("response.completed")
	}
}

func TestNoPlace(t *testing.T) {
	b := open(t, layout{places: 1, queue: 1})
	first := b.mustDial(t, "/ws")
	waits := make(chan error, 1)
	go func() {
		c, err := b.dial(t, "/ws", nil)
		if err == nil {
			_, _, err = c.Read(context.WithoutCancel(t.Context()))
		}
		waits <- err
	}()
	for b.face.turnstile.Stats().Waiting == 0 {
		<-time.After(time.Millisecond)
	}
	c, err := b.dial(t, "/v1/responses", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, reason := c.code(); code != websocket.StatusTryAgainLater || !strings.HasPrefix(reason, "retry_after=") {
		t.Errorf("closed with %d %q", code, reason)
	}
	_ = first.Close(websocket.StatusNormalClosure, "")
	if err := <-waits; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
}

func TestManyRefusals(t *testing.T) {
	b := open(t, layout{})
	for range mostRefusals {
		if !b.face.hub.enterRefusal() {
			t.Fatal("too few")
		}
	}
	if _, err := b.dial(t, "/ws", &websocket.DialOptions{}); err == nil || !strings.HasPrefix(err.Error(), "status 401") {
		t.Errorf("got %v", err)
	}
	for range mostRefusals {
		b.face.hub.exitRefusal(nil)
	}
}

func TestDrain(t *testing.T) {
	b := open(t, layout{})
	idle, busy := b.mustDial(t, "/ws"), b.mustDial(t, "/v1/responses")
	busy.say(`{"type":"response.create","stream_id":"a","model":"m","input":"hold","store":false}`)
	busy.until("response.created")
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		b.face.Drain(t.Context())
	}()
	if code, _ := idle.code(); code != websocket.StatusServiceRestart {
		t.Errorf("the idle one was closed with %d", code)
	}
	busy.say(`{"type":"response.create","stream_id":"b","model":"m","input":"x","store":false}`)
	if e := busy.next(); e.Status != 503 || e.Error.Code != "draining" || e.Retry < 1 || e.Stream != "b" {
		t.Errorf("a new turn: %s", e.raw)
	}
	b.model.hold <- struct{}{}
	busy.until("response.completed")
	if code, _ := busy.code(); code != websocket.StatusServiceRestart {
		t.Errorf("the busy one was closed with %d", code)
	}
	select {
	case <-drained:
	case <-time.After(patience):
		t.Fatal("the drain does not end")
	}
	if _, err := b.dial(t, "/ws", nil); err == nil || !strings.HasPrefix(err.Error(), "status 503") {
		t.Errorf("after the drain: %v", err)
	}
}

// TestDrainWhoseTimeIsOver: a turn that is ended then says so, before its socket is
// closed; who never reads is cut off.
func TestDrainWhoseTimeIsOver(t *testing.T) {
	b := open(t, layout{})
	for _, path := range []string{"/ws", "/v1/responses"} {
		c := b.mustDial(t, path)
		c.say(`{"type":"response.create","stream_id":"a","model":"m","input":"hold","store":false}`)
		c.until("response.created")
		defer func() {
			if e, _ := c.until("error"); e.Status != 503 || e.Error.Code != "draining" || e.Stream != "a" {
				t.Errorf("%s: got %s", path, e.raw)
			}
			if e := c.next(); e.Type != "response.failed" {
				t.Errorf("%s: got %s", path, e.raw)
			}
			if code, _ := c.code(); code != websocket.StatusServiceRestart {
				t.Errorf("%s: closed with %d", path, code)
			}
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.face.Drain(ctx)
	}()
	b.way.Drain(ctx)
	<-done
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
