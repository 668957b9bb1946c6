package remote

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/fairleadhq/fairlead"
)

func TestHead(t *testing.T) { each(t, testHead) }

func testHead(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range map[string]string{
				"Openai-Processing-Ms": "12", "Openai-Version": strings.Repeat("x", maxHeader+1), "X-Request-Id": "req_theirs",
				"X-Ratelimit-Remaining-Requests": "9", "Set-Cookie": "a=b", "Content-Type": "application/json; charset=utf-8",
			} {
				w.Header().Set(name, value)
			}
			_, _ = io.WriteString(w, chatAnswer)
		})
		g := w.ask(t.Context(), chatRequest(), nil)
		g.wantWhole(t, chatAnswer)
		want := map[string]string{"Openai-Processing-Ms": "12", "X-Upstream-Request-Id": "req_theirs"}
		if len(g.head.Header) != len(want) {
			t.Errorf("got the headers %v, want %v", g.head.Header, want)
		}
		for name, value := range want {
			if g.head.Header[name] != value {
				t.Errorf("got %s %q, want %q", name, g.head.Header[name], value)
			}
		}
		if g.head.ContentType != "application/json" || g.head.Stream || g.head.Status != 200 {
			t.Errorf("got the head %+v", g.head)
		}
		if want := (fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 2}, Finish: "stop"}); *g.end != want {
			t.Errorf("got the end %+v, want %+v", *g.end, want)
		}
	})
}

// embeddings is an answer of about size bytes.
func embeddings(size int) string {
	return `{"object":"list","data":[{"embedding":"` + strings.Repeat("A", size) +
		`","index":0}],"model":"m","usage":{"prompt_tokens":41,"total_tokens":41}}`
}

func TestLongAnswers(t *testing.T) { each(t, testLongAnswers) }

func testLongAnswers(t *testing.T, v via) {
	t.Helper()
	for _, size := range []int{maxWhole - 200, maxWhole, maxWhole + 6*tailSize} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := embeddings(size)
				w := v.newWorld(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, body) })
				longest, events := 0, 0
				g := w.ask(t.Context(), embedRequest(), func(e fairlead.Event) {
					if e.Data != nil {
						events++
						longest = max(longest, len(e.Data))
					}
				})
				g.wantWhole(t, body)
				if g.end.Usage.Input != 41 {
					t.Errorf("got the usage %+v, want 41 of input", g.end.Usage)
				}
				if gathered := len(body) <= maxWhole; gathered != (events == 1) || !gathered && longest > pieceSize {
					t.Errorf("%d bytes came in %d events of at most %d", len(body), events, longest)
				}
			})
		})
	}
}

func TestLongAnswersThatBreak(t *testing.T) {
	body := embeddings(maxWhole + tailSize)
	for name, serve := range map[string]http.HandlerFunc{
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			answerJSON(w, body[:len(body)-10])
			panic(http.ErrAbortHandler)
		},
		"cut without a length": func(w http.ResponseWriter, _ *http.Request) {
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body[:len(body)-10])
			_ = buf.Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{}, serve)
				g := w.ask(t.Context(), embedRequest(), nil)
				g.wantCode(t, fairlead.Upstream, "upstream_truncated")
				if g.err.Status != 200 || g.head == nil || g.body.Len() < maxWhole {
					t.Errorf("got the status %d after %d bytes, want 200 after the first MiB", g.err.Status, g.body.Len())
				}
			})
		})
	}
}

