package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	roleChunk = `data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	comment   = ": processing\n\n"
)

// TestFirstContent: what only opens a stream or keeps it alive does not stop the
// clock, and nothing of it goes out before the content.
func TestFirstContent(t *testing.T) {
	const limit = 20 * time.Second
	stays := func(parts ...string) http.HandlerFunc { // one each 3 s, and then nothing
		return func(w http.ResponseWriter, r *http.Request) {
			answerFrames(w, r, 3*time.Second, parts...)
			hang(w, r)
		}
	}
	alive := func(w http.ResponseWriter, r *http.Request) {
		answerFrames(w, r, time.Second, strings.SplitAfter(strings.Repeat(comment, 100), "\n\n")...)
	}
	for _, c := range []struct {
		name    string
		req     *fairlead.Request
		serve   http.HandlerFunc
		emitted string
	}{
		{"no head", streamRequest(), hang, ""},
		{"the head alone", streamRequest(), stays(""), ""},
		{"comments for ever", streamRequest(), alive, ""},
		{"a role", streamRequest(), stays(roleChunk), ""},
		{
			"a long opening", streamRequest(), stays(roleChunk, ": "+strings.Repeat("x", maxOpening)+"\n\n", roleChunk),
			roleChunk + ": " + strings.Repeat("x", maxOpening) + "\n\n",
		},
		{"no whole answer", chatRequest(), hang, ""},
		{"half of one", chatRequest(), func(w http.ResponseWriter, r *http.Request) {
			answerJSON(w, chatAnswer[:10])
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{FirstContent: limit, HTTP: HTTPLimits{ReadTimeout: time.Minute}}, c.serve)
				g := w.ask(t.Context(), c.req, nil)
				g.wantCode(t, fairlead.Upstream, "upstream_timeout")
				if g.took != limit {
					t.Errorf("took %v, want %v", g.took, limit)
				}
				if got := g.body.String(); got != c.emitted || (g.head != nil) != (got != "") {
					t.Errorf("emitted %.200q, head %v; want %.200q", got, g.head, c.emitted)
				}
			})
		})
	}
}

// TestFirstContentIsNotOfTheRest: once there is content, only the other clocks
// count, and all that came before it goes out as it came.
func TestFirstContentIsNotOfTheRest(t *testing.T) {
	const limit = 20 * time.Second
	serve := func(w http.ResponseWriter, r *http.Request) {
		answerFrames(w, r, limit-time.Second, comment+roleChunk, chunk, comment, chunk, lastChunk+doneFrame)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{FirstContent: limit}, serve)
		var datas []string
		g := w.ask(t.Context(), streamRequest(), func(e fairlead.Event) {
			if e.Data != nil {
				datas = append(datas, string(e.Data))
			}
		})
		g.wantWhole(t, comment+roleChunk+chunk+comment+chunk+lastChunk+doneFrame)
		if len(datas) == 0 || datas[0] != comment+roleChunk+chunk {
			t.Errorf("emitted %q, want the opening together with the first content", datas)
		}
	})
	t.Run("the total counts on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{FirstContent: limit, Timeout: 50 * time.Second}, serve)
			g := w.ask(t.Context(), streamRequest(), nil)
			g.wantCode(t, fairlead.Upstream, "upstream_timeout")
			if g.took != 50*time.Second || g.body.String() != comment+roleChunk+chunk+comment {
				t.Errorf("took %v and emitted %q, want 50s and what came until then", g.took, g.body.String())
			}
		})
	})
	t.Run("a total that is shorter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{FirstContent: limit, Timeout: limit / 2}, hang)
			g := w.ask(t.Context(), streamRequest(), nil)
			g.wantCode(t, fairlead.Upstream, "upstream_timeout")
			if g.took != limit/2 {
				t.Errorf("took %v, want %v", g.took, limit/2)
			}
		})
	})
	t.Run("a list of models has none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{FirstContent: limit}, func(w http.ResponseWriter, _ *http.Request) {
				<-time.After(2 * limit)
				answerJSON(w, `{"data":[{"id":"m"}]}`)
			})
			if _, err := w.provider.Models(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a long whole answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			long := strings.Replace(chatAnswer, "Hi.", strings.Repeat("x", maxWhole), 1)
			w := newWorld(t, Config{FirstContent: limit}, func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, long[:maxWhole+1])
				_ = http.NewResponseController(w).Flush()
				<-time.After(2 * limit)
				_, _ = io.WriteString(w, long[maxWhole+1:])
			})
			w.ask(t.Context(), chatRequest(), nil).wantWhole(t, long)
		})
	})
	t.Run("a stream without content", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{FirstContent: limit}, func(w http.ResponseWriter, r *http.Request) {
				answerFrames(w, r, 0, roleChunk, lastChunk+doneFrame)
			})
			w.ask(t.Context(), streamRequest(), nil).wantWhole(t, roleChunk+lastChunk+doneFrame)
		})
	})
}

// TestContentTooLate: content that comes when the clock has fired is not emitted.
func TestContentTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newClock(cancel, 0, time.Second)
		<-time.After(2 * time.Second)
		if err, cause := c.content(), context.Cause(ctx); !errors.Is(err, errNoContent) || !errors.Is(cause, errNoContent) {
			t.Errorf("got %v, ended by %v", err, cause)
		}
		if c.waits() {
			t.Error("it waits on")
		}
	})
}
