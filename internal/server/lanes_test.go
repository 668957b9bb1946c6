package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// laneFrame is what a frame tells of its lane.
type laneFrame struct {
	Type   string
	Stream string `json:"stream_id"`
	Delta  string
	Status int
	Error  struct{ Code, Message string }
	// RetryAfter is in seconds.
	RetryAfter int `json:"retry_after"`
	Response   struct{ Status string }
}

// lanesHeard is what came over one socket until its end.
type lanesHeard struct {
	deltas map[string]int    // by lane
	ends   map[string]string // the status of the answer that ended each lane
	errs   map[string]string // the code of its error, with its status
	closed error
	after  time.Duration // from the signal to the end of the socket
	begun  chan struct{} // closed when each lane has an event of its answer's text
}

// openLanes opens a socket and begins an answer on that many lanes of it.
func (s *service) openLanes(t *testing.T, lanes int, model string) *websocket.Conn {
	t.Helper()
	conn := s.dialSocket(t, "/ws", slowKey)
	hear(t, conn, "session.created")
	for n := range lanes {
		say(t, conn, fmt.Sprintf(`{"type":"response.create","stream_id":"lane-%d","model":%q,"input":"hi","store":false}`, n, model))
	}
	return conn
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// listen reads to the end of the socket.
func (h *lanesHeard) listen(ctx context.Context, conn *websocket.Conn, lanes int, signalled func() time.Time) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			h.closed, h.after = err, time.Since(signalled())
			return
		}
		var f laneFrame
		if err := json.Unmarshal(text, &f); err != nil {
			h.closed = err
			return
		}
		switch f.Type {
		case "response.output_text.delta":
			if h.deltas[f.Stream]++; h.deltas[f.Stream] == 1 && len(h.deltas) == lanes {
				close(h.begun)
			}
		case "error":
			h.errs[f.Stream] = fmt.Sprintf("%s %d", f.Error.Code, f.Status)
		case "response.completed", "response.failed":
			h.ends[f.Stream] = f.Response.Status
		}
	}
}

// drainCase is lanes that are at work when the service is told to stop.
type drainCase struct {
	sockets, lanes int
	model          string
	deltas         int // of each whole answer; 0 = none is whole
	timeout        time.Duration
	status, err    string // how each answer ends, and what error it is told
}

// TestProofDrainLanes: SIGTERM while a hundred lanes are at work. Each answer comes
// whole, or is told its end as an error when the time is over; new turns are refused;
// every socket is closed with 1012, in time.
func TestProofDrainLanes(t *testing.T) {
	sockets := 2
	if proof() {
		sockets = 10
	}
	for name, c := range map[string]drainCase{
		"answers that end": {
			sockets: sockets, lanes: 10, model: "up/mock+tokens=100+pace=20ms", deltas: 100, timeout: 15 * time.Second, status: "completed",
		},
		"answers that do not": {
			sockets: sockets, lanes: 10, model: "up/mock+tokens=1000+pace=20ms", timeout: time.Second, status: "failed", err: "draining 503",
		},
	} {
		t.Run(name, c.run)
	}
}

func (c drainCase) run(t *testing.T) {
	const jitter, slack = 3 * time.Second, time.Second
	s := build(t, fmt.Sprintf("server: {drain_timeout: %v}\n", c.timeout)+siegeConfig)
	ctx, stop := signal.NotifyContext(context.WithoutCancel(t.Context()), syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var signalledAt time.Time
	sent := make(chan struct{})
	signalled := func() time.Time { <-sent; return signalledAt }
	var group sync.WaitGroup
	all, conns := make([]*lanesHeard, c.sockets+1), make([]*websocket.Conn, c.sockets+1)
	for n := range all {
		lanes := c.lanes
		if n == c.sockets { // one that waits
			lanes = 0
		}
		conns[n] = s.openLanes(t, lanes, c.model)
		all[n] = &lanesHeard{deltas: make(map[string]int), ends: make(map[string]string), errs: make(map[string]string), begun: make(chan struct{})}
		group.Go(func() { all[n].listen(t.Context(), conns[n], lanes, signalled) })
	}
	for _, h := range all[:c.sockets] {
		<-h.begun
	}
	if lanes := s.sockets.Stats().Lanes; lanes != c.sockets*c.lanes {
		t.Fatalf("%d lanes are at work, want %d", lanes, c.sockets*c.lanes)
	}
	signalledAt = time.Now()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(sent)
	eventually(t, "the service drains", func() bool { return s.gateway.Ready() != nil })
	for _, conn := range conns[:c.sockets] {
		say(t, conn, `{"type":"response.create","stream_id":"late","model":"up/mock","input":"hi","store":false}`)
	}
	group.Wait()
	took := time.Since(signalledAt)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for n, h := range all {
		c.check(t, n, h)
	}
	if most := c.timeout + jitter + slack; took > most {
		t.Errorf("the last socket ended %v after the signal, want %v at most", took, most)
	}
	t.Logf("%d lanes on %d sockets: all %s; every socket was closed with 1012, the idle one %v after the signal, the last after %v",
		c.sockets*c.lanes, c.sockets, c.status, all[c.sockets].after.Round(time.Millisecond), took.Round(time.Millisecond))
}

// check judges what came over one socket.
func (c drainCase) check(t *testing.T, number int, h *lanesHeard) {
	t.Helper()
	closed, ok := errors.AsType[websocket.CloseError](h.closed)
	if !ok || closed.Code != websocket.StatusServiceRestart || closed.Reason != "draining" {
		t.Errorf("socket %d ended with %v, want 1012 draining", number, h.closed)
	}
	if number == c.sockets {
		return
	}
	if got := h.errs["late"]; got != "draining 503" {
		t.Errorf("socket %d: a new turn is told %q", number, got)
	}
	if len(h.ends) != c.lanes {
		t.Errorf("socket %d: %d answers have an end, want %d", number, len(h.ends), c.lanes)
	}
	for lane, status := range h.ends {
		if status != c.status || h.errs[lane] != c.err {
			t.Errorf("socket %d, %s: %s with %q, want %s with %q", number, lane, status, h.errs[lane], c.status, c.err)
		}
		if c.deltas > 0 && h.deltas[lane] != c.deltas {
			t.Errorf("socket %d, %s: %d pieces of text, want %d", number, lane, h.deltas[lane], c.deltas)
		}
	}
	if strings.Contains(fmt.Sprint(h.ends), "late") {
		t.Errorf("socket %d: a turn began in the drain", number)
	}
}
