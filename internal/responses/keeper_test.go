package responses_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

const hello = `{"model":"m","input":"hello"}`

// item is what a turn asked with text is in a conversation, and answer what was said.
func asked(text string) string {
	return `{"type":"message","role":"user","content":[{"type":"input_text","text":"` + text + `"}]}`
}

func answered(text string) string {
	return `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"` + text + `"}]}`
}

func TestConversationOfAnswersMadeHere(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	first := d.say(nil, hello, "one")
	second := d.say(nil, `{"input":[{"role":"user","content":"two?"}],"previous_response_id":"`+first+`"}`, "two")
	third := `{"input":"three?","previous_response_id":"` + second + `"}`
	turn, req := d.begin(nil, third)
	defer turn.Close(t.Context(), nil)
	want := strings.Join([]string{asked("hello"), answered("one"), `{"role":"user","content":"two?"}`, answered("two")}, ",")
	if got := string(req.Past.Items); got != want {
		t.Errorf("items\n got %s\nwant %s", got, want)
	}
	if req.Past.Maker != (fairlead.Maker{}) || string(req.Body) != third || req.Dialect != fairlead.OpenAIResponses {
		t.Errorf("got %+v", req)
	}
	if id := req.AnswerID; len(id) != len("resp_")+48 || id != turn.ID() || id == second {
		t.Errorf("answer id %q", id)
	}
}

// Whoever keeps the answer goes on by itself, under the id that it gave.
func TestConversationOfAMaker(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	maker := fairlead.Maker{Provider: "openai", Key: "k1"}
	turn, _ := d.begin(nil, hello)
	if _, err := d.answer(turn, fairlead.Head{Stream: true, Keeper: maker}, stream("resp_upstream", "one")...); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	if turn.ID() != "resp_upstream" {
		t.Errorf("the id became %s", turn.ID())
	}
	next, req := d.begin(nil, `{"previous_response_id":"resp_upstream","input":"x"}`)
	defer next.Close(t.Context(), nil)
	if req.Past.Maker != maker || req.Past.Items != nil {
		t.Errorf("past is %+v", req.Past)
	}
	if row := d.shelf.row(t, "resp_upstream"); row.Maker != maker || row.KeptAs != "resp_upstream" {
		t.Errorf("row has %+v, %q", row.Maker, row.KeptAs)
	}
}

func TestNothingToContinue(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	mine := d.say(nil, hello, "one")
	failed, _ := d.begin(nil, hello)
	if _, err := d.answer(failed, fairlead.Head{Stream: true}, stream(failed.ID(), "x")[0]); err != nil {
		t.Fatal(err)
	}
	running := failed.ID()
	ask := func(app fairlead.AppID, id string) *fairlead.Error {
		return d.refused(app, nil, `{"input":"x","previous_response_id":"`+id+`"}`)
	}
	if e := ask("a", running); e.Kind != fairlead.Invalid || e.Detail == "" {
		t.Errorf("one that runs: %+v", e)
	}
	failed.Close(t.Context(), errors.New("broken"))
	for name, e := range map[string]*fairlead.Error{
		"resp_nobodys": ask("a", "resp_nobodys"), mine: ask("b", mine), running: ask("a", running),
	} {
		want := fairlead.Error{
			Kind: fairlead.Invalid, Code: "previous_response_not_found", Param: "previous_response_id",
			Message: "Previous response with id '" + name + "' not found.",
		}
		if *e != want {
			t.Errorf("got  %+v\nwant %+v", *e, want)
		}
	}
	if e := ask("a", strings.Repeat("x", 1<<20)); len(e.Message) > 300 {
		t.Errorf("an error of %d bytes", len(e.Message))
	}
}

