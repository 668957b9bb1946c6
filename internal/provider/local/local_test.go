package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/sources"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// answer is what came of a request.
type answer struct {
	head fairlead.Head
	body string
	end  fairlead.End
}

// ask sends a body of the operation to the provider and checks the order of
// events.
func ask(t *testing.T, op fairlead.Operation, body string) (answer, error) {
	t.Helper()
	req := &fairlead.Request{Body: []byte(body)}
	var err error
	if op == fairlead.Chat {
		req.Dialect = fairlead.OpenAIChat
		req.Envelope, err = envelope.Chat(req.Body)
	} else {
		req.Dialect = fairlead.OpenAIEmbeddings
		req.Envelope, err = envelope.Embeddings(req.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got answer
	var order strings.Builder
	err = New().Answer(t.Context(), &fairlead.Call{ID: "req_1_2", Operation: op}, req, func(e fairlead.Event) error {
		switch {
		case e.Head != nil:
			order.WriteByte('H')
			got.head = *e.Head
		case e.End != nil:
			order.WriteByte('E')
			got.end = *e.End
		default:
			order.WriteByte('D')
			got.body += string(e.Data)
		}
		return nil
	})
	if events := order.String(); err == nil && (!strings.HasPrefix(events, "HD") || strings.Trim(events[1:len(events)-1], "D") != "" || !strings.HasSuffix(events, "DE")) {
		t.Errorf("events came as %s", events)
	}
	return got, err
}

// completionOf decodes a whole chat answer.
func completionOf(t *testing.T, body string) (content, finish string) {
	t.Helper()
	var c struct {
		ID, Object, Model string
		Created           int64
		Choices           []struct {
			Index   int
			Message struct {
				Role    string
				Content string
			}
			FinishReason string `json:"finish_reason"`
		}
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
			Total      int `json:"total_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if c.ID != "chatcmpl-req_1_2" || c.Object != "chat.completion" || c.Model != "offline" || c.Created == 0 || len(c.Choices) != 1 || c.Choices[0].Message.Role != "assistant" {
		t.Fatalf("got %s", body)
	}
	if c.Usage.Total != c.Usage.Prompt+c.Usage.Completion || c.Usage.Prompt == 0 {
		t.Errorf("got usage %+v", c.Usage)
	}
	return c.Choices[0].Message.Content, c.Choices[0].FinishReason
}

const story = `{"model":"offline","messages":[
	{"role":"system","content":"You are careful. Revenue means net revenue."},
	{"role":"user","content":[{"type":"text","text":"The revenue of Acme rose to 12 million.\nIts debt fell."},{"type":"image_url","image_url":{"url":"x"}}]},
	{"role":"assistant","content":null},
	{"role":"assistant","content":"Noted! The weather is fine."},
	{"role":"user","content":"What was the revenue of Acme?"}]%s}`

func TestChatQuotes(t *testing.T) {
	got, err := ask(t, fairlead.Chat, fmt.Sprintf(story, ""))
	if err != nil {
		t.Fatal(err)
	}
	if got.head.ContentType != "application/json" || got.head.Stream || got.head.Status != 200 {
		t.Errorf("got head %+v", got.head)
	}
	content, finish := completionOf(t, got.body)
	want := introduction + "\n\nThe conversation says about this:" +
		"\n- user: \"The revenue of Acme rose to 12 million.\"\n- system: \"Revenue means net revenue.\"\n- assistant: \"The weather is fine.\""
	if content != want || finish != "stop" {
		t.Errorf("got %q, %s\nwant %q", content, finish, want)
	}
	if first, _, _ := strings.Cut(content, ". "); !strings.Contains(first, "not a language model") || !strings.Contains(first, "OPENAI_API_KEY") {
		t.Errorf("the first sentence is %q", first)
	}
	end, err := dialect.ReadChatAnswer([]byte(got.body))
	if err != nil || end != got.end || end.Usage.Output != countWords(content) || end.Usage.Input != 29 {
		t.Errorf("the answer says %+v, %v, the event %+v", end, err, got.end)
	}
}

// TestChatQuotesSources: where documents were searched, they alone are quoted, each
// quote with its source's number.
func TestChatQuotesSources(t *testing.T) {
	found := sources.Text([]fairlead.Passage{
		{Name: "knots.pdf", Page: 4, Text: "A rope chafes where it bends. It is blue."},
		{Name: "sails.pdf", Page: 9, Text: "Sails tear in a gale."},
	})
	for question, want := range map[string]string{
		"Where does a rope chafe, where it bends?": `- "A rope chafes where it bends." (knots.pdf, page 4) [1]`,
		"Unheard": `- "Sails tear in a gale." (sails.pdf, page 9) [2]`,
	} {
		body, _ := json.Marshal(map[string]any{"messages": []map[string]string{
			{"role": "system", "content": found}, {"role": "assistant", "content": "A rope bends where it chafes, I said."}, {"role": "user", "content": question},
		}})
		got, err := ask(t, fairlead.Chat, string(body))
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := completionOf(t, got.body); !strings.Contains(text, want) || strings.Contains(text, "I said") {
			t.Errorf("%s: %s\nwant in it %s", question, text, want)
		}
	}
}

func TestChatWithNothingToQuote(t *testing.T) {
	for _, test := range []struct{ messages, want string }{
		{`[{"role":"user","content":"Hello  there"}]`, `The last message of the user begins: "Hello  there"`},
		{`[{"role":"system","content":"Be brief"},{"role":"user","content":"Hello?"}]`, `The last message of the user begins: "Hello?"`},
		{`[{"role":"` + strings.Repeat("r", 100) + `","content":"Hello"}]`, `The last message of the other begins: "Hello"`},
		{`[{"role":"user"}]`, introduction},
		{`[{"role":"user","content":"` + strings.Repeat("éa ", 1000) + `"}]`, strings.TrimSpace(strings.Repeat("éa ", 125)) + ` …"`},
	} {
		got, err := ask(t, fairlead.Chat, `{"messages":`+test.messages+`}`)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Choices []struct{ Message struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(got.body), &c); err != nil {
			t.Fatal(err)
		}
		if content := c.Choices[0].Message.Content; !strings.HasPrefix(content, introduction) || !strings.HasSuffix(content, test.want) {
			t.Errorf("%.80s: got %q, want it to end in %q", test.messages, content, test.want)
		}
	}
}

func TestChatStream(t *testing.T) {
	whole, err := ask(t, fairlead.Chat, fmt.Sprintf(story, ""))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := completionOf(t, whole.body)
	for _, usage := range []bool{false, true} {
		got, err := ask(t, fairlead.Chat, fmt.Sprintf(story, fmt.Sprintf(`,"stream":true,"stream_options":{"include_usage":%t}`, usage)))
		if err != nil {
			t.Fatal(err)
		}
		if got.head.ContentType != "text/event-stream" || !got.head.Stream {
			t.Errorf("got head %+v", got.head)
		}
		if !strings.HasSuffix(got.body, "\n\n"+dialect.DoneFrame) {
			t.Errorf("the stream ends in %q", got.body[len(got.body)-40:])
		}
		w := dialect.NewStreamWatch(dialect.Outgoing{})
		if _, err := w.Block([]byte(got.body)); err != nil {
			t.Fatal(err)
		}
		_, end, err := w.End()
		if err != nil || end.Finish != "stop" || usage != (end.Usage == got.end.Usage) || got.end.Usage != whole.end.Usage {
			t.Errorf("usage %t: the stream says %+v, %v, the event %+v", usage, end, err, got.end)
		}
		if chunks := strings.Count(got.body, "data: {"); usage != (strings.Count(got.body, `"usage":`) == chunks) {
			t.Errorf("usage %t: got %s", usage, got.body)
		}
		content, deltas := streamed(t, got.body)
		if content != want || deltas < 3 {
			t.Errorf("got %q in %d deltas, want %q", content, deltas, want)
		}
	}
}

// streamed checks the chunks of a stream and joins their content.
func streamed(t *testing.T, body string) (content string, deltas int) {
	t.Helper()
	for frame := range sse.Frames([]byte(strings.TrimSuffix(body, dialect.DoneFrame))) {
		var c struct {
			ID, Object string
			Choices    []struct {
				Delta struct{ Role, Content string }
			}
		}
		data := sse.Data(frame, nil)
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatalf("%q: %v", frame, err)
		}
		if c.ID != "chatcmpl-req_1_2" || c.Object != "chat.completion.chunk" {
			t.Fatalf("got chunk %s", data)
		}
		if len(c.Choices) == 0 {
			continue
		}
		if role := c.Choices[0].Delta.Role; (content == "" && deltas == 0) != (role == "assistant") && role != "" {
			t.Errorf("got role %q after %q", role, content)
		}
		if text := c.Choices[0].Delta.Content; text != "" {
			content += text
			deltas++
		}
	}
	return content, deltas
}

func TestChatMaxTokens(t *testing.T) {
	got, err := ask(t, fairlead.Chat, fmt.Sprintf(story, `,"max_tokens":5`))
	if err != nil {
		t.Fatal(err)
	}
	content, finish := completionOf(t, got.body)
	if content != "This is Fairlead's offline provider," || finish != "length" || got.end.Finish != "length" || got.end.Usage.Output != 5 {
		t.Errorf("got %q, %s, %+v", content, finish, got.end)
	}
}

func TestChatTools(t *testing.T) {
	const tools = `,"tools":[{"type":"function","function":{"name":"f"}}]`
	for _, test := range []struct {
		options string
		ignored bool
	}{{tools, true}, {tools + `,"tool_choice":"auto"`, true}, {tools + `,"tool_choice":null`, true}, {`,"tools":[ ],"tool_choice":"none"`, false}} {
		got, err := ask(t, fairlead.Chat, fmt.Sprintf(story, test.options))
		if err != nil {
			t.Errorf("%s: %v", test.options, err)
			continue
		}
		if content, _ := completionOf(t, got.body); strings.Contains(content, toolsIgnored) != test.ignored {
			t.Errorf("%s: got %q", test.options, content)
		}
	}
}

func TestRefuses(t *testing.T) {
	chat := func(options string) string { return fmt.Sprintf(story, options) }
	for _, test := range []struct {
		op    fairlead.Operation
		body  string
		kind  fairlead.Kind
		param string
	}{
		{fairlead.Chat, chat(`,"tool_choice":"required"`), fairlead.Unsupported, "tool_choice"},
		{fairlead.Chat, chat(`,"tool_choice":{"type":"function","function":{"name":"f"}}`), fairlead.Unsupported, "tool_choice"},
		{fairlead.Chat, chat(`,"response_format":{"type":"json_object"}`), fairlead.Unsupported, "response_format"},
		{fairlead.Chat, chat(`,"n":2`), fairlead.Unsupported, "n"},
		{fairlead.Embed, `{"input":[1,2]}`, fairlead.Unsupported, "input"},
		{fairlead.Embed, `{"input":[[1,2]]}`, fairlead.Unsupported, "input"},
		{fairlead.Embed, `{"input":["a",""]}`, fairlead.Invalid, "input"},
		{fairlead.Embed, `{"input":[null]}`, fairlead.Invalid, "input"},
		{fairlead.Embed, `{"input":["a"` + strings.Repeat(`,"a"`, maxInputs) + `]}`, fairlead.Invalid, "input"},
		{fairlead.Embed, `{"input":"a","dimensions":0}`, fairlead.Invalid, "dimensions"},
		{fairlead.Embed, `{"input":"a","dimensions":257}`, fairlead.Invalid, "dimensions"},
		{fairlead.Embed, `{"input":"a","dimensions":"8"}`, fairlead.Invalid, "dimensions"},
		{fairlead.Embed, `{"input":"a","encoding_format":"int8"}`, fairlead.Invalid, "encoding_format"},
		{fairlead.Operation(99), `{"input":"a"}`, fairlead.Unsupported, ""},
	} {
		got, err := ask(t, test.op, test.body)
		var e *fairlead.Error
		if !errors.As(err, &e) || e.Kind != test.kind || e.Param != test.param || e.Message == "" {
			t.Errorf("%.60s: got %v, want %s of %q", test.body, err, test.kind, test.param)
		}
		if got.head.Status != 0 {
			t.Errorf("%.60s: a head was emitted", test.body)
		}
	}
}

func TestStopsWhenTheCallerLeaves(t *testing.T) {
	errGone := errors.New("gone")
	stays := func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }
	leaves := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	}
	isLate := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithDeadline(ctx, time.Now())
	}
	body := fmt.Appendf(nil, story, `,"stream":true`)
	env, err := envelope.Chat(body)
	if err != nil {
		t.Fatal(err)
	}
	req := &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: body, Envelope: env}
	for name, test := range map[string]struct {
		caller func(context.Context) (context.Context, context.CancelFunc)
		takes  int // how many events emit takes before it fails
		events int // how many must be emitted
		kind   fairlead.Kind
	}{
		"canceled":         {leaves, 100, 0, fairlead.Canceled},
		"late":             {isLate, 100, 0, fairlead.Late},
		"gone at the head": {stays, 0, 1, fairlead.Canceled},
		"gone in between":  {stays, 3, 4, fairlead.Canceled},
	} {
		ctx, cancel := test.caller(t.Context())
		events := 0
		err := New().Answer(ctx, &fairlead.Call{ID: "req_1_2", Operation: fairlead.Chat}, req, func(fairlead.Event) error {
			if events++; events > test.takes {
				return errGone
			}
			return nil
		})
		cancel()
		if !fairlead.IsKind(err, test.kind) {
			t.Errorf("%s: got %v, want %s", name, err, test.kind)
		}
		if events != test.events {
			t.Errorf("%s: got %d events, want %d", name, events, test.events)
		}
	}
}

func TestManyWordsStopWhenTheCallerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for range words(ctx, strings.Repeat("word ", 3*wordsBetweenChecks)) {
		if n++; n == 10 {
			cancel()
		}
	}
	if n >= wordsBetweenChecks {
		t.Errorf("read %d words after the caller had left", n)
	}
	c := conversation{messages: []message{{role: "user", text: strings.Repeat("a. ", 3*sentencesBetweenChecks)}, {role: "user", text: "a"}}}
	n = 0
	for range c.otherSentences(ctx) {
		n++
	}
	if n >= sentencesBetweenChecks {
		t.Errorf("read %d sentences after the caller had left", n)
	}
}

func TestSentences(t *testing.T) {
	in := "One. Two!  Is 3.5 three?\nFour\n\n 五。六！Seven.\"Eight\" \xff. Nine"
	want := []string{"One.", "Two!", "Is 3.5 three?", "Four", "五。", "六！", "Seven.\"Eight\" \xff.", "Nine"}
	if got := slices.Collect(sentences(in)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestModels(t *testing.T) {
	if got, err := New().Models(t.Context()); !slices.Equal(got, []string{"offline"}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzChat(f *testing.F) {
	f.Add(fmt.Appendf(nil, story, `,"stream":false,"max_tokens":30`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"text":"a. b"},7,{"text":null}]},{"role":"x","content":"\ud800 a"},{"role":"user","content":"\u0000 a\tb"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		env, err := envelope.Chat(body)
		if err != nil {
			return
		}
		env.Stream = false
		var answer []byte
		err = New().Answer(t.Context(), &fairlead.Call{ID: "req_1_2", Operation: fairlead.Chat},
			&fairlead.Request{Dialect: fairlead.OpenAIChat, Body: body, Envelope: env}, func(e fairlead.Event) error {
				answer = append(answer, e.Data...)
				return nil
			})
		if err != nil {
			if e := fairlead.AsError(err); e.Kind != fairlead.Invalid && e.Kind != fairlead.Unsupported {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		end, err := dialect.ReadChatAnswer(answer)
		if err != nil || end.Finish != "stop" && end.Usage.Output != env.MaxTokens {
			t.Fatalf("%q: got %+v, %v from %s", body, end, err, answer)
		}
	})
}
