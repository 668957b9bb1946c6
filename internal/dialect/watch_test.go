package dialect

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	roleChunk   = `data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	textChunk   = `data: {"id":"1","choices":[{"index":0,"delta":{"content":"say \"error\" and \"choices\":[]"},"finish_reason":null}],"usage":null}` + "\n\n"
	finishChunk = `data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usageChunk  = `data: {"id":"1","choices" : [ ],"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n\n"
)

// watch sends blocks through a StreamWatch and returns what it lets out.
func watch(w *StreamWatch, blocks ...string) (out string, err error) {
	var b strings.Builder
	for _, block := range blocks {
		frames, err := w.Block([]byte(block))
		b.Write(frames)
		if err != nil {
			return b.String(), err
		}
	}
	return b.String(), nil
}

func TestStreamPasses(t *testing.T) {
	for _, test := range []struct {
		name     string
		injected bool
		blocks   []string
		want     string
	}{
		{"as it came", false, []string{roleChunk + textChunk, finishChunk + usageChunk, DoneFrame}, roleChunk + textChunk + finishChunk + usageChunk},
		{"usage taken out", true, []string{roleChunk, textChunk + finishChunk + usageChunk + DoneFrame}, roleChunk + textChunk + finishChunk},
		{"usage taken out of the middle", true, []string{finishChunk + usageChunk + ": c\n\n" + textChunk, usageChunk, DoneFrame}, finishChunk + ": c\n\n" + textChunk},
		{"usage twice taken out", true, []string{finishChunk + usageChunk, usageChunk + usageChunk + DoneFrame}, finishChunk},
		{"usage twice", false, []string{strings.Replace(usageChunk, "3", "2", 1) + finishChunk + strings.Replace(usageChunk, "4", "5", 1) + usageChunk + DoneFrame}, strings.Replace(usageChunk, "3", "2", 1) + finishChunk + strings.Replace(usageChunk, "4", "5", 1) + usageChunk},
		{"usage with choices stays", true, []string{`data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n\n" + DoneFrame}, `data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n\n"},
		{"no choices without usage stays", true, []string{`data: {"choices":[],"prompt_filter_results":[]}` + "\n\n" + finishChunk + usageChunk + DoneFrame}, `data: {"choices":[],"prompt_filter_results":[]}` + "\n\n" + finishChunk},
		{"empty data taken out", false, []string{"data:\n\n" + roleChunk + "data: \r\n\r\n" + "data\n\n" + finishChunk + "data:\n\n", usageChunk + "data: [DONE]\n\n"}, roleChunk + finishChunk + usageChunk},
		{"comments and pings", false, []string{": ping\n\nevent: ping\ndata: pong\n\n\n", "data: {\"type\":\"ping\"}\nevent: ping\n\n" + finishChunk + usageChunk, "data:[DONE]\r\n\r\n"}, ": ping\n\nevent: ping\ndata: pong\n\n\ndata: {\"type\":\"ping\"}\nevent: ping\n\n" + finishChunk + usageChunk},
		{"after the end", false, []string{finishChunk + usageChunk + DoneFrame + "data: nonsense\n\n", "data: more\n\n"}, finishChunk + usageChunk},
		{"named chunks", false, []string{"event: message\n" + finishChunk + "event: message\n" + usageChunk + DoneFrame}, "event: message\n" + finishChunk + "event: message\n" + usageChunk},
		{"a null error", false, []string{`data: {"error":null,"choices":[{"finish_reason":"stop"}]}` + "\n\n" + usageChunk + DoneFrame}, `data: {"error":null,"choices":[{"finish_reason":"stop"}]}` + "\n\n" + usageChunk},
		{"late extras", false, []string{finishChunk, usageChunk, `data: {"a":1}` + "\n\n", `data: {"b":1}` + "\n\n", DoneFrame}, finishChunk + usageChunk + `data: {"a":1}` + "\n\n" + `data: {"b":1}` + "\n\n"},
		{"not UTF-8", false, []string{"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n" + finishChunk + usageChunk + DoneFrame}, "data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n" + finishChunk + usageChunk},
		{"much after the end", false, []string{finishChunk + usageChunk + strings.Repeat("data: {\"a\":1}\n\n", 9) + DoneFrame}, finishChunk + usageChunk + strings.Repeat("data: {\"a\":1}\n\n", 9)},
		{"many pings after the end", false, []string{finishChunk + usageChunk + strings.Repeat("event: ping\ndata: {}\n\n", 9) + DoneFrame}, finishChunk + usageChunk + strings.Repeat("event: ping\ndata: {}\n\n", 9)},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewStreamWatch(Outgoing{UsageInjected: test.injected})
			got, err := watch(w, test.blocks...)
			if got != test.want || err != nil {
				t.Errorf("got  %q, %v\nwant %q", got, err, test.want)
			}
			if !w.Done() {
				t.Error("not done after [DONE]")
			}
			last, end, err := w.End()
			if string(last) != DoneFrame {
				t.Errorf("got the last frame %q", last)
			}
			if want := (fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 4}, Finish: "stop"}); end != want || err != nil {
				t.Errorf("got end %+v, %v, want %+v", end, err, want)
			}
		})
	}
}

