package server

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// attack is a way to hold a connection by being slow.
type attack struct {
	name string
	// begin is sent at once, and drip now and then.
	begin, drip string
	// reads says that the attacker reads a byte now and then, instead of all.
	reads bool
	// within is by when the service has cut the last of them off, after they began.
	within time.Duration
}

func attacks() []attack {
	const chat = "POST /chat/completion HTTP/1.1\r\nHost: x\r\nX-API-Key: " + slowKey + "\r\n"
	ask := `{"stream":true,"model":"up/mock+tokens=2500","messages":[{"role":"user","content":"hello"}]}` // 650 KB
	const slack = 10 * time.Second
	return []attack{
		{name: "slow headers", begin: chat, drip: "X-Drip: 1\r\n", within: readHeaderTimeout + slack},
		{name: "slow body", begin: chat + "Content-Length: 100000\r\n\r\n{", drip: " ", within: 20*time.Second + slack},
		{name: "slow chunks", begin: chat + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", drip: "1\r\n \r\n", within: 20*time.Second + slack},
		{name: "slow read", begin: fmt.Sprint(chat, "Content-Length: ", len(ask), "\r\n\r\n", ask), reads: true, within: 11*time.Second + 2*slack},
	}
}

// siege is attackers at work.
type siege struct {
	group sync.WaitGroup
	stop  chan struct{}
}

// besiege opens that many connections that are slow in that way. They give up when
// the siege ends.
func (s *service) besiege(t *testing.T, a attack, attackers int) *siege {
	t.Helper()
	g := &siege{stop: make(chan struct{})}
	for range attackers {
		conn := s.connect(t)
		if err := conn.SetDeadline(time.Now().Add(a.within + 10*time.Second)); err != nil {
			t.Fatal(err)
		}
		if tcp, ok := conn.(*net.TCPConn); ok && a.reads {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		g.group.Go(func() { a.hold(conn, g.stop) })
	}
	return g
}

// hold holds a connection until the service ends it, or stop.
func (a *attack) hold(conn net.Conn, stop <-chan struct{}) {
	defer conn.Close()
	if _, err := io.WriteString(conn, a.begin); err != nil {
		return
	}
	over := make(chan struct{})
	if !a.reads {
		go func() {
			defer close(over)
			_, _ = io.Copy(io.Discard, conn)
		}()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	one := make([]byte, 1)
	for {
		select {
		case <-stop:
			return
		case <-over:
			return
		case <-tick.C:
		}
		var err error
		if a.reads {
			_, err = conn.Read(one)
		} else {
			_, err = io.WriteString(conn, a.drip)
		}
		if err != nil {
			return
		}
	}
}

func (g *siege) end() {
	close(g.stop)
	g.group.Wait()
}

const siegeConfig = "limits: {max_concurrent_requests: 0, rate_limit_per_minute: 0, max_queue: 0, burst: {requests_per_second: 0}}" + slowApp

// TestSlowClientsAreCut: whoever is slow to send a head or a body, or to read, loses
// its connection, whatever serves it. All attacks go on at the same time, each at a
// service of its own.
func TestSlowClientsAreCut(t *testing.T) {
	t.Parallel() // it mostly waits
	const attackers = 10
	var checks []func()
	for lane, settings := range lanes(t) {
		for _, a := range attacks() {
			s := start(t, "server: {"+settings+"}\n"+siegeConfig)
			began := time.Now()
			g := s.besiege(t, a, attackers)
			defer g.end()
			checks = append(checks, func() {
				t.Log(lane, a.name)
				s.cutsAll(t, a, began)
			})
		}
	}
	for _, check := range checks {
		check()
	}
}

// cutsAll waits until no connection is left of an attack, which must be in time.
func (s *service) cutsAll(t *testing.T, a attack, began time.Time) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		left := s.clients.Stats()
		if left.Most > 0 && left.Taken == 0 {
			t.Logf("the last of %d was cut after %v", left.Most, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > a.within {
			t.Errorf("%d of %d are left after %v", left.Taken, left.Most, time.Since(began))
			return
		}
	}
}

// TestProofTimedSiege: two thousand slow clients of each kind are cut off, and
// nobody else notices them. Of slow readers there are fewer: what each is sent before
// it is stuck is half a megabyte.
func TestProofTimedSiege(t *testing.T) {
	attackers, span := 50, time.Second
	if proof() {
		attackers, span = 2000, 5*time.Second
	}
	for _, lane := range []string{"fast_lane: true", "fast_lane: false"} {
		for _, a := range attacks() {
			if !proof() && (a.name == "slow chunks" || lane == "fast_lane: false") {
				continue
			}
			t.Run(lane+"/"+a.name, func(t *testing.T) {
				s, c := start(t, "server: {"+lane+"}\n"+siegeConfig), newClient(t)
				s.withstand(t, c, a, attackers, span)
			})
		}
	}
}

// withstand measures calls before an attack and while it lasts.
func (s *service) withstand(t *testing.T, c *client, a attack, attackers int, span time.Duration) {
	t.Helper()
	calls := order{Addr: s.Addr().String(), Request: chatRequest(slowKey, "up/mock"), Conns: 20, Rate: 100, Span: span}
	if a.reads {
		attackers = max(attackers/5, 1)
	}
	c.send(t, order{Addr: calls.Addr, Request: calls.Request, Conns: 20, Count: 500}) // all is warm then
	idle := c.send(t, calls)
	began := time.Now()
	g := s.besiege(t, a, attackers)
	defer g.end()
	eventually(t, "all attackers are in", func() bool { return s.clients.Stats().Most >= attackers })
	if a.reads {
		eventually(t, "their answers are stuck", func() bool {
			before := s.mock.Stats().Total
			<-time.After(500 * time.Millisecond)
			return before >= int64(attackers) && s.mock.Stats().Total == before
		})
	}
	besieged := c.send(t, calls)
	still := s.clients.Stats().Taken
	t.Logf("%d attackers, %d of them still there: p99 %v alone, %v with them", attackers, still, idle.at(0.99), besieged.at(0.99))
	for _, got := range []tally{idle, besieged} {
		if got.Statuses[200] == 0 || len(got.Statuses) != 1 {
			t.Errorf("calls ended as %v, want 200 alone", got.Statuses)
		}
	}
	const floor = 5 * time.Millisecond // what a machine does by itself now and then
	if proof() && besieged.at(0.99) > max(2*idle.at(0.99), floor) {
		t.Errorf("the p99 of others is %v with the attackers, more than twice %v", besieged.at(0.99), idle.at(0.99))
	}
	if still < attackers/2 {
		t.Errorf("only %d of %d were there while it was measured", still, attackers)
	}
	if proof() { // of fewer, TestSlowClientsAreCut has seen it
		s.cutsAll(t, a, began)
	}
}
