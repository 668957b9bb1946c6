package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/fairleadhq/fairlead/internal/config"
)

// resident is how much memory of the process is in pages, without garbage.
func resident(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// TestProofTimedIdleSockets: sockets that wait cost little, and many are opened soon.
// The clients are a process of their own, so the memory is the service's alone.
func TestProofTimedIdleSockets(t *testing.T) {
	const most, within, warm = 24 << 10, 5 * time.Second, 200 // bytes a socket with its session
	count := 300
	if proof() {
		count = 10_000
	}
	s := start(t, "server: {max_connections: 12000}\n"+socketPlaces(12_000, 0)+siegeConfig)
	c := newProcess(t, tradeFan)
	o := fanOrder{Addr: s.Addr().String(), Key: slowKey, Open: warm} // what is there once
	c.sockets(t, o)
	before := resident(t)
	o.Open = count
	took := c.sockets(t, o).Took
	each := (resident(t) - before) / int64(count)
	t.Logf("%d handshakes in %v; %d bytes for each idle socket with its session", count, took.Round(time.Millisecond), each)
	if got := s.sockets.Stats().Open; got != warm+count {
		t.Errorf("%d sockets are open, want %d", got, warm+count)
	}
	if proof() && each > most {
		t.Errorf("an idle socket costs %d bytes, want %d at most", each, most)
	}
	if proof() && took > within {
		t.Errorf("the handshakes took %v, want %v at most", took, within)
	}
}

// alone is the service in this process with its upstream in another one.
func alone(t *testing.T) *service {
	t.Helper()
	loaded, err := config.Load(config.Input{
		Path: "test.yaml",
		Data: []byte(socketPlaces(500, 0) + siegeConfig + "\nllm: {default_model: up/mock, providers: {up: {base_url: \"" + upstreamProcess(t) +
			"/v1\", models: [\"*\"], http_client: {max_connections: 0, concurrent_requests: 0}}}}"),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{}
	s.Server, err = New(t.Context(), loaded, Options{Version: "test", Logger: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + s.Addr().String()
	s.run(t)
	return s
}

// processor is the time for which this process has worked.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// effort is what this process has spent: processor time, and calls to write.
type effort struct {
	time   time.Duration
	writes int64
}

func spent(t *testing.T) effort {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("no /proc")
	}
	_, rest, _ := strings.Cut(string(text), "syscw: ")
	number, _, _ := strings.Cut(rest, "\n")
	writes, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return effort{processor(t), writes}
}

func (e effort) since(t *testing.T) effort {
	t.Helper()
	now := spent(t)
	return effort{now.time - e.time, now.writes - e.writes}
}

// more is what each of so many frames cost which e has and less has not. What both have
// in common, such as what the process does by itself, is in neither's account.
func (e effort) more(less effort, frames int64) (each time.Duration, writes float64) {
	return (e.time - less.time) / time.Duration(frames), float64(e.writes-less.writes) / float64(frames)
}

// TestProofTimedFrames tells what one frame to a client costs. The same answer is read
// by one and by many: the difference is the frame's way to a client alone, from the
// answer's log through the socket into the system. Beside it, measured in the same way:
// what a bare write costs here, and the whole way of a frame from the provider on. How
// many calls to write a frame takes is told too: frames that share one are cheaper.
//
// The goal of 5 µs is told and not held: a bare write alone takes longer where it was
// measured. What is held is that it gets no worse: a frame costs less than two writes.
func TestProofTimedFrames(t *testing.T) {
	const goal = 5 * time.Microsecond
	rounds, readers, events := 1, 10, 50
	if proof() {
		rounds, readers, events = 3, 100, 300
	}
	s := alone(t)
	s.readAnswer(t, readers, events) // all is warm then
	var frames, writes []time.Duration
	for range rounds {
		one, first := s.readAnswer(t, 1, events)
		many, all := s.readAnswer(t, readers, events)
		size := all.Bytes / all.Frames
		frame, frameWrites := many.more(one, all.Frames-first.Frames)
		bare, bareWrites := writeBare(t, readers, events, size).more(writeBare(t, 1, events, size), int64((readers-1)*events))
		t.Logf("frames of %d bytes: %v for one reader more, in %.2f writes; a bare write %v, in %.2f; %v for the whole way of a frame from the provider",
			size, frame, frameWrites, bare, bareWrites, s.costOfTurns(t, readers/2, events/2))
		frames, writes = append(frames, frame), append(writes, bare)
	}
	slices.Sort(frames)
	slices.Sort(writes)
	frame, bare := quantile(frames, 0.5), quantile(writes, 0.5)
	t.Logf("medians: a frame %v, a bare write %v; the goal of %v is reached: %t", frame, bare, goal, frame <= goal)
	if proof() && frame > 2*bare {
		t.Errorf("a frame costs %v, want less than two bare writes of %v", frame, bare)
	}
}

// framePace is the time between two events of an answer.
const framePace = 10 * time.Millisecond

// readAnswer has an answer made that so many read, and tells what that took. Nothing
// else is done by this process meanwhile.
func (s *service) readAnswer(t *testing.T, readers, events int) (effort, fanTally) {
	t.Helper()
	c := newProcess(t, tradeFan)
	defer c.end()
	o := fanOrder{Addr: s.Addr().String(), Key: slowKey, Open: readers}
	c.sockets(t, o)
	began := spent(t)
	o.Say = []string{fmt.Sprintf(`{"type":"response.resume","response_id":%q}`, s.beginAnswer(t, events))}
	o.Open, o.Ends = 0, 1
	got := c.sockets(t, o)
	if got.Frames < int64(readers*events) {
		t.Fatalf("%d frames, want %d at least", got.Frames, readers*events)
	}
	return began.since(t), got
}

// beginAnswer begins an answer on /ws, whose socket goes, and returns its id.
func (s *service) beginAnswer(t *testing.T, events int) (id string) {
	t.Helper()
	conn, _, err := s.openSocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	say(t, conn, fmt.Sprintf(`{"type":"response.create","model":"up/mock+tokens=%d+pace=%v","input":"hi","store":false}`, events, framePace))
	var created struct{ Response struct{ ID string } }
	if err := json.Unmarshal([]byte(hear(t, conn, "response.created")), &created); err != nil {
		t.Fatal(err)
	}
	return created.Response.ID
}

// costOfTurns is what a frame costs of answers that are made meanwhile, four at a time
// for each socket.
func (s *service) costOfTurns(t *testing.T, sockets, events int) time.Duration {
	t.Helper()
	const lanes = 4
	c := newProcess(t, tradeFan)
	defer c.end()
	o := fanOrder{Addr: s.Addr().String(), Key: slowKey, Open: sockets}
	c.sockets(t, o)
	for n := range lanes {
		o.Say = append(o.Say, fmt.Sprintf(`{"type":"response.create","stream_id":"%d","model":"up/mock+tokens=%d+pace=%v","input":"hi","store":false}`,
			n, events, 2*framePace))
	}
	o.Open, o.Ends = 0, lanes
	began := processor(t)
	got := c.sockets(t, o)
	return (processor(t) - began) / time.Duration(got.Frames)
}

// writeBare writes so many bytes again and again to bare connections, at the pace of an
// answer: one connection after the other, by one goroutine.
func writeBare(t *testing.T, conns, writes int, size int64) (took effort) {
	t.Helper()
	var l net.ListenConfig
	listener, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := newProcess(t, tradeFan)
	defer c.end()
	if err := c.orders.Encode(fanOrder{Addr: listener.Addr().String(), Open: conns, Bare: true}); err != nil {
		t.Fatal(err)
	}
	open := make([]net.Conn, conns)
	for i := range open {
		if open[i], err = listener.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	frame, began := make([]byte, size), spent(t)
	tick := time.NewTicker(framePace)
	defer tick.Stop()
	for range writes {
		<-tick.C
		for _, conn := range open {
			if _, err := conn.Write(frame); err != nil {
				t.Fatal(err)
			}
		}
	}
	took = began.since(t)
	for _, conn := range open {
		_ = conn.Close()
	}
	var got fanTally
	if err := c.tallies.Decode(&got); err != nil || got.Bytes != int64(conns*writes)*size {
		t.Fatalf("%d bytes were read, %v", got.Bytes, err)
	}
	return took
}

// TestProofTimedStalledSockets: clients that stop reading in the middle of an answer
// cost little, are cut off soon, and nobody else notices them.
func TestProofTimedStalledSockets(t *testing.T) {
	const floor = 5 * time.Millisecond // what a machine does by itself now and then
	rounds, stalled, span := 1, 10, time.Second
	if proof() {
		rounds, stalled, span = 5, 100, 4*time.Second
	}
	s := start(t, socketPlaces(500, 0)+siegeConfig)
	id := s.longAnswer(t)
	s.turns(t, span/2) // all is warm then
	var alone, beside []time.Duration
	for range rounds {
		a, b := s.stall(t, id, stalled, span)
		alone, beside = append(alone, a...), append(beside, b...)
	}
	slices.Sort(alone)
	slices.Sort(beside)
	t.Logf("others' p50 and p99 of all rounds: %v and %v alone (%d turns), %v and %v beside them (%d)", quantile(alone, 0.5), quantile(alone, 0.99),
		len(alone), quantile(beside, 0.5), quantile(beside, 0.99), len(beside))
	if got, want := quantile(beside, 0.99), max(quantile(alone, 0.99)*3/2, floor); proof() && got > want {
		t.Errorf("others' p99 is %v beside them, want %v at most", got, want)
	}
}

// stall has clients stop reading an answer, and waits until they are cut off. It returns
// how long others' turns took before and beside them, sorted.
func (s *service) stall(t *testing.T, id string, stalled int, span time.Duration) (alone, beside []time.Duration) {
	t.Helper()
	const most, within = 300 << 10, 15 * time.Second
	conns := make([]*websocket.Conn, stalled)
	for n := range conns {
		conns[n] = s.dialStalling(t)
	}
	resident(t) // which costs the turns after it something, so it stands before both
	alone = s.turns(t, span)
	before := resident(t)
	began := time.Now()
	for _, conn := range conns {
		say(t, conn, fmt.Sprintf(`{"type":"response.resume","response_id":%q}`, id))
	}
	eventually(t, "all of them are behind", func() bool { return s.sockets.Stats().Lanes == stalled })
	<-time.After(time.Second) // by then the outboxes are full
	each := (resident(t) - before) / int64(stalled)
	beside = s.turns(t, span)
	if lanes := s.sockets.Stats().Lanes; lanes != stalled {
		t.Errorf("%d of %d are there after it was measured", lanes, stalled)
	}
	eventually(t, "they are cut off", func() bool { return s.sockets.Stats().Lanes == 0 })
	took := time.Since(began)
	t.Logf("%d stalled readers: %d bytes each, the last cut after %v; others' p99 %v alone, %v beside them", stalled, each,
		took.Round(time.Millisecond), quantile(alone, 0.99), quantile(beside, 0.99))
	if proof() && each > most {
		t.Errorf("a stalled reader costs %d bytes, want %d at most", each, most)
	}
	if took > within {
		t.Errorf("the last was cut after %v, want %v at most", took, within)
	}
	return alone, beside
}

// dialStalling opens a socket that takes little before it is full.
func (s *service) dialStalling(t *testing.T) *websocket.Conn {
	t.Helper()
	b := &breaker{small: true}
	conn, _, err := websocket.Dial(t.Context(), s.url+"/ws", &websocket.DialOptions{HTTPClient: b.client(), HTTPHeader: http.Header{"X-Api-Key": {slowKey}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	hear(t, conn, "session.created")
	return conn
}

// longAnswer makes an answer of some megabytes and returns its id.
func (s *service) longAnswer(t *testing.T) string {
	t.Helper()
	conn, _, err := s.openSocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	say(t, conn, `{"type":"response.create","model":"up/mock+tokens=20000","input":"hi","store":false}`)
	var created struct{ Response struct{ ID string } }
	if err := json.Unmarshal([]byte(hear(t, conn, "response.created")), &created); err != nil {
		t.Fatal(err)
	}
	hear(t, conn, "response.completed")
	return created.Response.ID
}

// turns makes short turns on ten sockets for that time, fewer than keep the machine busy, and returns how long each took,
// sorted.
func (s *service) turns(t *testing.T, span time.Duration) []time.Duration {
	t.Helper()
	const sockets, gap = 10, 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	var mu sync.Mutex
	var all []time.Duration
	var group sync.WaitGroup
	for range sockets {
		conn := s.dialSocket(t, "/ws", slowKey)
		hear(t, conn, "session.created")
		group.Go(func() {
			defer func() { _ = conn.CloseNow() }()
			for ctx.Err() == nil {
				took, err := turn(t.Context(), conn)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, took)
				mu.Unlock()
				<-time.After(gap)
			}
		})
	}
	group.Wait()
	slices.Sort(all)
	return all
}

// turn makes one turn, which must be answered.
func turn(ctx context.Context, conn *websocket.Conn) (time.Duration, error) {
	began := time.Now()
	err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"response.create","model":"up/mock","input":"hi","store":false}`))
	for err == nil {
		var text []byte
		_, text, err = conn.Read(ctx)
		switch {
		case strings.HasPrefix(string(text), `{"type":"response.completed"`):
			return time.Since(began), nil
		case strings.HasPrefix(string(text), `{"type":"error"`):
			return 0, fmt.Errorf("told %s", text)
		}
	}
	return 0, err
}
