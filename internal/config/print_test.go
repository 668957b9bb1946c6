package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

func printed(t *testing.T, l *Loaded) string {
	t.Helper()
	var out strings.Builder
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrintedConfigurationLoadsAgain(t *testing.T) {
	files := map[string]string{
		"defaults": "",
		"all": `server: {listen: "localhost:0", data_dir: "a # b $${X} $$${Y}", memory_limit: 1000000007, drain_timeout: 0, log_format: human}
limits: {max_queue: 7, burst: {block: 90m}, shadow: [burst, deadline], token_mode: hard, error_alert: {rate: 0.0000001}}
timeouts: {chat: 1.5, embed: 36h}
apps: [{name: "007", models: ["a:b", "x # y/*", "true"], rate_limit_per_minute: 0}, {name: on, weight: 2, class: batch}]
alerts: {webhook: "${NOPE:-}"}
llm:
  default_model: "yes"
  aliases: {"a: b": "c/d", "$${x}": "-e", gpt-4.1: "1"}
  fallbacks: {"a: b": ["c/d", "$${x}", "1"], gpt-4.1: [x]}
  providers: {"1e3": {base_url: "http://a", models: ["*"]}, openai: {timeout: 0.25, models: ["$${M}"], adaptive: false, hedge: {after: 1.5s}, retry: {max_attempts: 1, budget: 0.25}}, "true": {base_url: "http://b"}}
`,
	}
	// A space is no part of a model's or an alias's name.
	files["all"] = strings.NewReplacer(`"x # y/*"`, `"x#y/*"`, `"a: b"`, `"a:b"`).Replace(files["all"])
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			first := load(t, file)
			text := printed(t, first)
			second := load(t, text)
			want, got := first.Config, second.Config
			if !reflect.DeepEqual(normal(got), normal(want)) {
				t.Errorf("printed\n%s\n got %+v\nwant %+v", text, got, want)
			}
		})
	}
}

// normal makes lists that are empty and lists that are not there the same.
func normal(c Config) Config {
	if len(c.LLM.Aliases) == 0 {
		c.LLM.Aliases = nil
	}
	if len(c.LLM.Fallbacks) == 0 {
		c.LLM.Fallbacks = nil
	}
	if len(c.LLM.Providers) == 0 {
		c.LLM.Providers = nil
	}
	for i := range c.LLM.Providers {
		c.LLM.Providers[i].Models = append([]string{}, c.LLM.Providers[i].Models...)
		c.LLM.Providers[i].APIKeys = append([]strictyaml.Secret{}, c.LLM.Providers[i].APIKeys...)
	}
	for i := range c.Apps {
		c.Apps[i].Models = append([]string{}, c.Apps[i].Models...)
		c.Apps[i].Keys = append([]strictyaml.Secret{}, c.Apps[i].Keys...)
	}
	return c
}

func TestPrintTellsWhereEveryValueCameFrom(t *testing.T) {
	loaded, err := Load(Input{
		Path:    "dir/f.yaml",
		Data:    []byte("limits: {max_queue: 8}\napps: [{name: a, keys: [0123456789abcdefghijklmno]}]\nllm: {aliases: {fast: m}}\n"),
		Environ: []string{"MAX_CONCURRENT_REQUESTS=5", "OPENAI_API_KEY=k"},
		Flags:   map[string]string{"server.listen": "127.0.0.1:9"},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, loaded)
	for _, want := range []string{
		"  listen: \"127.0.0.1:9\"                      # flag server.listen\n",
		"  max_body: 32MiB                            # default\n",
		"  max_concurrent_requests: 5                 # environment MAX_CONCURRENT_REQUESTS\n",
		"  max_queue: 8                               # dir/f.yaml:1:21\n",
		"  max_queue_per_app: 2                       # default (a quarter of limits.max_queue)\n",
		"  - name: a                                  # dir/f.yaml:2:15\n",
		"    keys: [\"***\"]                            # dir/f.yaml:2:24\n",
		"    rate_limit_per_minute: 200               # default (limits.rate_limit_per_minute)\n",
		"    \"fast\": m                                # dir/f.yaml:3:16\n",
		"      api_key: \"***\"                         # environment OPENAI_API_KEY\n",
		"        read_timeout: 1m                     # default (preset openai)\n",
		"    weight: 1                                # default\n",
		"    rate: 0.8                                # default\n",
		"  shadow: []                                 # default\n",
		"  # webhook: \"\"                              # default\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, ":\n") && !strings.Contains(line, " # ") {
			t.Errorf("no origin in %q", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// errFull is what fullWriter gives.
var errFull = errors.New("full")

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errFull }

func TestPrintReturnsTheWritersError(t *testing.T) {
	if err := load(t, "").Print(fullWriter{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
