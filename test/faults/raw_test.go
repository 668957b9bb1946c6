package faults_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// raw is an upstream that answers with bytes. Each provider has a path of its own,
// /PROVIDER/v1/…, behind which its fault waits; the model "ok" is answered well. A
// model whose name begins with "mid" strikes within the answer, any other before
// it.
type raw struct {
	listener net.Listener
	conns    sync.WaitGroup
	gone     chan struct{} // closed when the upstream ends

	mu      sync.Mutex
	faults  map[string]fault
	places  map[string]*place // by provider and model
	running map[string]int    // exchanges, by provider
	open    map[net.Conn]bool
	strays  int
}

// place is where a call with one model of a provider stands.
type place struct {
	arrivals int // of requests
	// begun is closed when the first part of an answer was sent, goOn when the
	// fault may strike.
	begun, goOn chan struct{}
	once        struct{ begun, goOn sync.Once }
}

// elsewhere is the path to which redirects lead, and where nobody may come.
const elsewhere = "/elsewhere"

// okModel is answered well by every provider.
const okModel = "ok"

func startRaw(t *testing.T) *raw {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{
		listener: listener, faults: make(map[string]fault), places: make(map[string]*place),
		running: make(map[string]int), open: make(map[net.Conn]bool), gone: make(chan struct{}),
	}
	r.conns.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

// add gives a provider of the name a fault, and returns the root of its API.
func (r *raw) add(name string, f fault) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[name] = f
	return "http://" + r.listener.Addr().String() + "/" + name
}

func (r *raw) close() {
	_ = r.listener.Close()
	close(r.gone)
	r.mu.Lock()
	for conn := range r.open {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.conns.Wait()
}

func (r *raw) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.open[conn] = true
		r.mu.Unlock()
		r.conns.Go(func() {
			r.talk(conn)
			_ = conn.Close()
			r.mu.Lock()
			delete(r.open, conn)
			r.mu.Unlock()
		})
	}
}

// place is where the calls with the model are.
func (r *raw) place(provider, model string) *place {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := provider + "/" + model
	if r.places[key] == nil {
		r.places[key] = &place{begun: make(chan struct{}), goOn: make(chan struct{})}
	}
	return r.places[key]
}

// strike lets the fault of a call begin.
func (p *place) strike() { p.once.goOn.Do(func() { close(p.goOn) }) }

func (p *place) markBegun() { p.once.begun.Do(func() { close(p.begun) }) }

// arrived is how many requests with the model came.
func (r *raw) arrived(provider, model string) int {
	p := r.place(provider, model)
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.arrivals
}

// busy is how many exchanges of a provider have not ended.
func (r *raw) busy(provider string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[provider]
}

// strayed is how many came where a redirect led.
func (r *raw) strayed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.strays
}

// talk serves the requests of a connection until one of them is its end.
func (r *raw) talk(conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		// The connection is idle until a request comes, which may never be.
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
		if strings.HasPrefix(request.URL.Path, elsewhere) {
			r.mu.Lock()
			r.strays++
			r.mu.Unlock()
			return
		}
		if !r.exchange(conn, request, name) {
			return
		}
	}
}

// exchange answers a request. It is false when the connection ends with it.
func (r *raw) exchange(conn net.Conn, request *http.Request, name string) bool {
	r.mu.Lock()
	f := r.faults[name]
	r.mu.Unlock()
	if f.deaf {
		<-r.gone // it reads nothing, as if its machine were gone, and so does not see who left
		return false
	}
	r.mu.Lock()
	r.running[name]++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.running[name]--
		r.mu.Unlock()
	}()
	x := &exchange{conn: conn, length: -1, says: speechOf(dialectOpenAI)}
	if strings.HasSuffix(request.URL.Path, "/messages") {
		x.says = speechOf(dialectAnthropic)
	}
	var asked struct {
		Model  string
		Stream bool
	}
	if body, err := io.ReadAll(request.Body); err != nil || json.Unmarshal(body, &asked) != nil {
		return false
	}
	x.stream, x.mid = asked.Stream, strings.HasPrefix(asked.Model, "mid")
	x.chunked, x.place = x.stream, r.place(name, asked.Model)
	r.mu.Lock()
	x.place.arrivals++
	x.nth = x.place.arrivals
	r.mu.Unlock()
	if asked.Model == okModel {
		x.well()
		return !x.over
	}
	f.play(x)
	return !x.over
}

