package grounding

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/sources"
	"github.com/fairleadhq/fairlead/internal/sse"
)

type found struct {
	passages []fairlead.Passage
	asked    fairlead.Query
	err      error
}

func (f *found) Search(_ context.Context, _ *fairlead.Call, q fairlead.Query) ([]fairlead.Passage, error) {
	f.asked = q
	return f.passages, f.err
}

func passages() []fairlead.Passage {
	return []fairlead.Passage{
		{Document: "file-a", Name: "report.pdf", Page: 3, Start: 10, End: 30, Text: "Ropes may part."},
		{Document: "file-b", Name: "notes", Page: 1, Start: 0, End: 9, Text: "Lines chafe."},
	}
}

func TestGroundPutsSourcesBehindTheSystemMessages(t *testing.T) {
	for _, tt := range []struct {
		name, messages string
		at             int // where the sources stand
	}{
		{"user alone", `[{"role":"user","content":"risks?"}]`, 0},
		{"system first", `[ {"role":"system","content":"be brief"} , {"role":"user","content":"risks?"}]`, 1},
		{"many", `[{"role":"developer","content":"a"},{"role":"system","content":"b"},{"role":"user","content":"no"},{"role":"assistant","content":"c"},{"role":"user","content":[{"type":"text","text":"risks?"}]}]`, 2},
		{"system alone", `[{"role":"system","content":"be brief"}]`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := []byte(`{"x":{"y":[1]},"model":"m","messages":` + tt.messages + `,"stream":true}`)
			env, err := envelope.Chat(body)
			if err != nil {
				t.Fatal(err)
			}
			searcher := &found{passages: passages()}
			req := &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: body, Envelope: env}
			grounded, _, err := New(searcher).Ground(t.Context(), &fairlead.Call{}, req, fairlead.Within{Documents: []fairlead.DocumentID{"file-a"}})
			if err != nil {
				t.Fatal(err)
			}
			if tt.name != "system alone" && (len(searcher.asked.Texts) != 1 || searcher.asked.Texts[0] != "risks?") {
				t.Errorf("searched for %q", searcher.asked.Texts)
			}
			checkMessages(t, grounded.Body, body, tt.at)
			if grounded.Envelope.Model != "m" || !grounded.Envelope.Stream {
				t.Errorf("envelope %+v", grounded.Envelope)
			}
		})
	}
}

// checkMessages holds that grounded has the sources as its message number at, and is
// otherwise body.
func checkMessages(t *testing.T, grounded, body []byte, at int) {
	t.Helper()
	var got, want struct{ Messages []map[string]any }
	if err := json.Unmarshal(grounded, &got); err != nil {
		t.Fatalf("%v in %s", err, grounded)
	}
	_ = json.Unmarshal(body, &want)
	content, _ := got.Messages[at]["content"].(string)
	if _, ok := sources.Read(content); !ok || got.Messages[at]["role"] != "system" {
		t.Errorf("message %d is %v", at, got.Messages[at])
	}
	rest := append(append([]map[string]any{}, got.Messages[:at]...), got.Messages[at+1:]...)
	if !reflect.DeepEqual(rest, want.Messages) {
		t.Errorf("the other messages are %v, want %v", rest, want.Messages)
	}
}

func TestMarks(t *testing.T) {
	s := &Sources{Passages: passages()}
	for text, want := range map[string][]int{
		"": nil, "nothing": nil, "so [1].": {1}, "[2][1][2]": {2, 1}, "[1, 2]": {1, 2}, "[1,2]": {1, 2}, "[3]": nil, "[0]": nil,
		"【2】": {2}, "[a1]": nil, "[1": nil, "[]": nil, "[ 1 ]": {1}, "[99999999999]": nil, "[1]\x00[2": {1}, "[1\u3011": {1}, "a[1": nil,
	} {
		if got := s.Cited(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q cites %v, want %v", text, got, want)
		}
	}
}

// TestCitationsAreThePassages: what is told is what was found, word for word.
func TestCitationsAreThePassages(t *testing.T) {
	s := &Sources{Passages: passages()}
	var got []map[string]any
	if err := json.Unmarshal(s.Citations("They part [1] and [7] chafe."), &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{
		"source": 1.0, "document_id": "file-a", "name": "report.pdf", "page": 3.0, "section": "", "start": 10.0, "end": 30.0, "quote": "Ropes may part.",
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWatchTellsCitationsBeforeTheEnd: once, wherever the stream is cut into events.
func TestWatchTellsCitationsBeforeTheEnd(t *testing.T) {
	var stream []byte
	for _, piece := range []string{"They part [", "1", "] and chafe [2]."} {
		stream = sse.AppendData(stream, []byte(`{"choices":[{"delta":{"content":"`+piece+`"}}]}`))
	}
	stream = append(stream, ": alive\n\n"...)
	end := []byte("data: [DONE]\n\n")
	s := &Sources{Passages: passages()}
	var out []byte
	emit := s.Watch(func(e fairlead.Event) error { out = append(out, e.Data...); return nil })
	for frame := range sse.Frames(append(stream, end...)) {
		if err := emit(fairlead.Event{Data: frame}); err != nil {
			t.Fatal(err)
		}
	}
	rest, ok := strings.CutPrefix(string(out), string(stream))
	if !ok || !strings.HasSuffix(rest, string(end)) {
		t.Fatalf("the stream is %s", out)
	}
	if strings.Count(rest, "file-a") != 1 || strings.Count(rest, "file-b") != 1 || strings.Count(rest, `"citations"`) != 1 {
		t.Errorf("before its end stands %s", rest)
	}
}

func FuzzMarks(f *testing.F) {
	f.Add("[1, 2]【1】[")
	s := &Sources{Passages: passages()}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range s.Marks(text) {
			if m.Source < 1 || m.Source > 2 || m.Start >= m.End || m.End > len(text) {
				t.Errorf("%q: %+v", text, m)
			}
		}
	})
}
