package socket

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// sent is what a client sends, and what it is to get.
type sent struct {
	name  string
	bytes [][]byte
	// want are the texts that come back before code, with which the socket is closed;
	// 0 if it stays.
	want []string
	code int
}

// raw is a frame whose bytes are given, with a mask that changes nothing.
func raw(b ...byte) []byte { return b }

func frameCases() []sent {
	text := func(s string) []byte { return frame(0x81, s) }
	pieces := func(of string) (all [][]byte) { // a message in frames of one byte
		for i := range len(of) {
			first := byte(0x00)
			if i == 0 {
				first = 0x01
			}
			if i == len(of)-1 {
				first |= 0x80
			}
			all = append(all, frame(first, of[i:i+1]))
		}
		return all
	}
	return []sent{
		{name: "an empty text", bytes: [][]byte{text("")}, want: []string{""}},
		{name: "a fragmented text", bytes: pieces("fr\u00e4gments \U0001F600"), want: []string{"fr\u00e4gments \U0001F600"}},
		{name: "empty fragments", bytes: [][]byte{frame(0x01, ""), frame(0x00, ""), frame(0x80, "")}, want: []string{""}},
		{name: "a ping between fragments", bytes: [][]byte{frame(0x01, "a"), frame(0x89, "p"), frame(0x80, "b")}, want: []string{"pong p", "ab"}},
		{name: "an empty ping", bytes: [][]byte{frame(0x89, "")}, want: []string{"pong "}},
		{name: "a ping of 125 bytes", bytes: [][]byte{frame(0x89, strings.Repeat("p", 125))}, want: []string{"pong " + strings.Repeat("p", 125)}},
		{name: "a pong that nobody asked for", bytes: [][]byte{frame(0x8a, "x"), text("a")}, want: []string{"a"}},

		{name: "a ping of 126 bytes", bytes: [][]byte{frame(0x89, strings.Repeat("p", 126))}, code: Protocol},
		{name: "a fragmented ping", bytes: [][]byte{frame(0x09, "p")}, code: Protocol},
		{name: "a fragmented close", bytes: [][]byte{frame(0x08, "")}, code: Protocol},
		{name: "rsv1", bytes: [][]byte{frame(0xc1, "a")}, code: Protocol},
		{name: "rsv2", bytes: [][]byte{frame(0xa1, "a")}, code: Protocol},
		{name: "rsv3", bytes: [][]byte{frame(0x91, "a")}, code: Protocol},
		{name: "rsv1 in a ping", bytes: [][]byte{frame(0xc9, "")}, code: Protocol},
		{name: "opcode 3", bytes: [][]byte{frame(0x83, "a")}, code: Protocol},
		{name: "opcode 7", bytes: [][]byte{frame(0x87, "")}, code: Protocol},
		{name: "opcode 11", bytes: [][]byte{frame(0x8b, "")}, code: Protocol},
		{name: "opcode 15", bytes: [][]byte{frame(0x8f, "")}, code: Protocol},
		{name: "a continuation of nothing", bytes: [][]byte{frame(0x80, "a")}, code: Protocol},
		{name: "a text within a message", bytes: [][]byte{frame(0x01, "a"), frame(0x81, "b")}, code: Protocol},
		{name: "no mask", bytes: [][]byte{text("a"), raw(0x81, 0x01, 'b')}, want: []string{"a"}, code: Protocol},
		{name: "a ping without a mask", bytes: [][]byte{raw(0x89, 0x00)}, code: Protocol},
		{name: "a long form of a short length", bytes: [][]byte{raw(0x81, 0x80|126, 0, 5, 0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o')}, code: Protocol},
		{name: "the longest form of a length", bytes: [][]byte{raw(0x81, 0x80|127, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0)}, code: Protocol},
		{name: "a negative length", bytes: [][]byte{raw(0x81, 0x80|127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)}, code: Protocol},

		{name: "a binary message", bytes: [][]byte{frame(0x82, "a")}, code: NotText},
		{name: "text that is no UTF-8", bytes: [][]byte{text("a"), text("\xff")}, want: []string{"a"}, code: NotUTF8},
		{name: "an overlong form", bytes: [][]byte{text("\xc0\xaf")}, code: NotUTF8},
		{name: "a surrogate", bytes: [][]byte{text("\xed\xa0\x80")}, code: NotUTF8},
		{name: "UTF-8 cut at the end", bytes: [][]byte{text("\xf0\x9f\x98")}, code: NotUTF8},
		{name: "bad UTF-8 over two fragments", bytes: [][]byte{frame(0x01, "a\xf0\x9f"), frame(0x80, "\x28\x8c")}, code: NotUTF8},
		{name: "a message that is too large", bytes: [][]byte{text(strings.Repeat("a", 4097))}, code: TooBig},
		{name: "fragments that are too large together", bytes: [][]byte{frame(0x01, strings.Repeat("a", 4096)), frame(0x80, "b")}, code: TooBig},
		{name: "a length that is told and does not come", bytes: [][]byte{raw(0x81, 0x80|127, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0), make([]byte, 9000)}, code: TooBig},

		{name: "a close without a code", bytes: [][]byte{frame(0x88, "")}, code: noCode},
		{name: "a close", bytes: [][]byte{text("a"), closing(1000, "enough"), text("never read")}, want: []string{"a"}, code: 1000},
		{name: "a close with an own code", bytes: [][]byte{closing(4999, "")}, code: 4999},
		{name: "a close with 1014", bytes: [][]byte{closing(1014, "")}, code: 1014},
		{name: "a close of one byte", bytes: [][]byte{frame(0x88, "\x03")}, code: Protocol},
		{name: "a close with 999", bytes: [][]byte{closing(999, "")}, code: Protocol},
		{name: "a close with 1004", bytes: [][]byte{closing(1004, "")}, code: Protocol},
		{name: "a close with 1005", bytes: [][]byte{closing(1005, "")}, code: Protocol},
		{name: "a close with 1006", bytes: [][]byte{closing(1006, "")}, code: Protocol},
		{name: "a close with 1015", bytes: [][]byte{closing(1015, "")}, code: Protocol},
		{name: "a close with 1016", bytes: [][]byte{closing(1016, "")}, code: Protocol},
		{name: "a close with 2999", bytes: [][]byte{closing(2999, "")}, code: Protocol},
		{name: "a close with 5000", bytes: [][]byte{closing(5000, "")}, code: Protocol},
		{name: "a close whose reason is no UTF-8", bytes: [][]byte{closing(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80")}, code: NotUTF8},
		{name: "a close within a message", bytes: [][]byte{frame(0x01, "a"), closing(1001, "")}, code: 1001},
	}
}

// TestFrames sends each case at once, frame by frame, and byte by byte.
func TestFrames(t *testing.T) {
	for _, c := range frameCases() {
		var all []byte
		for _, b := range c.bytes {
			all = append(all, b...)
		}
		t.Run(c.name, func(t *testing.T) {
			h := open(t, testConfig(), Terms{Largest: 4096})
			h.check(t, c, [][]byte{all})
			h.check(t, c, c.bytes)
			if len(all) < 200 {
				var single [][]byte
				for i := range all {
					single = append(single, all[i:i+1])
				}
				h.check(t, c, single)
			}
		})
	}
}

func (h *house) check(t *testing.T, want sent, writes [][]byte) {
	t.Helper()
	c := h.dial(t)
	for _, p := range writes {
		if _, err := c.conn.Write(p); err != nil && want.code == 0 {
			t.Fatal(err)
		}
	}
	for _, text := range want.want {
		if pong, ok := strings.CutPrefix(text, "pong "); ok {
			c.expect(0x8a, pong)
			continue
		}
		c.expect(0x81, text)
	}
	if want.code == 0 {
		c.write(closing(1000, ""))
		want.code = 1000
	}
	if want.code < 1002 || want.code > Restart || want.code == noCode {
		c.closed = true // in the case's own bytes
	}
	c.expectClose(want.code)
	if err := <-h.ended; err == nil {
		t.Error("ended without an error")
	}
}

func TestClientThatGoesAway(t *testing.T) {
	for _, words := range [][]byte{nil, frame(0x01, "half"), frame(0x81, "half")[:8], {0x81}} {
		h := open(t, testConfig(), Terms{})
		c := h.dial(t)
		c.write(words)
		c.conn.Close()
		select {
		case err := <-h.ended:
			if err == nil || errors.Is(err, ErrClosed) {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the socket did not end")
		}
	}
}
