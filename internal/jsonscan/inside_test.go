package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"
	"unicode/utf8"
)

// naiveUnits is passUnits a byte at a time.
func naiveUnits(data string) int {
	at := 0
	for at < len(data) {
		rest := data[at:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && size == 1, r == '"', r < ' ':
			return at
		case r == '\\' && len(rest) >= 2 && strings.IndexByte(`"\/bfnrt`, rest[1]) >= 0:
			size = 2
		case r == '\\' && len(rest) >= 6 && rest[1] == 'u' && strings.Trim(rest[2:6], "0123456789abcdefABCDEF") == "":
			size = 6
		case r == '\\':
			return at
		}
		at += size
	}
	return at
}

// TestUnitsAnywhere has units, and what is none, at each place of a stride and of the
// end of a text.
func TestUnitsAnywhere(t *testing.T) {
	odd := []string{
		`"`, `\"`, `\\`, `\\"`, `\\\"`, `\n\n`, `\/\b\f\r\t`, `\u00e4`, `\uD83D\uDE00`, `\u00g0`, `\u12`, `\`, `\x`, `\"#`, `\\]]`, `\]`, `\u`,
		"\x00", "\x1f", "\x7f", "ü", "üß\\n", "\xc3", "\xc3(", "\xc1\xbf", "\xdf\xbf", "\xe0", "€", "今天", "今天天气\"", "\xe0\x80\x80", "\xe0\xa0\x80",
		"今\xed\xa0\x80", "\xed\x9f\xbf今", "今\xee\x80\xc0", "\U0001F600", "\xf4\x90\x80\x80", "\x80", "\xff", "\xdc", `""`, "##", "\"#", "\\\xdc",
	}
	for _, first := range odd {
		for _, second := range append(odd, "") {
			for before := range 2*stride + wordSize {
				for _, behind := range []int{0, 1, 5, window, 2 * window} {
					text := strings.Repeat("x", before) + first + strings.Repeat("]", before%3) + second + strings.Repeat("#", behind)
					if got, want := passUnits([]byte(text), 0), naiveUnits(text); got != want {
						t.Fatalf("%q: got %d, want %d", text, got, want)
					}
				}
			}
		}
	}
}

// TestMarks has each two bytes beside each other: no mark is missing, and the
// lowest is right.
func TestMarks(t *testing.T) {
	isOdd := func(c byte) bool { return c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf }
	for pair := range 1 << 16 {
		text := []byte("aaaa\x00\x00~ ")
		binary.LittleEndian.PutUint16(text[4:], uint16(pair))
		marked := gather(marks(text))
		lowest := -1
		for i, c := range text {
			if isOdd(c) && marked>>i&1 == 0 {
				t.Fatalf("%q: no mark at %d", text, i)
			}
			if isOdd(c) && lowest < 0 {
				lowest = i
			}
		}
		if lowest < 0 && marked != 0 || lowest >= 0 && bits.TrailingZeros64(marked) != lowest {
			t.Fatalf("%q: got marks %08b, want the lowest at %d", text, marked, lowest)
		}
	}
}

func FuzzUnits(f *testing.F) {
	for _, seed := range []string{`a\"b\n`, `\u00e4\ud83d\ude00`, "ümläut今天天气\U0001F600", "\\\\\\\"\"", "\xed\xa0\x80", "a\x01"} {
		f.Add(seed, uint8(30), uint8(40))
	}
	f.Fuzz(func(t *testing.T, text string, before, behind uint8) {
		text = strings.Repeat("x", int(before)) + text + strings.Repeat("y", int(behind))
		if got, want := passUnits([]byte(text), 0), naiveUnits(text); got != want {
			t.Fatalf("%q: got %d, want %d", text, got, want)
		}
	})
}

// BenchmarkText100KB reads strings of 100 KB: of prose with line ends and
// quotes, of an image, of another script.
func BenchmarkText100KB(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"prose", `The \"quick\" brown fox jumps over the lazy dog, and 42 more of them follow it.\n`},
		{"image", "aB3/aB3/aB3/aB3/"},
		{"chinese", "今天天气很好，"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			data := []byte(`"` + strings.Repeat(bench.text, 100<<10/len(bench.text)) + `"`)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := NewScanner(data).Skip(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
