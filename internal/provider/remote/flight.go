package remote

import (
	"context"
	"errors"
	"io"
	"net/http/httptrace"
	"sync"
	"time"
)

// Why a flight was cut short.
var (
	errSilence    = errors.New("the upstream was silent for too long")
	errTotal      = errors.New("the call took longer than the provider's timeout")
	errPool       = errors.New("no connection became free in time")
	errLanded     = errors.New("the call that asked for the connection has ended")
	errStaleTwice = errors.New("two kept connections turned out to be dead")
	errRequest    = errors.New("the request cannot be made")
)

// flightKey is the context key of a *flight. It is the only way from a request
// to the dial that the transport starts for it.
type flightKey struct{}

// flight is one request on its way upstream: its clocks, and the connections
// that are being opened for it.
type flight struct {
	cancel context.CancelCauseFunc
	limits HTTPLimits
	// dialing counts the dials under way; land waits for them.
	dialing sync.WaitGroup
	// detach keeps the end of the context from cutting a landed flight.
	detach func() bool

	mu sync.Mutex
	// quiet runs while the upstream's next byte is awaited, queue while a free
	// connection is; nil before their first use.
	quiet *time.Timer
	queue *time.Timer
	// answered says that the head is there, over that the flight has ended.
	answered bool
	over     bool
	dials    []context.CancelFunc
}

// takeOff begins a flight. The context that it returns is cancelled, with the
// cause, when one of the flight's clocks runs out. The caller must land it.
func takeOff(ctx context.Context, limits HTTPLimits) (context.Context, *flight) {
	ctx, cancel := context.WithCancelCause(ctx)
	f := &flight{cancel: cancel, limits: limits}
	f.detach = context.AfterFunc(ctx, f.cut)
	ctx = context.WithValue(ctx, flightKey{}, f)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { f.seekConn() },
		GotConn:      func(httptrace.GotConnInfo) { f.haveConn() },
		WroteRequest: func(httptrace.WroteRequestInfo) { f.awaitHead() },
	}), f
}

// land ends the flight: its clocks stop, its dials are aborted and waited for.
func (f *flight) land() {
	f.detach()
	f.cut()
	f.cancel(errLanded)
	f.dialing.Wait()
}

// cut stops the clocks and aborts the dials.
func (f *flight) cut() {
	f.mu.Lock()
	f.over = true
	stop(f.quiet)
	stop(f.queue)
	dials := f.dials
	f.dials = nil
	f.mu.Unlock()
	for _, abort := range dials {
		abort()
	}
}

// dial notes that a connection is being opened for the flight, which is no
// wait for a free one any more. The caller calls done when that has ended.
func (f *flight) dial(abort context.CancelFunc) (done func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return nil, errLanded
	}
	stop(f.queue)
	f.dials = append(f.dials, abort)
	f.dialing.Add(1)
	return f.dialing.Done, nil
}

// seekConn starts the clock of the wait for a connection.
func (f *flight) seekConn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = f.start(f.queue, f.limits.PoolTimeout, errPool)
}

// haveConn stops the clock of the wait for a connection.
func (f *flight) haveConn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	stop(f.queue)
}

// awaitHead starts the clock of silence when the request was written, unless
// the upstream answered before that.
func (f *flight) awaitHead() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.answered {
		f.quiet = f.start(f.quiet, f.limits.ReadTimeout, errSilence)
	}
}

// answer notes that the wait for the head is over.
func (f *flight) answer() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answered = true
	stop(f.quiet)
}

// start runs timer, made if it is nil, so that the flight is cancelled for the
// cause after d; a d of 0 runs none. The caller holds the lock.
func (f *flight) start(timer *time.Timer, d time.Duration, cause error) *time.Timer {
	if d <= 0 || f.over {
		return timer
	}
	if timer == nil {
		return time.AfterFunc(d, func() { f.cancel(cause) })
	}
	timer.Reset(d)
	return timer
}

func stop(timer *time.Timer) {
	if timer != nil {
		timer.Stop()
	}
}

// listener reads a body under the clock of silence, which runs only while a
// read is under way.
type listener struct {
	flight   *flight
	body     io.Reader
	patience time.Duration
}

func (f *flight) listenTo(body io.Reader) *listener {
	return &listener{flight: f, body: body, patience: f.limits.ReadTimeout}
}

// hurry lowers the patience to at most d.
func (l *listener) hurry(d time.Duration) {
	if l.patience <= 0 || l.patience > d {
		l.patience = d
	}
}

// Read reads from the body, for as long as the patience lasts.
func (l *listener) Read(b []byte) (int, error) {
	l.flight.mu.Lock()
	l.flight.quiet = l.flight.start(l.flight.quiet, l.patience, errSilence)
	l.flight.mu.Unlock()
	n, err := l.body.Read(b)
	l.flight.mu.Lock()
	stop(l.flight.quiet)
	l.flight.mu.Unlock()
	return n, err
}
