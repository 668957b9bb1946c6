package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

func TestProvidersAreDetected(t *testing.T) {
	tests := []struct {
		name, file string
		environ    []string
		want       []string
		model      string
	}{
		{"none", "", nil, nil, ""},
		{"all in order", "", []string{"OLLAMA_HOST=h", "ANTHROPIC_API_KEY=d", "OPENROUTER_API_KEY=c", "GROQ_API_KEY=b", "OPENAI_API_KEY=a"}, []string{"openai", "groq", "openrouter", "anthropic", "ollama"}, "openai/gpt-4o-mini"},
		{"empty key", "", []string{"OPENAI_API_KEY=", "GROQ_API_KEY=b"}, []string{"groq"}, "groq/llama-3.1-8b-instant"},
		{"anthropic alone", "", []string{"ANTHROPIC_API_KEY=d"}, []string{"anthropic"}, "anthropic/claude-sonnet-4-5"},
		{"file names one", "llm: {providers: {vllm: }}", []string{"OPENAI_API_KEY=a"}, []string{"vllm"}, ""},
		{"file names none", "llm: {providers: {}}", []string{"OPENAI_API_KEY=a"}, nil, ""},
		{"file keeps its order", "llm: {providers: {openrouter: , openai: , mine: {base_url: 'http://a'}}}", nil, []string{"openrouter", "openai", "mine"}, "openrouter/openai/gpt-4o-mini"},
		{"model not served", "llm: {providers: {openai: {models: [o3]}}}", nil, []string{"openai"}, ""},
		{"model served by pattern", "llm: {providers: {openai: {models: ['gpt-*']}}}", nil, []string{"openai"}, "openai/gpt-4o-mini"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded := load(t, tt.file, tt.environ...)
			var got []string
			for _, p := range loaded.Config.LLM.Providers {
				got = append(got, p.Name)
			}
			if !slices.Equal(got, tt.want) || loaded.Config.LLM.DefaultModel != tt.model {
				t.Errorf("got %q and %q, want %q and %q", got, loaded.Config.LLM.DefaultModel, tt.want, tt.model)
			}
		})
	}
}

func TestKeysAndAddressesOfPresets(t *testing.T) {
	tests := []struct {
		name, file    string
		environ       []string
		url, key      string
		urlAt, keyAt  string
		warnings      int
		wantFirstName string
	}{
		{"detected", "", []string{"OPENAI_API_KEY=k"}, "https://api.openai.com/v1", "k", "default (preset openai)", "environment OPENAI_API_KEY", 0, "openai"},
		{"anthropic", "", []string{"ANTHROPIC_API_KEY=k", "ANTHROPIC_BASE_URL=http://e"}, "https://api.anthropic.com", "k", "default (preset anthropic)", "environment ANTHROPIC_API_KEY", 0, "anthropic"},
		{"file's key wins", "llm: {providers: {openai: {api_key: f}}}", []string{"OPENAI_API_KEY=k"}, "https://api.openai.com/v1", "f", "default (preset openai)", "fairlead.yaml:1:37", 0, "openai"},
		{"variable's address wins", "llm: {providers: {openai: {base_url: 'http://f'}}}", []string{"OPENAI_BASE_URL=http://e/v1/"}, "http://e/v1", "", "environment OPENAI_BASE_URL", "default", 1, "openai"},
		{"address beside the preset", "llm: {providers: {openai: }}", []string{"OPENAI_BASE_URL=http://e"}, "http://e", "", "environment OPENAI_BASE_URL", "default", 0, "openai"},
		{"slash", "llm: {providers: {mine: {base_url: 'http://f/v1/'}}}", nil, "http://f/v1", "", "fairlead.yaml:1:36", "default", 0, "mine"},
		{"ollama", "llm: {providers: {ollama: }}", nil, "http://127.0.0.1:11434/v1", "", "default (preset ollama)", "default", 0, "ollama"},
		{"ollama's host", "", []string{"OLLAMA_HOST=gpu"}, "http://gpu:11434/v1", "", "environment OLLAMA_HOST", "default", 0, "ollama"},
		{"no key of another", "llm: {providers: {mine: {base_url: 'http://f'}}}", []string{"OPENAI_API_KEY=k", "OPENAI_BASE_URL=http://e"}, "http://f", "", "fairlead.yaml:1:36", "default", 0, "mine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded := load(t, tt.file, tt.environ...)
			p, key := loaded.Config.LLM.Providers[0], "llm.providers."+tt.wantFirstName
			if p.Name != tt.wantFirstName || p.BaseURL != tt.url || p.APIKey.Reveal() != tt.key {
				t.Errorf("got %s %s %q, want %s %s %q", p.Name, p.BaseURL, p.APIKey.Reveal(), tt.wantFirstName, tt.url, tt.key)
			}
			if got := loaded.Origins[key+".base_url"].String(); got != tt.urlAt {
				t.Errorf("base_url from %s, want %s", got, tt.urlAt)
			}
			if got := loaded.Origins[key+".api_key"].String(); got != tt.keyAt {
				t.Errorf("api_key from %s, want %s", got, tt.keyAt)
			}
			if len(loaded.Warnings) != tt.warnings {
				t.Errorf("warnings %q, want %d", loaded.Warnings, tt.warnings)
			}
		})
	}
}

