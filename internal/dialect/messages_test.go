package dialect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// frameOf is an event of Anthropic's, whose other members begin with a comma.
func frameOf(kind, members string) string {
	return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"" + members + "}\n\n"
}

// The events of a stream that is whole.
func msgStart() string {
	return frameOf("message_start", `,"message":{"id":"msg_1","content":[],"stop_reason":null,"usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":1}}`)
}

func msgText() string {
	return frameOf("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"say \"type\":\"message_stop\" or {\"error\":1}"}`)
}

func msgEnd() string {
	return frameOf("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}`)
}

func msgStop() string { return frameOf("message_stop", "") }

// Only the model is spliced, and nothing is injected.
func TestMessagesForUpstream(t *testing.T) {
	const body = ` {"stream" : true, "model":"alias" ,"thinking":{"type":"enabled"},"messages":[{"role":"user","content":"h\u00e9"}]} `
	env, err := envelope.Messages([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	env.Model = "claude"
	out := ForUpstream(&fairlead.Request{Dialect: fairlead.AnthropicMessages, Body: []byte(body), Envelope: env})
	if want := strings.Replace(body, `"alias"`, `"claude"`, 1); string(out.Body) != want || out.UsageInjected {
		t.Errorf("got %s, want %s", out.Body, want)
	}
}

func watchMessages(w *MessagesWatch, blocks ...string) (out string, err error) {
	for _, block := range blocks {
		frames, err := w.Block([]byte(block))
		out += string(frames)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func TestMessagesPass(t *testing.T) {
	all := msgStart() + msgText() + msgEnd()
	crlf := strings.ReplaceAll(all, "\n", "\r\n")
	for _, test := range []struct {
		name   string
		blocks []string
		want   string // before the last frame
		last   string
	}{
		{"as it came", []string{msgStart() + msgText(), msgEnd() + msgStop()}, all, msgStop()},
		{"frame by frame", []string{msgStart(), msgText(), msgEnd(), msgStop()}, all, msgStop()},
		{"pings and comments", []string{": c\n\n" + msgStart() + "event: ping\ndata: {\"type\": \"ping\"}\n\n", "event: ping\ndata: pong\n\n" + msgText() + msgEnd() + msgStop()}, ": c\n\n" + msgStart() + "event: ping\ndata: {\"type\": \"ping\"}\n\nevent: ping\ndata: pong\n\n" + msgText() + msgEnd(), msgStop()},
		{"empty data", []string{msgStart() + "data:\n\n" + msgText(), "data\n\n" + msgEnd() + msgStop()}, all, msgStop()},
		{"after the end", []string{all + msgStop() + msgText() + "data: nonsense\n\n", "data: more\n\n"}, all, msgStop()},
		{"unknown events", []string{msgStart() + frameOf("next_week", `,"a":[1]`) + msgEnd() + msgStop()}, msgStart() + frameOf("next_week", `,"a":[1]`) + msgEnd(), msgStop()},
		{"without event lines", []string{"data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":12}}}\n\n" + msgEnd(), "data: {\"type\": \"message_stop\"}\n\n"}, "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":12}}}\n\n" + msgEnd(), "data: {\"type\": \"message_stop\"}\n\n"},
		{"crlf", []string{crlf + "event: message_stop\r\ndata: {\"type\":\"message_stop\"}\r\n\r\n"}, crlf, "event: message_stop\r\ndata: {\"type\":\"message_stop\"}\r\n\r\n"},
		{"a null error", []string{msgStart() + frameOf("x", `,"error":null`) + msgEnd() + msgStop()}, msgStart() + frameOf("x", `,"error":null`) + msgEnd(), msgStop()},
		{"not UTF-8", []string{msgStart() + "event: content_block_delta\ndata: {\"delta\":{\"text\":\"\xff\"}}\n\n" + msgEnd() + msgStop()}, msgStart() + "event: content_block_delta\ndata: {\"delta\":{\"text\":\"\xff\"}}\n\n" + msgEnd(), msgStop()},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewMessagesWatch()
			got, err := watchMessages(w, test.blocks...)
			if got != test.want || err != nil {
				t.Errorf("got  %q, %v\nwant %q", got, err, test.want)
			}
			last, end, err := w.End()
			if string(last) != test.last || err != nil || !w.Done() {
				t.Errorf("got the last frame %q, %v, want %q", last, err, test.last)
			}
			if want := (fairlead.End{Usage: fairlead.Usage{Input: 12, Output: 7}, Finish: "end_turn"}); end != want {
				t.Errorf("got the end %+v, want %+v", end, want)
			}
		})
	}
}

