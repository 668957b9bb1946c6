package server

import (
	"context"
	"sync"

	"github.com/fairleadhq/fairlead/internal/api/ws"
)

// newSockets returns the face of WebSockets.
func (s *Server) newSockets() *ws.Face {
	c := s.config.Chat.WebSocket
	return ws.New(ws.Config{
		Gateway: s.gateway, Keeper: s.keeper, Files: s.documents.FileSearch(), Grounder: s.documents.Grounder(), Logs: s.answers, Grace: s.config.Chat.Resume.Grace.Std(),
		MaxOpen: c.Concurrency.MaxConnections, MaxWaiting: c.Concurrency.ConnectionQueueSize, Origins: c.AllowedOrigins,
		Bodies: s.bodies, MaxBody: s.maxBody(), BusyWait: s.admission.BusyWait, Logger: s.logger,
	})
}

// drainAll refuses new calls, and returns when the running ones have ended and the
// sockets over which they came are closed.
func (s *Server) drainAll(ctx context.Context) {
	var sockets sync.WaitGroup
	defer sockets.Wait()
	sockets.Go(func() { s.sockets.Drain(ctx) })
	s.gateway.Drain(ctx)
}
