package config

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// FuzzLoad holds Load to three things whatever the file: it does not panic,
// every problem of the file has a position in it, and what it accepts can be
// printed and loaded again.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile(examplePath)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(example), "", "a: [1", "apps: &a [*a]", "llm: {providers: {openai: {api_key: x}}}",
		"apps:\n- name: a\n  keys: [\"a\n b\"]\n", "? [a]\n: {<<: *b}", "a: |\n  b\n---\nc: !!int d\n", "limits: {max_queue: ${X:-3}}",
		"limits: {error_alert: {rate: .00000000000000000000000000000000000000000000000000000000000000000000007}, shadow: [burst]}",
		"server: {data_dir: \"$${a}\"}", "\ufeffserver: {tls: }\r\n", "llm: {aliases: {\"a\\tb\": \"\\u2028\"}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		loaded, err := Load(Input{Path: "f.yaml", Data: data, Environ: exampleEnviron()})
		if err == nil {
			reload(t, loaded)
			return
		}
		errs, ok := errors.AsType[strictyaml.Errors](err)
		if !ok || len(errs) == 0 {
			t.Fatalf("an error of type %T", err)
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range errs {
			if p.File == "f.yaml" && (p.Line < 1 || p.Column < 1 || p.Line > lines+1) {
				t.Errorf("%d:%d is not in the file of %d lines: %s", p.Line, p.Column, lines, p.Message)
			}
			if p.Message == "" {
				t.Errorf("a problem without a message: %+v", p)
			}
		}
		_ = errs.Error()
	})
}

// reload prints a configuration and loads it again, with the secrets, which are
// masked, left out.
func reload(t *testing.T, loaded *Loaded) {
	t.Helper()
	for i := range loaded.Config.Apps {
		loaded.Config.Apps[i].Keys = nil
	}
	loaded.Config.Alerts.Webhook = ""
	var out strings.Builder
	if err := loaded.Print(&out); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Input{Path: "printed.yaml", Data: []byte(out.String())}); err != nil {
		t.Errorf("printed\n%s\n%v", out.String(), err)
	}
}