func TestMessagesFail(t *testing.T) {
	for _, test := range []struct {
		name, frame string
		kind        fairlead.Kind
		code        string
	}{
		{"an error", frameOf("error", `,"error":{"type":"api_error","message":"x"}`), fairlead.Upstream, codeUpstreamError},
		{"overloaded", frameOf("error", `,"error":{"type":"overloaded_error","message":"Overloaded"}`), fairlead.Busy, "provider_unavailable"},
		{"rate", frameOf("error", `,"error":{"type":"rate_limit_error","message":"x"}`), fairlead.Busy, "provider_rate_limited"},
		{"without a name", `data: {"type":"error","error":{"type":"api_error"}}` + "\n\n", fairlead.Upstream, codeUpstreamError},
		{"a name alone", "event: error\ndata: sorry\n\n", fairlead.Upstream, codeUpstreamError},
		{"a type alone", frameOf("error", ""), fairlead.Upstream, codeUpstreamError},
		{"broken JSON", "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"te\n\n", fairlead.Upstream, codeMalformedEvent},
		{"an array", "event: content_block_delta\ndata: []\n\n", fairlead.Upstream, codeMalformedEvent},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewMessagesWatch()
			got, err := watchMessages(w, msgStart()+test.frame+msgEnd()+msgStop())
			if got != msgStart() {
				t.Errorf("got %q before the error", got)
			}
			if e := fairlead.AsError(err); e == nil || e.Kind != test.kind || e.Code != test.code || (e.Kind == fairlead.Busy) != (e.RetryAfter > 0) {
				t.Errorf("got %+v, want %v %s", e, test.kind, test.code)
			}
			if out, again := w.Block([]byte(msgStop())); len(out) > 0 || !errors.Is(again, err) {
				t.Errorf("after the error: got %q, %v", out, again)
			}
			if last, _, ended := w.End(); last != nil || !errors.Is(ended, err) {
				t.Errorf("the end: got %q, %v", last, ended)
			}
		})
	}
}

// A stream is cut at every byte: it is never whole before its last one.
func TestMessagesCutAnywhere(t *testing.T) {
	all := msgStart() + msgText() + msgEnd() + msgStop()
	for n := range len(all) - 1 {
		w := NewMessagesWatch()
		reader := sse.NewReader(strings.NewReader(all[:n]), 1<<20, new(sse.Buffers))
		var err error
		for err == nil {
			var block []byte
			if block, err = reader.Next(); err == nil {
				_, err = w.Block(block)
			}
		}
		if last, _, err := w.End(); err == nil || last != nil {
			t.Fatalf("cut at %d the stream is whole: %q", n, all[:n])
		}
	}
	for _, blocks := range []string{"", msgStop(), msgStart() + msgText() + msgStop()} {
		w := NewMessagesWatch()
		_, _ = w.Block([]byte(blocks))
		if _, _, err := w.End(); fairlead.AsError(err) == nil || fairlead.AsError(err).Code != codeTruncated {
			t.Errorf("%q: got %v, want %s", blocks, err, codeTruncated)
		}
	}
}

func TestMessagesAreNotCopied(t *testing.T) {
	w := NewMessagesWatch()
	block := []byte(msgStart() + msgText() + msgText())
	out, err := w.Block(block)
	if err != nil || &out[0] != &block[0] || len(out) != len(block) {
		t.Errorf("got a copy, %v", err)
	}
	block = []byte(msgText() + msgText())
	if allocs := testing.AllocsPerRun(100, func() { _, _ = w.Block(block) }); allocs > 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

func TestReadMessagesAnswer(t *testing.T) {
	for _, test := range []struct {
		body, code string
		want       fairlead.End
	}{
		{body: `{"content":[],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":null,"x":{"input_tokens":9}}}`, want: fairlead.End{Usage: fairlead.Usage{Input: 1, Output: 2}, Finish: "tool_use"}},
		{body: `{"content":[{"usage":{"input_tokens":9}}],"usage":null,"error":null}`},
		{body: `{"content":"x"}`, code: codeInvalidAnswer},
		{body: `{"content":[]`, code: codeInvalidAnswer},
		{body: `{"type":"error"}`, code: codeUpstreamError},
		{body: `{"error":{"type":"overloaded_error"}}`, code: "provider_unavailable"},
		{body: ``, code: codeInvalidAnswer},
	} {
		end, err := ReadMessagesAnswer([]byte(test.body))
		if e := fairlead.AsError(err); end != test.want || test.code == "" && e != nil || test.code != "" && (e == nil || e.Code != test.code) {
			t.Errorf("%s: got %+v, %v, want %+v %s", test.body, end, err, test.want, test.code)
		}
	}
	for body, code := range map[string]string{`{"input_tokens":3}`: "", `{"input_tokens":"3"}`: codeInvalidAnswer, `{}`: codeInvalidAnswer, `{"type":"error","error":{}}`: codeUpstreamError} {
		end, err := ReadCountAnswer([]byte(body))
		if e := fairlead.AsError(err); end != (fairlead.End{}) || (code == "") != (e == nil) || e != nil && e.Code != code {
			t.Errorf("%s: got %+v, %v, want %s", body, end, err, code)
		}
	}
}

func TestReadAnthropicError(t *testing.T) {
	for body, want := range map[string]Words{
		`{"type":"error","error":{"type":"not_found_error","message":"m"}}`: {Message: "m", Type: "not_found_error", Code: "not_found_error"},
		`{"error":{"type":"invalid_request_error","message":"m"}}`:          {Message: "m", Type: "invalid_request_error"},
		`{"error":{"type":"invalid_request_error","message":"Your credit balance is too low to access"}}`: {
			Message: "Your credit balance is too low to access", Type: "billing_error", Code: "billing_error",
		},
		`<html>`: {},
	} {
		if got := ReadAnthropicError([]byte(body)); got != want {
			t.Errorf("%s: got %+v, want %+v", body, got, want)
		}
	}
}

// TestLikeMessagesAreCompared holds that an event is known by the one before, but
// for what tells more than words.
func TestLikeMessagesAreCompared(t *testing.T) {
	w := NewMessagesWatch()
	if _, err := w.Block([]byte(msgText())); err != nil {
		t.Fatal(err)
	}
	for other, want := range map[string]bool{
		strings.Replace(msgText(), "say", "sigh", 1):                           true,
		strings.Replace(msgText(), `"index":0`, `"index":12`, 1):               true,
		strings.Replace(msgText(), `"type":"content`, `"type":"another`, 1):    false,
		strings.Replace(msgText(), "event: content", "event: another", 1):      false,
		strings.Replace(msgText(), `"delta":{`, `"delta":{"stop_reason":1`, 1): false,
		msgStop(): false,
	} {
		if got := w.like.Match([]byte(other)); got > 0 != want {
			t.Errorf("%q: got %d, want a match: %t", other, got, want)
		}
	}
}

func FuzzMessagesWatch(f *testing.F) {
	f.Add([]byte(msgStart() + msgText() + msgEnd() + msgStop()))
	f.Add([]byte("event: error\ndata: x\n\ndata\n\ndata: {}\nid: 1\ndata: {}\n\n: c\n\nevent: ping\ndata: x\n\n"))
	f.Add([]byte(msgText() + strings.ReplaceAll(msgText()+msgEnd(), "index\":0", "index\":1") + msgText()))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := NewMessagesWatch()
		out, err := whole.Block(stream)
		single := NewMessagesWatch()
		var got []byte
		for frame := range sse.Frames(stream) {
			single.like = jsonscan.Pattern{} // each is scanned, none compared
			part, _ := single.Block(frame)
			got = append(got, part...)
		}
		last, end, endErr := whole.End()
		last1, end1, endErr1 := single.End()
		if string(got) != string(out) || string(last) != string(last1) || end != end1 || fmt.Sprint(endErr) != fmt.Sprint(endErr1) {
			t.Fatalf("%q: got %q, %+v, %v as a whole, %q, %+v, %v by frames", stream, out, end, endErr, got, end1, endErr1)
		}
		if err != nil && !errors.Is(endErr, err) {
			t.Fatalf("%q: Block said %v, End %v", stream, err, endErr)
		}
	})
}

func BenchmarkMessagesWatch(b *testing.B) {
	block := []byte(frameOf("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"some words of it"}`))
	w := NewMessagesWatch()
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Block(block); err != nil {
			b.Fatal(err)
		}
	}
}
