package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/native"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/places"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
	"github.com/fairleadhq/fairlead/internal/telemetry"
)

// allPool is what metrics call the slots of the service.
const allPool = "all"

// gauges tells telemetry whom to ask. The parts exist by the time of the first
// scrape.
func (s *Server) gauges() telemetry.Gauges {
	return telemetry.Gauges{
		Admission: s.admissionGauges, Pools: s.poolGauges, Apps: s.appGauges,
		Shadowed: func() map[string]int64 {
			all := make(map[string]int64)
			for limit, n := range s.admission.Shadowed() {
				all[string(limit)] = n
			}
			return all
		},
		Alerts: func() telemetry.Alerts {
			c := s.alert.Counts()
			return telemetry.Alerts{Sent: c.Sent, Failed: c.Failed, Dropped: c.Dropped, Firing: c.Firing}
		},
		Deployments: s.deploymentGauges, Parked: s.upstream.Parked,
		Connections: s.connectionGauges,
		Places:      s.placeGauges, WebSockets: func() telemetry.WebSocketUse { return telemetry.WebSocketUse(s.sockets.Stats()) },
		Documents: func() telemetry.DocumentUse { return telemetry.DocumentUse(s.documents.Stats()) },
		Resume:    func() telemetry.ResumeUse { return telemetry.ResumeUse(s.answers.Stats()) },
		BodyBytes: s.bodies.Used,
		Active:    func() int { return len(s.gateway.Active()) },
	}
}

// placeGauges are of what clients have open.
func (s *Server) placeGauges() []telemetry.PlaceUse {
	var all []telemetry.PlaceUse
	for kind, of := range map[string]*places.Places{allPool: s.clients, "stream": s.streams} {
		p := of.Stats()
		all = append(all, telemetry.PlaceUse{Kind: kind, Limit: p.Limit, Open: p.Taken, Most: p.Most, Refused: p.Refused})
	}
	return all
}

func placeStatus(of *places.Places) native.PlaceStatus {
	p := of.Stats()
	return native.PlaceStatus{Open: p.Taken, Limit: p.Limit, Most: p.Most, Refused: p.Refused}
}

func (s *Server) admissionGauges() telemetry.Admission {
	slots := s.admission.Slots()
	return telemetry.Admission{
		MostInUse: slots.MostInUse, DoubleReleases: slots.DoubleReleases,
		Jain: s.admission.Jain(), StaleSlots: s.gateway.StaleSlots(),
	}
}

func (s *Server) poolGauges() []telemetry.PoolUse {
	use := func(name string, u fairqueue.Usage) telemetry.PoolUse {
		return telemetry.PoolUse{Pool: name, Limit: u.Slots, InUse: u.InUse, Waiting: u.Waiting}
	}
	all := []telemetry.PoolUse{use(allPool, s.admission.Slots().Usage)}
	pools := s.admission.Pools()
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		all = append(all, use(name, pools[name]))
	}
	return all
}

// deploymentGauges sums up over the models of each deployment.
func (s *Server) deploymentGauges() []telemetry.DeploymentUse {
	var all []telemetry.DeploymentUse
	now := time.Now()
	for _, line := range s.upstream.Stats() {
		at := slices.IndexFunc(all, func(u telemetry.DeploymentUse) bool {
			return u.Provider == line.Provider && u.Number == line.Deployment
		})
		if at < 0 {
			all = append(all, telemetry.DeploymentUse{Provider: line.Provider, Number: line.Deployment, Running: line.Running})
			at = len(all) - 1
		}
		use := &all[at]
		switch line.State {
		case "open":
			use.Open++
		case "half_open":
			use.HalfOpen++
		}
		if line.RestsUntil.After(now) {
			use.InAPause++
		}
	}
	return all
}

// connectionGauges are of each provider's keys: each has connections of its own.
func (s *Server) connectionGauges() []telemetry.ConnectionUse {
	var all []telemetry.ConnectionUse
	for _, p := range s.providers {
		for i, adapter := range p.adapters {
			c := adapter.Connections()
			all = append(all, telemetry.ConnectionUse{
				Provider: p.Name, Number: i + 1,
				Opening: c.Opening, InUse: c.InUse, Idle: c.Idle, Waiting: c.Waiting,
				Opened: c.Dialled, Reused: c.Reused, Replaced: c.Stale,
				Waits: c.Waits, Waited: c.Waited, TimedOut: c.PoolTimeouts, Refused: c.Refused,
			})
		}
	}
	return all
}

// connectionStatus sums up over the keys of a provider; nil if it has no
// connections.
func (p *namedProvider) connectionStatus() *native.ConnectionStatus {
	if len(p.adapters) == 0 {
		return nil
	}
	var sum remote.Connections
	for _, adapter := range p.adapters {
		sum = sum.Plus(adapter.Connections())
	}
	return &native.ConnectionStatus{
		Open: sum.Open, InUse: sum.InUse, Idle: sum.Idle, Waiting: sum.Waiting,
		Opened: sum.Dialled, Reused: sum.Reused, Waits: sum.Waits, WaitSeconds: sum.Waited.Seconds(),
	}
}

func (s *Server) appGauges() []telemetry.AppUse {
	var all []telemetry.AppUse
	ctx := context.Background() //nolint:forbidigo // a scrape has no context to take
	for _, use := range s.admission.Apps(ctx) {
		one := telemetry.AppUse{
			App: use.App.ID, Classes: make(map[fairlead.Class]telemetry.ClassUse),
			LimitRequests: use.Requests.Limit, UsedRequests: use.Requests.Limit - use.Requests.Remaining,
			LimitTokens: use.Tokens.Limit, UsedTokens: use.Tokens.Limit - use.Tokens.Remaining,
		}
		for class, u := range use.Classes {
			one.Classes[class] = telemetry.ClassUse{InUse: u.InUse, Waiting: u.Waiting}
		}
		all = append(all, one)
	}
	return all
}
