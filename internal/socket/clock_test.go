package socket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a ResponseWriter over one end of a pipe, which has no buffer: a write
// blocks until the other end reads.
type pipe struct {
	net.Conn
	header http.Header
}

func (p pipe) Header() http.Header { return p.header }
func (p pipe) WriteHeader(int)     {}

func (p pipe) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.Conn, bufio.NewReadWriter(bufio.NewReader(p.Conn), bufio.NewWriter(p.Conn)), nil
}

// meet returns a socket and the client at its other end.
func meet(t *testing.T, terms Terms) (*Socket, *client) {
	t.Helper()
	here, there := net.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://here/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range [][2]string{
		{"Connection", "Upgrade"},
		{"Upgrade", "websocket"},
		{"Sec-Websocket-Version", "13"},
		{"Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
	} {
		r.Header.Set(line[0], line[1])
	}
	s, err := New(testConfig()).Accept(pipe{here, make(http.Header)}, r, terms)
	if err != nil {
		t.Fatal(err)
	}
	return s, &client{t: t, conn: there, in: bufio.NewReader(there)}
}

// reading reads until the end, which it tells with the time that it took.
func reading(t *testing.T, s *Socket) <-chan end {
	t.Helper()
	ended, begun := make(chan end, 1), time.Now()
	ctx := context.WithoutCancel(t.Context())
	go func() {
		defer s.End()
		for {
			body, err := s.Read(ctx, &memory{})
			if err != nil {
				ended <- end{err, time.Since(begun)}
				return
			}
			if string(body) != "hello" {
				t.Errorf("read %q", body)
			}
		}
	}()
	return ended
}

type end struct {
	err   error
	after time.Duration
}

func TestReaderThatStallsIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 1 << 20})
		ended := reading(t, s)
		text := []byte(strings.Repeat("x", 10<<10))
		sent := 0
		var err error
		for err == nil {
			if err = s.Send(t.Context(), text); err == nil {
				sent++
			}
		}
		got := <-ended
		if !errors.Is(err, ErrStalled) || !errors.Is(got.err, ErrStalled) {
			t.Errorf("sending ended with %v, reading with %v", err, got.err)
		}
		if got.after > 15*time.Second {
			t.Errorf("cut after %v", got.after)
		}
		// The first batch is on its way, and the outbox is full behind it.
		if most := 256<<10/len(text) + 1; sent > most || sent < most-2 {
			t.Errorf("%d frames were taken, want about %d", sent, most)
		}
		c.conn.Close()
	})
}

func TestSenderThatGivesUpWaitingForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 1 << 20})
		ended := reading(t, s)
		large := make([]byte, 300<<10) // larger than the outbox, which is empty
		if err := s.Send(t.Context(), large); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errNoRoom)
		defer cancel()
		if err := s.Send(ctx, []byte("x")); !errors.Is(err, errNoRoom) {
			t.Errorf("got %v", err)
		}
		c.expect(0x81, string(large))
		if err := s.Send(t.Context(), []byte("y")); err != nil {
			t.Error(err)
		}
		c.expect(0x81, "y")
		c.conn.Close()
		<-ended
	})
}

func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 100})
		ended := reading(t, s)
		begun := time.Now()
		for n := range 5 {
			c.expect(0x89, "")
			if got, want := time.Since(begun), time.Duration(n+1)*20*time.Second; got != want {
				t.Errorf("ping %d came after %v, want %v", n, got, want)
			}
			c.write(frame(0x8a, ""))
		}
		c.expect(0x89, "") // after 120 s, and nobody answers
		got := <-ended
		if !errors.Is(got.err, ErrSilent) || got.after != 140*time.Second {
			t.Errorf("ended with %v after %v", got.err, got.after)
		}
		c.conn.Close()
	})
}

func TestWhoSpeaksNeedNotAnswerPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 100})
		ended := reading(t, s)
		go func() { _, _ = io.Copy(io.Discard, c.conn) }()
		for range 10 {
			<-time.After(15 * time.Second)
			c.write(frame(0x81, "hello"))
		}
		c.conn.Close()
		if got := <-ended; errors.Is(got.err, ErrSilent) || got.after != 150*time.Second {
			t.Errorf("ended with %v after %v", got.err, got.after)
		}
	})
}

func TestMessageThatDoesNotComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 100})
		ended := reading(t, s)
		go func() { _, _ = io.Copy(io.Discard, c.conn) }()
		c.write(frame(0x81, "hello"))
		<-time.After(15 * time.Second)
		c.write(frame(0x01, "h"))
		var err error
		for err == nil {
			<-time.After(time.Second)
			_, err = c.conn.Write(frame(0x00, ""))
		}
		if got := <-ended; got.after != 45*time.Second {
			t.Errorf("ended with %v after %v", got.err, got.after)
		}
		c.conn.Close()
	})
}

func TestCloseThatIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 100})
		ended := reading(t, s)
		s.Close(Restart, "")
		c.expect(0x88, "\x03\xf4")
		if got := <-ended; !errors.Is(got.err, ErrClosed) || got.after != 2*time.Second {
			t.Errorf("ended with %v after %v", got.err, got.after)
		}
		c.conn.Close()
	})
}

func TestCloseThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 100})
		ended := reading(t, s)
		s.Close(Restart, "")
		if got := <-ended; !errors.Is(got.err, ErrStalled) || got.after > 15*time.Second {
			t.Errorf("ended with %v after %v", got.err, got.after)
		}
		c.conn.Close()
	})
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aged := make(chan time.Time, 2)
		s, c := meet(t, Terms{Largest: 100, Age: 61 * time.Minute, Aged: func(*Socket) { aged <- time.Now() }})
		begun, ended := time.Now(), reading(t, s)
		go func() {
			for {
				_, _, err := c.read()
				if err == nil {
					_, err = c.conn.Write(frame(0x8a, ""))
				}
				if err != nil {
					return
				}
			}
		}()
		if got := (<-aged).Sub(begun); got != 61*time.Minute {
			t.Errorf("aged after %v", got)
		}
		<-time.After(2 * time.Hour)
		if len(aged) > 0 {
			t.Error("aged twice")
		}
		c.conn.Close()
		<-ended
	})
}

func TestPongsAreNotHoarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := meet(t, Terms{Largest: 100})
		ended := reading(t, s)
		if err := s.Send(t.Context(), make([]byte, 256<<10)); err != nil {
			t.Fatal(err)
		}
		for range 5_000 { // and reads no answer
			c.write(frame(0x89, strings.Repeat("p", 125)))
		}
		s.wire.mu.Lock()
		if got := s.wire.pending(); got > 256<<10+controlRoom+300 {
			t.Errorf("%d bytes wait", got)
		}
		s.wire.mu.Unlock()
		c.conn.Close()
		<-ended
	})
}

// TestManyLanes has frames of many senders arrive whole, each sender's in order.
func TestManyLanes(t *testing.T) {
	const lanes, each = 16, 500
	opened := make(chan *Socket, 1)
	h := open(t, testConfig(), Terms{Age: time.Millisecond, Aged: func(s *Socket) { opened <- s }})
	c := h.dial(t)
	s := <-opened
	var group sync.WaitGroup
	for lane := range lanes {
		group.Go(func() {
			name := string(rune('a' + lane))
			for n := range each {
				if err := s.Send(t.Context(), []byte(name), []byte(strings.Repeat("+", n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := map[byte]int{}
	for range lanes * each {
		first, text, err := c.read()
		if err != nil || first != 0x81 || text == "" {
			t.Fatalf("got %#x %.20q, error %v", first, text, err)
		}
		if got, want := strings.Count(text, "+"), next[text[0]]; got != want || len(text) != want+1 {
			t.Fatalf("lane %c: got frame %d of %d bytes, want %d", text[0], got, len(text), want)
		}
		next[text[0]]++
	}
	group.Wait()
	c.write(closing(1000, ""))
	c.closed = true
	c.expectClose(1000)
}

// FuzzFrames: whatever a client sends, the socket comes to its end.
func FuzzFrames(f *testing.F) {
	for _, c := range frameCases() {
		var all []byte
		for _, b := range c.bytes {
			all = append(all, b...)
		}
		f.Add(all)
	}
	f.Fuzz(func(t *testing.T, words []byte) {
		synctest.Test(t, func(t *testing.T) {
			s, c := meet(t, Terms{Largest: 1000})
			room := &memory{}
			ended := make(chan error, 1)
			go func() { ended <- echo(context.WithoutCancel(t.Context()), s, room) }()
			go func() { _, _ = io.Copy(io.Discard, c.conn) }()
			_, _ = c.conn.Write(words)
			<-time.After(31 * time.Second)
			c.conn.Close()
			if err := <-ended; err == nil {
				t.Error("no error")
			}
			if room.used != 0 {
				t.Errorf("%d bytes are still reserved", room.used)
			}
		})
	})
}
