package block

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// slack is how far from its end, or from what begins no unit, Pass may stop: a unit
// may have begun before the last block.
const slack = Size + len(`\u0000`)

// unitAt is how long the unit is that text begins with, 0 if it begins with none.
func unitAt(text string) int {
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case r == utf8.RuneError && size <= 1, r == '"', r < ' ':
		return 0
	case r != '\\':
		return size
	case len(text) >= 2 && strings.IndexByte(`"\/bfnrt`, text[1]) >= 0:
		return 2
	case len(text) >= 6 && text[1] == 'u' && strings.Trim(text[2:6], "0123456789abcdefABCDEF") == "":
		return 6
	}
	return 0
}

// check holds Pass to what reading unit by unit finds.
func check(t *testing.T, text []byte) {
	t.Helper()
	got, at, met := Pass(text), 0, false
	for {
		met = met || at == got
		size := unitAt(string(text[at:min(len(text), at+16)]))
		if size == 0 {
			break
		}
		at += size
	}
	if !met {
		t.Fatalf("%q: got %d, which is within a unit, or behind what is none at %d", text, got, at)
	}
	if usable && got < at-slack {
		t.Fatalf("%q: got %d, and could have passed %d", text, got, at)
	}
}

// parts are units, and what is none.
func parts() []string {
	return []string{
		`"`, `\"`, `\\`, `\\"`, `\\\"`, `\\\\\\\`, `\n\n`, `\/\b\f\r\t`, `\u00e4`, `\uD83D\uDE00`, `\u00g0`, `\u12`, `\`, `\x`, `\"#`, `\\]]`, `\]`, `\u`,
		"\x00", "\x1f", "\x7f", "\\\x01", "ü", "üß\\n", "\xc3", "\xc3(", "\xc1\xbf", "\xc0\x80", "\xdf\xbf", "\xe0", "€", "今天", "今天天气\"", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xe0\xa0\x80", "今\xed\xa0\x80", "\xed\x9f\xbf今", "今\xee\x80\xc0", "\U0001F600", "\U00010000", "\U0010FFFF", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\x80", "\xbf\xbf", "\xff", "\xdc", `""`, "##", "\"#", "\\\xdc", "\\ü", "今\x80", "ü\x80", "\U0001F600\x80", "\xf0\x9f\x98\"",
	}
}

// TestPassAnywhere has each part at every place of two blocks, and each two about the
// places where a block, and a half of one, ends.
func TestPassAnywhere(t *testing.T) {
	room := make([]byte, 0, 4*Size)
	for _, first := range parts() {
		for _, second := range append(parts(), "") {
			for before := range 2*Size + 9 {
				if half := (before + 12) % (Size / 2); second != "" && half > 14 {
					continue
				}
				for _, behind := range []int{0, Size} {
					text := append(room, strings.Repeat("x", before)...)
					text = append(text, first...)
					text = append(text, strings.Repeat("]", before%3)...)
					text = append(text, second...)
					check(t, append(text, strings.Repeat("#", behind)...))
				}
			}
		}
	}
}

// TestPassRows has rows of backslashes of every length at every place.
func TestPassRows(t *testing.T) {
	for before := range 2 * Size {
		for row := range 2*Size + 2 {
			for _, end := range []string{`"`, `n`, `x"`, `u00e4"`, `ü"`} {
				check(t, []byte(strings.Repeat("x", before)+strings.Repeat(`\`, row)+end+strings.Repeat("y", Size)))
			}
		}
	}
}

// TestPassMixed has long texts of random parts, most of them in order.
func TestPassMixed(t *testing.T) {
	all := parts()
	var good []string
	for _, part := range all {
		if n := unitAt(part); n == len(part) {
			good = append(good, part)
		}
	}
	random := rand.New(rand.NewPCG(7, 11))
	var text []byte
	for range 5_000 {
		text = text[:0]
		for n := random.IntN(120); n > 0; n-- {
			text = append(text, strings.Repeat("a", random.IntN(12))...)
			text = append(text, good[random.IntN(len(good))]...)
		}
		if random.IntN(3) == 0 {
			text = append(text, all[random.IntN(len(all))]...)
		}
		text = append(text, strings.Repeat("z", random.IntN(2*Size))...)
		check(t, text)
	}
}

// TestPassEveryPair has each two bytes at a place within a block, at its middle, and
// over its end, behind a letter and behind a rune that is cut short.
func TestPassEveryPair(t *testing.T) {
	for pair := range 1 << 16 {
		for _, before := range []int{Size/2 - 1, Size - 1} {
			text := []byte(strings.Repeat("x", before) + "?? tail" + strings.Repeat("y", Size))
			text[before], text[before+1] = byte(pair), byte(pair>>8)
			check(t, text)
			text[before-1] = 0xe1
			check(t, text)
			text[before-1] = 0xf1
			check(t, text)
			text[before-1], text[before+2] = '\\', 0x80
			check(t, text)
		}
	}
}

// TestPassReachesTheEnd is against a Pass that stops at each odd thing: of a text in
// order it must leave less than a block, and a unit.
func TestPassReachesTheEnd(t *testing.T) {
	if !usable {
		t.Skip("there is no assembly for this processor")
	}
	for _, unit := range []string{"a", `\n`, `\\`, `\"`, `\u4eca`, "ü", "今", "\U0001F600", `a\"今\u00e4` + "\U0001F600\\\\"} {
		for before := range Size {
			text := strings.Repeat("x", before) + strings.Repeat(unit, 1000)
			if got := Pass([]byte(text)); got < len(text)-slack {
				t.Errorf("%q behind %d bytes: got %d of %d", unit, before, got, len(text))
			}
		}
	}
}

func FuzzPass(f *testing.F) {
	for _, seed := range []string{`a\"b\n`, `\u00e4\ud83d\ude00`, "ümläut今天天气\U0001F600", "\\\\\\\"\"", "\xed\xa0\x80", "a\x01"} {
		f.Add([]byte(seed), uint8(30), uint8(80))
	}
	f.Fuzz(func(t *testing.T, middle []byte, before, behind uint8) {
		text := append([]byte(strings.Repeat("x", int(before))), middle...)
		check(t, append(text, strings.Repeat("y", int(behind))...))
	})
}

func BenchmarkPass(b *testing.B) {
	for _, bench := range []struct{ name, unit string }{
		{"plain", "aB3/"},
		{"prose", `The \"quick\" brown fox jumps over the lazy dog, and 42 more of them follow it.\n`},
		{"umlauts", `Üblicherweise läuft der \"schnelle\" braune Fuchs über die faulen Hunde.\n\t`},
		{"nested", `{\\\"path\\\":\\\"C:\\\\\\\\Temp\\\",\\\"n\\\":1}`},
		{"chinese", "今天天气很好，"},
		{"escaped", `\u4eca\u5929`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			text := []byte(strings.Repeat(bench.unit, 100<<10/len(bench.unit)))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if usable && Pass(text) < len(text)-slack {
					b.Fatal("it stopped early")
				}
			}
		})
	}
}
