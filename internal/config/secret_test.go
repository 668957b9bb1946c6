package config

import (
	"fmt"
	"strings"
	"testing"
)

// canary is in every secret below; it must be in nothing that is said.
const canary = "CanaRy9"

func TestSecretsAreInNoProblem(t *testing.T) {
	const bad = "\nlimits: {max_queue: x}\n" // makes the file wrong wherever the secret is right
	files := []string{
		"apps: [{name: a, keys: [sk-CanaRy9-1, sk-CanaRy9-1]}]",
		"apps: [{name: a, keys: ['sk-CanaRy9 1', \"sk-CanaRy9\\x201\"]}]",
		"apps:\n- name: a b\n  keys: [sk-CanaRy9-1, \"x\"] # was sk-CanaRy9-0",
		"apps:\n- name: a\n  keys:\n  - |\n    sk-CanaRy9\n    more CanaRy9\n  - x",
		"apps:\n- name: a\n  keys: [\"sk-CanaRy9-1\n    CanaRy9\", x]",
		"apps:\n- name: a\n  keys: [&k \"CanaRy9 CanaRy9\", *k]",
		"apps: [{name: a, keys: sk-CanaRy9-1}]",
		"apps: [{name: a, keys: {sk-CanaRy9-1: sk-CanaRy9-2}}]",
		"apps: [{name: a, keys: [[sk-CanaRy9-1]]}]",
		"apps: [{name: a, keys: [!!binary sk-CanaRy9-1]}]",
		"apps: [{name: a, keys: ['${CanaRy9']}]",
		"apps: [{name: a, keys: ['${X:-CanaRy9}']}]",
		"apps: [{name: a, keys: [123], key: sk-CanaRy9-1, api_keys: [sk-CanaRy9-2]}]",
		"apps: [{name: a, keys: [sk-CanaRy9-1], keys: [sk-CanaRy9-2]}]",
		"apps: [{name: a, key: sk-CanaRy9-1, token: sk-CanaRy9-2, secret: sk-CanaRy9-3}]",
		"llm: {providers: {openai: {api_kei: sk-CanaRy9-1, base_ur: 'https://u:CanaRy9@host'}}}",
		"apps: [sk-CanaRy9-1]",
		"apps: sk-CanaRy9-1",
		"sk: sk-CanaRy9-1",
		"alerts: {webhook: 'ftp://hooks/CanaRy9'}",
		"alerts: {webhook: 'https://u:CanaRy9@hooks'}",
		"alerts: {webhook: 'https://%CanaRy9/CanaRy9'}",
		"alerts: {webhook: 'https://a b/CanaRy9' }",
		"alerts: {webhook: http://169.254.169.254/CanaRy9, webhok: https://hooks/CanaRy9}",
		"alerts: {webhook: \"https://hooks/CanaRy9\x01\"}",
		"alerts: {webhook: [https://hooks/CanaRy9]}",
		"alerts: {webhook: '${SECRET}'}",
		"alerts: 'https://hooks/CanaRy9'",
		"alert: {webhook: 'https://hooks/CanaRy9'}",
		"webhook: https://hooks/CanaRy9",
		"limits: {shadow: [[sk-CanaRy9-1]]}",
		"x: &k sk-CanaRy9-1\napps: [{name: a, keys: [*k, x]}]",
		"llm: {providers: {openai: {api_key: [sk-CanaRy9-1]}}}",
		"llm: {providers: {openai: {api_key: {CanaRy9-1: CanaRy9-2}}}}",
		"llm: {providers: {openai: {api_key: sk-CanaRy9 1, base_url: x}}}",
		"llm: {providers: {openai: {apikey: sk-CanaRy9 1}}}",
		"llm: {providers: {openai: {base_url: 'https://u:CanaRy9@host'}}}",
		"llm: {providers: {openai: {base_url: 'https://u:%CanaRy9@host'}}}",
		"llm: {providers: {openai: {base_url: 'https://host?key=CanaRy9'}}}",
		"llm: {providers: {openai: {base_url: 'postgres://u:CanaRy9@host'}}}",
		"llm: {providers: {openai: {base_url: 'https://${SECRET}@host'}}}",
		"llm: {providers: {openai: {<<: {api_key: sk-CanaRy9-1}}}}",
		"server: {log_format: '${SECRET}', listen: '${SECRET}', max_body: '${SECRET}'}",
		"apps: [{name: a, keys: [sk-CanaRy9-1]}]\n---\napps: [{name: a, keys: [sk-CanaRy9-1]}]",
		// Files that are not YAML: there is no tree to tell what is a secret.
		"llm: {providers: {openai: {api_key: sk-CanaRy9-1: x}}}",
		"apps: [{keys: [sk-CanaRy9-1}]",
		"api_key: *CanaRy9",
		"api_key: \"sk-CanaRy9\napi_key2: CanaRy9",
		"api_key: sk-CanaRy9\x01",
		"keys:\n - sk-CanaRy9\n  - : b: CanaRy9",
	}
	for i, file := range files {
		for _, tail := range []string{"", bad} {
			_, err := Load(Input{
				Data:    []byte(file + tail),
				Environ: []string{"SECRET=sk-CanaRy9-env", "OPENAI_API_KEY=sk CanaRy9", "FAIRLEAD_TLS_CERT_FILE=x"},
			})
			if err == nil {
				t.Errorf("file %d is accepted", i)
				continue
			}
			if said := fmt.Sprintf("%v\n%+v", err, err); strings.Contains(said, canary) {
				t.Errorf("file %d:\n%s\ntells its secret:\n%v", i, file+tail, err)
			}
		}
	}
}

