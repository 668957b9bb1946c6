// Package server builds the service from a configuration and runs it. It is the
// only place that knows every part: it makes the adapters, hands them to the
// capabilities, the capabilities to the gateway and the gateway to the faces.
//
// Start with New, then Server.Run.
package server

import (
	"context"
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
	"github.com/fairleadhq/fairlead/internal/api/ws"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/front"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/listener"
	"github.com/fairleadhq/fairlead/internal/places"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/server/docs"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
	"github.com/fairleadhq/fairlead/internal/telemetry"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// ErrUnusable marks errors of New that come from how the service is set up, not
// from how it runs: a port in use, a certificate that can't be read, a public
// address without keys.
var ErrUnusable = errors.New("the service can't start like this")

// Options is how the program runs, beside its configuration.
type Options struct {
	Version string
	Logger  *slog.Logger
	// Out takes what a person should read at start: the keys made, shown once,
	// and the banner.
	Out io.Writer
	// Program is the one whose commands read and index documents; "" is this one. It is for
	// programs that are not the service's own, such as tests.
	Program string
}

// Server is a service that is built and listens, ready to run.
type Server struct {
	config    config.Config
	loaded    *config.Loaded
	options   Options
	logger    *slog.Logger
	started   time.Time
	listener  *listener.Listener
	clients   *places.Places // the connections that there may be
	streams   *places.Places // and the event streams
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
	sockets   *ws.Face
	documents *docs.Documents
	router    *api.Router
}

// New builds the service and binds its address. It blocks on storage. What it
// made is to be closed by Run, or by Close where Run is not called.
func New(ctx context.Context, loaded *config.Loaded, options Options) (_ *Server, err error) {
	s := &Server{
		config: loaded.Config, loaded: loaded, options: options, logger: options.Logger, started: time.Now(),
	}
	s.bodies = budget.New(int64(s.config.Server.BodyRoom()), s.maxBody())
	s.clients = places.New(s.config.Server.MaxConnections, s.noteFull("server.max_connections", s.config.Server.MaxConnections))
	s.streams = places.New(s.config.Chat.SSE.MaxStreams, s.noteFull("chat.sse.max_streams", s.config.Chat.SSE.MaxStreams))
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
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	s.keeper.Recover(ctx)
	s.greet()
	return s, nil
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
	if s.documents != nil {
		if err := s.documents.Close(); err != nil {
			s.logger.Error("documents not closed", "error", err)
		}
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
	s.limitThreads()
	ballast := s.ballast()
	defer runtime.KeepAlive(ballast)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { s.background("keys", s.keys.Run(background)) })
	group.Go(func() { s.background("models", s.upstream.Run(background)) })
	group.Go(func() { s.background("admission", s.admission.Run(background)) })
	group.Go(func() { s.background("alert", s.alert.Run(background)) })
	group.Go(func() { s.background("responses", s.keeper.Run(background)) })
	group.Go(func() { s.background("documents", s.documents.Run(background)) })
	defer group.Wait()
	defer stop()

	lane := &front.Server{HTTP: s.web(), Off: !s.config.Server.FastLane || s.config.Server.TLS.CertFile != ""}
	defer s.listener.Wait()
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