func TestStreamIsNotCopied(t *testing.T) {
	w := NewStreamWatch(Outgoing{UsageInjected: true})
	block := []byte(roleChunk + textChunk + usageChunk)
	out, err := w.Block(block)
	if err != nil || &out[0] != &block[0] {
		t.Errorf("got a copy, %v", err)
	}
	block = []byte(textChunk + textChunk)
	if allocs := testing.AllocsPerRun(100, func() { _, _ = w.Block(block) }); allocs > 0 {
		t.Errorf("got %.0f allocations for a block, want none", allocs)
	}
}

func TestStreamFails(t *testing.T) {
	for _, test := range []struct {
		name, block, out, code, detail string
	}{
		{"error object", textChunk + `data: {"error":{"message":"overloaded"}}` + "\n\n" + textChunk, textChunk, codeUpstreamError, "overloaded"},
		{"error string", `data: { "error" : "overloaded" }` + "\n\n", "", codeUpstreamError, "overloaded"},
		{"error in a chunk", textChunk + `data: {"choices":[{"finish_reason":"error"}],"error":{"message":"gone"}}` + "\n\n", textChunk, codeUpstreamError, "gone"},
		{"error event", textChunk + "event: error\ndata: {\"message\":\"gone\"}\n\n", textChunk, codeUpstreamError, "gone"},
		{"error event after one that is none", "event: error\ndata: {\"a\":\"choices\"}\n\nevent: error\ndata: {\"a\":\"gone\"}\n\n", "event: error\ndata: {\"a\":\"choices\"}\n\n", codeUpstreamError, ""},
		{"error event in text", "event: error\ndata: gone\n\n", "", codeUpstreamError, ""},
		{"text", textChunk + "data: nonsense\n\n", textChunk, codeMalformedEvent, ""},
		{"half an object", textChunk + `data: {"choices":[{"delta"` + "\n\n", textChunk, codeMalformedEvent, ""},
		{"broken inside", textChunk + `data: {"choices":[{"delta":{"content":"tru}` + "\n\n" + strings.Repeat(textChunk, 9) + finishChunk + DoneFrame, textChunk, codeMalformedEvent, ""},
		{"broken, but balanced", textChunk + `data: {"choices":[}` + "\n\n" + textChunk, textChunk, codeMalformedEvent, ""},
		{"two objects", `data: {"choices":[]}{}` + "\n\n", "", codeMalformedEvent, ""},
		{"a name twice", `data: {"choices":[],"choices":[]}` + "\n\n", "", codeMalformedEvent, ""},
		{"broken and not UTF-8", "data: {\"a\":\"\xff\"\xff}\n\n", "", codeMalformedEvent, ""},
		{"broken, with a name", textChunk + "event: message\ndata: {\"a\":\n\n", textChunk, codeMalformedEvent, ""},
		{"broken, with a name of its own", "event: ping\ndata: {\"a\":}\n\n", "", codeMalformedEvent, ""},
		{"text, with the name of all", "event: message\ndata: nonsense\n\n", "", codeMalformedEvent, ""},
		{"error that is not UTF-8", "data: {\"error\":{\"message\":\"over\xff\"}}\n\n", "", codeUpstreamError, "over\ufffd"},
		{"error in other letters", `data: {"\u0065rror":"overloaded"}` + "\n\n", "", codeUpstreamError, "overloaded"},
		{"array", "data: []\n\n", "", codeMalformedEvent, ""},
		{"dropped before", "data:\n\n" + textChunk + "data:\n\n" + textChunk + "data: x\n\n", textChunk + textChunk, codeMalformedEvent, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewStreamWatch(Outgoing{})
			out, err := w.Block([]byte(test.block))
			if string(out) != test.out {
				t.Errorf("got out %q, want %q", out, test.out)
			}
			wantRefusal(t, "Block", err, fairlead.Error{Kind: fairlead.Upstream, Code: test.code})
			if got := fairlead.AsError(err).Detail; got != test.detail {
				t.Errorf("got detail %q, want %q", got, test.detail)
			}
			again, err2 := w.Block([]byte(textChunk))
			if len(again) != 0 || !errors.Is(err2, err) {
				t.Errorf("after the error: got %q, %v", again, err2)
			}
			if _, _, err3 := w.End(); !errors.Is(err3, err) {
				t.Errorf("End: got %v, want %v", err3, err)
			}
		})
	}
}

