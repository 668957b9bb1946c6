package server

import (
	"context"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/alert"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/admin"
	anthropicface "github.com/fairleadhq/fairlead/internal/api/anthropic"
	"github.com/fairleadhq/fairlead/internal/api/native"
	openaiface "github.com/fairleadhq/fairlead/internal/api/openai"
	responsesface "github.com/fairleadhq/fairlead/internal/api/responses"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/identity"
	"github.com/fairleadhq/fairlead/internal/pages"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/server/docs"
	"github.com/fairleadhq/fairlead/internal/telemetry"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// recorders has each of them read every Record.
type recorders []fairlead.Recorder

// Record implements fairlead.Recorder.
func (all recorders) Record(r *fairlead.Record) {
	for _, one := range all {
		one.Record(r)
	}
}

// build makes the parts from the inside out. Nothing runs yet.
func (s *Server) build(ctx context.Context) error {
	if err := s.makeProviders(); err != nil {
		return err
	}
	s.admission = admission.New(s.admissionConfig(), memory.New())
	s.upstream = upstream.New(s.upstreamConfig())
	var err error
	if s.alert, err = alert.New(s.alertConfig()); err != nil {
		return unusable("set up the alert", err)
	}
	s.telemetry = telemetry.New(telemetry.Options{Gauges: s.gauges(), Logger: s.logger, Version: s.options.Version})
	s.gateway = gateway.New(gateway.Config{
		Admission: s.admission, Upstream: s.upstream, Recorder: recorders{s.telemetry, s.alert}, Logger: s.logger,
	})
	resume := s.config.Chat.Resume
	s.answers = replay.New(replay.Config{Budget: int64(resume.Memory), Keep: keptFor(resume.Keep.Std()), BusyWait: s.admission.BusyWait})
	limits := responses.DefaultLimits()
	limits.Keep = s.config.Chat.Responses.Keep.Std()
	s.keeper = responses.New(responses.Config{Store: s.store, Sweeper: s.store, Names: s.store, Limits: limits, Logger: s.logger})
	if err := s.openDocuments(ctx); err != nil {
		return err
	}
	s.sockets = s.newSockets()
	return s.buildRouter()
}

// keptFor is how long the log of an answer stays after its end, where 0 is until its
// memory is needed.
func keptFor(d time.Duration) time.Duration {
	const longest = 365 * 24 * time.Hour
	if d <= 0 {
		return longest
	}
	return d
}

func (s *Server) openDocuments(ctx context.Context) (err error) {
	c := s.config
	s.documents, err = docs.Open(ctx, docs.Config{
		Dir: c.Server.DataDir, Documents: c.Documents, Workers: c.Server.WorkerThreads, Timeouts: c.Timeouts, Program: s.options.Program,
		Gate: s.admission, Gateway: s.gateway, Logger: s.logger, App: s.keys.App,
	})
	if err != nil {
		return unusable("open the documents", err)
	}
	return nil
}

func (s *Server) buildRouter() error {
	site, err := pages.New()
	if err != nil {
		return err
	}
	var router *api.Router
	faces := []api.Face{
		native.New(native.Config{
			Gateway: s.gateway, Grounder: s.documents.Grounder(), Resume: native.Resume{Logs: s.answers, Grace: s.config.Chat.Resume.Grace.Std()},
			Metrics: s.telemetry.Handler(telemetry.Aggregate), AdminMetrics: s.telemetry.Handler(telemetry.ByApp),
			Leaving: s.listener.Leaving,
			Status:  s.status, Endpoints: func() []string { return router.Endpoints() },
			Info: native.Info{
				Version: s.options.Version, Timeouts: s.timeouts(),
				MaxConcurrent:      s.config.Limits.MaxConcurrentRequests,
				RateLimitPerMinute: s.config.Limits.RateLimitPerMinute,
			},
		}),
		openaiface.New(openaiface.Config{Gateway: s.gateway, Created: s.started.Unix()}),
		responsesface.New(responsesface.Config{
			Gateway: s.gateway, Keeper: s.keeper, Files: s.documents.FileSearch(), Logs: s.answers,
		}),
		s.sockets,
		anthropicface.New(s.gateway),
		admin.New(admin.Config{
			Gateway: s.gateway, Apps: s.keys.Apps, Firing: s.alert.Firing, Slots: s.config.Limits.MaxConcurrentRequests,
		}),
		site,
	}
	faces = append(faces, s.documents.Faces()...)
	router, err = api.New(api.Config{
		Faces: faces, Keys: s.keys, Tickets: s.sockets, MaxBody: s.maxBody(), Bodies: s.bodies,
		SlowReaderGrace: s.config.Limits.SlowReaderGrace.Std(), HeartbeatAfter: s.config.Limits.QueueHeartbeatAfter.Std(),
		Streams: s.streams, BusyWait: s.admission.BusyWait, Refused: s.telemetry.CountRefused, Logger: s.logger,
	})
	if err != nil {
		return fmt.Errorf("build the routes: %w", err)
	}
	s.router = router
	return nil
}

// maxBody is the largest body that can be taken: one that could never fit into
// the memory for bodies is too large, not worth waiting for.
func (s *Server) maxBody() int64 {
	limit, budget := int64(s.config.Server.MaxBody), int64(s.config.Server.BodyRoom())
	switch {
	case budget <= 0:
		return limit
	case limit <= 0:
		return budget
	}
	return min(limit, budget)
}

func (s *Server) admissionConfig() admission.Config {
	pools := map[string]admission.Pool{fairlead.LocalPool: {}}
	for _, p := range s.providers {
		pools[p.Name] = p.pool
	}
	l := s.config.Limits
	c := admission.Config{
		Slots: l.MaxConcurrentRequests, MaxQueue: l.MaxQueue, MaxQueuePerApp: l.MaxQueuePerApp, Headroom: l.Headroom,
		TokensPerSlot: l.TokensPerSlot, HeartbeatAfter: l.QueueHeartbeatAfter.Std(), Pools: pools,
		Burst:    admission.Burst{PerSecond: l.Burst.RequestsPerSecond, Block: l.Burst.Block.Std()},
		Timeouts: s.timeouts(), Tokens: estimate.Expected,
	}
	if l.TokenMode == "hard" {
		c.Tokens = estimate.Hard
	}
	for _, name := range l.Shadow {
		c.Shadow = append(c.Shadow, admission.Limit(name))
	}
	return c
}

func (s *Server) alertConfig() alert.Config {
	a := s.config.Limits.ErrorAlert
	return alert.Config{
		Rate: a.Rate, MinRequests: a.MinRequests, Window: a.Window.Std(), Webhook: s.config.Alerts.Webhook.Reveal(), Logger: s.logger,
	}
}

func (s *Server) timeouts() map[fairlead.Operation]time.Duration {
	return map[fairlead.Operation]time.Duration{
		fairlead.Chat: s.config.Timeouts.Chat.Std(), fairlead.Embed: s.config.Timeouts.Embed.Std(),
		fairlead.CountTokens: s.config.Timeouts.Chat.Std(), // it reads the same body
		fairlead.Upload:      s.config.Timeouts.Upload.Std(), fairlead.Analyze: s.config.Timeouts.Analyze.Std(),
		fairlead.Search: s.config.Timeouts.Search.Std(), fairlead.Insights: s.config.Timeouts.Insights.Std(),
		fairlead.Rerank: s.config.Timeouts.Search.Std(),
	}
}

// status is what /metrics tells in JSON.
func (s *Server) status() native.Status {
	slots := s.admission.Slots()
	status := native.Status{
		Totals: s.telemetry.Totals(), Resume: native.ResumeStatus(s.answers.Stats()),
		Documents: native.DocumentStatus(s.documents.Stats()),
		Slots:     slots.Slots, InUse: slots.InUse, MostInUse: slots.MostInUse,
		Waiting: slots.Waiting, MaxWaiting: s.config.Limits.MaxQueue,
		Pools: make(map[string]native.PoolStatus), WebSocket: native.WebSocketStatus(s.sockets.Stats()),
		Connections: native.Connections{PlaceStatus: placeStatus(s.clients), Streams: placeStatus(s.streams)},
	}
	for name, p := range s.admission.Pools() {
		status.Pools[name] = native.PoolStatus{Slots: p.Slots, InUse: p.InUse, Waiting: p.Waiting}
	}
	for i := range s.providers {
		p := &s.providers[i]
		if pool, ok := status.Pools[p.Name]; ok {
			pool.Connections = p.connectionStatus()
			status.Pools[p.Name] = pool
		}
	}
	for _, a := range s.gateway.Active() {
		status.Active = append(status.Active, native.ActiveCall{ID: a.ID, Arrived: a.Arrived, Lane: a.Lane})
	}
	return status
}

// openIdentity opens the database, makes what a first start needs, and loads
// the keys.
func (s *Server) openIdentity(ctx context.Context) error {
	pepper, store, err := openKeys(ctx, s.config.Server.DataDir)
	if err != nil {
		return err
	}
	s.store, s.pepper = store, pepper
	if err := s.checkPublic(ctx); err != nil {
		return err
	}
	keys := s.identityConfig(pepper)
	made, err := identity.FirstStart(ctx, store, store, pepper, keys.Apps)
	s.showKeys(made) // what was made before an error is stored already
	if err != nil {
		return unusable("make the first keys", err)
	}
	admin, err := identity.LoadAdminToken(ctx, store, pepper)
	if err != nil {
		return err
	}
	directory, err := identity.New(ctx, keys)
	if err != nil {
		return unusable("load the keys", err)
	}
	s.keys = keyring{Directory: directory, admin: admin}
	return nil
}

// keyring knows apps by their keys and the admin by the token.
type keyring struct {
	*identity.Directory
	admin *identity.AdminToken
}

func (k keyring) IsAdmin(key string) bool { return k.admin.IsAdmin(key) }

func (s *Server) identityConfig(pepper []byte) identity.Config {
	c := identity.Config{
		Pepper: pepper, Store: s.store, Logger: s.logger,
		DefaultApp: fairlead.App{RateLimitPerMinute: s.config.Limits.RateLimitPerMinute, Weight: 1},
	}
	for _, app := range s.config.Apps {
		id := fairlead.AppID(app.Name)
		c.Apps = append(c.Apps, configuredApp(app))
		for _, key := range app.Keys {
			c.ConfigKeys = append(c.ConfigKeys, identity.ConfigKey{App: id, Secret: key.Reveal()})
		}
	}
	return c
}

func configuredApp(app config.App) fairlead.App {
	a := fairlead.App{
		ID: fairlead.AppID(app.Name), RateLimitPerMinute: app.RateLimitPerMinute, TokensPerMinute: app.TokensPerMinute,
		Weight: app.Weight, MaxConcurrent: app.MaxConcurrent, MinConcurrent: app.MinConcurrent, Models: app.Models,
	}
	if app.Class == fairlead.Batch.String() {
		a.Class = fairlead.Batch
	}
	return a
}
