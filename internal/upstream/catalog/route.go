package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
)

// Route finds where app's request for the model called name may be sent, in
// order of preference: whoever serves it, then whoever serves its fallbacks. An
// empty name is the default model. Errors are of Kind NotFound, with the models that the app may use, and Forbidden.
func (c *Catalog) Route(app *fairlead.App, name string) ([]fairlead.Target, error) {
	asked := name
	if name == "" {
		name = c.defaultModel()
	}
	name = c.unalias(name)
	served := c.serving(name)
	if len(served) == 0 {
		return nil, c.notFound(app, asked)
	}
	targets := allowed(app, served)
	if len(targets) == 0 {
		return nil, &fairlead.Error{
			Kind: fairlead.Forbidden, Code: "model_not_allowed", Param: "model",
			Message: "This app may not use the model " + quote(asked), Detail: c.offer(app),
		}
	}
	for _, fallback := range c.fallbacks(asked, name) {
		for _, target := range allowed(app, c.serving(c.unalias(fallback))) {
			if !slices.Contains(targets, target) {
				targets = append(targets, target)
			}
		}
	}
	return targets, nil
}

// unalias is what an alias stands for; another name stands for itself.
func (c *Catalog) unalias(name string) string {
	if to, ok := c.config.Aliases[name]; ok {
		return to
	}
	return name
}

// fallbacks are the models that stand in for the one that was asked for, which is
// name. Those of a model without its provider count for whoever did not name the
// provider.
func (c *Catalog) fallbacks(asked, name string) []string {
	for _, key := range [...]string{asked, name} {
		if models, ok := c.config.Fallbacks[key]; ok {
			return models
		}
	}
	if prefix, model, ok := strings.Cut(name, "/"); ok && asked != name && c.provider(prefix) != nil {
		return c.config.Fallbacks[model]
	}
	return nil
}

// allowed keeps of served, which it changes, the targets that app may use.
func allowed(app *fairlead.App, served []fairlead.Target) []fairlead.Target {
	return slices.DeleteFunc(served, func(t fairlead.Target) bool { return !app.MayUse(t.Provider, t.Model) })
}

// serving lists who serves the model: the provider that its prefix names and no
// other, else every provider that serves the name as it is.
func (c *Catalog) serving(name string) []fairlead.Target {
	if prefix, rest, ok := strings.Cut(name, "/"); ok {
		if p := c.provider(prefix); p != nil {
			if p.serves(rest) || rest != "" && !p.isListed() {
				return []fairlead.Target{{Provider: prefix, Model: rest}}
			}
			return nil
		}
	}
	var served []fairlead.Target
	for _, p := range c.providers {
		if p.serves(name) {
			served = append(served, fairlead.Target{Provider: p.Name, Model: name})
		}
	}
	return served
}

func (p *provider) matches(model string) bool { return matchesAny(p.Patterns, model) }

func matchesAny(patterns []string, model string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return fairlead.MatchModel(pattern, model) })
}

func (p *provider) serves(model string) bool {
	if model == "" {
		return false
	}
	if len(p.Patterns) > 0 {
		return p.matches(model)
	}
	if model == p.Default {
		return true
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.known[model] || p.known[model+latestTag] || matchesAny(p.wild, model)
}

// latestTag is what Ollama adds to the name of a model that is named without a
// tag.
const latestTag = ":latest"

// isListed reports whether it is known what the provider serves. Until then it
// is taken at its word.
func (p *provider) isListed() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.Patterns) > 0 || p.known != nil
}

func (c *Catalog) defaultModel() string {
	if c.config.DefaultModel != "" {
		return c.config.DefaultModel
	}
	for _, p := range c.providers {
		if p.Default != "" {
			return p.Name + "/" + p.Default
		}
		if names := p.names(); len(names) > 0 {
			return p.Name + "/" + names[0]
		}
	}
	return ""
}

func (c *Catalog) notFound(app *fairlead.App, asked string) error {
	message := "There is no model called " + quote(asked)
	if asked == "" {
		message = "The request names no model, and there is no default model"
	}
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "model_not_found", Param: "model", Message: message, Detail: c.offer(app),
	}
}

// Most names in an error, and most characters of a name that is told back.
const (
	mostOffered = 20
	mostQuoted  = 128
)

// offer says which models the app may use.
func (c *Catalog) offer(app *fairlead.App) string {
	models := c.Models(app)
	if len(models) == 0 {
		return "no model is available to this app yet; provider/model names one directly"
	}
	names := make([]string, 0, mostOffered)
	for _, m := range models[:min(len(models), mostOffered)] {
		names = append(names, m.ID)
	}
	text := "this app may use " + strings.Join(names, ", ")
	if more := len(models) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more (GET /v1/models)", more)
	}
	return text
}

func quote(name string) string {
	if len(name) > mostQuoted {
		name = strings.ToValidUTF8(name[:mostQuoted], "") + "…"
	}
	return fmt.Sprintf("%q", name)
}
