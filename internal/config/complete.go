package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config/address"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// begin starts an app or a provider.
func (l *loader) begin(key string, entry any) {
	switch entry := entry.(type) {
	case *App:
		*entry = newApp()
	case *Provider:
		*entry = l.startProvider(entry.Name, key)
	}
}

// startProvider is a provider before the file says anything about it.
func (l *loader) startProvider(name, key string) Provider {
	p, known := presetOf(name)
	if known {
		for _, leaf := range strictyaml.Leaves(reflect.ValueOf(&p.provider).Elem(), key) {
			if !leaf.Value.IsZero() {
				l.Origins[leaf.Key] = strictyaml.Origin{Detail: "preset " + name}
			}
		}
	}
	return p.provider
}

// detectProviders finds providers in the environment when the file names none.
func (l *loader) detectProviders() {
	if _, named := l.Origins["llm.providers"]; named {
		return
	}
	for _, name := range presetNames() {
		if p, _ := presetOf(name); !slices.ContainsFunc(p.detectBy, func(v string) bool { return l.env[v] != "" }) {
			continue
		}
		l.config.LLM.Providers = append(l.config.LLM.Providers, l.startProvider(name, "llm.providers."+name))
	}
}

// completeProvider takes the key and the address of a preset from the
// environment. The address wins over the file's, as every variable does; a key
// does not, since a file that names one means that one.
func (l *loader) completeProvider(provider *Provider) {
	p, _ := presetOf(provider.Name)
	key := "llm.providers." + provider.Name
	if secret := l.env[p.keyFrom]; p.keyFrom != "" && secret != "" && len(provider.APIKeys) == 0 && l.Origins[key+".api_key"].Source == strictyaml.Default {
		l.fromEnvironment(p.keyFrom, strictyaml.Leaf{Key: key + ".api_key", Value: reflect.ValueOf(&provider.APIKey).Elem()})
	}
	if p.addressFrom == "" || l.env[p.addressFrom] == "" {
		return
	}
	if origin := l.Origins[key+".base_url"]; origin.Source == strictyaml.File {
		l.Warn(fmt.Sprintf("environment %s wins over %s.base_url at %s", p.addressFrom, key, origin.Detail))
	}
	provider.BaseURL = strings.TrimSpace(l.env[p.addressFrom])
	if p.addressFrom == "OLLAMA_HOST" {
		provider.BaseURL = address.Ollama(provider.BaseURL)
	}
	l.Origins[key+".base_url"] = strictyaml.Origin{Source: strictyaml.Environment, Detail: p.addressFrom}
}

// complete fills in the defaults that depend on other values, and the origins
// of every leaf that nobody has set.
func (l *loader) complete() {
	for i := range l.config.LLM.Providers {
		l.completeProvider(&l.config.LLM.Providers[i])
		l.fitProvider(&l.config.LLM.Providers[i])
	}
	l.fitBody()
	l.fitResume()
	limits := &l.config.Limits
	if l.Origins["limits.max_queue_per_app"].Source == strictyaml.Default {
		limits.MaxQueuePerApp = queueShare(limits.MaxQueue)
		l.Origins["limits.max_queue_per_app"] = strictyaml.Origin{Detail: "a quarter of limits.max_queue"}
	}
	for i := range l.config.Apps {
		key := strictyaml.Item("apps", i) + ".rate_limit_per_minute"
		if _, set := l.Origins[key]; !set {
			l.config.Apps[i].RateLimitPerMinute = limits.RateLimitPerMinute
			l.Origins[key] = strictyaml.Origin{Detail: "limits.rate_limit_per_minute"}
		}
	}
	if first := l.config.LLM.Providers; l.config.LLM.DefaultModel == "" && len(first) > 0 && first[0].DefaultModel != "" {
		l.config.LLM.DefaultModel = first[0].Name + "/" + first[0].DefaultModel
		l.Origins["llm.default_model"] = strictyaml.Origin{Detail: "preset " + first[0].Name}
	}
	l.fillOrigins()
}

// fitProvider adapts the preset's defaults to what was set beside them, and
// spells the address without a trailing slash.
func (l *loader) fitProvider(p *Provider) {
	key := "llm.providers." + p.Name
	p.BaseURL = strings.TrimRight(p.BaseURL, "/")
	client := &p.HTTPClient
	if l.Origins[key+".http_client.max_keepalive"].Source == strictyaml.Default && client.MaxConnections > 0 {
		client.MaxKeepalive = min(client.MaxKeepalive, client.MaxConnections)
	}
	if p.Dialect == DialectAnthropic && l.Origins[key+".responses"].Source == strictyaml.Default {
		p.Responses = false
		l.Origins[key+".responses"] = strictyaml.Origin{}
	}
	serves := func(pattern string) bool { return fairlead.MatchModel(pattern, p.DefaultModel) }
	if len(p.Models) > 0 && !slices.ContainsFunc(p.Models, serves) {
		p.DefaultModel = ""
	}
}

// fillOrigins notes Default for every leaf that nobody has set.
func (l *loader) fillOrigins() {
	leaves := strictyaml.Leaves(reflect.ValueOf(&l.config).Elem(), "")
	for i := range l.config.Apps {
		leaves = append(leaves, strictyaml.Leaves(reflect.ValueOf(&l.config.Apps[i]).Elem(), strictyaml.Item("apps", i))...)
	}
	for i := range l.config.LLM.Providers {
		provider := &l.config.LLM.Providers[i]
		leaves = append(leaves, strictyaml.Leaves(reflect.ValueOf(provider).Elem(), "llm.providers."+provider.Name)...)
	}
	for _, leaf := range leaves {
		if _, set := l.Origins[leaf.Key]; !set {
			l.Origins[leaf.Key] = strictyaml.Origin{}
		}
	}
}

// fitBody lowers the default of the largest body to what the memory for bodies
// has room for. A value that somebody set is left to validation.
func (l *loader) fitBody() {
	server := &l.config.Server
	if room := server.BodyRoom(); room > 0 && server.MaxBody > room && l.Origins["server.max_body"].Source == strictyaml.Default {
		server.MaxBody = room
		l.Origins["server.max_body"] = strictyaml.Origin{Detail: "a quarter of server.memory_limit"}
	}
}

// leastMemory is about what the service needs before any request came.
const leastMemory = 32 << 20
