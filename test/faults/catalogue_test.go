package faults_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// fault is something that a provider does wrong.
type fault struct {
	name string
	// play answers a request wrongly.
	play func(x *exchange)
	// before and mid are the codes that callers may get when it strikes before the
	// answer, and within it; none, when it cannot.
	before, mid []string
	// only limits it to calls for JSON or for a stream; "" is both.
	only string
	// deaf says that nothing of a request's body is read; prompt is its size.
	deaf   bool
	prompt int
	// alive says that the provider never falls silent, so that the time of the call
	// alone ends it.
	alive bool
	// aborts says that a whole answer may be so long that its head went out.
	aborts bool
	// address, if there is one, is where nobody answers at all.
	address string
}

const (
	onlyJSON   = "json"
	onlyStream = "sse"
	// whole stands among codes for a whole answer.
	whole = "whole"
)

// codes of the errors that callers get. late is added where tries, or the
// provider's own wait, may use up the call's time.
const (
	late      = "deadline_exceeded"
	silent    = "upstream_timeout"
	truncated = "upstream_truncated"
	invalid   = "upstream_invalid_answer"
	malformed = "upstream_malformed_event"
	told      = "upstream_error"
)

func codes(c ...string) []string { return c }

// faults are all that the raw upstream does.
func faults() []fault {
	return slices.Concat(silences(), breaks(), framings(), heads(), bodies(), floods(), refusals())
}

