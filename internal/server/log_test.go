package server

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink counts the writes that it takes.
type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

// lines is how many lines were written, and in how many writes.
func (s *sink) lines() (lines, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), "\n"), s.writes
}

func (s *sink) want(t *testing.T, when string, lines, writes int) {
	t.Helper()
	if gotLines, gotWrites := s.lines(); gotLines != lines || gotWrites != writes {
		t.Errorf("%s: %d lines in %d writes, want %d in %d", when, gotLines, gotWrites, lines, writes)
	}
}

func TestLogGathersLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		log := NewLog(out, logJSON)
		for range 10 {
			log.Info("request")
		}
		out.want(t, "at once", 0, 0)
		<-time.After(logDelay)
		synctest.Wait()
		out.want(t, "after the delay", 10, 1)
		log.Info("request")
		log.With("a", 1).WithGroup("g").Warn("something is wrong", "b", 2)
		out.want(t, "with a warning", 12, 2)
		if text := out.text.String(); !strings.HasSuffix(text, `"msg":"something is wrong","a":1,"g":{"b":2}}`+"\n") {
			t.Errorf("the log is %s", text)
		}
		log.Info("the last")
		log.Close()
		out.want(t, "closed", 13, 3)
		log.Info("after the last")
		out.want(t, "later", 14, 4)
	})
}

func TestLogHoldsNoMoreThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		log := NewLog(out, logJSON)
		defer log.Close()
		const size = 1000
		for range 2 * logHeld / size {
			log.Info("request", "text", strings.Repeat("x", size))
		}
		if lines, writes := out.lines(); writes == 0 || lines/writes > logHeld/size {
			t.Errorf("%d lines of more than %d bytes in %d writes", lines, size, writes)
		}
	})
}
