//go:build !linux

package front

import (
	"context"
	"net"
	"net/http"
)

// Server serves with net/http alone: the lane needs Linux.
type Server struct {
	HTTP *http.Server
	Off  bool
}

// Serve is that of net/http.
func (s *Server) Serve(listener net.Listener) error { return s.HTTP.Serve(listener) }

// Shutdown is that of net/http.
func (s *Server) Shutdown(ctx context.Context) error { return s.HTTP.Shutdown(ctx) }

// Close is that of net/http.
func (s *Server) Close() error { return s.HTTP.Close() }