func TestConversationIsBounded(t *testing.T) {
	for name, limits := range map[string]responses.Limits{
		"turns": {Turns: 3}, "bytes": {History: 3 * int64(len(asked("hello")+answered("one")))},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, limits)
			id := d.say(nil, hello, "one")
			for range 2 {
				id = d.say(nil, `{"input":"hello","previous_response_id":"`+id+`"}`, "one")
			}
			id = d.say(nil, `{"input":"hello","previous_response_id":"`+id+`"}`, "one")
			e := d.refused("a", nil, `{"input":"hello","previous_response_id":"`+id+`"}`)
			if e.Kind != fairlead.TooLarge || e.Code != "conversation_too_long" {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// A turn of the middle that is gone leaves nothing to go on from.
func TestConversationWithAGap(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	first := d.say(nil, hello, "one")
	second := d.say(nil, `{"input":"x","previous_response_id":"`+first+`"}`, "two")
	if err := d.Delete(t.Context(), "a", first); err != nil {
		t.Fatal(err)
	}
	e := d.refused("a", nil, `{"input":"x","previous_response_id":"`+second+`"}`)
	if e.Code != responses.CodePreviousNotFound || !strings.Contains(e.Message, second) {
		t.Errorf("got %+v", e)
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := responses.DefaultLimits()
		limits.Keep = time.Hour
		d := newDesk(t, limits)
		id := d.say(nil, hello, "one")
		pass(time.Hour - time.Second)
		if _, err := d.Get(t.Context(), "a", id); err != nil {
			t.Errorf("just before its end: %v", err)
		}
		pass(time.Second)
		if _, err := d.Get(t.Context(), "a", id); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("after its end: %v", err)
		}
		if e := d.refused("a", nil, `{"previous_response_id":"`+id+`"}`); e.Code != responses.CodePreviousNotFound {
			t.Errorf("after its end: %+v", e)
		}
	})
}

