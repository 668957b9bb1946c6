package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Lengths of keys, in characters.
const (
	// shortestKey is also what it takes to keep a key out of every message.
	shortestKey = strictyaml.ShortestSought
	// weakKey is the length below which a key may be guessed by someone who
	// tries for long: 24 characters of base 36 are about 124 bits.
	weakKey = 24
)

func (l *loader) validateApps() {
	shape := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	nameAt, keyAt := map[string]string{}, map[string]string{}
	for i, app := range l.config.Apps {
		at := strictyaml.Item("apps", i)
		name := at + ".name"
		first, taken := nameAt[app.Name]
		switch {
		case app.Name == "":
			l.Complain(name, "every app needs a name", "")
		case !shape.MatchString(app.Name) || strings.Trim(app.Name, ".") == "":
			l.Complain(name, l.Quote(name, app.Name)+" is not a name", "use at most 64 letters, digits, '.', '_' and '-'")
		case taken:
			l.Complain(name, l.Quote(name, app.Name)+" is the name of "+first+" too", "")
		default:
			nameAt[app.Name] = at
		}
		for k, key := range app.Keys {
			l.validateKey(strictyaml.Item(at+".keys", k), key.Reveal(), keyAt)
		}
		l.validatePatterns(at+".models", app.Models)
	}
}

// validateKey judges one key; seen tells where each was first.
func (l *loader) validateKey(at, key string, seen map[string]string) {
	first, taken := seen[key]
	switch {
	case taken:
		l.Complain(at, "is the same key as "+first, "every key belongs to one app")
	case !isToken(key):
		l.Complain(at, "the key holds a space or a character that is not printable ASCII", "")
	case len(key) < shortestKey:
		l.Complain(at, fmt.Sprintf("the key is shorter than %d characters", shortestKey), "fairlead keys create makes a strong one")
	case len(key) < weakKey:
		l.Warn(fmt.Sprintf("%s: weak key: it is shorter than %d characters", at, weakKey))
	}
	if !taken {
		seen[key] = at
	}
}

// isToken reports whether text can stand in a header as it is.
func isToken(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// validatePatterns judges a list of model names and patterns.
func (l *loader) validatePatterns(at string, patterns []string) {
	for i, pattern := range patterns {
		if !isModel(pattern) {
			l.Complain(strictyaml.Item(at, i), "is not the name or the pattern of a model", "")
		}
	}
}

// isModel reports whether text can be a model's name or pattern.
func isModel(text string) bool {
	return text != "" && !strings.ContainsAny(text, " \t\r\n")
}
