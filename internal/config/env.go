package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// applyEnvironment lays the variables of the tags over the file's values, and
// warns of names that look meant for Fairlead and are not.
func (l *loader) applyEnvironment() {
	known := []string{"FAIRLEAD_CONFIG", "FAIRLEAD_BIN"}
	for _, leaf := range leavesOf(reflect.ValueOf(&l.config).Elem(), "") {
		if leaf.env == "" {
			continue
		}
		known = append(known, leaf.env)
		l.fromEnvironment(leaf.env, leaf)
	}
	l.applyProviderTimeout()
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		if strings.HasPrefix(name, "FAIRLEAD_") && !slices.Contains(known, name) {
			l.warn(strings.TrimSuffix(fmt.Sprintf("%s%s is not known and has no effect; %s",
				environmentPrefix, shown(name), didYouMean(name, known)), "; "))
		}
	}
	if l.env["WORKER_THREADS"] != "" {
		l.warn("environment WORKER_THREADS has no effect: document workers are not part of this version")
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
	l.fromEnvironment(name, leaf{key: "llm.providers.openai.timeout", value: reflect.ValueOf(&target.Timeout).Elem()})
}

// fromEnvironment sets a leaf from the variable name, if that has a value.
func (l *loader) fromEnvironment(name string, to leaf) {
	if text := l.env[name]; text != "" {
		l.override(to, text, Origin{Source: Environment, Detail: name})
	}
}

// applyFlags lays the flags over everything else.
func (l *loader) applyFlags(flags map[string]string) {
	leaves := leavesOf(reflect.ValueOf(&l.config).Elem(), "")
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		origin := Origin{Source: Flag, Detail: key}
		at := slices.IndexFunc(leaves, func(leaf leaf) bool { return leaf.key == key })
		if at < 0 {
			l.add(Problem{File: origin.String(), Key: key, Message: "unknown key"})
			continue
		}
		l.override(leaves[at], flags[key], origin)
	}
}

// override sets a leaf to a text that did not come from the file.
func (l *loader) override(to leaf, text string, origin Origin) {
	if complaint := assign(to.value, text, to.field); complaint != "" {
		l.add(Problem{
			File: origin.String(), Key: to.key,
			Message:    describe(text, to.value) + " " + complaint,
			Suggestion: didYouMean(text, to.oneOf),
		})
		return
	}
	l.origins[to.key] = origin
}