func TestSecretsAreInNothingThatIsPrinted(t *testing.T) {
	loaded := load(t, `apps: [{name: a, keys: [sk-CanaRy9-1, "${SECRET}", "${NOPE}"]}]
alerts: {webhook: "https://hooks.example/CanaRy9-5"}
llm: {providers: {openai: {api_key: sk-CanaRy9-2}, groq: }}`, "SECRET=sk-CanaRy9-3", "GROQ_API_KEY=CanaRy9-4")
	var out strings.Builder
	if err := loaded.Print(&out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), `"***"`); got != 5 {
		t.Errorf("%d secrets are masked, want 5:\n%s", got, out.String())
	}
	if said := out.String() + fmt.Sprintf("%v %+v %#v %s", loaded, *loaded, loaded.Config, loaded.Warnings); strings.Contains(said, canary) {
		t.Errorf("a secret is told:\n%s", said)
	}
	for _, setting := range loaded.Effective() {
		if strings.Contains(setting.Value, canary) {
			t.Errorf("%s tells its secret: %s", setting.Key, setting.Value)
		}
	}
	if got := loaded.Config.LLM.Providers[1].APIKey.Reveal(); got != "CanaRy9-4" {
		t.Errorf("the key itself is %q", got)
	}
}

// TestSecretsOfTheEnvironmentAreInNoProblem names a secret where it is not
// expected, so that only its being known to be one hides it.
func TestSecretsOfTheEnvironmentAreInNoProblem(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		flags   map[string]string
	}{
		{"variable", []string{"FAIRLEAD_ALERT_WEBHOOK=ftp://CanaRy9-1"}, nil},
		{"flag", nil, map[string]string{"alerts.webhook": "ftp://CanaRy9-1"}},
		{"control character", []string{"FAIRLEAD_ALERT_WEBHOOK=https://CanaRy9-1\n"}, nil},
		{"elsewhere too", []string{"FAIRLEAD_ALERT_WEBHOOK=ftp://CanaRy9-1", "FAIRLEAD_LISTEN=ftp://CanaRy9-1"}, nil},
		{"a provider's", []string{"OPENAI_API_KEY=sk CanaRy9", "FAIRLEAD_LISTEN=sk CanaRy9"}, nil},
	}
	for _, tt := range tests {
		if said := problems(t, Input{Environ: tt.environ, Flags: tt.flags}).Error(); strings.Contains(said, canary) {
			t.Errorf("%s: tells its secret:\n%s", tt.name, said)
		}
	}
}
