// Package upstream routes a model's name to the provider that serves it and
// makes the attempt there.
//
// One attempt is one function: enter the gate for the provider's pool, leave it
// by defer, and let the provider answer in between. So a slot is held exactly
// while a provider works, whatever way the attempt ends.
//
// Start with Upstream.Route, then Upstream.Answer.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Provider is one upstream as routing sees it. Its name is also its pool's.
type Provider struct {
	Name  string
	Model fairlead.Model
	// Patterns are the names and `*` patterns that it serves; empty means what
	// List tells.
	Patterns []string
	// Default is a model that it is known to serve; "" if none is.
	Default string
	// List asks the provider for its models' names; nil if it can't be asked.
	List func(ctx context.Context) ([]string, error)
}

// Config says what there is to route to.
type Config struct {
	// Providers are in order of preference.
	Providers []Provider
	// DefaultModel stands for a request's model that is not named; "" means
	// the first provider's.
	DefaultModel string
	// Aliases are further names of models.
	Aliases map[string]string
	Gate    fairlead.Gate
	Logger  *slog.Logger
}

// Upstream is a fairlead.Model over all providers.
type Upstream struct {
	config    Config
	providers []*provider
	logger    *slog.Logger
}

// provider is a Provider with what it last said that it serves.
type provider struct {
	Provider

	mu     sync.RWMutex
	listed []string        // names, in the provider's order
	wild   []string        // patterns among what it listed
	known  map[string]bool // the names again; nil until it listed any
}

// New returns an Upstream. Run keeps its lists of models fresh.
func New(config Config) *Upstream {
	u := &Upstream{config: config, logger: config.Logger}
	for _, p := range config.Providers {
		u.providers = append(u.providers, &provider{Provider: p})
	}
	return u
}

// Answer makes one attempt at the call's first target. req.Envelope.Model is
// replaced by the target's name for the model.
func (u *Upstream) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	targets := call.Targets()
	if len(targets) == 0 {
		return errors.New("the call was not routed")
	}
	p := u.provider(targets[0].Provider)
	if p == nil {
		return fmt.Errorf("no provider is called %q", targets[0].Provider)
	}
	sent := *req
	sent.Envelope.Model = targets[0].Model
	return u.attempt(ctx, call, &sent, try{provider: p, target: targets[0], emit: emit})
}

// try is one attempt in the making.
type try struct {
	provider *provider
	target   fairlead.Target
	emit     fairlead.Emit
}

// attempt holds a slot exactly while the provider works.
func (u *Upstream) attempt(ctx context.Context, call *fairlead.Call, req *fairlead.Request, t try) error {
	lease, err := u.config.Gate.Enter(ctx, call, t.provider.Name)
	if err != nil {
		return err
	}
	defer lease.Release()

	wait := lease.Wait()
	a := fairlead.Attempt{Target: t.target, Waited: wait.Actual, Predicted: wait.Predicted}
	began := time.Now()
	err = t.provider.Model.Answer(ctx, call, req, func(e fairlead.Event) error {
		switch {
		case e.Head != nil:
			a.Status = e.Head.Status
		case e.End != nil:
			a.Usage = e.End.Usage
			lease.Correct(a.Usage)
		case a.FirstContent == 0:
			a.FirstContent = time.Since(began)
		}
		return t.emit(e)
	})
	a.Duration = time.Since(began)
	a.Err = fairlead.AsError(err)
	if a.Err != nil && a.Err.Status != 0 {
		a.Status = a.Err.Status
	}
	call.AddAttempt(a)
	return err
}

func (u *Upstream) provider(name string) *provider {
	for _, p := range u.providers {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Route finds where app's request for the model called name may be sent, in
// order of preference. An empty name is the default model. Errors are of Kind
// NotFound, with the models that the app may use, and Forbidden.
func (u *Upstream) Route(app *fairlead.App, name string) ([]fairlead.Target, error) {
	asked := name
	if name == "" {
		name = u.defaultModel()
	}
	if to, ok := u.config.Aliases[name]; ok {
		name = to
	}
	served := u.serving(name)
	if len(served) == 0 {
		return nil, u.notFound(app, asked)
	}
	targets := allowed(app, served)
	if len(targets) == 0 {
		return nil, &fairlead.Error{
			Kind: fairlead.Forbidden, Code: "model_not_allowed", Param: "model",
			Message: "This app may not use the model " + quote(asked), Detail: u.offer(app),
		}
	}
	return targets, nil
}

// allowed keeps the targets that app may use.
func allowed(app *fairlead.App, served []fairlead.Target) []fairlead.Target {
	var targets []fairlead.Target
	for _, t := range served {
		if app.MayUse(t.Provider, t.Model) {
			targets = append(targets, t)
		}
	}
	return targets
}

// serving lists who serves the model: the provider that its prefix names and no
// other, else every provider that serves the name as it is.
func (u *Upstream) serving(name string) []fairlead.Target {
	if prefix, rest, ok := strings.Cut(name, "/"); ok {
		if p := u.provider(prefix); p != nil {
			if p.serves(rest) || rest != "" && !p.isListed() {
				return []fairlead.Target{{Provider: prefix, Model: rest}}
			}
			return nil
		}
	}
	var served []fairlead.Target
	for _, p := range u.providers {
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

func (u *Upstream) defaultModel() string {
	if u.config.DefaultModel != "" {
		return u.config.DefaultModel
	}
	for _, p := range u.providers {
		if p.Default != "" {
			return p.Name + "/" + p.Default
		}
		if names := p.names(); len(names) > 0 {
			return p.Name + "/" + names[0]
		}
	}
	return ""
}

func (u *Upstream) notFound(app *fairlead.App, asked string) error {
	message := "There is no model called " + quote(asked)
	if asked == "" {
		message = "The request names no model, and there is no default model"
	}
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "model_not_found", Param: "model", Message: message, Detail: u.offer(app),
	}
}

// Most names in an error, and most characters of a name that is told back.
const (
	mostOffered = 20
	mostQuoted  = 128
)

// offer says which models the app may use.
func (u *Upstream) offer(app *fairlead.App) string {
	models := u.Models(app)
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
