package http2

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/fairleadhq/fairlead/internal/http1"
)

// Types of frames, by RFC 9113, section 6.
const (
	frameHeaders = 1
	frameReset   = 3
	frameSetting = 4
	frameGoAway  = 7
)

// frame is a frame as it is sent.
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	head := binary.BigEndian.AppendUint32([]byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}, stream)
	return append(head, payload...)
}

// code is a frame's payload that is a number.
func code(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// ok is the answer 200 without a body.
func ok(stream uint32) []byte { return frame(frameHeaders, 4|1, stream, 0x88) }

// firstKey is where a context says who wants to know a connection's server side.
type firstKey struct{}

// byHand serves each connection, numbered from 1, with frames of the test's own:
// answer is called for each request with its stream, and says what to send.
func byHand(t *testing.T, answer func(conn int, stream uint32) []byte) http1.Settings {
	t.Helper()
	ours, theirs := keys(t)
	theirs.NextProtos = []string{"h2"}
	n := 0
	return http1.Settings{TLS: ours, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		n++
		number := n
		conn := tls.Server(far, theirs)
		if tell, ok := ctx.Value(firstKey{}).(func(io.Writer)); ok {
			tell(conn)
		}
		go func() {
			defer far.Close()
			_ = speak(conn, func(stream uint32) []byte { return answer(number, stream) })
		}()
		return near, nil
	}}
}

// speak serves one connection until it ends.
func speak(conn net.Conn, answer func(stream uint32) []byte) error {
	if _, err := io.ReadFull(conn, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return err
	}
	_, err := conn.Write(frame(frameSetting, 0, 0))
	head := make([]byte, 9)
	for err == nil {
		if _, err := io.ReadFull(conn, head); err != nil {
			return err
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return err
		}
		if head[3] == frameHeaders {
			_, err = conn.Write(answer(binary.BigEndian.Uint32(head[5:])))
		}
	}
	return err
}

// once answers the second request on a connection with what, others with 200.
func once(stream uint32, what []byte) []byte {
	if stream == 3 {
		return what
	}
	return ok(stream)
}

func TestFramesOfAServer(t *testing.T) {
	refuse := func(stream uint32) []byte { return frame(frameReset, 0, stream, code(codeRefused)...) }
	for _, c := range []struct {
		name   string
		answer func(conn int, stream uint32) []byte
		// wanted is whether the second of two requests is answered, asked is how often
		// it was sent.
		wanted bool
		asked  int
	}{
		{"an answer", func(_ int, stream uint32) []byte { return ok(stream) }, true, 1},
		{"refused once", func(_ int, stream uint32) []byte { return once(stream, refuse(stream)) }, true, 2},
		{"refused for ever", func(_ int, stream uint32) []byte {
			if stream >= 3 {
				return refuse(stream)
			}
			return ok(stream)
		}, false, most},
		{"reset", func(_ int, stream uint32) []byte {
			return once(stream, frame(frameReset, 0, stream, code(2)...))
		}, false, 1},
		{"going away, unseen", func(_ int, stream uint32) []byte {
			return once(stream, frame(frameGoAway, 0, 0, append(code(1), code(0)...)...))
		}, true, 2},
		{"a frame that is none", func(_ int, stream uint32) []byte {
			return once(stream, frame(frameHeaders, 4|1, stream, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
		}, true, 2},
		{"a status that is none", func(_ int, stream uint32) []byte { // :status abc, literal
			return once(stream, frame(frameHeaders, 4|1, stream, 0x08, 3, 'a', 'b', 'c'))
		}, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				w := &world{Client: newByHand(t, func(conn int, stream uint32) []byte {
					asked++
					return c.answer(conn, stream)
				})}
				defer w.Close()
				w.ask(t.Context(), post("x")).want(t, "")
				synctest.Wait()
				asked = 0
				g := w.ask(t.Context(), post("x"))
				if c.wanted {
					g.want(t, "")
				} else if failed, ok := errors.AsType[*http1.Error](g.err); !ok || failed.Sent == (c.name == "refused for ever") {
					t.Errorf("got the error %#v, want an *http1.Error that tells whether the server may have looked at it", g.err)
				}
				if asked != c.asked {
					t.Errorf("the server was asked %d times, want %d", asked, c.asked)
				}
				_, malformed := errors.AsType[*http1.MalformedError](g.err)
				if want := c.name == "a status that is none"; malformed != want {
					t.Errorf("got the error %v, malformed: %t", g.err, want)
				}
			})
		})
	}
}

func newByHand(t *testing.T, answer func(conn int, stream uint32) []byte) *Client {
	t.Helper()
	client, err := New("https://upstream", byHand(t, answer))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// A connection whose server wants no more requests makes place for another.
func TestGoingAwayWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first io.Writer
		s := byHand(t, func(_ int, stream uint32) []byte { return ok(stream) })
		s.MaxConnections, s.PoolTimeout = 1, 1e9
		dial := s.Dial
		s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return dial(context.WithValue(ctx, firstKey{}, func(w io.Writer) {
				if first == nil {
					first = w
				}
			}), network, address)
		}
		client, err := New("https://upstream", s)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{Client: client}
		defer w.Close()
		w.ask(t.Context(), post("x")).want(t, "")
		synctest.Wait()
		if _, err := first.Write(frame(frameGoAway, 0, 0, append(code(1), code(0)...)...)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.ask(t.Context(), post("x")).want(t, "")
		if got := w.Stats(); got.Dialled != 2 || got.Open != 1 {
			t.Errorf("got the figures %+v, want a second connection in the place of the first", got)
		}
	})
}

// A server that says nothing after TLS has no connection open yet.
func TestConnectTimeoutIncludesTheGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := keys(t)
		theirs.NextProtos = []string{"h2"}
		s := http1.Settings{TLS: ours, ConnectTimeout: 10e9, Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				_, _ = io.Copy(io.Discard, tls.Server(far, theirs))
				far.Close()
			}()
			return near, nil
		}}
		client, err := New("https://upstream", s)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		(&world{Client: client}).ask(t.Context(), post("x")).wantErr(t, http1.ErrConnectTimeout, 10e9)
	})
}
