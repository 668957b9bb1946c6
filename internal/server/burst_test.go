package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/fairleadhq/fairlead/internal/api/ws"
)

// socketPlaces has that many places for WebSockets, and that long a line before them.
func socketPlaces(open, waiting int) string {
	return fmt.Sprintf("chat: {websocket: {concurrency: {max_connections: %d, connection_queue_size: %d}}}\n", open, waiting)
}

// openSocket opens a WebSocket on /ws and reads its first frame. Without an error it
// has its place.
func (s *service) openSocket(ctx context.Context) (*websocket.Conn, *http.Response, error) {
	conn, resp, err := websocket.Dial(ctx, s.url+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {slowKey}}})
	if err != nil {
		return nil, resp, err
	}
	conn.SetReadLimit(-1)
	_, text, err := conn.Read(ctx)
	if err == nil && !strings.Contains(string(text), `"type":"session.created"`) {
		err = fmt.Errorf("the first frame is %s", text)
	}
	if err != nil {
		_ = conn.CloseNow()
		return nil, resp, err
	}
	return conn, resp, nil
}

// burst is clients that come to open a WebSocket, one after the other.
type burst struct {
	service *service
	clients sync.WaitGroup

	mu      sync.Mutex
	conns   map[int]*websocket.Conn
	entered []int // who got in, in this order
	told    []time.Duration
	by      map[string]int // how they were told that there is no place
	errs    []error
}

// come is the client of that number.
func (b *burst) come(ctx context.Context, number int) {
	began := time.Now()
	conn, resp, err := b.service.openSocket(ctx)
	took := time.Since(began)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.conns[number] = conn
		b.entered = append(b.entered, number)
		return
	}
	if ctx.Err() != nil {
		return
	}
	how, err := refused(resp, err)
	if err != nil {
		b.errs = append(b.errs, fmt.Errorf("client %d: %w", number, err))
		return
	}
	b.by[how]++
	b.told = append(b.told, took)
}

// refused names the way in which a client was told to come back, which must say when.
func refused(resp *http.Response, err error) (how string, _ error) {
	wait := ""
	if closed, ok := errors.AsType[websocket.CloseError](err); ok && closed.Code == websocket.StatusTryAgainLater {
		how, wait = "1013", strings.TrimPrefix(closed.Reason, "retry_after=")
	} else if resp != nil && resp.StatusCode == http.StatusServiceUnavailable {
		how, wait = "503", resp.Header.Get("Retry-After")
	}
	if seconds, wrong := strconv.Atoi(wait); wrong != nil || seconds < 1 {
		return how, fmt.Errorf("not told to come back: %w", err)
	}
	return how, nil
}

// offer has so many clients come at that rate, each when the one before has arrived,
// so that it is known in which order they stand. It returns how long that took.
func (b *burst) offer(ctx context.Context, t *testing.T, count int, rate time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	for n := range count {
		<-time.After(time.Until(began.Add(time.Duration(n) * time.Second / rate)))
		b.clients.Go(func() { b.come(ctx, n) })
		for end := time.Now().Add(10 * time.Second); arrived(b.service.sockets.Stats()) <= n; <-time.After(50 * time.Microsecond) {
			if time.Now().After(end) {
				t.Fatalf("client %d has not arrived: %+v", n, b.service.sockets.Stats())
			}
		}
	}
	return time.Since(began)
}

// arrived is how many clients have come to the places while nobody has left.
func arrived(s ws.Stats) int { return s.Open + s.Waiting + int(s.Refused) }

// inside is who has got in, in the order in which they were told so.
func (b *burst) inside() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.entered)
}

func (b *burst) conn(number int) *websocket.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conns[number]
}

// TestProofTimedBurst: more clients come at once than there are places, and than may
// wait for one. So many are in and so many wait, to the last one; all others are told
// at once to come back. Who waits gets in, in order, as places come free.
func TestProofTimedBurst(t *testing.T) {
	const perSecond = 500
	places, line, clients := 10, 50, 150
	if proof() {
		places, line, clients = 100, 500, 1000
	}
	s := start(t, socketPlaces(places, line)+siegeConfig)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	b := &burst{service: s, conns: make(map[int]*websocket.Conn), by: make(map[string]int)}
	took := b.offer(ctx, t, clients, perSecond)
	eventually(t, "who is in was told so, and all others too", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.entered) == places && len(b.told)+len(b.errs) == clients-places-line
	})
	b.check(t, places, line, clients)
	slices.Sort(b.told)
	t.Logf("%d clients, %.0f a second: %d in, %d wait, %v were told to come back, p50 %v, p99 %v, at most %v", clients, float64(clients)/took.Seconds(),
		places, line, b.by, quantile(b.told, 0.5), quantile(b.told, 0.99), quantile(b.told, 1))
	if got := quantile(b.told, 0.99); proof() && got > 50*time.Millisecond {
		t.Errorf("p99 of being told %v, want 50ms at most", got)
	}
	b.pass(t, places)
	leave()
	b.clients.Wait()
	b.mu.Lock()
	for _, conn := range b.conns {
		_ = conn.CloseNow()
	}
	b.mu.Unlock()
	s.wantPlacesFree(t, places)
}

// check holds what the service counts against what the clients were told.
func (b *burst) check(t *testing.T, places, line, clients int) {
	t.Helper()
	if errs := errors.Join(b.errs...); errs != nil {
		t.Error(errs)
	}
	stats := b.service.sockets.Stats()
	if stats.Open != places || stats.MostOpen != places || stats.Waiting != line || int(stats.Refused) != clients-places-line {
		t.Errorf("got %+v, want %d open, %d waiting, %d refused", stats, places, line, clients-places-line)
	}
	for _, number := range b.inside() {
		if number >= places {
			t.Errorf("client %d is in, want the first %d", number, places)
		}
	}
}

// pass has those who are in leave, each of them when the one before has been followed
// by the first of the line.
func (b *burst) pass(t *testing.T, places int) {
	t.Helper()
	began := time.Now()
	for n := range places {
		if err := b.conn(n).Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Errorf("client %d leaves: %v", n, err)
		}
		eventually(t, "one more is in", func() bool { return len(b.inside()) > places+n })
		if got := b.inside()[places+n]; got != places+n {
			t.Fatalf("client %d got the place that came free, want %d", got, places+n)
		}
	}
	t.Logf("%d left, and the first %d of the line got in, in order, within %v", places, places, time.Since(began).Round(time.Millisecond))
}

// wantPlacesFree waits until no socket is left, and sees that each place can be taken.
func (s *service) wantPlacesFree(t *testing.T, places int) {
	t.Helper()
	eventually(t, "no socket is left, and nobody waits", func() bool {
		stats := s.sockets.Stats()
		return stats.Open == 0 && stats.Waiting == 0 && stats.Lanes == 0 && s.clients.Stats().Taken == 0
	})
	before := s.sockets.Stats()
	for range places {
		conn, _, err := s.openSocket(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
	}
	if after := s.sockets.Stats(); after.Open != places || after.Refused != before.Refused || after.MostOpen != places {
		t.Errorf("got %+v, want %d open of %d", after, places, places)
	}
}
