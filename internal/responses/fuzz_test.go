package responses_test

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

// FuzzBegin: whatever a request is, what goes upstream is one object without
// "background", and what is kept of it can be listed and continued.
func FuzzBegin(f *testing.F) {
	for _, body := range []string{
		hello, `{"background":true}`, `{"a":1 , "background" : true,"stream":false}`, `{"input":[],"stream":null,"background":true}`,
		`{"input":[{"type":"item_reference","id":"msg_000000000000000000000000000000000000000000000000_0"}]}`,
		`{"input":["x",1,null,{"id":null,"type":null},{"type":"message","id":"i"}],"b\u0061ckground":true}`,
		`{"stream":true,"background":true,"previous_response_id":null}`, `{"input":[{"x":null,"x":"0"}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newShelf()
		k := responses.New(responses.Config{
			Store: s, Sweeper: s, Names: s, Limits: responses.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		})
		turn, req, err := k.Begin(t.Context(), responses.Ask{App: "a", Body: body})
		if err != nil {
			return
		}
		defer turn.Close(t.Context(), nil)
		var sent map[string]json.RawMessage
		if err := json.Unmarshal(req.Body, &sent); err != nil || sent["background"] != nil {
			t.Fatalf("sent %s: %v", req.Body, err)
		}
		if turn.Background() && string(sent["stream"]) != "true" {
			t.Errorf("in the background without a stream: %s", req.Body)
		}
		if req.Envelope.CloseAt >= len(req.Body) || req.Body[req.Envelope.CloseAt] != '}' {
			t.Errorf("the envelope is not that of %s", req.Body)
		}
		checkKept(t, k, turn, body)
	})
}

func checkKept(t *testing.T, k *responses.Keeper, turn *responses.Turn, body []byte) {
	t.Helper()
	emit := turn.Watch(t.Context(), func(fairlead.Event) error { return nil })
	for _, e := range []fairlead.Event{
		{Head: &fairlead.Head{}}, {Data: []byte(whole(turn.ID(), "completed", "x"))}, {End: &fairlead.End{}},
	} {
		if err := emit(e); err != nil {
			t.Fatal(err)
		}
	}
	list, err := k.InputItems(t.Context(), "a", turn.ID(), responses.Page{Limit: 100})
	if fairlead.IsKind(err, fairlead.NotFound) {
		return // it was not to be stored
	}
	if err != nil || !json.Valid(list) {
		t.Errorf("the items of %s: %s, %v", body, list, err)
	}
	next, req, err := k.Begin(t.Context(), responses.Ask{App: "a", Body: []byte(`{"previous_response_id":"` + turn.ID() + `"}`)})
	if err != nil {
		t.Fatalf("continued: %v", err)
	}
	defer next.Close(t.Context(), nil)
	if !json.Valid([]byte("[" + string(req.Past.Items) + "]")) {
		t.Errorf("the conversation of %s: %s", body, req.Past.Items)
	}
}

// FuzzStream: whatever a provider streams, it passes as it is, wherever it is cut.
func FuzzStream(f *testing.F) {
	for _, block := range stream("resp_1", "x") {
		f.Add([]byte(block), 7)
	}
	f.Add([]byte("event: response.created\ndata: {\"response\":[]}\n\nevent:response.completed\rdata: {}\r\r"), 3)
	f.Add([]byte("data: {\"type\":"), 1)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		d := newDesk(t, responses.DefaultLimits())
		turn, _ := d.begin(nil, hello)
		cut = min(max(cut, 0), len(text))
		got, err := d.answer(turn, fairlead.Head{Stream: true}, string(text[:cut]), string(text[cut:]))
		turn.Close(t.Context(), nil)
		if err != nil || got != string(text) {
			t.Errorf("%v: got %q, want %q", err, got, text)
		}
	})
}
