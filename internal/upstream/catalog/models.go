package catalog

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// How often the providers are asked what they serve, how soon again after a
// failure, and how long one answer may take.
const (
	listEvery   = 10 * time.Minute
	listRetry   = 30 * time.Second
	listTimeout = 15 * time.Second
)

// Listed is a model that a request may name.
type Listed struct {
	ID       string // provider/model, or an alias
	Provider string
}

// Models lists what app may name: every provider/model that is known, and the
// aliases that lead to one.
func (c *Catalog) Models(app *fairlead.App) []Listed {
	var all []Listed
	for _, p := range c.providers {
		for _, name := range p.names() {
			if app.MayUse(p.Name, name) {
				all = append(all, Listed{ID: p.Name + "/" + name, Provider: p.Name})
			}
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(c.config.Aliases)) {
		if targets := allowed(app, c.serving(c.config.Aliases[alias])); len(targets) > 0 {
			all = append(all, Listed{ID: alias, Provider: targets[0].Provider})
		}
	}
	return all
}

// names lists the models that the provider is known to serve, in its order.
func (p *provider) names() []string {
	p.mu.RLock()
	listed := p.listed
	p.mu.RUnlock()
	var names []string
	if len(p.Patterns) == 0 {
		names = slices.Clone(listed)
	}
	for _, pattern := range p.Patterns {
		if !strings.Contains(pattern, "*") {
			names = append(names, pattern)
		}
	}
	if len(p.Patterns) > 0 {
		for _, name := range listed {
			if p.matches(name) && !slices.Contains(p.Patterns, name) {
				names = append(names, name)
			}
		}
	}
	if p.Default != "" && p.serves(p.Default) && !slices.Contains(names, p.Default) {
		names = append([]string{p.Default}, names...)
	}
	return names
}

// Run asks every provider which models it serves, now and then again, until
// ctx ends. A provider that fails keeps its last list.
func (c *Catalog) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, p := range c.providers {
		if p.List != nil {
			wg.Go(func() { c.keepListed(ctx, p) })
		}
	}
	wg.Wait()
	return nil
}

func (c *Catalog) keepListed(ctx context.Context, p *provider) {
	failing := false
	for ctx.Err() == nil {
		err := p.refresh(ctx)
		wait := listEvery
		if err != nil {
			wait = listRetry
		}
		if err != nil && !failing && ctx.Err() == nil {
			c.logger.Warn("models not listed", "provider", p.Name, "error", err)
		}
		failing = err != nil
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (p *provider) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	names, err := p.List(ctx)
	if err != nil {
		return err
	}
	var listed, wild []string
	known := make(map[string]bool, len(names))
	for _, name := range names {
		if strings.Contains(name, "*") { // a gateway's way to say that it serves all of a family
			wild = append(wild, name)
			continue
		}
		listed = append(listed, name)
		known[name] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed, p.wild, p.known = listed, wild, known
	return nil
}
