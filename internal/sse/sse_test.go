package sse

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// chunks is a reader that returns the text in pieces of the given sizes, over
// and over, and then err.
type chunks struct {
	text  string
	sizes []int
	err   error
	reads int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, c.err
	}
	n := min(max(1, c.sizes[c.reads%len(c.sizes)]), len(c.text), len(p))
	c.reads++
	copy(p, c.text[:n])
	c.text = c.text[n:]
	return n, nil
}

// readAll returns the blocks of a Reader and how it ended.
func readAll(t *testing.T, r *Reader) (blocks []string, err error) {
	t.Helper()
	for {
		block, err := r.Next()
		if err != nil {
			if again, err2 := r.Next(); len(again) > 0 || !errors.Is(err2, err) {
				t.Errorf("after %v: got %q, %v", err, again, err2)
			}
			return blocks, err
		}
		if len(block) == 0 {
			t.Fatal("Next returned an empty block without an error")
		}
		blocks = append(blocks, string(block))
	}
}

// naiveFrames cuts a whole text into frames.
func naiveFrames(text string) (frames []string, rest string) {
	start, line := 0, 0
	for i := 0; i < len(text); i++ {
		if text[i] != '\n' && text[i] != '\r' {
			continue
		}
		blank := i == line
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		line = i + 1
		if blank {
			frames = append(frames, text[start:line])
			start = line
		}
	}
	return frames, text[start:]
}

const mixed = "data: a\n\nid: 1\r\ndata: b\r\n\r\ndata: c\rdata: d\r\r: ping\n\n\n\r\ndata: e\n\r\ndata: f\r\n\ndata: g\r\n\r\n"

func TestReaderSplitAtEveryOffset(t *testing.T) {
	want, rest := naiveFrames(mixed)
	if rest != "" {
		t.Fatalf("the text ends in %q", rest)
	}
	for first := 1; first < len(mixed); first++ {
		for second := 1; second <= len(mixed)-first; second++ {
			r := NewReader(&chunks{text: mixed, sizes: []int{first, second, len(mixed)}, err: io.EOF}, 1<<10, new(Buffers))
			blocks, err := readAll(t, r)
			if !errors.Is(err, io.EOF) {
				t.Fatalf("cut after %d and %d: got error %v", first, second, err)
			}
			var got []string
			for _, block := range blocks {
				frames, rest := naiveFrames(block)
				if rest != "" {
					t.Fatalf("cut after %d and %d: block %q is not whole frames", first, second, block)
				}
				got = append(got, frames...)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("cut after %d and %d: got %q, want %q", first, second, got, want)
			}
		}
	}
}

