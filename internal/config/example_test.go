package config

import (
	"os"
	"reflect"
	"slices"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

const examplePath = "../../fairlead.example.yaml"

func exampleEnviron() []string {
	return []string{
		"INVESTMENT_PORTAL_KEY=inv-portal-0123456789abcdef",
		"CRM_APP_KEY=crm-app-0123456789abcdef0",
		"RESEARCH_KEY=research-0123456789abcdef",
		"RESEARCH_NEXT_KEY=research-next-0123456789abcdef",
		"OPENAI_API_KEY=sk-made-up-openai",
		"GROQ_API_KEY=gsk-made-up-groq",
		"ANTHROPIC_API_KEY=sk-ant-made-up",
	}
}

func readExample(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestExampleLoadsAndSaysTheDefaults(t *testing.T) {
	loaded, err := Load(Input{Path: "fairlead.example.yaml", Data: readExample(t), Environ: exampleEnviron()})
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("warnings: %q", loaded.Warnings)
	}
	got, want := loaded.Config, Defaults()
	if !sameBase(got, want) {
		t.Errorf("server, limits, timeouts or alerts are not the defaults:\n got %+v\nwant %+v", got, want)
	}
	for i, name := range []string{"openai", "groq", "anthropic", "ollama"} {
		preset, _ := presetOf(name)
		provider := got.LLM.Providers[i]
		provider.APIKey, provider.APIKeys, provider.Models = "", nil, nil
		if !reflect.DeepEqual(provider, preset.provider) {
			t.Errorf("%s is not its preset:\n got %+v\nwant %+v", name, provider, preset.provider)
		}
	}
	if first, _ := presetOf(got.LLM.Providers[0].Name); got.LLM.DefaultModel != first.provider.DefaultModel {
		t.Errorf("default_model %q, want the first provider's %q", got.LLM.DefaultModel, first.provider.DefaultModel)
	}
	if len(got.Apps) != 3 || len(got.Apps[2].Keys) != 2 {
		t.Errorf("apps: %+v", got.Apps)
	}
	// What the owner of these three applications asked for.
	for i, perMinute := range []int{300, 100, 500} {
		if got.Apps[i].RateLimitPerMinute != perMinute {
			t.Errorf("%s may make %d calls per minute, want %d", got.Apps[i].Name, got.Apps[i].RateLimitPerMinute, perMinute)
		}
	}
}

// shapesIn lists the keys of a file as shapesOf spells them.
func shapesIn(n *yaml.Node, shape string) []string {
	var shapes []string
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			shapes = append(shapes, shapesIn(item, shape+"[]")...)
		}
	}
	if n.Kind != yaml.MappingNode || shape == "llm.aliases" || shape == "llm.fallbacks" {
		return shapes
	}
	for i := 0; i < len(n.Content); i += 2 {
		if shape == "llm.providers" {
			shapes = append(shapes, shapesIn(n.Content[i+1], shape+".*")...)
			continue
		}
		inner := strictyaml.Join(shape, n.Content[i].Value)
		shapes = append(append(shapes, inner), shapesIn(n.Content[i+1], inner)...)
	}
	return shapes
}

func TestExampleHasEveryKeyAndNoOther(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Unmarshal(readExample(t), &doc); err != nil {
		t.Fatal(err)
	}
	got := shapesIn(doc.Content[0], "")
	want := strictyaml.Shapes(reflect.TypeFor[Config](), "")
	for _, shape := range want {
		if !slices.Contains(got, shape) {
			t.Errorf("the example lacks %s", shape)
		}
	}
	for _, shape := range got {
		if !slices.Contains(want, shape) {
			t.Errorf("the example has %s, which is no key", shape)
		}
	}
}
