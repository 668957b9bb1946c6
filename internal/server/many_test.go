package server

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestProofManyConnections: half as many again as may be connected come; those that
// are in are served all the time, and the others are told to come back, at once.
func TestProofManyConnections(t *testing.T) {
	limit, more, span := 300, 150, 2*time.Second
	if proof() {
		limit, more, span = 10_000, 5000, 15*time.Second
	}
	s := start(t, "server: {max_connections: "+most(limit)+"}\nchat: {websocket: {concurrency: {server: {keepalive_timeout: 10m}}}}\n"+siegeConfig)
	var told atomic.Int64
	var took time.Duration
	var others sync.WaitGroup
	others.Go(func() {
		for end := time.Now().Add(time.Minute); !s.clients.Full() && time.Now().Before(end); {
			<-time.After(time.Millisecond)
		}
		began := time.Now()
		told.Store(int64(s.comeLate(t, more)))
		took = time.Since(began)
	})
	inside := newClient(t).send(t, order{
		Addr: s.Addr().String(), Request: chatRequest(slowKey, "up/mock"), Conns: limit, Rate: 200, Span: span, Greet: true,
	})
	others.Wait()
	stats := s.clients.Stats()
	t.Logf("%d in, %d calls of theirs ended as %v; of %d others %d were told within %v",
		stats.Most, len(inside.Latencies), inside.Statuses, more, told.Load(), took)
	if stats.Most != limit || stats.Refused != int64(more) {
		t.Errorf("got %+v, want %d in and %d refused", stats, limit, more)
	}
	if len(inside.Statuses) != 1 || inside.Statuses[http.StatusOK] == 0 {
		t.Errorf("who was in got %v, want 200 alone", inside.Statuses)
	}
	if took > span {
		t.Errorf("the others took %v, longer than those who were in", took)
	}
	if told.Load() < int64(more)*9/10 {
		t.Errorf("only %d of %d were told", told.Load(), more)
	}
}

// comeLate has that many clients connect where there is no place, fifty at a time,
// and returns how many were told so.
func (s *service) comeLate(t *testing.T, clients int) int {
	t.Helper()
	const callers = 50
	var told atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range clients / callers {
				if s.isTold(t) {
					told.Add(1)
				}
			}
		})
	}
	group.Wait()
	return int(told.Load())
}

// isTold connects where there is no place, and reports whether it was told so.
func (s *service) isTold(t *testing.T) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/me", http.NoBody)
	if err != nil {
		t.Error(err)
		return false
	}
	alone := &http.Transport{DisableKeepAlives: true}
	resp, err := alone.RoundTrip(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("without a place: %d, %v", resp.StatusCode, resp.Header)
	}
	return true
}
