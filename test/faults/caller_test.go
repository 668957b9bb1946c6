package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The faces, each of which has a path, a shape of errors and a mark at the end of
// whole streams.
const (
	faceNative    = "native"
	faceOpenAI    = "openai"
	faceAnthropic = "anthropic"
)

func faces() []string { return []string{faceNative, faceOpenAI, faceAnthropic} }

func pathOf(face string) string {
	switch face {
	case faceOpenAI:
		return "/v1/chat/completions"
	case faceAnthropic:
		return "/v1/messages"
	}
	return "/chat/completion"
}

// The whole of an answer, as the callers see it, has this in it.
const answered = "Hello from a good provider."

// question is a call by someone.
type question struct {
	face, app, model string
	stream           bool
	// prompt is added to what is asked, and needs no escape; timeout is the header
	// x-request-timeout; "" is none.
	prompt, timeout string
	// begun is called when the first bytes of the answer came.
	begun func()
}

// answer is what came of it.
type answer struct {
	status int
	header http.Header
	body   []byte
	frames []string // that a socket told, in place of a body
	err    error    // of the connection: before the head, or within the body

	began, ended time.Time
}

// broken says that the connection ended before the answer was whole.
func (a answer) broken() bool { return a.err != nil }

// ask makes the call and reads the answer to its end.
func (s *service) ask(ctx context.Context, q question) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() { a.ended = time.Now() }()
	if q.isSocket() {
		return s.askSocket(ctx, q)
	}
	body := fmt.Sprintf(`{"model":"%s/%s","stream":%t,"max_tokens":64,"messages":[{"role":"user","content":"hello%s"}]}`, q.app, q.model, q.stream, q.prompt)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.root+pathOf(q.face), strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-API-Key", s.keys[q.app])
	if q.timeout != "" {
		r.Header.Set("X-Request-Timeout", q.timeout)
	}
	a.began = time.Now()
	resp, err := s.client.Do(r)
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	var first sync.Once
	whole := &bytes.Buffer{}
	_, a.err = io.Copy(whole, readerFunc(func(p []byte) (int, error) {
		n, err := resp.Body.Read(p)
		if n > 0 && q.begun != nil {
			first.Do(q.begun)
		}
		return n, err
	}))
	a.body = whole.Bytes()
	return a
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// outcome is what a caller makes of an answer.
type outcome struct {
	// code is that of the typed error; "" of an answer that is whole or that broke
	// off with its connection.
	code string
	// begun says that something of the answer had come before the error.
	begun bool
	// aborted says that the connection ended within the body.
	aborted bool
}

// String tells it in a table of codes.
func (o outcome) String() string {
	switch {
	case o.aborted:
		return "aborted"
	case o.code == "":
		return "whole"
	}
	return o.code
}

// judge reads the answer as a client of the face does. It fails if it is not what a
// client of that face can make anything of.
func (q question) judge(a answer) (outcome, error) {
	switch {
	case q.isSocket():
		return q.judgeSocket(a)
	case a.status == 0:
		return outcome{}, fmt.Errorf("no answer: %w", a.err)
	case errors.Is(a.err, context.DeadlineExceeded):
		return outcome{}, fmt.Errorf("the call did not end within %v", patience)
	case a.header.Get("X-Request-Id") == "":
		return outcome{}, fmt.Errorf("status %d without a request id", a.status)
	case a.status != http.StatusOK:
		return q.judgeRefusal(a)
	case q.stream:
		return q.judgeStream(a)
	}
	if a.broken() {
		return outcome{begun: true, aborted: true}, nil
	}
	if !bytes.Contains(a.body, []byte(answered)) {
		return outcome{}, fmt.Errorf("200 with %.300q", a.body)
	}
	return outcome{}, nil
}

