package strictyaml

import (
	"regexp"
	"strings"
)

// expansion is what became of a text with ${NAME} in it.
type expansion struct {
	text string
	// used says that anything was expanded, an escape included: then the text
	// may hold what only the environment should know.
	used bool
	// unset are the variables without a value and without a default.
	unset []string
	// malformed says what is wrong with a ${; "" if nothing is.
	malformed string
}

// expand replaces ${NAME} and ${NAME:-default} in text, which has been parsed
// already, so that a value cannot add keys. The default stands for a variable
// that is unset or empty and ends at the first brace; $${ is a plain ${.
func expand(text string, env map[string]string) expansion {
	var out strings.Builder
	var e expansion
	for {
		at := strings.Index(text, "${")
		if at < 0 {
			break
		}
		e.used = true
		if at > 0 && text[at-1] == '$' {
			out.WriteString(text[:at-1] + "${")
			text = text[at+2:]
			continue
		}
		out.WriteString(text[:at])
		text = text[at+2:]
		inner, rest, closed := strings.Cut(text, "}")
		if !closed {
			e.malformed = "a ${ without its closing brace; write $${ for a plain ${"
			break
		}
		text = rest
		name, byDefault, hasDefault := strings.Cut(inner, ":-")
		if !isVariable(name) {
			e.malformed = "a ${ must be followed by NAME} or NAME:-default}; write $${ for a plain ${"
			break
		}
		value, set := env[name]
		switch {
		case hasDefault && value == "":
			value = byDefault
		case !set:
			e.unset = append(e.unset, name)
		}
		out.WriteString(value)
	}
	out.WriteString(text)
	e.text = out.String()
	return e
}

// isVariable reports whether name can name an environment variable.
func isVariable(name string) bool {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name)
}
