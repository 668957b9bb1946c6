package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
	"github.com/fairleadhq/fairlead/internal/provider/anthropic"
	"github.com/fairleadhq/fairlead/internal/provider/local"
	"github.com/fairleadhq/fairlead/internal/provider/openai"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
	"github.com/fairleadhq/fairlead/internal/translate/bridge"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// namedProvider is an upstream with what has to be done with it at the end.
type namedProvider struct {
	upstream.Provider
	pool     admission.Pool
	adapters []*remote.Provider // one for each key; none for the offline provider
}

func (p *namedProvider) close() {
	for _, adapter := range p.adapters {
		adapter.Close()
	}
}

// makeProviders makes the adapters of each configured provider, or the offline
// one where there is none. Each stands behind a bridge, so that clients of every
// dialect reach it.
func (s *Server) makeProviders() error {
	for _, p := range s.config.LLM.Providers {
		adapters, err := s.makeAdapters(p)
		if err != nil {
			return unusable("set up the provider "+p.Name, err)
		}
		s.providers = append(s.providers, namedProvider{
			Provider: s.routedProvider(p, adapters),
			pool: admission.Pool{
				Slots: p.HTTPClient.ConcurrentRequests, RequestsPerMinute: p.RateLimit.RequestsPerMinute,
				TokensPerMinute: p.RateLimit.TokensPerMinute,
			},
			adapters: adapters,
		})
	}
	if len(s.providers) == 0 {
		s.providers = append(s.providers, namedProvider{Provider: upstream.Provider{
			Name:     fairlead.LocalPool,
			Model:    bridge.NewResponses(bridge.New(local.New(), fairlead.OpenAIChat, bridge.Options{}), bridge.Options{}),
			Patterns: []string{local.ModelName},
		}})
	}
	return nil
}

// keysOf are the keys of a provider; one that needs none has an empty one.
func keysOf(p config.Provider) []strictyaml.Secret {
	if len(p.APIKeys) == 0 {
		return []strictyaml.Secret{p.APIKey}
	}
	return p.APIKeys
}

// markBytes is how much of its digest tells a key from others.
const markBytes = 8

// keyMark tells a provider's key from others, after a restart too, and gives nothing
// of it away to who does not have the pepper.
func (s *Server) keyMark(key strictyaml.Secret) string {
	digest := hmac.New(sha256.New, s.pepper)
	digest.Write([]byte("provider key mark" + key.Reveal()))
	return hex.EncodeToString(digest.Sum(nil)[:markBytes])
}

// makeAdapters makes an adapter for each key of a provider.
func (s *Server) makeAdapters(p config.Provider) ([]*remote.Provider, error) {
	var adapters []*remote.Provider
	for _, key := range keysOf(p) {
		c := remote.Config{
			Name: p.Name, KeyMark: s.keyMark(key), BaseURL: p.BaseURL, APIKey: key.Reveal(), Timeout: p.Timeout.Std(),
			FirstContent: p.FirstContent.Std(), HTTP: httpLimits(p.HTTPClient),
			HTTP2: p.HTTPClient.HTTP2,
		}
		open := openai.New
		if p.Dialect == config.DialectAnthropic {
			open = anthropic.New
		}
		adapter, err := open(c)
		if err != nil {
			return nil, err
		}
		adapters = append(adapters, adapter)
	}
	return adapters, nil
}

// routedProvider is a provider as routing sees it.
func (s *Server) routedProvider(p config.Provider, adapters []*remote.Provider) upstream.Provider {
	after, byUsual := p.Hedge.Delay()
	routed := upstream.Provider{
		Name: p.Name, Patterns: p.Models, Default: p.DefaultModel, List: listing(adapters), Weight: p.Weight,
		Retry:   upstream.Retry{MaxAttempts: p.Retry.MaxAttempts, Budget: p.Retry.Budget},
		Breaker: upstream.Breaker{FailureRate: p.Breaker.FailureRate, MinCalls: p.Breaker.MinCalls, OpenFor: p.Breaker.OpenFor.Std()},
		Hedge:   upstream.Hedge{After: after, UseP95: byUsual, Budget: p.Hedge.Budget},
	}
	if p.Adaptive {
		routed.Slots = p.HTTPClient.ConcurrentRequests
	}
	speaks := fairlead.OpenAIChat
	if p.Dialect == config.DialectAnthropic {
		speaks = fairlead.AnthropicMessages
	}
	options := bridge.Options{MaxTokensName: maxTokensName(p.BaseURL)}
	for i, key := range keysOf(p) {
		both := bridge.New(adapters[i], speaks, options)
		way := upstream.Deployment{Model: both, Mark: s.keyMark(key)}
		if !p.Responses { // it keeps none, not even those that it kept before
			way = upstream.Deployment{Model: bridge.NewResponses(both, options)}
		}
		routed.Deployments = append(routed.Deployments, way)
	}
	return routed
}

// listing asks the provider for its models by its keys, one after the other until
// one works.
func listing(adapters []*remote.Provider) func(ctx context.Context) ([]string, error) {
	return func(ctx context.Context) (names []string, err error) {
		for _, adapter := range adapters {
			if names, err = adapter.Models(ctx); err == nil {
				return names, nil
			}
		}
		return nil, err
	}
}

// upstreamConfig says what there is to route to. admission must be there.
func (s *Server) upstreamConfig() upstream.Config {
	llm, limits := s.config.LLM, s.config.Limits
	c := upstream.Config{
		DefaultModel: llm.DefaultModel, Aliases: llm.Aliases, Fallbacks: llm.Fallbacks, Gate: s.admission, Logger: s.logger,
		MaxParked: limits.MaxQueue, HeartbeatAfter: limits.QueueHeartbeatAfter.Std(), Pools: s.admission,
	}
	for _, p := range s.providers {
		c.Providers = append(c.Providers, p.Provider)
	}
	return c
}

func httpLimits(c config.HTTPClient) remote.HTTPLimits {
	return remote.HTTPLimits{
		MaxConnections: c.MaxConnections, MaxKeepalive: c.MaxKeepalive, KeepaliveExpiry: c.KeepaliveExpiry.Std(),
		ConnectTimeout: c.ConnectTimeout.Std(), ReadTimeout: c.ReadTimeout.Std(), WriteTimeout: c.WriteTimeout.Std(),
		PoolTimeout: c.PoolTimeout.Std(),
	}
}

// maxTokensName is what the server at an address calls the limit of a chat answer.
// OpenAI's newer models know no other name than theirs; many other servers know
// only the older one.
func maxTokensName(address string) string {
	base, err := url.Parse(address)
	if err == nil && slices.Contains([]string{"api.openai.com", "api.groq.com"}, base.Hostname()) {
		return "max_completion_tokens"
	}
	return "max_tokens"
}
