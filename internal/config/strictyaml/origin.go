package strictyaml

// Source is the kind of place that a value came from.
type Source uint8

// The sources, the weakest first: each wins over those before it.
const (
	Default Source = iota
	File
	Environment
	Flag
)

// String names the source.
func (s Source) String() string {
	switch s {
	case Default:
		return "default"
	case File:
		return "file"
	case Environment:
		return "environment"
	case Flag:
		return "flag"
	}
	return "unknown"
}

// Origin says where an effective value came from.
type Origin struct {
	Source Source
	// Detail is the position in the file ("fairlead.yaml:12:5"), the name of
	// the variable, the flag's key, or what the default was taken from ("preset
	// openai", "limits.rate_limit_per_minute"); it may be "" for a default.
	Detail string
}

const (
	environmentPrefix = "environment "
	flagPrefix        = "flag "
)

// String tells the origin to a person.
func (o Origin) String() string {
	switch o.Source {
	case Default:
		if o.Detail == "" {
			return "default"
		}
		return "default (" + o.Detail + ")"
	case File:
		return o.Detail
	case Environment:
		return environmentPrefix + o.Detail
	case Flag:
		return flagPrefix + o.Detail
	}
	return o.Source.String()
}

// Origins tells for each leaf, under its dotted key ("server.listen",
// "apps[0].keys", "llm.providers.openai.base_url"), where its value came from.
// A list is one leaf.
type Origins map[string]Origin
