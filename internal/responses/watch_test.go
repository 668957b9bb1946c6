package responses_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

// The client sees an id when it is stored, and the end when that is.
func TestRowsComeBeforeTheirEvents(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, req := d.begin(nil, hello)
	var seen []fairlead.ResponseStatus
	emit := turn.Watch(t.Context(), func(e fairlead.Event) error {
		if e.Data != nil {
			seen = append(seen, d.shelf.row(t, req.AnswerID).Status)
		}
		return nil
	})
	for _, e := range append([]fairlead.Event{{Head: &fairlead.Head{Stream: true}}}, data(stream(req.AnswerID, "x"))...) {
		if err := emit(e); err != nil {
			t.Fatal(err)
		}
	}
	want := []fairlead.ResponseStatus{"in_progress", "in_progress", "completed"}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	turn.Close(t.Context(), errors.New("after the end"))
	if calls := []string{"put in_progress", "update completed"}; !reflect.DeepEqual(d.shelf.calls, calls) {
		t.Errorf("got %v, want %v", d.shelf.calls, calls)
	}
	if got, want := string(d.shelf.row(t, turn.ID()).Body), whole(turn.ID(), "completed", "x"); got != want {
		t.Errorf("stored %s\nwant %s", got, want)
	}
}

func data(blocks []string) []fairlead.Event {
	var all []fairlead.Event
	for _, b := range blocks {
		all = append(all, fairlead.Event{Data: []byte(b)})
	}
	return all
}

// Streams pass as they come, however they are put into blocks and named.
func TestStreamPassesAsItIs(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"as it is":      func(s string) string { return s },
		"without names": func(s string) string { return dropLines(s, "event: ") },
		"CRLF":          func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"comments":      func(s string) string { return ": keep-alive\n\n" + strings.ReplaceAll(s, "\n\n", "\n\n: x\n\n") },
		"spaces":        func(s string) string { return strings.ReplaceAll(s, `"type":`, ` "type" : `) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, responses.DefaultLimits())
			turn, req := d.begin(nil, hello)
			text := change(strings.Join(stream(req.AnswerID, "x"), ""))
			got, err := d.answer(turn, fairlead.Head{Stream: true}, text)
			if err != nil || got != text {
				t.Fatalf("error %v, got %s\nwant %s", err, got, text)
			}
			if row := d.shelf.row(t, req.AnswerID); row.Status != fairlead.ResponseCompleted {
				t.Errorf("status %s", row.Status)
			}
			if turn.Events() != 4 {
				t.Errorf("%d events, want 4", turn.Events())
			}
		})
	}
}

func dropLines(text, prefix string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestWholeAnswerIsStoredBeforeItPasses(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, req := d.begin(nil, hello)
	text := whole(req.AnswerID, "incomplete", "x")
	got, err := d.answer(turn, fairlead.Head{}, text[:10], text[10:])
	if err != nil || got != text {
		t.Fatalf("got %s, %v", got, err)
	}
	turn.Close(t.Context(), nil)
	row := d.shelf.row(t, req.AnswerID)
	if string(row.Body) != text || row.Status != fairlead.ResponseIncomplete || string(row.Items) != asked("hello") {
		t.Errorf("stored %+v", row)
	}
	if calls := []string{"put incomplete"}; !reflect.DeepEqual(d.shelf.calls, calls) {
		t.Errorf("got %v, want %v", d.shelf.calls, calls)
	}
}

// What cannot be stored is not answered as if it were.
func TestStoreFails(t *testing.T) {
	for name, streams := range map[string]bool{"stream": true, "whole": false} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, responses.DefaultLimits())
			d.shelf.fails = &fairlead.Error{Kind: fairlead.Internal, Code: "storage_failed"}
			turn, req := d.begin(nil, hello)
			blocks := stream(req.AnswerID, "x")
			if !streams {
				blocks = []string{whole(req.AnswerID, "completed", "x")}
			}
			got, err := d.answer(turn, fairlead.Head{Stream: streams}, blocks...)
			if got != "" || !errors.Is(err, d.shelf.fails) {
				t.Errorf("got %q and %v", got, err)
			}
			turn.Close(t.Context(), err)
		})
	}
}

func TestNotStored(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	for _, head := range []fairlead.Head{{Stream: true, Keeper: fairlead.Maker{Provider: "p"}}, {}} {
		turn, req := d.begin(nil, `{"input":"hello","store":false}`)
		blocks := stream(req.AnswerID, "x")
		if !head.Stream {
			blocks = []string{whole(req.AnswerID, "completed", "x")}
		}
		if got, err := d.answer(turn, head, blocks...); err != nil || got != strings.Join(blocks, "") {
			t.Errorf("got %s, %v", got, err)
		}
		turn.Close(t.Context(), errors.New("any"))
		if e := d.refused("a", nil, `{"previous_response_id":"`+turn.ID()+`"}`); e.Code != responses.CodePreviousNotFound {
			t.Errorf("got %+v", e)
		}
	}
	if len(d.shelf.calls) != 0 || d.shelf.count() != 0 {
		t.Errorf("the store was used: %v", d.shelf.calls)
	}
}

func TestHowATurnEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		blocks []string
		err    error
		want   fairlead.ResponseStatus
		in     string
	}{
		{"left", stream("resp_x", "x")[:2], fairlead.NewCanceled(context.Canceled), "cancelled", `"status":"cancelled"`},
		{
			"broken", stream("resp_x", "x")[:1], &fairlead.Error{Kind: fairlead.Upstream, Code: "c", Message: "The provider broke off"},
			"failed", `"error":{"code":"server_error","message":"The provider broke off"}`,
		},
		{
			"limited", stream("resp_x", "x")[:1], &fairlead.Error{Kind: fairlead.Limited, Message: "Slowly"},
			"failed", `"error":{"code":"rate_limit_exceeded","message":"Slowly"}`,
		},
		{"no end", stream("resp_x", "x")[:2], nil, "failed", `"status":"failed"`},
		{
			"told as failed",
			[]string{stream("resp_x", "x")[0], frame("response.failed", `"response":`+whole("resp_x", "failed", "x"))},
			errors.New("it failed"), "failed", whole("resp_x", "failed", "x"),
		},
		{
			"incomplete",
			[]string{stream("resp_x", "x")[0], frame("response.incomplete", `"response":`+whole("resp_x", "incomplete", "x"))},
			nil, "incomplete", whole("resp_x", "incomplete", "x"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, responses.DefaultLimits())
			turn, _ := d.begin(nil, hello)
			if _, err := d.answer(turn, fairlead.Head{Stream: true}, tt.blocks...); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // as that of a client that left is
			turn.Close(ctx, tt.err)
			row := d.shelf.row(t, "resp_x")
			if row.Status != tt.want || !strings.Contains(string(row.Body), tt.in) {
				t.Errorf("status %s, body %s", row.Status, row.Body)
			}
		})
	}
}

func TestAnswerTooLongToStore(t *testing.T) {
	limits := responses.DefaultLimits()
	limits.Row = 1000
	d := newDesk(t, limits)
	turn, req := d.begin(nil, hello)
	blocks := stream(req.AnswerID, strings.Repeat("x", 1000))
	if got, err := d.answer(turn, fairlead.Head{Stream: true}, blocks...); err != nil || got != strings.Join(blocks, "") {
		t.Errorf("got %s, %v", got, err)
	}
	turn.Close(t.Context(), nil)
	if d.shelf.count() != 0 {
		t.Error("it is stored in part")
	}
}

// Only the events that tell of the response as a whole are looked into.
func TestDeltasCostNothing(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, req := d.begin(nil, hello)
	emit := turn.Watch(t.Context(), func(fairlead.Event) error { return nil })
	_ = emit(fairlead.Event{Head: &fairlead.Head{Stream: true}})
	_ = emit(fairlead.Event{Data: []byte(stream(req.AnswerID, "x")[0])})
	event := fairlead.Event{Data: []byte(strings.Repeat(stream(req.AnswerID, strings.Repeat("x", 200))[1], 4))}
	if got := testing.AllocsPerRun(100, func() { _ = emit(event) }); got > 0 {
		t.Errorf("%v allocations for 4 events", got)
	}
}

func BenchmarkDelta(b *testing.B) {
	s := newShelf()
	k := responses.New(responses.Config{Store: s, Sweeper: s, Limits: responses.DefaultLimits()})
	turn, req, err := k.Begin(b.Context(), responses.Ask{App: "a", Body: []byte(hello)})
	if err != nil {
		b.Fatal(err)
	}
	emit := turn.Watch(b.Context(), func(fairlead.Event) error { return nil })
	_ = emit(fairlead.Event{Head: &fairlead.Head{Stream: true}})
	_ = emit(fairlead.Event{Data: []byte(stream(req.AnswerID, "x")[0])})
	event := fairlead.Event{Data: []byte(stream(req.AnswerID, strings.Repeat("x", 200))[1])}
	b.ReportAllocs()
	for b.Loop() {
		_ = emit(event)
	}
}

// TestEndNotStored: an answer that its client has seen end, and whose end the store did
// not take, has failed for that reason.
func TestEndNotStored(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, req := d.begin(nil, hello)
	blocks := stream(req.AnswerID, "x")
	if _, err := d.answer(turn, fairlead.Head{Stream: true}, blocks[0]); err != nil {
		t.Fatal(err)
	}
	d.shelf.fail(&fairlead.Error{Kind: fairlead.Internal, Code: "storage_failed"})
	if got, err := d.answer(turn, fairlead.Head{Stream: true}, blocks[2]); err != nil || got != blocks[2] {
		t.Fatalf("the client got %s, %v", got, err)
	}
	d.shelf.fail(nil)
	turn.Close(t.Context(), nil)
	row := d.shelf.row(t, turn.ID())
	if row.Status != fairlead.ResponseFailed || !strings.Contains(string(row.Body), `"message":"The end of the answer could not be stored"`) {
		t.Errorf("%s %s", row.Status, row.Body)
	}
}

// TestWithdraw: of a response whose call did not begin nothing is left.
func TestWithdraw(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, _ := d.begin(nil, `{"background":true}`)
	if _, err := turn.Queue(t.Context()); err != nil {
		t.Fatal(err)
	}
	turn.Withdraw(t.Context())
	if d.shelf.count() != 0 {
		t.Error("there is a row")
	}
}