// A body that the closing of its connection ends must be whole by itself.
func TestLongAnswersThatAreNotWhole(t *testing.T) {
	const head = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
	big := `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("a", maxWhole+pieceSize) + `"}`
	for _, c := range []struct {
		name, body, code string
		begun            bool
	}{
		{"cut after an inner brace", big, "upstream_truncated", true},
		{"cut after the array", big + "}]", "upstream_truncated", true},
		{"broken at its end", big + "]]]}{{{}", "upstream_invalid_answer", true},
		{"two objects", big + "}]}{}", "upstream_invalid_answer", true},
		{"broken at its start", `{"id":x` + big[8:] + "}]}", "upstream_invalid_answer", false},
		{"an error", `{"error":{"message":"` + strings.Repeat("e", maxWhole+pieceSize) + `"}}`, "upstream_error", false},
		{"an error in the first MiB", `{"id":"x","error":{},` + big[len(`{"id":"x",`):] + "}]}", "upstream_error", false},
		{"an error after it", big + `}],"error":{"message":"no"}}`, "upstream_error", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{}, raw(head+c.body))
				g := w.ask(t.Context(), chatRequest(), nil)
				g.wantCode(t, fairlead.Upstream, c.code)
				if begun := g.head != nil; begun != c.begun || g.err.Status != 200 {
					t.Errorf("begun: %t, want %t; got the status %d", begun, c.begun, g.err.Status)
				}
			})
		})
	}
	t.Run("whole", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			body := big + `,"finish_reason":"stop"}],"error":null,"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n"
			w := newWorld(t, Config{}, raw(head+body))
			g := w.ask(t.Context(), chatRequest(), nil)
			g.wantWhole(t, body)
			if want := (fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 4}, Finish: "stop"}); *g.end != want {
				t.Errorf("got the end %+v, want %+v", *g.end, want)
			}
		})
	})
}

func TestAnswersThatAreNone(t *testing.T) { each(t, testAnswersThatAreNone) }

func testAnswersThatAreNone(t *testing.T, v via) {
	t.Helper()
	for _, c := range []struct {
		name  string
		code  string
		serve http.HandlerFunc
	}{
		{"HTML", "upstream_invalid_answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, chatAnswer)
		}},
		{"empty", "upstream_invalid_answer", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, " \n") }},
		{"half", "upstream_invalid_answer", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, chatAnswer[:40]) }},
		{"an array", "upstream_invalid_answer", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, "[]") }},
		{"long and no object", "upstream_invalid_answer", func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, "["+strings.Repeat(" ", maxWhole)+"]")
		}},
		{"an error in a 200", "upstream_error", func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, `{"error":{"message":"no","code":500}}`)
		}},
		{"compressed", "upstream_invalid_answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answerJSON(w, chatAnswer)
		}},
		{"cut", "upstream_truncated", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(chatAnswer)))
			answerJSON(w, chatAnswer[:40])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"far too long", "upstream_answer_too_long", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(maxAnswer+1))
			answerJSON(w, chatAnswer)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, Config{}, c.serve)
				g := w.ask(t.Context(), chatRequest(), nil)
				g.wantCode(t, fairlead.Upstream, c.code)
				if g.head != nil || g.err.Status != 200 {
					t.Errorf("got the head %v and the status %d, want none and 200", g.head, g.err.Status)
				}
			})
		})
	}
}

func TestTailEnd(t *testing.T) {
	for _, c := range []struct {
		tail string
		want fairlead.End
	}{
		{`AAA"}],"usage": {"prompt_tokens":7,"completion_tokens":8}}`, fairlead.End{Usage: fairlead.Usage{Input: 7, Output: 8}}},
		{`x"},"finish_reason":"length"}],"usage":{"prompt_tokens":7}}`, fairlead.End{Usage: fairlead.Usage{Input: 7}, Finish: "length"}},
		{`"usage":{"prompt_tokens":7},"note":"the \"usage\":{\"prompt_tokens\":9}"}`, fairlead.End{Usage: fairlead.Usage{Input: 7}}},
		{`"usage":{"prompt_tokens":7},"note":"usage"}`, fairlead.End{Usage: fairlead.Usage{Input: 7}}},
		{`"usage":null}`, fairlead.End{}},
		{`"usage":{"prompt_tokens":"many"}}`, fairlead.End{}},
		{`"usage":{"prompt_tokens":-4}}`, fairlead.End{}},
		{`"usage":`, fairlead.End{}},
		{``, fairlead.End{}},
	} {
		tail := testLanguage().Ways[0].Tail
		if got := tail.end([]byte(c.tail)); got != c.want {
			t.Errorf("the end of %q: %+v, want %+v", c.tail, got, c.want)
		}
	}
}
