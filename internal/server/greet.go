package server

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

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
	for _, row := range s.effective() {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", row.key, row.value, s.loaded.Origins[row.key])
	}
	_ = table.Flush() // to where the lines above went
	scheme := "http"
	if s.config.Server.TLS.CertFile != "" {
		scheme = "https"
	}
	fmt.Fprintf(out, "listening on %s://%s\n", scheme, s.listener.Addr())
	s.logStart()
}

// effectiveValue is one line of the banner.
type effectiveValue struct{ key, value string }

// effective lists the limits in force.
func (s *Server) effective() []effectiveValue {
	c := s.config
	off := func(n int) string {
		if n == 0 {
			return "no limit"
		}
		return strconv.Itoa(n)
	}
	return []effectiveValue{
		{"limits.max_concurrent_requests", off(c.Limits.MaxConcurrentRequests)},
		{"limits.rate_limit_per_minute", off(c.Limits.RateLimitPerMinute)},
		{"limits.max_queue", strconv.Itoa(c.Limits.MaxQueue)},
		{"limits.max_queue_per_app", strconv.Itoa(c.Limits.MaxQueuePerApp)},
		{"limits.burst.requests_per_second", off(c.Limits.Burst.RequestsPerSecond)},
		{"limits.burst.block", c.Limits.Burst.Block.String()},
		{"timeouts.chat", c.Timeouts.Chat.String()},
		{"timeouts.embed", c.Timeouts.Embed.String()},
		{"server.memory_limit", c.Server.MemoryLimit.String()},
		{"server.max_body", c.Server.MaxBody.String()},
		{"llm.providers", s.describeProviders()},
	}
}

func (s *Server) describeProviders() string {
	names := make([]string, 0, len(s.providers))
	for _, p := range s.providers {
		text := p.Name
		if p.slots > 0 {
			text += fmt.Sprintf(" (%d slots)", p.slots)
		}
		names = append(names, text)
	}
	if len(s.config.LLM.Providers) == 0 {
		return "local (offline)"
	}
	return strings.Join(names, ", ")
}

// logStart tells the log the same as the banner, and what the configuration
// warns of.
func (s *Server) logStart() {
	for _, warning := range s.loaded.Warnings {
		s.logger.Warn("configuration", "warning", warning)
	}
	args := []any{"version", s.options.Version, "address", s.listener.Addr().String()}
	for _, row := range s.effective() {
		args = append(args, strings.NewReplacer(".", "_").Replace(row.key), row.value)
	}
	s.logger.Info("started", args...)
}