func TestStreamEnds(t *testing.T) {
	for _, test := range []struct{ name, blocks, code string }{
		{"nothing", "", codeTruncated},
		{"no marker", roleChunk + finishChunk + usageChunk, codeTruncated},
		{"marker alone", DoneFrame, codeTruncated},
		{"no finish reason", roleChunk + textChunk + DoneFrame, codeTruncated},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewStreamWatch(Outgoing{})
			if _, err := watch(w, test.blocks); err != nil {
				t.Fatal(err)
			}
			_, _, err := w.End()
			wantRefusal(t, "End", err, fairlead.Error{Kind: fairlead.Upstream, Code: test.code})
		})
	}
}

func TestStreamThroughTheReader(t *testing.T) {
	stream := roleChunk + strings.Repeat(textChunk, 20) + finishChunk + usageChunk + DoneFrame
	for size := 1; size < 400; size += 7 {
		r := sse.NewReader(&pieces{text: stream, size: size}, 1<<20, new(sse.Buffers))
		w := NewStreamWatch(Outgoing{UsageInjected: true})
		var got strings.Builder
		for !w.Done() {
			frames, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			out, err := w.Block(frames)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(out)
		}
		if want := roleChunk + strings.Repeat(textChunk, 20) + finishChunk; got.String() != want {
			t.Fatalf("in pieces of %d: got %q", size, got.String())
		}
	}
}

type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}

func FuzzStreamWatch(f *testing.F) {
	f.Add([]byte(roleChunk+textChunk+finishChunk+usageChunk+DoneFrame), true)
	f.Add([]byte("event: error\ndata: x\n\ndata\n\ndata: {}\nid: 1\ndata: {}\n\n"), false)
	f.Add([]byte(roleChunk+strings.ReplaceAll(roleChunk+finishChunk, "assistant", "a\\n")+strings.ReplaceAll(roleChunk, "1", "2")), true)
	f.Add([]byte(strings.ReplaceAll(textChunk+textChunk+": c\n\n"+textChunk, "\n", "\r\n")), true)
	f.Fuzz(func(t *testing.T, stream []byte, injected bool) {
		whole := NewStreamWatch(Outgoing{UsageInjected: injected})
		out, err := whole.Block(stream)
		// Frame by frame, each scanned and none compared, gives the same.
		single := NewStreamWatch(Outgoing{UsageInjected: injected})
		var got []byte
		for frame := range sse.Frames(stream) {
			single.like = jsonscan.Pattern{}
			part, _ := single.Block(frame)
			got = append(got, part...)
		}
		_, end, endErr := whole.End()
		_, end1, endErr1 := single.End()
		if string(got) != string(out) || end != end1 || fmt.Sprint(endErr) != fmt.Sprint(endErr1) {
			t.Fatalf("%q: got %q, %+v, %v as a whole, %q, %+v, %v by frames", stream, out, end, endErr, got, end1, endErr1)
		}
		if err != nil && !errors.Is(endErr, err) {
			t.Fatalf("%q: Block said %v, End %v", stream, err, endErr)
		}
	})
}

// TestStreamOfLikeChunks has chunks that are known by the one before, and what
// looks nearly like one.
func TestStreamOfLikeChunks(t *testing.T) {
	chunk := func(words, finish string) string {
		return `data: {"id":"1","created":17,"choices":[{"index":0,"delta":{"content":"` + words + `"},"finish_reason":` + finish + `}]}` + "\n\n"
	}
	const open = `""` // some providers say so as long as there is none
	like := chunk("a", open) + chunk("", open) + chunk(`\"b\" \u00fc ü`, open) + strings.Replace(chunk("c", open), "17", "18", 1)
	for _, test := range []struct {
		name, odd, code string
		passes          bool
	}{
		{"another", chunk("d", open), "", true},
		{"the end", chunk("d", `"stop"`), "", true},
		{"usage", strings.Replace(chunk("d", open), `"id"`, `"usage":{"prompt_tokens":3},"id"`, 1), "", true},
		{"not UTF-8", chunk("\xff", open), "", true},
		{"a name twice", strings.Replace(chunk("d", open), "created", "id", 1), codeMalformedEvent, false},
		{"a broken string", chunk(`\x`, open), codeMalformedEvent, false},
		{"a broken number", strings.Replace(chunk("d", open), "17", "017", 1), codeMalformedEvent, false},
		{"cut", chunk("d", open)[:60] + "\n\n", codeMalformedEvent, false},
		{"an open string", chunk("d\n", open), codeMalformedEvent, false},
		{"an error", strings.Replace(chunk("d", open), `"created":17`, `"error":"gone"`, 1), codeUpstreamError, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := NewStreamWatch(Outgoing{})
			out, err := watch(w, like+test.odd+like)
			want := like
			if test.passes {
				want += test.odd + like
			}
			if out != want {
				t.Errorf("got %q, want %q", out, want)
			}
			if (err == nil) != test.passes || err != nil && fairlead.AsError(err).Code != test.code {
				t.Errorf("got %v, want %q", err, test.code)
			}
			if test.name == "the end" && w.end.Finish != "stop" {
				t.Errorf("got the finish reason %q", w.end.Finish)
			}
			if test.name == "usage" && w.end.Usage.Input != 3 {
				t.Errorf("got %d prompt tokens", w.end.Usage.Input)
			}
		})
	}
}