func TestOllamaHosts(t *testing.T) {
	for host, want := range map[string]string{
		"gpu":                    "http://gpu:11434/v1",
		"gpu:1234":               "http://gpu:1234/v1",
		"0.0.0.0":                "http://127.0.0.1:11434/v1",
		"0.0.0.0:1234":           "http://127.0.0.1:1234/v1",
		":1234":                  "http://127.0.0.1:1234/v1",
		"[::1]:1234":             "http://[::1]:1234/v1",
		"::1":                    "http://[::1]:11434/v1",
		"[::]:1234":              "http://127.0.0.1:1234/v1",
		"http://gpu:1234":        "http://gpu:1234/v1",
		"http://gpu:1234/":       "http://gpu:1234/v1",
		"https://ollama.example": "https://ollama.example/v1",
		"https://a.example/o/v1": "https://a.example/o/v1",
	} {
		loaded := load(t, "", "OLLAMA_HOST="+host)
		if got := loaded.Config.LLM.Providers[0].BaseURL; got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
	for _, host := range []string{"gpu:x", "a b", "169.254.169.254", "http://u:p@gpu"} {
		errs := problems(t, Input{Environ: []string{"OLLAMA_HOST=" + host}})
		if len(errs) != 1 || !strings.HasPrefix(errs.Error(), "environment OLLAMA_HOST: llm.providers.ollama.base_url: ") {
			t.Errorf("%s: %v", host, errs)
		}
	}
}

func TestPresetKeepaliveFollowsTheFilesConnections(t *testing.T) {
	client := load(t, "llm: {providers: {openai: {http_client: {max_connections: 3}}}}").Config.LLM.Providers[0].HTTPClient
	if client.MaxConnections != 3 || client.MaxKeepalive != 3 {
		t.Errorf("got %+v", client)
	}
}

func TestEveryPresetIsAValidProvider(t *testing.T) {
	for _, name := range presetNames() {
		p, known := presetOf(name)
		if !known {
			t.Fatalf("no preset %s", name)
		}
		loaded := load(t, "llm: {providers: {"+name+": }}")
		if got := loaded.Config.LLM.Providers[0]; !reflect.DeepEqual(got, p.provider) {
			t.Errorf("%s: got %+v, want %+v", name, got, p.provider)
		}
	}
}

func TestNeedsKeys(t *testing.T) {
	const public = "server: {listen: ':80', insecure_public: true}\n"
	tests := []struct {
		file string
		want bool
	}{
		{"", false},
		{"server: {listen: 'localhost:80'}", false},
		{"server: {listen: '[::1]:80'}", false},
		{"server: {listen: '127.9.9.9:80'}", false},
		{public + "apps: [{name: a}]", true},
		{public + "apps: [{name: a, keys: ['${NOPE}']}]", true},
		{public + "apps: [{name: a}, {name: b, keys: [0123456789abcdefghijklmno]}]", false},
	}
	for _, tt := range tests {
		if got := load(t, tt.file).NeedsKeys(); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.file, got, tt.want)
		}
	}
}

func TestSeveralKeys(t *testing.T) {
	tests := []struct {
		name, file string
		environ    []string
		key        string
		keys       []strictyaml.Secret
		warnings   int
	}{
		{"several", "{api_keys: ['${A}', b]}", []string{"A=a", "OPENAI_API_KEY=c"}, "", []strictyaml.Secret{"a", "b"}, 0},
		{"one not set", "{api_keys: ['${A}', b]}", []string{"OPENAI_API_KEY=c"}, "", []strictyaml.Secret{"b"}, 1},
		{"none set", "{api_keys: ['${A}']}", []string{"OPENAI_API_KEY=c"}, "c", nil, 1},
		{"none", "{api_keys: []}", []string{"OPENAI_API_KEY=c"}, "c", nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded := load(t, "llm: {providers: {openai: "+tt.file+"}}", tt.environ...)
			got := loaded.Config.LLM.Providers[0]
			if got.APIKey.Reveal() != tt.key || !slices.Equal(got.APIKeys, tt.keys) || len(loaded.Warnings) != tt.warnings {
				t.Errorf("got %q, %d keys and the warnings %q", got.APIKey.Reveal(), len(got.APIKeys), loaded.Warnings)
			}
		})
	}
}

func TestHedgeDelay(t *testing.T) {
	for after, want := range map[string]struct {
		delay   time.Duration
		byUsual bool
	}{"": {}, "p95": {0, true}, "1.5s": {1500 * time.Millisecond, false}} {
		if delay, byUsual := (Hedge{After: after}).Delay(); delay != want.delay || byUsual != want.byUsual {
			t.Errorf("%q: %v, %t; want %v", after, delay, byUsual, want)
		}
	}
}

// TestResponses: the preset of OpenAI has them, where nobody says otherwise.
func TestResponses(t *testing.T) {
	for _, tt := range []struct {
		file, origin string
		want         bool
	}{
		{"llm: {providers: {openai: }}", "default (preset openai)", true},
		{"llm: {providers: {openai: {responses: false}}}", "fairlead.yaml:1:39", false},
		{"llm: {providers: {openai: {dialect: anthropic}}}", "default", false},
		{"llm: {providers: {groq: }}", "default", false},
		{"llm: {providers: {mine: {base_url: 'http://a', responses: true}}}", "fairlead.yaml:1:59", true},
	} {
		loaded := load(t, tt.file)
		p := loaded.Config.LLM.Providers[0]
		if origin := loaded.Origins["llm.providers."+p.Name+".responses"].String(); p.Responses != tt.want || origin != tt.origin {
			t.Errorf("%s: got %v from %s, want %v from %s", tt.file, p.Responses, origin, tt.want, tt.origin)
		}
	}
}
