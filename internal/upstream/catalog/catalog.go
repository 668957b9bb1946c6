// Package catalog knows which provider serves which model, and under which name.
//
// A request names a model by the name that a provider gives it, by
// provider/model, or by an alias. What a provider serves is told by patterns, or
// by the provider itself, which is asked now and then. Who serves a model is
// followed by who serves its fallbacks; an app gets what it may use of all that.
//
// Start with Catalog.Route.
package catalog

import (
	"context"
	"log/slog"
	"sync"
)

// Provider is an upstream as far as names go.
type Provider struct {
	Name string
	// Patterns are the names and `*` patterns that it serves; empty means what
	// List tells.
	Patterns []string
	// Default is a model that it is known to serve; "" if none is.
	Default string
	// List asks the provider for its models' names; nil if it can't be asked.
	List func(ctx context.Context) ([]string, error)
}

// Config says what there is.
type Config struct {
	// Providers are in order of preference.
	Providers []Provider
	// DefaultModel stands for a request's model that is not named; "" means
	// the first provider's.
	DefaultModel string
	// Aliases are further names of models.
	Aliases map[string]string
	// Fallbacks are the models that stand in for one, in order, by its name.
	Fallbacks map[string][]string
	Logger    *slog.Logger
}

// Catalog knows all models. It is safe for concurrent use.
type Catalog struct {
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

// New returns a catalog. Run keeps the providers' lists fresh.
func New(config Config) *Catalog {
	c := &Catalog{config: config, logger: config.Logger}
	for _, p := range config.Providers {
		c.providers = append(c.providers, &provider{Provider: p})
	}
	return c
}

func (c *Catalog) provider(name string) *provider {
	for _, p := range c.providers {
		if p.Name == name {
			return p
		}
	}
	return nil
}
