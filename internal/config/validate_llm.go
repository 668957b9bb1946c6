package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config/address"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// validateModels judges the default model and the aliases.
func (l *loader) validateModels() {
	llm := &l.config.LLM
	if l.Origins["llm.default_model"].Source != strictyaml.Default && !isModel(llm.DefaultModel) {
		l.Complain("llm.default_model", "is not the name of a model", "leave it out for the first provider's")
	}
	for _, alias := range slices.Sorted(maps.Keys(llm.Aliases)) {
		at := strictyaml.Join("llm.aliases", strictyaml.Shown(alias))
		target := llm.Aliases[alias]
		switch {
		case !isModel(alias):
			l.Complain(at, "an alias is a name without spaces", "")
		case strings.Contains(alias, "/"):
			l.Complain(at, "an alias must not contain a slash: provider/model names a provider", "")
		case !isModel(target):
			l.Complain(at, "must name a model, as model or provider/model", "")
		case target == alias:
			l.Complain(at, "the alias names itself", "")
		}
	}
}

// longestProvider is the most characters of a provider's name.
const longestProvider = 64

// validateProvider judges one provider.
func (l *loader) validateProvider(p *Provider) {
	at := strictyaml.Join("llm.providers", strictyaml.Shown(p.Name))
	switch {
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`).MatchString(p.Name) || len(p.Name) > longestProvider:
		l.Complain(at, "is not the name of a provider", "use lower-case letters, digits, '_' and '-'")
		return
	case p.Name == fairlead.LocalPool:
		l.Complain(at, "the name belongs to the built-in offline provider", "choose another")
		return
	}
	l.validateBaseURL(at+".base_url", p)
	l.validateKeys(at, p)
	l.validateResilience(at, p)
	l.validatePatterns(at+".models", p.Models)
	if p.Responses && p.Dialect == DialectAnthropic {
		l.Complain(at+".responses", "the Responses API is OpenAI's, and the dialect is anthropic", "leave it out: requests of that API are translated")
	}
	client := &p.HTTPClient
	if client.HTTP2 && !strings.HasPrefix(p.BaseURL, "https://") {
		l.Complain(at+".http_client.http2", "HTTP/2 needs a base_url with https", "leave it out, or give the provider TLS")
	}
	if client.MaxConnections > 0 && client.MaxKeepalive > client.MaxConnections {
		l.Complain(at+".http_client.max_keepalive", fmt.Sprintf("%d is more than max_connections (%d)", client.MaxKeepalive, client.MaxConnections), "")
	}
}

// validateBaseURL judges the address of a provider. It never repeats the
// address: what is wrong with it may be that it holds a password.
func (l *loader) validateBaseURL(key string, p *Provider) {
	const form = "write it as https://host/v1"
	if p.BaseURL == "" {
		l.Complain(key, "a provider without a preset needs its address", form)
		return
	}
	complaint := address.OfURL(p.BaseURL)
	switch {
	case complaint != "":
		l.Complain(key, complaint, form+", with the key under api_key")
	case strings.ContainsAny(p.BaseURL, "?#"):
		l.Complain(key, "must not hold a query or a fragment", form)
	}
	if strings.ContainsAny(p.BaseURL, "@?#") {
		l.Hide(p.BaseURL)
		l.HideAt(key)
	}
}