func TestBackgroundIsCutOut(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	for body, want := range map[string]string{
		`{"background":false,"model":"m"}`:                                 `{"model":"m"}`,
		`{"model":"m","background":false}`:                                 `{"model":"m"}`,
		`{"model":"m" , "b\u0061ckground" : null , "x":1}`:                 `{"model":"m"  , "x":1}`,
		`{ "background" : false }`:                                         `{  }`,
		`{"background":true}`:                                              `{"stream":true}`,
		`{"a":1,"background" : true,"b":2}`:                                `{"a":1,"stream":true,"b":2}`,
		`{"stream":false,"background":true,"b":2}`:                         `{"stream":true,"b":2}`,
		`{"background":true,"stream":null}`:                                `{"stream":true}`,
		`{"background":true,"stream":true, "unknown": {"background":[1]}}`: `{"stream":true, "unknown": {"background":[1]}}`,
	} {
		turn, req := d.begin(nil, body)
		if got := string(req.Body); got != want || !json.Valid(req.Body) {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
		if wantStream := strings.Contains(want, `"stream":true`); req.Envelope.Stream != wantStream {
			t.Errorf("%s: stream is %v in the envelope", body, req.Envelope.Stream)
		}
		turn.Close(t.Context(), nil)
	}
	if e := d.refused("a", nil, `{"background":true,"store":false}`); e.Kind != fairlead.Invalid || e.Param != "background" {
		t.Errorf("in the background without a store: %+v", e)
	}
}

func TestInputTooLargeToStore(t *testing.T) {
	d := newDesk(t, responses.Limits{Row: 100})
	body := `{"input":"` + strings.Repeat("x", 100) + `"`
	if e := d.refused("a", nil, body+`}`); e.Kind != fairlead.TooLarge {
		t.Errorf("got %+v", e)
	}
	turn, _ := d.begin(nil, body+`,"store":false}`)
	turn.Close(t.Context(), nil)
}

// TestQueuedTooLargeToStore: what a response in the background repeats of its request
// counts too, and one that is refused leaves nothing.
func TestQueuedTooLargeToStore(t *testing.T) {
	d := newDesk(t, responses.Limits{Row: 2000})
	for size, refused := range map[int]bool{100: false, 1950: true} {
		body := `{"background":true,"input":"x","instructions":"` + strings.Repeat("i", size) + `"}`
		turn, _ := d.begin(nil, body)
		_, err := turn.Queue(t.Context())
		if refused != (err != nil) || refused && !fairlead.IsKind(err, fairlead.TooLarge) {
			t.Errorf("with %d bytes: %v", size, err)
		}
		_, err = d.Get(t.Context(), "a", turn.ID())
		if refused != (err != nil) {
			t.Errorf("with %d bytes: read again: %v", size, err)
		}
		turn.Close(t.Context(), nil)
	}
}

// memory has room for so many bytes.
type memory int64

func (m *memory) Reserve(n int64) error {
	if *m -= memory(n); *m < 0 {
		return fairlead.NewBusy("memory_pressure", "", time.Second)
	}
	return nil
}
func (m *memory) Return(n int64) { *m += memory(n) }

func TestMemoryOfAConversation(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	id := d.say(nil, hello, "one")
	room := memory(10)
	_, _, err := d.Begin(t.Context(), responses.Ask{
		App: "a", Body: []byte(`{"previous_response_id":"` + id + `"}`), Memory: &room,
	})
	if !fairlead.IsKind(err, fairlead.Busy) {
		t.Errorf("got %v, want Busy", err)
	}
}

// TestMemoryComesFirst: where there is no room for the newest turn of a conversation
// the others, of which one is gone, are not read.
func TestMemoryComesFirst(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	oldest := d.say(nil, hello, "one")
	newest := d.say(nil, `{"input":"again","previous_response_id":"`+oldest+`"}`, "two")
	if err := d.Delete(t.Context(), "a", oldest); err != nil {
		t.Fatal(err)
	}
	begin := func(room memory, body string) (memory, *fairlead.Error) {
		_, _, err := d.Begin(t.Context(), responses.Ask{App: "a", Body: []byte(body), Memory: &room})
		return room, fairlead.AsError(err)
	}
	for room, want := range map[memory]fairlead.Kind{10: fairlead.Busy, 10_000: fairlead.Invalid} {
		if _, e := begin(room, `{"previous_response_id":"`+newest+`"}`); e == nil || e.Kind != want {
			t.Errorf("room for %d bytes: got %+v, want %v", room, e, want)
		}
	}
	item := strings.Replace(newest, "resp_", "msg_", 1) + "_9" // one that there is not
	for room, want := range map[memory]fairlead.Kind{10: fairlead.Busy, 10_000: fairlead.NotFound} {
		left, e := begin(room, `{"input":[{"type":"item_reference","id":"`+item+`"}]}`)
		if e == nil || e.Kind != want || want == fairlead.NotFound && left != room {
			t.Errorf("room for %d bytes: got %+v, want %v; %d are left", room, e, want, left)
		}
	}
}

func TestRecover(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, _ := d.begin(nil, hello)
	if _, err := d.answer(turn, fairlead.Head{Stream: true}, stream(turn.ID(), "x")[0]); err != nil {
		t.Fatal(err)
	}
	// No Close: the process is gone.
	d.Recover(t.Context())
	got, err := d.Get(t.Context(), "a", turn.ID())
	if err != nil || got.Status != fairlead.ResponseFailed {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, want := range []string{`"status":"failed"`, `"code":"server_error"`, `"message":"The service was restarted"`} {
		if !strings.Contains(string(got.Object), want) {
			t.Errorf("got %s, want %s in it", got.Object, want)
		}
	}
}

func TestSweepEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := responses.DefaultLimits()
		limits.Keep = 90 * time.Second
		d := newDesk(t, limits)
		d.say(nil, hello, "one")
		done := make(chan error, 1)
		go func() { done <- d.Run(t.Context()) }()
		pass(61 * time.Second)
		if d.shelf.count() != 1 {
			t.Error("it went too early")
		}
		pass(time.Minute)
		if d.shelf.count() != 0 {
			t.Error("it did not go")
		}
	})
}

// pass has time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }
