package responses

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	created   = "event: response.created\n" + `data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","error":null,"incomplete_details":null,"output":[],"tools":[],"usage":null,"metadata":{}}}` + "\n\n"
	itemAdded = "event: response.output_item.added\n" + `data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}` + "\n\n"
	delta     = "event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hello","logprobs":[],"obfuscation":"a8Tx"}` + "\n\n"
	textDone  = "event: response.output_text.done\n" + `data: {"type":"response.output_text.done","sequence_number":9,"item_id":"msg_1","output_index":0,"content_index":0,"text":"Hello","logprobs":[]}` + "\n\n"
	ended     = `{"id":"resp_1","object":"response","status":"completed","error":null,"incomplete_details":null,"output":[{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","text":"Hello"}]}],"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":7}}`
	completed = "event: response.completed\n" + `data: {"type":"response.completed","sequence_number":10,"response":` + ended + "}\n\n"
	stream    = created + itemAdded + delta + delta + textDone
)

// incomplete is the last event of a response that was cut short.
func incomplete() string {
	frame := strings.ReplaceAll(completed, "response.completed", "response.incomplete")
	frame = strings.Replace(frame, `"status":"completed"`, `"status":"incomplete"`, 1)
	return strings.Replace(frame, `"incomplete_details":null`, `"incomplete_details":{"reason":"max_output_tokens"}`, 1)
}

// watch passes the blocks and returns all that came of them.
func watch(w *Watch, blocks ...string) (string, error) {
	var got strings.Builder
	for _, block := range blocks {
		out, err := w.Block([]byte(block))
		got.Write(out)
		if err != nil {
			return got.String(), err
		}
	}
	return got.String(), nil
}

func TestWholeStreams(t *testing.T) {
	usual := fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 4}, Finish: "completed"}
	cut := usual
	cut.Finish = "max_output_tokens"
	bare := usual
	bare.Finish = "incomplete"
	for _, test := range []struct {
		name       string
		blocks     []string
		want, last string
		end        fairlead.End
	}{
		{"as it is", []string{stream + completed}, stream, completed, usual},
		{"frame by frame", []string{created, itemAdded, delta, textDone, completed}, created + itemAdded + delta + textDone, completed, usual},
		{"incomplete", []string{stream, incomplete()}, stream, incomplete(), cut},
		{"incomplete without a reason", []string{stream + strings.Replace(incomplete(), `{"reason":"max_output_tokens"}`, "{}", 1)}, stream, strings.Replace(incomplete(), `{"reason":"max_output_tokens"}`, "{}", 1), bare},
		{"done after it", []string{stream + completed + "data: [DONE]\n\n"}, stream, completed, usual},
		{"more after it", []string{stream, completed + delta, delta}, stream, completed, usual},
		{"comments, pings and what nobody knows", []string{": ping\n\nevent: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n" + `data: {"type":"codex.rate_limits","x":1}` + "\n\n" + completed}, ": ping\n\nevent: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n" + `data: {"type":"codex.rate_limits","x":1}` + "\n\n", completed, usual},
		{"empty data taken out", []string{"data:\n\n" + created + "data: \r\n\r\n" + delta + "data\n\n", completed}, created + delta, completed, usual},
		{"without types", []string{strings.ReplaceAll(stream+completed, `"type":"response.completed",`, "")}, stream, strings.Replace(completed, `"type":"response.completed",`, "", 1), usual},
		{"without names", []string{strings.ReplaceAll(stream+completed, "event: ", "x: ")}, strings.ReplaceAll(stream, "event: ", "x: "), strings.Replace(completed, "event: ", "x: ", 1), usual},
		{"CRLF", []string{strings.ReplaceAll(stream+completed, "\n", "\r\n")}, strings.ReplaceAll(stream, "\n", "\r\n"), strings.ReplaceAll(completed, "\n", "\r\n"), usual},
		{"data over two lines", []string{strings.Replace(completed, `"sequence_number"`, "\ndata: \"sequence_number\"", 1)}, "", strings.Replace(completed, `"sequence_number"`, "\ndata: \"sequence_number\"", 1), usual},
		{"status left to the event", []string{strings.Replace(completed, `"status":"completed",`, "", 1)}, "", strings.Replace(completed, `"status":"completed",`, "", 1), usual},
		{"a type in other letters", []string{strings.Replace(completed, `"type":"response.completed"`, `"type":"response.complete\u0064"`, 1)}, "", strings.Replace(completed, `"type":"response.completed"`, `"type":"response.complete\u0064"`, 1), usual},
		{"not UTF-8", []string{strings.Replace(delta, "Hello", "\xff", 1) + strings.Replace(completed, "Hello", "\xfe", 1)}, strings.Replace(delta, "Hello", "\xff", 1), strings.Replace(completed, "Hello", "\xfe", 1), usual},
		{"a delta that speaks of the end", []string{strings.Replace(delta, "Hello", `{\"type\":\"response.completed\"}`, 1), completed}, strings.Replace(delta, "Hello", `{\"type\":\"response.completed\"}`, 1), completed, usual},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewWatch()
			got, err := watch(w, test.blocks...)
			if got != test.want || err != nil {
				t.Errorf("got  %q, %v\nwant %q", got, err, test.want)
			}
			if !w.Done() {
				t.Error("not done")
			}
			last, end, err := w.End()
			if string(last) != test.last || end != test.end || err != nil {
				t.Errorf("got end %q, %+v, %v\nwant    %q, %+v", last, end, err, test.last, test.end)
			}
		})
	}
}

func TestStreamsThatFail(t *testing.T) {
	failed := "event: response.failed\n" + `data: {"type":"response.failed","sequence_number":5,"response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"it fell over"},"output":[]}}` + "\n\n"
	flat := "event: error\n" + `data: {"type":"error","code":"server_error","message":"it fell over","param":null,"sequence_number":5}` + "\n\n"
	limited := strings.Replace(failed, "server_error", "rate_limit_exceeded", 1)
	reported := fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error", Detail: "it fell over"}
	broken := fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_malformed_event"}
	for _, test := range []struct {
		name, bad string
		want      fairlead.Error
	}{
		{"failed", failed, reported},
		{"failed without an error", `data: {"type":"response.failed","response":{"id":"resp_1","status":"failed","error":null}}` + "\n\n", fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
		{"failed without a response", `data: {"type":"response.failed"}` + "\n\n", fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
		{"error", flat, reported},
		{"error without a name", strings.Replace(flat, "event: error\n", "", 1), reported},
		{"nested error", "event: error\n" + `data: {"type":"error","error":{"type":"server_error","message":"it fell over"}}` + "\n\n", reported},
		{"error in text", "event: error\ndata: it fell over\n\n", fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
		{"an error object of chat", `data: {"error":{"message":"it fell over"}}` + "\n\n", reported},
		{"completed with an error", strings.Replace(completed, `"error":null`, `"error":{"code":"server_error","message":"it fell over"}`, 1), reported},
		{"completed as failed", strings.Replace(completed, `"status":"completed"`, `"status":"failed"`, 1), fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
		{"of a key", strings.Replace(failed, "it fell over", "bad API key", 1), fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
		{"limited", limited, fairlead.Error{Kind: fairlead.Busy, Code: "provider_rate_limited", Detail: "it fell over"}},
		{"overloaded", strings.Replace(flat, "server_error", "server_is_overloaded", 1), fairlead.Error{Kind: fairlead.Busy, Code: "provider_unavailable", Detail: "it fell over"}},
		{"the prompt", strings.Replace(failed, "server_error", "invalid_prompt", 1), fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_prompt"}},
		{"an image", strings.Replace(failed, "server_error", "image_too_large", 1), fairlead.Error{Kind: fairlead.Invalid, Code: "image_too_large"}},
		{"a code that is none", strings.Replace(failed, "server_error", "invalid_prompt!", 1), reported},
		{"not JSON", "data: nonsense\n\n", broken},
		{"half an object", delta[:90] + "\n\n", broken},
		{"an array", "data: []\n\n", broken},
		{"a name twice", strings.Replace(delta, `"output_index"`, `"item_id"`, 1), broken},
		{"two objects", "data: {}{}\n\n", broken},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewWatch()
			got, err := watch(w, created+delta+test.bad+delta+completed)
			if got != created+delta {
				t.Errorf("got %q", got)
			}
			e := fairlead.AsError(err)
			if e == nil || e.Kind != test.want.Kind || e.Code != test.want.Code || e.Detail != test.want.Detail {
				t.Fatalf("got %+v, want %+v", e, test.want)
			}
			if e.Kind == fairlead.Busy && e.RetryAfter <= 0 || e.Kind == fairlead.Invalid && e.Message != "it fell over" {
				t.Errorf("got %+v", e)
			}
			checkOver(t, w, err)
		})
	}
}

// checkOver holds that the error is for good.
func checkOver(t *testing.T, w *Watch, err error) {
	t.Helper()
	if more, again := w.Block([]byte(completed)); len(more) > 0 || !errors.Is(again, err) {
		t.Errorf("after the error: got %q, %v", more, again)
	}
	if _, _, again := w.End(); !errors.Is(again, err) {
		t.Errorf("End: got %v", again)
	}
}

func TestStreamsThatAreCut(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no end": stream, "done alone": "data: [DONE]\n\n", "done before the end": stream + "data: [DONE]\n\n" + completed,
		"no response": `data: {"type":"response.completed"}` + "\n\n", "no id": strings.ReplaceAll(completed, "resp_1", ""),
		"a response that goes on": stream + strings.Replace(completed, `"status":"completed"`, `"status":"in_progress"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWatch()
			if _, err := watch(w, text); err != nil {
				t.Fatal(err)
			}
			last, _, err := w.End()
			if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Upstream || e.Code != "upstream_truncated" || last != nil {
				t.Errorf("got %q, %v", last, err)
			}
		})
	}
}

// TestCutAnywhere: a stream that ends within is never taken for whole, wherever it
// does and however it is read.
func TestCutAnywhere(t *testing.T) {
	text := stream + completed
	for cut := range len(text) {
		for _, size := range []int{7, 4096} {
			r := sse.NewReader(&pieces{text: text[:cut], size: size}, 1<<20, new(sse.Buffers))
			w := NewWatch()
			var got strings.Builder
			var err error
			for err == nil && !w.Done() {
				var frames []byte
				if frames, err = r.Next(); err == nil {
					frames, err = w.Block(frames)
					got.Write(frames)
				}
			}
			_, _, ended := w.End()
			whole := cut == len(text)-1 // but for the second line end
			if (err == nil && ended == nil) && !whole || !strings.HasPrefix(text, got.String()) {
				t.Fatalf("cut at %d of %d: got %v, %v after %q", cut, len(text), err, ended, got.String())
			}
			r.Close()
		}
	}
}

type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}

// TestLikeEventsAreCompared: events that say the same in other words cost no scan,
// and no event costs a copy.
func TestLikeEventsAreCompared(t *testing.T) {
	w := NewWatch()
	block := []byte(delta)
	out, err := w.Block(block)
	if err != nil || &out[0] != &block[0] {
		t.Errorf("got a copy, %v", err)
	}
	other := strings.NewReplacer("Hello", ` \"w\u00f6rld\"`, `:4,`, `:12,`, "a8Tx", "").Replace(delta)
	if got := w.like.Match([]byte(other + completed)); got != len(other) {
		t.Errorf("%q: got %d, want %d", other, got, len(other))
	}
	for _, not := range []string{completed, textDone, strings.Replace(delta, "text.delta", "text.done", 2), strings.Replace(delta, `"logprobs":[]`, `"error":1`, 1)} {
		if got := w.like.Match([]byte(not)); got != 0 {
			t.Errorf("%q is taken for another", not)
		}
	}
	both := []byte(delta + other)
	if allocs := testing.AllocsPerRun(100, func() { _, _ = w.Block(both) }); allocs > 0 {
		t.Errorf("got %.0f allocations for two events, want none", allocs)
	}
}

// byFrames watches each frame alone, scanned and never compared.
func byFrames(text []byte) (out []byte, w *Watch) {
	w = NewWatch()
	for frame := range sse.Frames(text) {
		w.like = jsonscan.Pattern{}
		part, _ := w.Block(frame)
		out = append(out, part...)
	}
	return out, w
}

// TestNearlyLikeEvents changes a few bytes of an event: compared with the event or
// scanned, it comes to the same.
func TestNearlyLikeEvents(t *testing.T) {
	const odd = "\"\\{}[],:0179-.eE \r\n\t\x00u/nfalsenull\xc3\xbc\xe4\xbb\x8a\xff"
	bases := []string{delta, itemAdded, textDone, strings.Replace(delta, `"logprobs":[]`, `"logprobs":[{"token":"H","logprob":-0.5}]`, 1)}
	r := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for range 30_000 {
		base := bases[r.IntN(len(bases))]
		changed := []byte(base)
		for range 1 + r.IntN(3) {
			at, with := r.IntN(len(changed)), odd[r.IntN(len(odd))]
			switch r.IntN(3) {
			case 0:
				changed[at] = with
			case 1:
				changed = slices.Insert(changed, at, with)
			default:
				changed = slices.Delete(changed, at, at+1)
			}
		}
		changed = append(changed, completed...)
		w := NewWatch()
		if _, err := w.Block([]byte(base)); err != nil {
			t.Fatal(err)
		}
		if w.like.Match(changed) > 0 {
			compared++
		}
		got, err := w.Block(changed)
		want, scans := byFrames(changed)
		if string(got) != string(want) || fmt.Sprint(err) != fmt.Sprint(scans.err) || w.told != scans.told || string(w.last) != string(scans.last) {
			t.Fatalf("%q after %q: got %q, %v, want %q, %v", changed, base, got, err, want, scans.err)
		}
	}
	if compared < 500 {
		t.Errorf("only %d events were compared", compared)
	}
}

func FuzzWatch(f *testing.F) {
	f.Add([]byte(stream + completed))
	f.Add([]byte(created + incomplete() + "data: [DONE]\n\n"))
	f.Add([]byte("event: error\ndata: x\n\ndata\n\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{}}}\n\n"))
	f.Add([]byte(strings.ReplaceAll(delta+delta+": c\n\n"+delta, "\n", "\r\n")))
	f.Fuzz(func(t *testing.T, text []byte) {
		whole := NewWatch()
		out, err := whole.Block(text)
		got, single := byFrames(text)
		last, end, endErr := whole.End()
		last1, end1, endErr1 := single.End()
		if string(got) != string(out) || string(last) != string(last1) || end != end1 || fmt.Sprint(endErr) != fmt.Sprint(endErr1) {
			t.Fatalf("%q: got %q, %+v, %v as a whole, %q, %+v, %v by frames", text, out, end, endErr, got, end1, endErr1)
		}
		if err != nil && !errors.Is(endErr, err) {
			t.Fatalf("%q: Block said %v, End %v", text, err, endErr)
		}
		if endErr == nil && (len(last) == 0 || end.Finish == "") {
			t.Fatalf("%q: whole, with the end %q, %+v", text, last, end)
		}
	})
}

func BenchmarkWatch(b *testing.B) {
	var blocks [16][]byte
	for i := range blocks {
		words := []string{"some", " words", " of", ` \"it\"`, ",", " für", "\\n\\n"}[i%7]
		blocks[i] = []byte(strings.NewReplacer("Hello", words, ":4,", fmt.Sprintf(":%d,", 95+i), "a8Tx", strings.Repeat("x", 9+i)).Replace(delta))
	}
	w := NewWatch()
	b.SetBytes(int64(len(blocks[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.Block(blocks[i%len(blocks)]); err != nil {
			b.Fatal(err)
		}
	}
}
