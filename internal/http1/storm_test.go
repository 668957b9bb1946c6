package http1

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Many callers, some of whom leave, and a server that breaks its answers
// anywhere: every answer that is taken is the caller's own and whole, and in
// the end nothing is held. newWorld's and goleak's checks look for leaks.
func TestStorm(t *testing.T) {
	server, settings := keys(t)
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			address := listening(t, func(conn net.Conn) {
				echoing := serveBadly
				if scheme == "https" {
					secretly(server, echoing)(1, conn)
					return
				}
				echoing(1, conn)
			})
			c := client(t, scheme+"://"+address, Settings{
				MaxConnections: 5, MaxKeepalive: 3, KeepaliveExpiry: 5 * time.Millisecond, ConnectTimeout: 5 * time.Second,
				ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, PoolTimeout: 5 * time.Second, MaxWaiting: 30, TLS: settings,
			})
			var callers sync.WaitGroup
			for range 16 {
				callers.Go(func() { callOften(t, c) })
			}
			callers.Wait()
			c.Close()
			got := c.Stats()
			if got.Open != 0 || got.InUse != 0 || got.Opening != 0 || got.Idle != 0 || got.Waiting != 0 {
				t.Errorf("in the end the gauges are %+v, want none", got)
			}
			if got.Reused == 0 || got.Waits == 0 {
				t.Errorf("got %+v, want some reused connections and waits", got)
			}
		})
	}
}

func callOften(t *testing.T, c *Client) {
	t.Helper()
	for range 40 {
		callOnce(t, c)
	}
}

// callOnce asks once and judges the answer.
func callOnce(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if rand.IntN(4) == 0 {
		timer := time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, cancel)
		defer timer.Stop()
	}
	mark := strings.Repeat(string(rune('a'+rand.IntN(26))), 1+rand.IntN(30000))
	resp, err := c.Do(ctx, &Request{Method: "POST", Target: "/" + mark[:1], Body: []byte(mark)})
	if err != nil {
		judge(t, err)
		return
	}
	defer resp.Close()
	if rand.IntN(8) == 0 {
		_ = resp.Finish(rand.IntN(8000), time.Duration(rand.IntN(3))*time.Millisecond)
		return
	}
	body, err := io.ReadAll(resp)
	if strings.Trim(string(body), mark[:1]) != "" {
		t.Errorf("got %.20q in the answer to one who sent %q", body, mark[:1])
	}
	if err != nil {
		judge(t, err)
		return
	}
	if resp.Length != -1 && len(body) != len(mark) || len(body) > len(mark) {
		t.Errorf("got %d bytes of %d without an error", len(body), len(mark))
	}
}

// judge fails the test for errors that a storm does not explain.
func judge(t *testing.T, err error) {
	t.Helper()
	_, cut := errors.AsType[*CutError](err)
	_, bad := errors.AsType[*MalformedError](err)
	if !cut && !bad && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// serveBadly answers with what it was sent, and breaks some of its answers.
func serveBadly(n int, conn net.Conn) {
	echo := func(_ int, r *http.Request, conn net.Conn, body string) bool {
		answer := "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
		if rand.IntN(2) == 0 {
			half := len(body) / 2
			answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body[:half]) + chunk(body[half:]) + "0\r\n\r\n"
		}
		switch rand.IntN(12) {
		case 0:
			say(conn, answer[:rand.IntN(len(answer))])
			return false
		case 1:
			return say(conn, strings.Replace(answer, "\r\n\r\n", "\r\nBad header: x\r\n\r\n", 1))
		case 2:
			return say(conn, answer+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n!stray")
		case 3:
			say(conn, answer)
			return false
		}
		return say(conn, answer)
	}
	echoing(n, conn, echo)
}
