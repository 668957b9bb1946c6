package native

import (
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/standing"
)

// Status is how the service stands at a moment.
type Status struct {
	Totals fairlead.Totals
	// Slots is 0 where there is no limit.
	Slots, InUse, MostInUse int
	Waiting, MaxWaiting     int
	Pools                   map[string]PoolStatus
	Connections             Connections
	WebSocket               WebSocketStatus
	Resume                  ResumeStatus
	Documents               DocumentStatus
	Active                  []ActiveCall
}

// Connections is how the connections of clients stand, and their event streams.
type Connections struct {
	PlaceStatus

	Streams PlaceStatus `json:"streams"`
}

// PlaceStatus is how many there are of what there may be only so many of, and how
// many found no place since the start. Limit is 0 where there is no limit.
type PlaceStatus struct {
	Open    int   `json:"open"`
	Limit   int   `json:"limit"`
	Most    int   `json:"most_open"`
	Refused int64 `json:"refused_total"`
}

// WebSocketStatus is how the clients' WebSockets stand: how many are open, how many
// clients wait to open one, and how many found no place since the start. A Limit of 0 is
// none.
type WebSocketStatus struct {
	Open       int   `json:"open"`
	MostOpen   int   `json:"most_open"`
	Limit      int   `json:"limit"`
	Waiting    int   `json:"waiting"`
	QueueLimit int   `json:"max_waiting"`
	Lanes      int   `json:"lanes"`
	Refused    int64 `json:"refused_total"`
}

// ResumeStatus is how the answers stand that can be resumed: how many there are, how
// many of them are still made, who reads them, and the bytes that they hold. Evicted
// counts, since the start, those that were dropped or cut for want of room.
type ResumeStatus struct {
	Logs    int   `json:"answers"`
	Running int   `json:"running"`
	Readers int   `json:"readers"`
	Bytes   int64 `json:"bytes"`
	Evicted int64 `json:"evicted_total"`
}

// DocumentStatus is how many documents wait to be read and are being read, how many uploads
// are being received, and how many found no place since the start.
type DocumentStatus struct {
	Waiting int   `json:"waiting"`
	Reading int   `json:"reading"`
	Uploads int   `json:"uploads"`
	Refused int64 `json:"uploads_refused_total"`
}

// PoolStatus is how a provider's slots stand; Slots is 0 where there is no
// limit. Connections is nil where there are none.
type PoolStatus struct {
	Slots   int `json:"slots"`
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`

	Connections *ConnectionStatus `json:"connections,omitempty"`
}

// ConnectionStatus is how the connections to a provider stand: those open now, the
// calls that wait for one, and counts since the start. Open includes those that
// are being opened.
type ConnectionStatus struct {
	Open        int     `json:"open"`
	InUse       int     `json:"in_use"`
	Idle        int     `json:"idle"`
	Waiting     int     `json:"waiting"`
	Opened      int64   `json:"opened_total"`
	Reused      int64   `json:"reused_total"`
	Waits       int64   `json:"waits_total"`
	WaitSeconds float64 `json:"wait_seconds_total"`
}

// ActiveCall is a call on its way.
type ActiveCall struct {
	ID      string
	Arrived time.Time
	// Lane is a small number, unique among the active.
	Lane int
}

// Info is what the service is and what its limits are.
type Info struct {
	Version            string
	MaxConcurrent      int
	RateLimitPerMinute int
	Timeouts           map[fairlead.Operation]time.Duration
}

// metrics answers GET /metrics: the JSON of old, or Prometheus where the client
// asks for its formats.
func (f *Face) metrics(x *api.Exchange) error {
	if acceptsPrometheus(x.R.Header.Get("Accept")) {
		if x.IsAdmin() {
			return x.ServeAs(f.config.AdminMetrics)
		}
		return x.ServeAs(f.config.Metrics)
	}
	s := f.config.Status()
	type counts struct {
		TotalRequests        int64   `json:"total_requests"`
		ConcurrentRequests   int     `json:"concurrent_requests"`
		MaxConcurrentReached int     `json:"max_concurrent_reached"`
		AverageResponseTime  float64 `json:"average_response_time"`
		AvailableSlots       *int    `json:"available_slots"`
	}
	type active struct {
		Duration float64 `json:"duration"`
		ThreadID int     `json:"thread_id"`
	}
	type queue struct {
		Waiting    int `json:"waiting"`
		MaxWaiting int `json:"max_waiting"`
	}
	body := struct {
		ConcurrencyMetrics counts                `json:"concurrency_metrics"`
		ActiveRequests     map[string]active     `json:"active_requests"`
		Queue              queue                 `json:"queue"`
		Providers          map[string]PoolStatus `json:"providers"`
		Connections        Connections           `json:"connections"`
		WebSocket          WebSocketStatus       `json:"websocket"`
		Resume             ResumeStatus          `json:"resume"`
		Documents          DocumentStatus        `json:"documents"`
	}{
		ConcurrencyMetrics: counts{
			TotalRequests: s.Totals.Records, ConcurrentRequests: s.InUse, MaxConcurrentReached: s.MostInUse,
		},
		ActiveRequests: make(map[string]active, len(s.Active)),
		Queue:          queue{Waiting: s.Waiting, MaxWaiting: s.MaxWaiting},
		Providers:      s.Pools,
		Connections:    s.Connections,
		WebSocket:      s.WebSocket,
		Resume:         s.Resume,
		Documents:      s.Documents,
	}
	if n := s.Totals.Succeeded; n > 0 {
		body.ConcurrencyMetrics.AverageResponseTime = standing.Seconds(s.Totals.SucceededTime / time.Duration(n))
	}
	if s.Slots > 0 {
		free := max(s.Slots-s.InUse, 0)
		body.ConcurrencyMetrics.AvailableSlots = &free
	}
	for _, a := range s.Active {
		body.ActiveRequests[a.ID] = active{Duration: standing.Seconds(time.Since(a.Arrived)), ThreadID: a.Lane}
	}
	return x.WriteJSON(body)
}

// acceptsPrometheus reports whether a client asks for one of Prometheus'
// formats. Many HTTP libraries send "application/json, text/plain, */*" with
// everything: they mean JSON.
func acceptsPrometheus(accept string) bool {
	return !strings.Contains(accept, "application/json") &&
		(strings.Contains(accept, "text/plain") || strings.Contains(accept, "openmetrics"))
}

// info answers GET /info.
func (f *Face) info(x *api.Exchange) error {
	type limits struct {
		MaxConcurrentRequests int `json:"max_concurrent_requests"`
		RateLimitPerMinute    int `json:"rate_limit_per_minute"`
	}
	everyone := &fairlead.App{}
	models := []string{}
	for _, m := range f.config.Gateway.Models(everyone) {
		models = append(models, m.ID)
	}
	timeouts := make(map[string]float64, len(f.config.Info.Timeouts))
	for op, limit := range f.config.Info.Timeouts {
		timeouts[op.String()] = standing.Seconds(limit)
	}
	return x.WriteJSON(struct {
		Service           string             `json:"service"`
		Version           string             `json:"version"`
		ConcurrencyLimits limits             `json:"concurrency_limits"`
		Timeouts          map[string]float64 `json:"timeouts"`
		Models            []string           `json:"models"`
		Endpoints         []string           `json:"endpoints"`
	}{
		Service: "fairlead", Version: f.config.Info.Version,
		ConcurrencyLimits: limits{
			MaxConcurrentRequests: f.config.Info.MaxConcurrent, RateLimitPerMinute: f.config.Info.RateLimitPerMinute,
		},
		Timeouts: timeouts, Models: models, Endpoints: f.config.Endpoints(),
	})
}

// me answers GET /v1/me. A blocked app is told so rather than refused, so that
// it can find out why the rest refuses it.
func (f *Face) me(x *api.Exchange) error {
	_ = f.config.Gateway.Look(x.App) // counted; the block is told below
	s, err := f.config.Gateway.Standing(x.Context(), x.App)
	if err != nil {
		return err
	}
	x.NoteWindows(s.Requests, s.Tokens)
	return x.WriteJSON(standing.Of(x.App, s, f.config.Info.MaxConcurrent))
}

// live answers GET /livez: the process runs.
func (f *Face) live(x *api.Exchange) error {
	return x.Write("text/plain; charset=utf-8", []byte("ok\n"))
}

// ready answers GET /readyz: the service takes new calls.
func (f *Face) ready(x *api.Exchange) error {
	if err := f.config.Gateway.Ready(); err != nil {
		return err
	}
	if f.config.Leaving != nil && f.config.Leaving() {
		return fairlead.NewBusy("draining", "The service is about to stop", time.Second)
	}
	return x.Write("text/plain; charset=utf-8", []byte("ok\n"))
}