// exchange is a request that is being answered.
type exchange struct {
	conn         net.Conn
	says         speech
	stream, mid  bool
	place        *place
	nth          int // of the requests with its model
	chunked      bool
	untilClose   bool // the body is neither chunked nor of a declared length
	length       int  // what Content-Length says; -1 is the truth
	over, headed bool
	// sent is how much of a whole answer went out.
	sent int
}

// write sends bytes as they are.
func (x *exchange) write(s string) {
	if _, err := io.WriteString(x.conn, s); err != nil {
		x.over = true
	}
}

// head sends the head of a 200, with these lines beside its own.
func (x *exchange) head(lines ...string) {
	media, body := "application/json", x.says.whole
	if x.stream {
		media, body = "text/event-stream", x.says.begin+strings.Join(x.says.rest, "")
	}
	if x.length < 0 {
		x.length = len(body)
	}
	framing := fmt.Sprintf("Content-Length: %d\r\n", x.length)
	if x.chunked {
		framing = "Transfer-Encoding: chunked\r\n"
	}
	if x.untilClose {
		framing = "Connection: close\r\n"
	}
	x.headed = true
	x.write("HTTP/1.1 200 OK\r\nContent-Type: " + media + "\r\n" + framing + strings.Join(lines, "") + "\r\n")
}

// part sends a piece of the body.
func (x *exchange) part(s string) {
	if x.chunked {
		s = fmt.Sprintf("%x\r\n%s\r\n", len(s), s)
	}
	x.write(s)
}

// open sends, where the fault is to strike within the answer, the head and the first
// half of it, and waits until it may strike. Elsewhere it sends nothing.
func (x *exchange) open() {
	if !x.mid {
		x.place.markBegun()
		return
	}
	x.head()
	if x.stream {
		x.part(x.says.begin)
	} else {
		x.sent = len(x.says.whole) / 2
		x.part(x.says.whole[:x.sent])
	}
	x.place.markBegun()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-x.place.goOn:
	case <-late.C:
	}
}

// rest is what follows open in a good answer, without its framing.
func (x *exchange) rest() string {
	switch {
	case x.stream && x.mid:
		return strings.Join(x.says.rest, "")
	case x.stream:
		return x.says.begin + strings.Join(x.says.rest, "")
	}
	return x.says.whole[x.sent:]
}

// needHead sends the head if it was not sent.
func (x *exchange) needHead() {
	if !x.headed {
		x.head()
	}
}

// well answers as one should.
func (x *exchange) well() {
	x.needHead()
	x.part(x.rest())
	x.finish()
}

// finish ends the body as its framing asks for.
func (x *exchange) finish() {
	if x.chunked {
		x.write("0\r\n\r\n")
	}
	x.over = x.over || x.untilClose
}

// hold keeps the connection, silent, until the other end closes it.
func (x *exchange) hold() {
	x.over = true
	_ = x.conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, x.conn)
}

// reset makes the connection's end a reset.
func (x *exchange) reset() {
	x.over = true
	if tcp, ok := x.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// drip sends the bytes one by one, and does not get to the end of them.
func (x *exchange) drip(s string) {
	tick := time.NewTicker(readTime / 4)
	defer tick.Stop()
	for i := 0; i < len(s) && !x.over; i++ {
		x.write(s[i : i+1])
		<-tick.C
	}
	x.over = true
}

// flood sends the same again and again, until the other end has had enough.
func (x *exchange) flood(s string, pause time.Duration, send func(string)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for end := time.Now().Add(patience); !x.over && time.Now().Before(end); <-tick.C {
		send(s)
	}
	x.over = true
}
