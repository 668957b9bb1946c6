// Package server builds the service from a configuration and runs it. It is the
// only place that knows every part: it makes the adapters, hands them to the
// capabilities, the capabilities to the gateway and the gateway to the faces.
//
// Start with New, then Server.Run.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/alert"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/front"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
	"github.com/fairleadhq/fairlead/internal/telemetry"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// ErrUnusable marks errors of New that come from how the service is set up, not
// from how it runs: a port in use, a certificate that can't be read, a public
// address without keys.
var ErrUnusable = errors.New("the service can't start like this")

// Bounds of a connection that the protocols need.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	// maxHeaderBytes is above what api accepts, so that most oversized heads
	// are refused in the shape of their face.
	maxHeaderBytes = 256 << 10
	// finishTime is what connections get to go after their last answer.
	finishTime = 2 * time.Second
)

// Options is how the program runs, beside its configuration.
type Options struct {
	Version string
	Logger  *slog.Logger
	// Out takes what a person should read at start: the keys made, shown once,
	// and the banner.
	Out io.Writer
}

// Server is a service that is built and listens, ready to run.
type Server struct {
	config    config.Config
	loaded    *config.Loaded
	options   Options
	logger    *slog.Logger
	started   time.Time
	listener  net.Listener
	store     *sqlite.Store
	keys      keyring
	pepper    []byte // the key of digests
	providers []namedProvider
	upstream  *upstream.Upstream
	admission *admission.Controller
	gateway   *gateway.Gateway
	telemetry *telemetry.Telemetry
	alert     *alert.Monitor
	bodies    *budget.Budget
	answers   *replay.Logs // those that can be resumed
	keeper    *responses.Keeper
	router    *api.Router
}

// New builds the service and binds its address. It blocks on storage. What it
// made is to be closed by Run, or by Close where Run is not called.
func New(ctx context.Context, loaded *config.Loaded, options Options) (_ *Server, err error) {
	s := &Server{
		config: loaded.Config, loaded: loaded, options: options, logger: options.Logger, started: time.Now(),
	}
	s.bodies = budget.New(int64(s.config.Server.BodyRoom()), s.maxBody())
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	if err := s.openIdentity(ctx); err != nil {
		return nil, err
	}
	if err := s.build(); err != nil {
		return nil, err
	}
	if err := s.keeper.Recover(ctx); err != nil {
		return nil, unusable("end the responses of before", err)
	}
	s.greet()
	return s, nil
}

// listen binds the address, with TLS if there are files for it.
func (s *Server) listen(ctx context.Context) error {
	c := s.config.Server
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
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return unusable("listen on "+c.Listen, err)
	}
	if tlsConfig != nil {
		listener = tls.NewListener(listener, tlsConfig)
	}
	s.listener = listener
	return nil
}

func unusable(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnusable, doing, err)
}

// Addr is the address that the service listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives back what New took. It is for a server that is not run.
func (s *Server) Close() {
	for _, p := range s.providers {
		p.close()
	}
	if s.listener != nil {
		_ = s.listener.Close() // Run's HTTP server may have closed it before
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.logger.Error("database not closed", "error", err)
		}
	}
}

// Run serves until ctx ends, then drains: it refuses new calls, waits for the
// running ones up to the configured time, ends those that are left, and closes
// everything.
func (s *Server) Run(ctx context.Context) error {
	defer s.Close()
	s.limitMemory()
	ballast := s.ballast()
	defer runtime.KeepAlive(ballast)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { s.background("keys", s.keys.Run(background)) })
	group.Go(func() { s.background("models", s.upstream.Run(background)) })
	group.Go(func() { s.background("admission", s.admission.Run(background)) })
	group.Go(func() { s.background("alert", s.alert.Run(background)) })
	group.Go(func() { s.background("responses", s.keeper.Run(background)) })
	defer group.Wait()
	defer stop()

	web := &http.Server{
		Handler: s.router, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ConnContext: sizeSendBuffer,
		ErrorLog:    slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	lane := &front.Server{HTTP: web, Off: !s.config.Server.FastLane || s.config.Server.TLS.CertFile != "", Accepted: sizeSocket}
	failed := make(chan error, 1)
	go func() { failed <- lane.Serve(s.listener) }() //nolint:contextcheck // a request has a context of its own
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.drain(context.WithoutCancel(ctx), lane)
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// drain ends the service in good order.
func (s *Server) drain(ctx context.Context, web *front.Server) {
	limit := s.config.Server.DrainTimeout.Std()
	s.logger.Info("draining", "timeout", limit.String(), "running", len(s.gateway.Active()))
	graceful, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		graceful, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	s.gateway.Drain(graceful)
	finish, done := context.WithTimeout(ctx, finishTime)
	defer done()
	if err := web.Shutdown(finish); err != nil {
		_ = web.Close() // connections that would not go
	}
	s.logger.Info("stopped")
}

// sendBuffer is how much of an answer a connection takes ahead of its reader.
const sendBuffer = 256 << 10

// sizeSendBuffer gives a new connection its send buffer, so that a reader who
// is a little slower than the upstream holds nothing up.
func sizeSendBuffer(ctx context.Context, c net.Conn) context.Context {
	if inner, ok := c.(*tls.Conn); ok {
		c = inner.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		sizeSocket(tcp)
	}
	return ctx
}

func sizeSocket(c *net.TCPConn) {
	_ = c.SetWriteBuffer(sendBuffer) // the system's default does too
}

func (s *Server) background(part string, err error) {
	if err != nil {
		s.logger.Error("background work ended", "part", part, "error", err)
	}
}

// mostBallast is the most memory that stands in the heap without being used.
const mostBallast = 32 << 20

// ballast is memory that nobody touches, so that it is in no page. The garbage
// collector takes it for a part of the heap, which may double before it works
// again: a service whose heap is small would otherwise collect its garbage forty
// times a second under load.
func (s *Server) ballast() []byte {
	const part = 64 // of the memory limit
	size := int64(mostBallast)
	if limit := int64(s.config.Server.MemoryLimit); limit > 0 {
		size = min(size, limit/part)
	}
	return make([]byte, size)
}

// limitMemory tells the runtime to stay below the limit. A limit that the
// runtime has from its own GOMEMLIMIT is only overruled on purpose.
func (s *Server) limitMemory() {
	const readOnly = -1
	limit := int64(s.config.Server.MemoryLimit)
	byDefault := s.loaded.Origins["server.memory_limit"].Source == config.Default
	if limit <= 0 || byDefault && debug.SetMemoryLimit(readOnly) != math.MaxInt64 {
		return
	}
	debug.SetMemoryLimit(limit)
}
