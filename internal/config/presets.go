package config

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// preset is what is known of a provider by its name.
type preset struct {
	provider Provider
	// keyFrom and addressFrom are the environment variables of its key and of
	// its address; "" if there are none.
	keyFrom, addressFrom string
	// detectBy are the variables of which any means that it is to be used when
	// the file names no providers.
	detectBy []string
}

// presetNames lists the presets in the order in which they are detected.
func presetNames() []string {
	return []string{"openai", "groq", "openrouter", "anthropic", "ollama", "vllm"}
}

// presetOf returns the preset of a name; known is false for any other name,
// and then the preset holds what every provider begins with.
func presetOf(name string) (p preset, known bool) {
	p = preset{provider: Provider{
		Name:    name,
		Dialect: DialectOpenAI,
		HTTPClient: HTTPClient{
			MaxConnections:     50,
			MaxKeepalive:       20,
			KeepaliveExpiry:    strictyaml.Duration(30 * time.Second),
			ConnectTimeout:     strictyaml.Duration(10 * time.Second),
			ReadTimeout:        strictyaml.Duration(60 * time.Second),
			WriteTimeout:       strictyaml.Duration(10 * time.Second),
			PoolTimeout:        strictyaml.Duration(5 * time.Second),
			ConcurrentRequests: 25,
		},
		Retry:    Retry{MaxAttempts: 3, Budget: 0.1},
		Breaker:  Breaker{FailureRate: 0.5, MinCalls: 10, OpenFor: strictyaml.Duration(5 * time.Second)},
		Hedge:    Hedge{Budget: 0.05},
		Adaptive: true,
	}}
	provider, client := &p.provider, &p.provider.HTTPClient
	switch name {
	case "openai":
		provider.BaseURL, provider.DefaultModel = "https://api.openai.com/v1", "gpt-4o-mini"
		provider.Responses = true
		p.keyFrom, p.addressFrom = "OPENAI_API_KEY", "OPENAI_BASE_URL"
		p.detectBy = []string{"OPENAI_API_KEY", "OPENAI_BASE_URL"}
	case "groq":
		provider.BaseURL, provider.DefaultModel = "https://api.groq.com/openai/v1", "llama-3.1-8b-instant"
		p.keyFrom, p.detectBy = "GROQ_API_KEY", []string{"GROQ_API_KEY"}
		client.MaxConnections, client.ConcurrentRequests = 30, 15
		client.ReadTimeout = strictyaml.Duration(90 * time.Second)
	case "openrouter":
		provider.BaseURL, provider.DefaultModel = "https://openrouter.ai/api/v1", "openai/gpt-4o-mini"
		p.keyFrom, p.detectBy = "OPENROUTER_API_KEY", []string{"OPENROUTER_API_KEY"}
		client.MaxConnections, client.ConcurrentRequests = 40, 20
		client.ReadTimeout = strictyaml.Duration(120 * time.Second)
	case "anthropic":
		provider.BaseURL, provider.DefaultModel = "https://api.anthropic.com", "claude-sonnet-4-5"
		provider.Dialect = DialectAnthropic
		p.keyFrom, p.detectBy = "ANTHROPIC_API_KEY", []string{"ANTHROPIC_API_KEY"}
		client.ReadTimeout = strictyaml.Duration(120 * time.Second)
	case "ollama":
		provider.BaseURL = "http://127.0.0.1:11434/v1"
		p.addressFrom, p.detectBy = "OLLAMA_HOST", []string{"OLLAMA_HOST"}
		client.ReadTimeout = strictyaml.Duration(300 * time.Second)
	case "vllm":
		provider.BaseURL = "http://127.0.0.1:8000/v1"
		client.ReadTimeout = strictyaml.Duration(300 * time.Second)
	default:
		return p, false
	}
	return p, true
}
