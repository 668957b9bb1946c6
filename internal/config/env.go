package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// applyEnvironment lays the variables of the tags over the file's values, and
// warns of names that look meant for Fairlead and are not.
func (l *loader) applyEnvironment() {
	known := []string{"FAIRLEAD_CONFIG", "FAIRLEAD_BIN"}
	for _, leaf := range strictyaml.Leaves(reflect.ValueOf(&l.config).Elem(), "") {
		if leaf.Env == "" {
			continue
		}
		known = append(known, leaf.Env)
		l.fromEnvironment(leaf.Env, leaf)
	}
	l.applyProviderTimeout()
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		if strings.HasPrefix(name, "FAIRLEAD_") && !slices.Contains(known, name) {
			l.Warn(strings.TrimSuffix(fmt.Sprintf("environment %s is not known and has no effect; %s",
				strictyaml.Shown(name), strictyaml.DidYouMean(name, known)), "; "))
		}
	}
}

// applyProviderTimeout lays OPENAI_API_TIMEOUT over the provider openai; its
// value is checked even when there is no such provider.
func (l *loader) applyProviderTimeout() {
	const name = "OPENAI_API_TIMEOUT"
	target := &Provider{}
	if at := slices.IndexFunc(l.config.LLM.Providers, func(p Provider) bool { return p.Name == "openai" }); at >= 0 {
		target = &l.config.LLM.Providers[at]
	}
	l.fromEnvironment(name, strictyaml.Leaf{Key: "llm.providers.openai.timeout", Value: reflect.ValueOf(&target.Timeout).Elem()})
}

// fromEnvironment sets a leaf from the variable name, if that has a value.
func (l *loader) fromEnvironment(name string, to strictyaml.Leaf) {
	if text := l.env[name]; text != "" {
		l.Override(to, text, strictyaml.Origin{Source: strictyaml.Environment, Detail: name})
	}
}

// applyFlags lays the flags over everything else.
func (l *loader) applyFlags(flags map[string]string) {
	leaves := strictyaml.Leaves(reflect.ValueOf(&l.config).Elem(), "")
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		origin := strictyaml.Origin{Source: strictyaml.Flag, Detail: key}
		at := slices.IndexFunc(leaves, func(leaf strictyaml.Leaf) bool { return leaf.Key == key })
		if at < 0 {
			l.Add(strictyaml.Problem{File: origin.String(), Key: key, Message: "unknown key"})
			continue
		}
		l.Override(leaves[at], flags[key], origin)
	}
}
