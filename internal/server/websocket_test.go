package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// dialSocket opens a WebSocket to the service.
func (s *service) dialSocket(t *testing.T, path, key string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), s.url+path, &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(-1)
	return conn
}

// hear reads frames as far as one of that type.
func hear(t *testing.T, conn *websocket.Conn, kind string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		if strings.Contains(string(text), `"type":"`+kind+`"`) {
			return string(text)
		}
		if strings.Contains(string(text), `"type":"error"`) {
			t.Fatalf("waiting for %s: %s", kind, text)
		}
	}
}

func TestWebSockets(t *testing.T) {
	key := "a-test-key-of-the-crm-app"
	s := build(t, `apps: [{name: crm, keys: [a-test-key-of-the-crm-app]}]`)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	own, other := s.dialSocket(t, "/ws", key), s.dialSocket(t, "/v1/responses", key)
	hear(t, own, "session.created")
	for _, conn := range []*websocket.Conn{own, other} {
		ask := `{"type":"response.create","model":"up/mock","input":"hi","store":false}`
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(ask)); err != nil {
			t.Fatal(err)
		}
		if got := hear(t, conn, "response.completed"); !strings.Contains(got, `"status":"completed"`) {
			t.Errorf("got %s", got)
		}
	}
	ask := `{"type":"chat.completion.create","model":"up/mock","messages":[{"role":"user","content":"hi"}]}`
	if err := own.Write(t.Context(), websocket.MessageText, []byte(ask)); err != nil {
		t.Fatal(err)
	}
	hear(t, own, "chat.completion.done")

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var metrics struct {
		WebSocket struct{ Open, Limit int }
	}
	if err := json.Unmarshal(body, &metrics); err != nil || metrics.WebSocket.Open != 2 || metrics.WebSocket.Limit != 100 {
		t.Errorf("error %v, metrics %s", err, body)
	}

	stop()
	for _, conn := range []*websocket.Conn{own, other} {
		_, _, err := conn.Read(t.Context())
		if closed, ok := errors.AsType[websocket.CloseError](err); !ok || closed.Code != websocket.StatusServiceRestart {
			t.Errorf("at the end: %v", err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
