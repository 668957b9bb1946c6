package server

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/front"
	"github.com/fairleadhq/fairlead/internal/listener"
	"github.com/fairleadhq/fairlead/internal/telemetry"
)

// Bounds of a connection that the protocols need.
const (
	readHeaderTimeout = 10 * time.Second
	// maxHeaderBytes is above what api accepts, so that most oversized heads
	// are refused in the shape of their face.
	maxHeaderBytes = 256 << 10
	// sendBuffer is how much of an answer a connection takes ahead of its reader, so
	// that one who is a little slower than the upstream holds nothing up.
	sendBuffer = 256 << 10
	// http2Silence is after how long a silent HTTP/2 connection is asked whether it
	// is there, http2Answer how long that, and a write of any bytes, may take.
	http2Silence = 30 * time.Second
	http2Answer  = 10 * time.Second
	// finishTime is what connections get to go after their last answer.
	finishTime = 2 * time.Second
	// idleMoment is for how long, at least, kept connections are answered when the
	// service stops: a request may be on its way.
	idleMoment = 250 * time.Millisecond
)

// listen binds the address, with TLS if there are files for it.
func (s *Server) listen(ctx context.Context) error {
	c, socket := s.config.Server, s.config.Chat.WebSocket.Concurrency.Server
	var tlsConfig *tls.Config
	if c.TLS.CertFile != "" {
		certificate, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
		if err != nil {
			return unusable("read the TLS certificate", err)
		}
		tlsConfig = &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		}
	}
	bound, err := listener.Listen(ctx, listener.Config{
		Address: c.Listen, TLS: tlsConfig, Backlog: socket.Backlog, Places: s.clients,
		MaxRequests: int64(socket.MaxKeepaliveRequests), SendBuffer: sendBuffer, Refuse: s.turnAway,
	})
	if err != nil {
		return unusable("listen on "+c.Listen, err)
	}
	s.listener = bound
	s.checkBacklog(socket.Backlog, listener.SystemBacklog())
	s.checkFiles(listener.RaiseFiles())
	return nil
}

// checkBacklog warns where the system has fewer places for connections than were
// asked for; system is its limit, 0 where that is not known.
func (s *Server) checkBacklog(asked, system int) {
	if system > 0 && asked > system {
		s.logger.Warn("the system cuts the backlog of connections", "backlog", asked, "somaxconn", system,
			"help", "raise net.core.somaxconn, or lower chat.websocket.concurrency.server.backlog")
	}
}

// spareFiles are the files of the service's own, connections that are turned away
// included.
const spareFiles = 400

// checkFiles warns where the process may not open as many files as it needs for the
// connections that it may have; files is 0 where that is not known.
func (s *Server) checkFiles(files int) {
	needed := s.config.Server.MaxConnections + listener.MostLingering + spareFiles
	for _, p := range s.config.LLM.Providers {
		needed += p.HTTPClient.MaxConnections * max(len(p.APIKeys), 1)
	}
	if files > 0 && needed > files {
		s.logger.Warn("too few open files are allowed", "allowed", files, "needed", needed,
			"help", "raise the limit of open files (ulimit -n, LimitNOFILE), or lower server.max_connections")
	}
}

// turnAway answers a request for whose connection there is no place. A probe of the
// service's life is told the truth: it lives, and to kill it would help nobody.
func (s *Server) turnAway(r *http.Request) *http.Response {
	if r.URL != nil && r.URL.Path == "/livez" {
		const body = "ok\n"
		return &http.Response{
			StatusCode: http.StatusOK, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		}
	}
	return s.router.Refusal(r, fairlead.NewBusy("too_many_connections", "There are too many connections at the moment", s.clients.Wait()))
}

// noteFull returns what tells the log that a limit refuses: at once, and then once a
// minute as long as it goes on.
func (s *Server) noteFull(limit string, value int) func() {
	const pause = time.Minute
	var last atomic.Int64 // nanoseconds since the start; 0 for never
	return func() {
		now := int64(time.Since(s.started)) + 1
		before := last.Load()
		if before != 0 && now-before < int64(pause) || !last.CompareAndSwap(before, now) {
			return
		}
		s.logger.Warn("limit reached", "limit", limit, "value", value,
			"connections", s.clients.Stats().Taken, "streams", s.streams.Stats().Taken)
	}
}

// web is the HTTP server over the router.
func (s *Server) web() *http.Server {
	socket := s.config.Chat.WebSocket.Concurrency.Server
	var handler http.Handler = s.router
	if socket.AccessLog {
		handler = telemetry.HTTPLog(handler, s.logger, s.router.RouteOf)
	}
	return &http.Server{
		Handler: s.listener.Handler(handler), ConnContext: listener.ConnContext,
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: socket.KeepaliveTimeout.Std(), MaxHeaderBytes: maxHeaderBytes,
		HTTP2:    &http.HTTP2Config{SendPingTimeout: http2Silence, PingTimeout: http2Answer, WriteByteTimeout: http2Answer},
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}

// limitThreads sets how many threads run the service at the same time.
func (s *Server) limitThreads() {
	if workers := s.config.Chat.WebSocket.Concurrency.Server.Workers; workers > 1 {
		runtime.GOMAXPROCS(workers)
	}
}

// drain ends the service in good order.
func (s *Server) drain(ctx context.Context, web *front.Server) {
	s.leave(ctx)
	began, limit := time.Now(), s.config.Server.DrainTimeout.Std()
	s.logger.Info("draining", "timeout", limit.String(), "running", len(s.gateway.Active()))
	graceful, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		graceful, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	s.drainAll(graceful)
	if rest := idleMoment - time.Since(began); rest > 0 && s.clients.Stats().Taken > 0 {
		pause(ctx, rest)
	}
	finish, done := context.WithTimeout(ctx, finishTime)
	defer done()
	if err := web.Shutdown(finish); err != nil {
		_ = web.Close() // connections that would not go
	}
	s.logger.Info("stopped")
}

// leave has clients and balancers go elsewhere. With a delay they get time for it:
// until it is over they are served, and then no connection to the service can be
// opened any more, while those that are open are answered.
func (s *Server) leave(ctx context.Context) {
	s.listener.Leave()
	delay := s.config.Server.DrainDelay.Std()
	if delay <= 0 {
		return
	}
	s.logger.Info("leaving", "delay", delay.String(), "connections", s.clients.Stats().Taken)
	pause(ctx, delay)
	s.listener.Retire(ctx)
}

// pause waits until the time is over or ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// describeConnections is what the banner tells of the limits of connections, and
// where those come from.
func (s *Server) describeConnections() config.Setting {
	c := s.config
	sockets := c.Chat.WebSocket.Concurrency
	row := config.Setting{Key: "connections"}
	row.Value = most(c.Server.MaxConnections) + ", " + most(c.Chat.SSE.MaxStreams) + " streams, " +
		most(sockets.MaxConnections) + " websockets, backlog " + most(sockets.Server.Backlog)
	for _, key := range []string{
		"server.max_connections", "chat.sse.max_streams", "chat.websocket.concurrency.max_connections",
		"chat.websocket.concurrency.server.backlog",
	} {
		switch origin := s.loaded.Origins[key]; {
		case origin.Source == config.Default || origin == row.Origin:
		case row.Origin.Source == config.Default:
			row.Origin = origin
		default:
			row.Origin.Detail += ", " + origin.Detail
		}
	}
	return row
}