// TestNearlyLikeChunks changes a few bytes of a chunk: compared with the chunk or
// scanned, it comes to the same.
func TestNearlyLikeChunks(t *testing.T) {
	const odd = "\"\\{}[],:0179-.eE \r\n\t\x00u/nfalsenull\xc3\xbc\xe4\xbb\x8a\xff"
	bases := []string{textChunk, roleChunk, strings.ReplaceAll(roleChunk, "null", `""`), strings.Replace(textChunk, "1", `","x":[1.5,{"y":-2}],"z":"`, 1)}
	r := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for range 30_000 {
		base := bases[r.IntN(len(bases))]
		chunk := []byte(base)
		for range 1 + r.IntN(3) {
			at, with := r.IntN(len(chunk)), odd[r.IntN(len(odd))]
			switch r.IntN(3) {
			case 0:
				chunk[at] = with
			case 1:
				chunk = slices.Insert(chunk, at, with)
			default:
				chunk = slices.Delete(chunk, at, at+1)
			}
		}
		chunk = append(chunk, finishChunk...)
		w, scans := NewStreamWatch(Outgoing{}), NewStreamWatch(Outgoing{})
		if _, err := w.Block([]byte(base)); err != nil {
			t.Fatal(err)
		}
		if w.like.Match(chunk) > 0 {
			compared++
		}
		got, err := w.Block(chunk)
		var want []byte
		for frame := range sse.Frames(chunk) {
			scans.like = jsonscan.Pattern{}
			part, _ := scans.Block(frame)
			want = append(want, part...)
		}
		if string(got) != string(want) || fmt.Sprint(err) != fmt.Sprint(scans.err) || w.end != scans.end || w.done != scans.done {
			t.Fatalf("%q after %q: got %q, %v, %+v, want %q, %v, %+v", chunk, base, got, err, w.end, want, scans.err, scans.end)
		}
	}
	if compared < 1000 {
		t.Errorf("only %d chunks were compared", compared)
	}
}

// TestLikeChunksAreCompared holds that nearly all chunks of a stream are known
// by the one before.
func TestLikeChunksAreCompared(t *testing.T) {
	w := NewStreamWatch(Outgoing{})
	if _, err := w.Block([]byte(textChunk)); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{strings.Replace(textChunk, "say", "see", 1), strings.Replace(textChunk, `"1"`, `"2"`, 1)} {
		if got := w.like.Match([]byte(other + finishChunk)); got != len(other) {
			t.Errorf("%q: got %d, want %d", other, got, len(other))
		}
	}
	if got := w.like.Match([]byte(finishChunk)); got != 0 {
		t.Errorf("the last chunk is taken for another: %d", got)
	}
	// A frame that may go on, or does on another line, is none to compare with.
	for _, open := range []string{strings.TrimSuffix(textChunk, "\n"), strings.ReplaceAll(textChunk, "\n", "\r"), strings.Replace(textChunk, ",", ",\ndata: ", 1)} {
		if _, err := w.Block([]byte(open)); err != nil || w.like.Match([]byte(open)) != 0 {
			t.Errorf("%q is kept, %v", open, err)
		}
	}
}

func BenchmarkStreamWatch(b *testing.B) {
	var blocks [16][]byte
	for i := range blocks {
		words := []string{"some", " words", " of", ` \"it\"`, ",", " für", "\\n\\n"}[i%7]
		blocks[i] = []byte(`data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1753019000,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1234567890","choices":[{"index":0,"delta":{"content":"` + words + `"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"` + strings.Repeat("x", 60+i) + "\"}\n\n")
	}
	w := NewStreamWatch(Outgoing{UsageInjected: true})
	b.SetBytes(int64(len(blocks[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.Block(blocks[i%len(blocks)]); err != nil {
			b.Fatal(err)
		}
	}
}
