package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// The ways of calling over a WebSocket: a chat on the service's own path, and a
// response on OpenAI's. Their answers are streams always.
const (
	faceSocket     = "socket"
	faceSocketResp = "socket-response"
)

// mostOnOwnPath is the longest prompt for which a message on the service's own path has
// room.
const mostOnOwnPath = 1 << 19

func (q question) isSocket() bool { return q.face == faceSocket || q.face == faceSocketResp }

// socketFaces are the ways in which the call can be made over a WebSocket.
func (q question) socketFaces() []string {
	switch {
	case !q.stream:
		return nil
	case len(q.prompt) > mostOnOwnPath:
		return []string{faceSocketResp}
	}
	return []string{faceSocket, faceSocketResp}
}

// socketFrame is what is read of a frame.
type socketFrame struct {
	Type       string
	Stream     string `json:"stream_id"`
	Status     int
	RetryAfter int `json:"retry_after"`
	Error      struct{ Message, Type, Code string }
}

// askSocket makes the call on a lane of a socket of its own and reads to the end of its
// answer. Its time begins with the turn.
func (s *service) askSocket(ctx context.Context, q question) (a answer) {
	path, ask := "/ws", `{"type":"chat.completion.create","stream_id":"lane","model":"%s/%s","max_tokens":64,"messages":[{"role":"user","content":"hello%s"}]}`
	if q.face == faceSocketResp {
		path, ask = "/v1/responses", `{"type":"response.create","stream_id":"lane","model":"%s/%s","max_output_tokens":64,"store":false,"input":"hello%s"}`
	}
	header := http.Header{"X-Api-Key": {s.keys[q.app]}}
	if q.timeout != "" {
		header.Set("X-Request-Timeout", q.timeout)
	}
	conn, resp, err := websocket.Dial(ctx, s.root+path, &websocket.DialOptions{HTTPClient: s.client, HTTPHeader: header})
	if resp != nil {
		a.status, a.header = resp.StatusCode, resp.Header
	}
	a.began = time.Now()
	if a.err = err; err != nil {
		return a
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(-1)
	if a.err = conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, ask, q.app, q.model, q.prompt)); a.err != nil {
		return a
	}
	for over := false; !over; {
		_, text, err := conn.Read(ctx)
		if a.err = err; err != nil {
			return a
		}
		var f socketFrame
		_ = json.Unmarshal(text, &f) // judgeSocket tells
		if f.Type == "session.created" || f.Type == "response.queued" {
			continue
		}
		if a.frames = append(a.frames, string(text)); len(a.frames) == 1 && f.Type != "error" && q.begun != nil {
			q.begun()
		}
		over = q.isEnd(f, len(a.frames))
	}
	return a
}

// isEnd says whether the frame of that number, from 1, is the last of an answer. An
// error ends a response that had begun only together with response.failed.
func (q question) isEnd(f socketFrame, number int) bool {
	switch f.Type {
	case "error":
		return q.face == faceSocket || number == 1
	case "chat.completion.done", "response.completed", "response.incomplete", "response.failed":
		return true
	}
	return false
}

// judgeSocket reads what came over a socket: all of it on the turn's lane, and at its
// end the mark of a whole answer or a typed error.
func (q question) judgeSocket(a answer) (outcome, error) {
	if a.err != nil {
		return outcome{}, fmt.Errorf("status %d, %d frames, then the socket broke: %w", a.status, len(a.frames), a.err)
	}
	var last, failure socketFrame
	for _, text := range a.frames {
		last = socketFrame{}
		if err := json.Unmarshal([]byte(text), &last); err != nil || last.Stream != "lane" {
			return outcome{}, errors.Join(fmt.Errorf("not a frame of the lane: %.300q", text), err)
		}
		if last.Type == "error" {
			failure = last
		}
	}
	begun := len(a.frames) > 1
	switch {
	case failure.Type == "" && (last.Type == "chat.completion.done" || last.Type == "response.completed"):
		if !strings.Contains(strings.Join(a.frames, ""), "good provider.") {
			return outcome{}, fmt.Errorf("ended as whole with %.300q", a.frames)
		}
		return outcome{begun: begun}, nil
	case failure.Type == "":
		return outcome{}, fmt.Errorf("ended with %.300q and no error", a.frames[len(a.frames)-1])
	case last.Type != "error" && last.Type != "response.failed":
		return outcome{}, fmt.Errorf("%s came after the error %s", last.Type, failure.Error.Code)
	}
	return outcome{code: failure.Error.Code, begun: begun}, failure.check()
}

// check holds an error to what callers are promised of it.
func (f socketFrame) check() error {
	e := f.Error
	switch {
	case e.Code == "" || e.Message == "" || e.Type == "":
		return fmt.Errorf("an error without code, message or type: %+v", f)
	case f.Status != statusOf(e.Code):
		return fmt.Errorf("%s with the status %d, want %d", e.Code, f.Status, statusOf(e.Code))
	case f.Status == http.StatusServiceUnavailable && (f.RetryAfter < 1 || f.RetryAfter > 3600):
		return fmt.Errorf("%s with retry_after %d", e.Code, f.RetryAfter)
	}
	return nil
}
