package listener

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// mostRefusals is how many connections are turned away with an answer at the
	// same time. Those beyond are closed without one.
	mostRefusals = 256
	// refuseTime is how long one of them may take to send its request and to take
	// the answer.
	refuseTime = time.Second
	// lingerTime is how long the client gets to read the answer before the
	// connection is closed with bytes that nobody read, which might take it away.
	lingerTime = 250 * time.Millisecond
	// mostHead is how much of a request is read for the sake of its answer.
	mostHead = 8 << 10
	// mostRest is how much that came behind it is thrown away.
	mostRest = 256 << 10
)

// refuse turns a connection away for which there is no place.
func (l *Listener) refuse(tcp *net.TCPConn) {
	select {
	case l.refusals <- struct{}{}:
	default:
		_ = tcp.SetLinger(0) // nothing is left of it, here or there
		_ = tcp.Close()
		return
	}
	l.group.Go(func() {
		l.turnAway(tcp)
		<-l.refusals
	})
}

// turnAway answers the first request of a connection and closes it.
func (l *Listener) turnAway(tcp *net.TCPConn) {
	defer tcp.Close()
	if tcp.SetDeadline(time.Now().Add(refuseTime)) != nil {
		return
	}
	var c interface {
		net.Conn
		CloseWrite() error
	} = tcp
	if l.plain != nil {
		c = tls.Server(tcp, l.plain)
	}
	request, err := http.ReadRequest(bufio.NewReaderSize(io.LimitReader(c, mostHead), 1<<10)) //nolint:mnd // most heads are shorter
	if timedOut(err) || err == io.EOF {                                                       //nolint:errorlint // http's own: nothing came
		return
	}
	if err != nil { // there is an answer to a head that is too long, or odd, as well
		request = &http.Request{Method: http.MethodGet}
	}
	answer := l.config.Refuse(request) //nolint:bodyclose // it is ours, and Write closes it
	answer.Request, answer.Close = request, true
	answer.ProtoMajor, answer.ProtoMinor = 1, 1
	if answer.Write(c) != nil || c.CloseWrite() != nil {
		return
	}
	if tcp.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, tcp, mostRest) // it ends with the client, or its time
	}
}