// judgeRefusal reads an error that has a status of its own.
func (q question) judgeRefusal(a answer) (outcome, error) {
	code, err := codeOf(q.face, a.body)
	if err != nil || a.err != nil {
		return outcome{}, fmt.Errorf("status %d with %.300q: %w", a.status, a.body, errors.Join(err, a.err))
	}
	if media := a.header.Get("Content-Type"); !strings.HasPrefix(media, "application/json") {
		return outcome{}, fmt.Errorf("an error of the content type %q", media)
	}
	if want := statusOf(code); a.status != want {
		return outcome{}, fmt.Errorf("%s with the status %d, want %d", code, a.status, want)
	}
	if a.status == http.StatusServiceUnavailable {
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || wait < 1 || wait > 3600 {
			return outcome{}, fmt.Errorf("%s with Retry-After: %q", code, a.header.Get("Retry-After"))
		}
	}
	return outcome{code: code}, nil
}

// statusOf is the status that a code has in docs/callers.md.
func statusOf(code string) int {
	switch code {
	case "deadline_exceeded":
		return http.StatusGatewayTimeout
	case "provider_rate_limited", "provider_unavailable", "provider_pool_timeout", "queue_timeout", "queue_hopeless", "queue_full", "queue_full_app":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

// judgeStream reads a stream: it ends with the face's mark, or with an error
// behind which nothing comes.
func (q question) judgeStream(a answer) (outcome, error) {
	if media := a.header.Get("Content-Type"); !strings.HasPrefix(media, "text/event-stream") {
		return outcome{}, fmt.Errorf("a stream of the content type %q", media)
	}
	frames := framesOf(a.body)
	if a.err != nil || len(frames) == 0 {
		return outcome{}, errors.Join(fmt.Errorf("a stream of %d frames that broke with its connection", len(frames)), a.err)
	}
	marked := slices.ContainsFunc(frames, func(f frame) bool { return f.data == "[DONE]" || f.event == "message_stop" })
	last := frames[len(frames)-1]
	code, err := codeOf(q.face, []byte(last.data))
	switch {
	case err != nil && marked && bytes.Contains(a.body, []byte("good provider.")):
		return outcome{begun: true}, nil
	case err != nil:
		return outcome{}, fmt.Errorf("the stream ended with %.300q: %w", last.data, err)
	case marked:
		return outcome{}, fmt.Errorf("the stream broke with %s, and has the mark of a whole one", code)
	case (last.event == "error") == (q.face == faceOpenAI):
		return outcome{}, fmt.Errorf("the error came as the event %q", last.event)
	}
	return outcome{code: code, begun: len(frames) > 1}, nil
}

// frame is an event of a stream.
type frame struct{ event, data string }

func framesOf(body []byte) (frames []frame) {
	for block := range strings.SplitSeq(string(body), "\n\n") {
		var f frame
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if event, ok := strings.CutPrefix(line, "event: "); ok {
				f.event = event
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				f.data = data
			}
		}
		if f != (frame{}) {
			frames = append(frames, f)
		}
	}
	return frames
}

// codeOf reads an error in the shape of the face, strictly.
func codeOf(face string, body []byte) (string, error) {
	type inner struct{ Message, Type, Code string }
	var code, message, kind string
	var err error
	switch face {
	case faceNative:
		var e struct {
			Success         *bool
			Error, Code, ID string
			RequestID       string `json:"request_id"`
		}
		err = json.Unmarshal(body, &e)
		if e.Success == nil || *e.Success || e.RequestID == "" {
			err = errors.Join(err, errors.New("not the native error"))
		}
		code, message, kind = e.Code, e.Error, "native"
	case faceOpenAI:
		var e struct{ Error inner }
		err = json.Unmarshal(body, &e)
		code, message, kind = e.Error.Code, e.Error.Message, e.Error.Type
	default:
		var e struct {
			Type      string
			Error     inner
			RequestID string `json:"request_id"`
		}
		err = json.Unmarshal(body, &e)
		if e.Type != "error" || e.RequestID == "" {
			err = errors.Join(err, errors.New("not Anthropic's error"))
		}
		code, message, kind = e.Error.Code, e.Error.Message, e.Error.Type
	}
	if err == nil && (code == "" || message == "" || kind == "") {
		err = errors.New("an error without code, message or type")
	}
	return code, err
}
