package api

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// drain is a route that takes a body piece by piece.
func drain(limit int64, had *int64, failed *error) Route {
	return Route{http.MethodPost, "/drain", AppKey, func(x *Exchange) error {
		err := x.Receive(x.Context(), limit, func(body io.Reader) error {
			var err error
			*had, err = io.Copy(io.Discard, body)
			return err
		})
		*failed = err
		if err != nil {
			return err
		}
		return x.Write("text/plain", []byte("ok"))
	}}
}

func TestReceiveIsBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		limit  int64
		body   io.Reader
		header []string
		status int
		had    int64
	}{
		{"longer than other bodies may be", 0, strings.NewReader(strings.Repeat("x", 200_000)), nil, 200, 200_000},
		{"as long as it may be", 10, strings.NewReader("0123456789"), nil, 200, 10},
		{"said to be too long", 10, strings.NewReader("0123456789a"), nil, 413, 0},
		{"too long, and not said to be", 10, io.MultiReader(strings.NewReader("0123456789a")), nil, 413, 11},
		{"compressed", 0, strings.NewReader("x"), []string{"Content-Encoding", "gzip"}, 415, 0},
	} {
		var had int64
		var failed error
		s := newSetting(t, drain(c.limit, &had, &failed))
		w := s.do(http.MethodPost, "/drain", c.body, append(c.header, "X-API-Key", goodKey)...)
		if w.Code != c.status || had != c.had {
			t.Errorf("%s: %d %s after %d bytes, want %d after %d", c.name, w.Code, w.Body, had, c.status, c.had)
		}
	}
}

// A client that sends too slowly is cut; one that is slow and steady is not, and what is
// done when all has come has all the time that it needs.
func TestReceiveFromSlowClients(t *testing.T) {
	for name, c := range map[string]struct {
		every, after time.Duration // between pieces, and of work when all has come
		piece        int
		status       int
	}{
		"steady":          {5 * time.Second, 0, 8 << 10, http.StatusOK},
		"a trickle":       {5 * time.Second, 0, 10, http.StatusRequestTimeout},
		"silence":         {25 * time.Second, 0, 64 << 10, http.StatusRequestTimeout},
		"work afterwards": {time.Second, time.Hour, 8 << 10, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSetting(t, Route{http.MethodPost, "/drain", AppKey, func(x *Exchange) error {
					err := x.Receive(x.Context(), 0, func(body io.Reader) error {
						_, err := io.Copy(io.Discard, body)
						<-time.After(c.after)
						return errors.Join(err, x.Context().Err())
					})
					if err != nil {
						return err
					}
					return x.Write("text/plain", []byte("ok"))
				}})
				connection, served := net.Pipe()
				listener := &oneConnection{connections: make(chan net.Conn, 1), closed: make(chan struct{})}
				listener.connections <- served
				server := &http.Server{Handler: s.Router, ReadHeaderTimeout: time.Minute}
				go func() { _ = server.Serve(listener) }()
				var sending sync.WaitGroup
				defer sending.Wait()
				defer server.Close()
				defer connection.Close()
				sending.Go(func() { trickle(connection, 10, c.piece, c.every) })
				answer, err := io.ReadAll(connection)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+strconv.Itoa(c.status)) {
					t.Errorf("%v %q, want %d", err, answer, c.status)
				}
			})
		})
	}
}

// trickle sends a request whose body comes in pieces, as long as somebody takes them.
func trickle(to io.Writer, pieces, size int, every time.Duration) {
	_, _ = io.WriteString(to, "POST /drain HTTP/1.1\r\nHost: x\r\nX-API-Key: "+goodKey+"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
	for range pieces {
		<-time.After(every)
		if _, err := io.WriteString(to, strconv.FormatInt(int64(size), 16)+"\r\n"+strings.Repeat("x", size)+"\r\n"); err != nil {
			return
		}
	}
	_, _ = io.WriteString(to, "0\r\n\r\n")
}

// oneConnection is a listener that has one connection.
type oneConnection struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (l *oneConnection) Accept() (net.Conn, error) {
	select {
	case connection := <-l.connections:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConnection) Close() error {
	close(l.closed)
	return nil
}

func (l *oneConnection) Addr() net.Addr { return &net.TCPAddr{} }