func TestReaderReturnsAllThatIsThere(t *testing.T) {
	text := "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: half"
	r := NewReader(&chunks{text: text + "\n\n", sizes: []int{len(text), 2}, err: io.EOF}, 100, new(Buffers))
	got, err := readAll(t, r)
	if want := []string{"data: 1\n\ndata: 2\n\ndata: 3\n\n", "data: half\n\n"}; !slices.Equal(got, want) || !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestReaderDoesNotWaitForMoreThanItNeeds(t *testing.T) {
	for _, test := range []struct{ name, send, want string }{
		{"LF", "data: 1\n\n", "data: 1\n\n"},
		{"CRLF", "data: 1\r\n\r\n", "data: 1\r\n\r\n"},
		{"CR", "data: 1\r\r", "data: 1\r\r"},
		{"half a CRLF", "data: 0\n\ndata: 1\r\n\r", "data: 0\n\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			// A second read would fail: what was sent must do.
			r := NewReader(io.MultiReader(strings.NewReader(test.send), iotestErr{}), 100, new(Buffers))
			if got, err := r.Next(); string(got) != test.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

var errBroken = errors.New("broken")

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errBroken }

func TestReaderLateLF(t *testing.T) {
	r := NewReader(&chunks{text: "data: 1\r\r\ndata: 2\n\n", sizes: []int{9, 1, 100}, err: io.EOF}, 100, new(Buffers))
	got, err := readAll(t, r)
	if want := []string{"data: 1\r\r", "\n", "data: 2\n\n"}; !slices.Equal(got, want) || !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestReaderEnds(t *testing.T) {
	for _, test := range []struct {
		name, text string
		err, want  error
		blocks     int
	}{
		{"nothing", "", io.EOF, io.EOF, 0},
		{"clean", "data: 1\n\n", io.EOF, io.EOF, 1},
		{"clean in half a CRLF", "data: 1\r\n\r", io.EOF, io.EOF, 1},
		{"in a line", "data: 1\n\ndata", io.EOF, io.ErrUnexpectedEOF, 1},
		{"before the blank line", "data: 1\n", io.EOF, io.ErrUnexpectedEOF, 0},
		{"broken after a frame", "data: 1\n\n", errBroken, errBroken, 1},
		{"broken in a frame", "data: 1\n\ndata:", errBroken, errBroken, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			blocks, err := readAll(t, NewReader(&chunks{text: test.text, sizes: []int{1000}, err: test.err}, 100, new(Buffers)))
			if len(blocks) != test.blocks || !errors.Is(err, test.want) {
				t.Errorf("got %q, %v, want %d blocks, %v", blocks, err, test.blocks, test.want)
			}
		})
	}
}

func TestReaderDropsOneByteOrderMark(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	for _, test := range []struct {
		text, want string
		err        error
	}{
		{bom + "data: 1\n\ndata: 2\n\n", "data: 1\n\ndata: 2\n\n", io.EOF},
		{bom + "\r\n\ndata: 1\r\n\r\n", "\r\n\ndata: 1\r\n\r\n", io.EOF},
		{bom + bom + "data: 1\n\n", bom + "data: 1\n\n", io.EOF},
		{"data: 1\n\n" + bom + "data: 2\n\n", "data: 1\n\n" + bom + "data: 2\n\n", io.EOF},
		{"\xef\xbbdata: 1\n\n", "\xef\xbbdata: 1\n\n", io.EOF},
		{bom + strings.Repeat("x", 18) + "\n\n", strings.Repeat("x", 18) + "\n\n", io.EOF},
		{bom, "", io.EOF},
		{bom[:2], "", io.ErrUnexpectedEOF},
		{bom + "data", "", io.ErrUnexpectedEOF},
	} {
		for _, size := range []int{1, 2, 3, 4, 100} {
			blocks, err := readAll(t, NewReader(&chunks{text: test.text, sizes: []int{size}, err: io.EOF}, 20, new(Buffers)))
			if got := strings.Join(blocks, ""); got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%q in reads of %d: got %q, %v, want %q, %v", test.text, size, got, err, test.want, test.err)
			}
		}
	}
}

func TestReaderNoProgress(t *testing.T) {
	_, err := NewReader(stuck{}, 100, new(Buffers)).Next()
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestReaderFrameTooLong(t *testing.T) {
	const maxFrame = 20
	fits := "data: 012345678901\n\n"
	for name, text := range map[string]string{
		"ended":     fits + "data: 0123456789012\n\n" + fits,
		"never":     fits + strings.Repeat("x", 50_000),
		"many ends": fits + strings.Repeat("x\r", 50_000),
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			blocks, err := readAll(t, NewReader(&chunks{text: text, sizes: []int{size}, err: io.EOF}, maxFrame, new(Buffers)))
			if got := strings.Join(blocks, ""); got != fits || !errors.Is(err, ErrFrameTooLong) {
				t.Errorf("%s, reads of %d: got %q, %v", name, size, got, err)
			}
		}
	}
}

func TestReaderGrows(t *testing.T) {
	const maxFrame = 1 << 20
	long := "data: " + strings.Repeat("é", 100_000) + "\n\n"
	r := NewReader(&chunks{text: strings.Repeat("data: x\n\n", 10) + long + long, sizes: []int{1000}, err: io.EOF}, maxFrame, new(Buffers))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if len(r.buf) != firstBuffer {
		t.Errorf("small frames: buffer of %d, want %d", len(r.buf), firstBuffer)
	}
	blocks, err := readAll(t, r)
	if got := strings.Join(blocks, ""); !strings.HasSuffix(got, long+long) || !errors.Is(err, io.EOF) {
		t.Errorf("long frames: got %d bytes, %v", len(got), err)
	}
	if len(r.buf) > maxFrame+firstBuffer {
		t.Errorf("buffer of %d, want at most %d", len(r.buf), maxFrame+firstBuffer)
	}
}

func TestFrames(t *testing.T) {
	want, _ := naiveFrames(mixed)
	var got []string
	for frame := range Frames([]byte(mixed + "data: rest")) {
		got = append(got, string(frame))
	}
	if want = append(want, "data: rest"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for range Frames([]byte(mixed)) {
		break // must not go on
	}
}

func TestData(t *testing.T) {
	for _, test := range []struct {
		frame, want string
		none        bool
	}{
		{frame: "data: a\n\n", want: "a"},
		{frame: "data:a\n\n", want: "a"},
		{frame: "data:  a \r\n\r\n", want: " a "},
		{frame: "id: 1\rdata: a\revent: x\r\r", want: "a"},
		{frame: "data: a\ndata:b\r\n: comment\ndata\rdata: c\n\n", want: "a\nb\n\nc"},
		{frame: "data:\n\n", want: ""},
		{frame: "data\n\n", want: ""},
		{frame: "data: a", want: "a"},
		{frame: ": ping\n\n", none: true},
		{frame: "\n", none: true},
		{frame: "database: a\n\n", none: true},
		{frame: " data: a\n\n", none: true},
	} {
		got := Data([]byte(test.frame), make([]byte, 0, 4))
		if string(got) != test.want || (got == nil) != test.none {
			t.Errorf("Data(%q) = %q (nil: %t), want %q", test.frame, got, got == nil, test.want)
		}
	}
}

func TestDataCopiesOnlySeveralLines(t *testing.T) {
	frame, buf := []byte("data: abc\n\n"), make([]byte, 0, 100)
	if got := Data(frame, buf); &got[0] != &frame[6] {
		t.Error("a single line was copied")
	}
	if got := Data([]byte("data: a\ndata: b\n\n"), buf); &got[0] != &buf[:1][0] {
		t.Error("several lines are not in buf")
	}
}

func TestEvent(t *testing.T) {
	for frame, want := range map[string]string{
		"event: ping\ndata: {}\n\n": "ping", "data: x\nevent:error\r\n\r\n": "error", "data: event: x\n\n": "", "events: a\n\n": "",
	} {
		if got := Event([]byte(frame)); got != want {
			t.Errorf("Event(%q) = %q, want %q", frame, got, want)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, test := range []struct{ got, want []byte }{
		{AppendData([]byte("x"), []byte("a")), []byte("xdata: a\n\n")},
		{AppendData(nil, []byte("a\r\nb\rc\n")), []byte("data: a\ndata: b\ndata: c\ndata: \n\n")},
		{AppendEvent(nil, "7", "error", []byte("{}")), []byte("id: 7\nevent: error\ndata: {}\n\n")},
		{AppendEvent(nil, "", "", []byte("{}")), []byte("data: {}\n\n")},
		{AppendEvent(nil, "1\n\ndata: x", "", []byte("{}")), []byte("id: 1data: x\ndata: {}\n\n")},
	} {
		if !bytes.Equal(test.got, test.want) {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// awaited is a source that can be waited for. It looks whether its reader holds a
// buffer meanwhile.
type awaited struct {
	chunks

	reader *Reader
	held   bool
}

func (a *awaited) Await() { a.held = a.held || a.reader.buf != nil }

// readBoth reads a text that comes in pieces of these sizes, from a source that can
// be waited for and from one that can't.
func readBoth(t *testing.T, text string, sizes []byte, maxFrame int) (blocks []string, err error) {
	t.Helper()
	source := &awaited{chunks: chunks{text: text, sizes: []int{1}, err: io.EOF}}
	for _, size := range sizes {
		source.sizes = append(source.sizes, int(size))
	}
	plain := source.chunks
	source.reader = NewReader(source, maxFrame, new(Buffers))
	blocks, err = readAll(t, source.reader)
	if again, againErr := readAll(t, NewReader(&plain, maxFrame, new(Buffers))); !slices.Equal(again, blocks) || !errors.Is(againErr, err) {
		t.Errorf("awaited: got %q, %v, read alone %q, %v", blocks, err, again, againErr)
	}
	if source.held {
		t.Error("a buffer was held while nothing was in it")
	}
	return blocks, err
}

func FuzzReader(f *testing.F) {
	f.Add(mixed, []byte{1, 2, 3})
	f.Add("data: 1\r\r\ndata: 2", []byte{9, 1})
	f.Add("\r\n\r\n\n\r\r", []byte{1})
	f.Add("\ufeffdata: 1\n\n\ufeff", []byte{2})
	f.Add("data: "+strings.Repeat("x", 100), []byte{255})
	f.Fuzz(func(t *testing.T, text string, sizes []byte) {
		const maxFrame = 64
		blocks, err := readBoth(t, text, sizes, maxFrame)
		got := strings.Join(blocks, "")

		frames, rest := naiveFrames(strings.TrimPrefix(text, "\ufeff"))
		want, wantErr := "", io.EOF
		if rest != "" {
			wantErr = io.ErrUnexpectedEOF
		}
		for _, frame := range frames {
			// The \n after a \r is not counted: it may come much later.
			if n := len(strings.TrimSuffix(frame, "\r\n")); n+len("\r") > maxFrame && n < len(frame) || n == len(frame) && n > maxFrame {
				wantErr = ErrFrameTooLong
				break
			}
			want += frame
		}
		if !errors.Is(wantErr, ErrFrameTooLong) && len(rest) > maxFrame {
			wantErr = ErrFrameTooLong
		}
		if got != want || !errors.Is(err, wantErr) {
			t.Fatalf("%q in reads of %v: got %q, %v, want %q, %v", text, sizes, got, err, want, wantErr)
		}
	})
}

func FuzzData(f *testing.F) {
	f.Add([]byte("a\nb"))
	f.Add([]byte("\r\n"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		frame := AppendData(nil, payload)
		lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(payload))
		if got := Data(frame, nil); string(got) != lines {
			t.Fatalf("Data(AppendData(%q)) = %q, want %q", payload, got, lines)
		}
		if frames, rest := naiveFrames(string(frame)); len(frames) != 1 || rest != "" {
			t.Fatalf("AppendData(%q) = %q is not one frame", payload, frame)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	frame := "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":\"" + strings.Repeat("x", 250) + "\"}}]}\n\n"
	block := strings.Repeat(frame, 4)
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	r := NewReader(&endless{block: block}, 1<<20, new(Buffers))
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

type endless struct{ block string }

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.block), nil }
