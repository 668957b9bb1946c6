package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// maxNotice is the most bytes of a message that a webhook reads.
const maxNotice = 1 << 20

// hook is a webhook that takes whatever it is posted.
type hook struct {
	server *httptest.Server
	more   chan struct{} // says that there is one more

	mu      sync.Mutex
	notices [][]byte
}

func newHook() *hook {
	h := &hook{more: make(chan struct{}, 1)}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
		if err != nil || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		h.notices = append(h.notices, body)
		h.mu.Unlock()
		select {
		case h.more <- struct{}{}:
		default:
		}
	}))
	return h
}

func (h *hook) close() {
	if h != nil {
		h.server.Close()
	}
}

// notice is the nth that came; nil if it has not come yet.
func (h *hook) notice(n int) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n > len(h.notices) {
		return nil
	}
	return h.notices[n-1]
}

func cmdHook(ts *testscript.TestScript, args []string) {
	need(ts, "hook", args, 0, 0)
	s := storyOf(ts)
	if s.hook != nil {
		ts.Fatalf("there is a webhook already")
	}
	s.hook = newHook()
	ts.Setenv("HOOK", s.hook.server.URL+"/notices")
}

func cmdNotice(ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(need(ts, "notice N", args, 1, 1)[0])
	ts.Check(err)
	s := storyOf(ts)
	if s.hook == nil || n < 1 {
		ts.Fatalf("notice N needs a webhook, and N above 0")
	}
	deadline := time.After(patience)
	for s.hook.notice(n) == nil {
		select {
		case <-s.hook.more:
		case <-deadline:
			ts.Fatalf("no notice %d came within %v", n, patience)
		}
	}
	s.document = s.hook.notice(n)
	_, _ = ts.Stdout().Write(s.document)
}