func silences() []fault {
	return []fault{
		{name: "never-answers", play: func(x *exchange) { x.open(); x.hold() }, before: codes(silent, late), mid: codes(silent, late)},
		{name: "stalls-after-head", play: func(x *exchange) { x.head(); x.hold() }, before: codes(silent, late)},
		{name: "stalls-within-event", only: onlyStream, play: func(x *exchange) {
			x.open()
			x.needHead()
			x.part(x.says.delta[:20])
			x.hold()
		}, before: codes(silent, late), mid: codes(silent)},
		{name: "stalls-before-end", only: onlyStream, play: func(x *exchange) {
			x.open()
			x.needHead()
			x.part(strings.Join(x.says.rest[:len(x.says.rest)-1], ""))
			x.hold()
		}, mid: codes(silent)},
		{name: "drip", alive: true, play: func(x *exchange) {
			if x.open(); x.mid {
				x.chunked = false // the framing drips too
				x.drip(strings.Repeat("1\r\n \r\n", 100))
				return
			}
			x.drip("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		}, only: onlyStream, before: codes(silent, late), mid: codes(late)},
		{name: "drip-json", alive: true, only: onlyJSON, play: func(x *exchange) {
			x.open()
			x.needHead()
			x.drip(x.rest())
		}, before: codes(late), mid: codes(late)},
		{name: "half-open", deaf: true, prompt: 6 << 20, before: codes(silent, late)},
	}
}

func breaks() []fault {
	return []fault{
		{name: "reset", play: func(x *exchange) { x.open(); x.reset() }, before: codes(truncated), mid: codes(truncated)},
		{name: "hangs-up", play: func(x *exchange) { x.open(); x.over = true }, before: codes(truncated), mid: codes(truncated)},
		{name: "half-closes", play: func(x *exchange) {
			x.open()
			if tcp, ok := x.conn.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			x.hold()
		}, before: codes(truncated), mid: codes(truncated)},
		{name: "hangs-up-unframed", play: func(x *exchange) {
			x.chunked, x.untilClose = false, true
			x.open()
			x.over = true
		}, mid: codes(truncated, invalid)},
		{name: "resets-unframed", play: func(x *exchange) {
			x.chunked, x.untilClose = false, true
			x.open()
			x.reset()
		}, mid: codes(truncated)},
		{name: "hangs-up-within-head", play: func(x *exchange) {
			x.write("HTTP/1.1 200 OK\r\nContent-Type: appl")
			x.over = true
		}, before: codes(truncated, invalid)},
		{name: "hangs-up-within-event", only: onlyStream, play: func(x *exchange) {
			x.open()
			x.part(x.says.delta[:len(x.says.delta)-1])
			x.finish()
		}, mid: codes(truncated)},
		{name: "hangs-up-in-long-answer", only: onlyJSON, aborts: true, play: func(x *exchange) {
			body := x.says.long(3 << 20)
			x.length = len(body)
			x.head()
			x.part(body[:2<<20])
			x.over = true
		}, before: codes(truncated)},
	}
}

func framings() []fault {
	chunk := func(name, size string, want ...string) fault {
		return fault{name: name, play: func(x *exchange) {
			x.chunked = true
			x.open()
			x.needHead()
			x.write(size)
			x.hold()
		}, before: want, mid: want}
	}
	return []fault{
		{name: "chunk-truncated", play: func(x *exchange) {
			x.chunked = true
			x.open()
			x.needHead()
			x.write("400\r\n" + x.says.delta[:20])
			x.over = true
		}, before: codes(truncated), mid: codes(truncated)},
		{name: "last-chunk-missing", only: onlyJSON, play: func(x *exchange) {
			x.chunked = true
			x.head()
			x.part(x.says.whole)
			x.over = true
		}, before: codes(truncated)},
		chunk("chunk-size-garbage", "zz\r\n", truncated),
		chunk("chunk-size-too-large", "fffffffffffffffff\r\n", truncated),
		chunk("chunk-size-negative", "-5\r\n", truncated),
		chunk("chunk-extension-endless", "5;"+strings.Repeat("x", 1<<20), truncated),
		chunk("chunk-line-feeds", "5\nhello\n", truncated),
		{name: "chunk-trailer-endless", only: onlyJSON, play: func(x *exchange) {
			x.chunked = true
			x.head()
			x.part(x.says.whole)
			x.write("0\r\n")
			x.flood("x-trailer: "+strings.Repeat("y", 1000)+"\r\n", time.Millisecond, x.write)
		}, before: codes(truncated)},
		{name: "length-too-long", only: onlyJSON, play: func(x *exchange) {
			x.length = len(x.says.whole) + 10
			x.head()
			x.part(x.says.whole)
			x.over = true
		}, before: codes(truncated)},
		{name: "length-too-short", only: onlyJSON, play: func(x *exchange) {
			x.length = len(x.says.whole) / 2
			x.well()
		}, before: codes(invalid)},
		{name: "length-too-short-stream", only: onlyStream, play: func(x *exchange) {
			x.chunked, x.length = false, len(x.says.begin)
			x.head()
			x.part(x.says.begin + strings.Join(x.says.rest, ""))
		}, mid: codes(truncated)},
		{name: "answer-and-another", play: func(x *exchange) {
			x.well()
			x.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"a\": 1}")
		}, before: codes(whole)},
	}
}

// saying answers each request with these bytes, and holds the connection.
func saying(name, bytes string, want ...string) fault {
	return fault{name: name, play: func(x *exchange) { x.write(bytes); x.hold() }, before: want}
}

// answering answers each request with these bytes, and awaits the next.
func answering(name, bytes string, want ...string) fault {
	return fault{name: name, play: func(x *exchange) { x.write(bytes) }, before: want}
}

func heads() []fault {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	return []fault{
		saying("garbage", "SSH-2.0-OpenSSH_9.2p1\r\n", invalid),
		saying("garbage-binary", "\x15\x03\x01\x00\x02\x02\x50", invalid),
		saying("garbage-version", "HTTP/3.7 200 OK\r\n\r\n", invalid),
		saying("garbage-status", "HTTP/1.1 twohundred\r\n\r\n", invalid),
		saying("two-lengths", ok+"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{\"a\":1}", invalid),
		saying("length-and-chunked", ok+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":1}", invalid),
		saying("length-negative", ok+"Content-Length: -1\r\n\r\n{}", invalid),
		saying("coding-unknown", ok+"Transfer-Encoding: gzip, chunked\r\n\r\n", invalid),
		saying("switches", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", invalid, told),
		{name: "head-endless", play: func(x *exchange) {
			x.write(ok)
			x.flood("X-More: "+strings.Repeat("y", 1000)+"\r\n", time.Millisecond, x.write)
		}, before: codes(invalid)},
		{name: "head-line-endless", play: func(x *exchange) {
			x.write(ok + "X-Long: ")
			x.flood(strings.Repeat("y", 4000), time.Millisecond, x.write)
		}, before: codes(invalid)},
		{name: "continues-for-ever", alive: true, play: func(x *exchange) {
			x.flood("HTTP/1.1 100 Continue\r\n\r\n", 10*time.Millisecond, x.write)
		}, before: codes(invalid, late)},
	}
}

func bodies() []fault {
	zeros := bomb()
	return []fault{
		{name: "malformed", play: func(x *exchange) {
			if x.open(); x.stream {
				x.needHead()
				x.part(x.says.broken + x.says.delta + strings.Join(x.says.rest, ""))
				x.finish()
				return
			}
			x.needHead()
			x.part(strings.Repeat("]", len(x.rest())))
		}, before: codes(malformed, invalid), mid: codes(malformed, invalid)},
		{name: "error-event", play: func(x *exchange) {
			x.chunked = true
			if x.open(); x.stream {
				x.needHead()
				x.part(x.says.failed + strings.Join(x.says.rest, ""))
			} else {
				x.needHead()
				x.part(x.says.failure)
			}
			x.finish()
		}, before: codes(told), mid: codes(told, invalid)},
		{name: "no-end-marker", only: onlyStream, play: func(x *exchange) {
			x.open()
			x.needHead()
			x.part(x.says.rest[0])
			x.finish()
		}, mid: codes(truncated)},
		{name: "no-event", only: onlyStream, play: func(x *exchange) {
			x.head()
			x.finish()
		}, before: codes(truncated, invalid)},
		{name: "half-json-cleanly", only: onlyJSON, play: func(x *exchange) {
			x.length = len(x.says.whole) / 2
			x.open()
			x.needHead()
			if !x.mid {
				x.part(x.says.whole[:x.length])
			}
		}, before: codes(invalid), mid: codes(invalid)},
		{name: "huge-event", only: onlyStream, play: func(x *exchange) {
			x.open()
			x.needHead()
			x.part("data: {\"x\":\"")
			x.flood(strings.Repeat("a", 64<<10), time.Millisecond, x.part)
		}, before: codes(malformed), mid: codes(malformed)},
		answering("html", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>", invalid),
		answering("empty", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", invalid),
		answering("no-content", "HTTP/1.1 204 No Content\r\n\r\n", invalid, told),
		{name: "json-for-a-stream", only: onlyStream, play: func(x *exchange) {
			x.write(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(x.says.whole), x.says.whole))
		}, before: codes(invalid)},
		{name: "gzip-bomb", play: func(x *exchange) {
			x.chunked = true
			x.head("Content-Encoding: gzip\r\n")
			x.part(zeros)
			x.hold()
		}, before: codes(invalid)},
	}
}

// bomb is 64 MiB of nothing, compressed to 64 KiB.
func bomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return b.String()
}

func floods() []fault {
	return []fault{
		{name: "never-ends", only: onlyStream, alive: true, play: func(x *exchange) {
			x.open()
			x.flood(x.says.delta, 5*time.Millisecond, x.part)
		}, mid: codes(late)},
		{name: "comments-for-ever", only: onlyStream, alive: true, play: func(x *exchange) {
			x.open()
			x.needHead()
			x.flood(": ping\n\n", 20*time.Millisecond, x.part)
		}, before: codes(late), mid: codes(late)},
		{name: "never-ends-json", only: onlyJSON, alive: true, aborts: true, play: func(x *exchange) {
			x.chunked = true
			x.head()
			x.part(`{"x":"`)
			x.flood(strings.Repeat("a", 64<<10), 10*time.Millisecond, x.part)
		}, before: codes(late, "upstream_answer_too_large", "upstream_answer_too_long")},
	}
}

func refusals() []fault {
	refuses := func(name string, status int, lines string, want ...string) fault {
		return fault{name: name, play: func(x *exchange) {
			x.write(fmt.Sprintf("HTTP/1.1 %d Oops\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", status, len(x.says.failure), lines, x.says.failure))
		}, before: want}
	}
	const busy, full = "provider_unavailable", "provider_rate_limited"
	return []fault{
		refuses("status-500", 500, "", told),
		refuses("status-502-html-length", 502, "Retry-After: 0\r\n", told),
		refuses("status-599", 599, "", told),
		refuses("status-503", 503, "Retry-After: NaN\r\n", busy, late),
		refuses("status-529", 529, "Retry-After: Inf\r\n", busy, late),
		refuses("status-429", 429, "", full, late),
		refuses("status-429-zero", 429, "Retry-After: 0\r\n", full, late),
		refuses("status-429-negative", 429, "Retry-After: -7\r\n", full, late),
		refuses("status-429-word", 429, "Retry-After: soon\r\n", full, late),
		refuses("status-429-huge", 429, "Retry-After: 99999999999999999999999\r\n", full, late),
		refuses("status-429-past", 429, "Retry-After: Wed, 21 Oct 1015 07:28:00 GMT\r\n", full, late),
		refuses("status-429-future", 429, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n", full, late),
		refuses("redirect", 307, "Location: "+elsewhere+"\r\n", "upstream_redirect"),
		refuses("redirect-loop", 302, "Location: #\r\n", "upstream_redirect"),
		{name: "status-500-silent", play: func(x *exchange) {
			x.write("HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
			x.hold()
		}, before: codes(told, late)},
		{name: "status-500-endless", alive: true, play: func(x *exchange) {
			x.write("HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\n\r\n")
			x.flood(strings.Repeat(" ", 16<<10), time.Millisecond, x.write)
		}, before: codes(told, late)},
	}
}
