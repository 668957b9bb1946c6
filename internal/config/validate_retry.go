package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// mostFallbacks is the most models that may stand in for one.
const mostFallbacks = 8

// validateFallbacks judges the models that stand in for others.
func (l *loader) validateFallbacks() {
	fallbacks := l.config.LLM.Fallbacks
	for _, model := range slices.Sorted(maps.Keys(fallbacks)) {
		at := strictyaml.Join("llm.fallbacks", strictyaml.Shown(model))
		list := fallbacks[model]
		if !isModel(model) {
			l.Complain(at, "is not the name of a model", "")
		}
		if len(list) > mostFallbacks {
			l.Complain(at, fmt.Sprintf("has %d models, more than %d", len(list), mostFallbacks), "")
		}
		for i, to := range list {
			item := strictyaml.Item(at, i)
			switch {
			case !isModel(to):
				l.Complain(item, "must name a model, as model or provider/model", "")
			case to == model:
				l.Complain(item, "the model stands in for itself", "")
			case slices.Index(list, to) < i:
				l.Complain(item, "is there twice", "")
			}
		}
	}
}

// validateKeys judges a provider's keys.
func (l *loader) validateKeys(at string, p *Provider) {
	const odd = "the key holds a space or a character that is not printable ASCII"
	if !isToken(p.APIKey.Reveal()) {
		l.Complain(at+".api_key", odd, "")
	}
	if p.APIKey != "" && len(p.APIKeys) > 0 {
		l.Complain(at+".api_keys", "there is api_key beside it", "write that key among the others")
	}
	for i, key := range p.APIKeys {
		switch item := strictyaml.Item(at+".api_keys", i); {
		case key == "" || !isToken(key.Reveal()):
			l.Complain(item, odd, "")
		case slices.Index(p.APIKeys, key) < i:
			l.Complain(item, "is there twice", "")
		}
	}
}

// Bounds of breaker.open_for.
const (
	shortestOpen = strictyaml.Duration(time.Second)
	longestOpen  = strictyaml.Duration(time.Minute)
)

// validateResilience judges what a provider's failures bring about.
func (l *loader) validateResilience(at string, p *Provider) {
	l.validatePart(at+".retry.budget", p.Retry.Budget, "for no retries set max_attempts: 1")
	l.validatePart(at+".hedge.budget", p.Hedge.Budget, "to send nothing twice leave hedge.after out")
	if p.Breaker.FailureRate > 1 {
		l.Complain(at+".breaker.failure_rate", fmt.Sprintf("%v is more than 1, which is all of them", p.Breaker.FailureRate), "")
	}
	if open := p.Breaker.OpenFor; open < shortestOpen || open > longestOpen {
		l.Complain(at+".breaker.open_for", fmt.Sprintf("%s is not between %s and %s", open, shortestOpen, longestOpen), "")
	}
	if after := p.Hedge.After; after != "" && after != hedgeP95 {
		if d, err := time.ParseDuration(after); err != nil || d <= 0 {
			l.Complain(at+".hedge.after", l.Quote(at+".hedge.after", after)+" is neither p95 nor a duration such as 2s", "")
		}
	}
}

// validatePart judges a share of the calls.
func (l *loader) validatePart(key string, part float64, none string) {
	switch {
	case part <= 0:
		l.Complain(key, "must be more than 0", none)
	case part > 1:
		l.Complain(key, fmt.Sprintf("%v is more than 1", part), "")
	}
}
