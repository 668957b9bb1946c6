package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/identity"
)

// showKeys prints keys that were just made: the only time that they are shown.
func (s *Server) showKeys(made identity.Welcome) {
	if made == (identity.Welcome{}) {
		return
	}
	out := s.options.Out
	if made.AdminToken != "" {
		fmt.Fprintf(out, "admin token: %s\n", made.AdminToken)
	}
	if made.AppKey != "" {
		fmt.Fprintf(out, "app key: %s\n", made.AppKey)
	}
	fmt.Fprintln(out, "Keep them: they are shown this once and stored only as hashes.")
}

// greet prints every effective limit with where it came from, and the address.
func (s *Server) greet() {
	out := s.options.Out
	fmt.Fprintf(out, "fairlead %s\n", s.options.Version)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range s.banner() {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", row.Key, row.Value, row.Origin)
	}
	_ = table.Flush() // to where the lines above went
	scheme := "http"
	if s.config.Server.TLS.CertFile != "" {
		scheme = "https"
	}
	fmt.Fprintf(out, "listening on %s://%s\n", scheme, s.listener.Addr())
	s.logStart()
}

// banner lists the limits in force, those that people ask for first.
func (s *Server) banner() []config.Setting {
	shown := []string{
		"limits.max_concurrent_requests", "limits.rate_limit_per_minute", "limits.max_queue", "limits.max_queue_per_app",
		"limits.burst.requests_per_second", "limits.burst.block", "timeouts.chat", "timeouts.embed",
		"server.memory_limit", "server.max_body", "server.drain_timeout",
	}
	var rows []config.Setting
	for _, setting := range s.loaded.Effective() {
		if !slices.Contains(shown, setting.Key) {
			continue
		}
		if setting.Off {
			setting.Value = "no limit"
		}
		rows = append(rows, setting)
	}
	const providers = "llm.providers"
	return append(rows, s.describeConnections(), config.Setting{Key: providers, Value: s.describeProviders(), Origin: s.loaded.Origins[providers]})
}

// most is a limit as people read it.
func most(limit int) string {
	if limit == 0 {
		return "no limit"
	}
	return strconv.Itoa(limit)
}

func (s *Server) describeProviders() string {
	names := make([]string, 0, len(s.providers))
	for _, p := range s.providers {
		text := p.Name
		if p.pool.Slots > 0 {
			text += fmt.Sprintf(" (%d slots)", p.pool.Slots)
		}
		names = append(names, text)
	}
	if len(s.config.LLM.Providers) == 0 {
		return "local (offline)"
	}
	return strings.Join(names, ", ")
}

// logStart tells the log every effective value, and what the configuration
// warns of.
func (s *Server) logStart() {
	for _, warning := range s.loaded.Warnings {
		s.logger.Warn("configuration", "warning", warning)
	}
	settings := make(map[string]string)
	for _, setting := range s.loaded.Effective() {
		settings[setting.Key] = setting.Value + " (" + setting.Origin.String() + ")"
	}
	s.logger.Info("started", "version", s.options.Version, "address", s.listener.Addr().String(),
		"providers", s.describeProviders(), "settings", settings)
}
