package catalog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

func routed() *Catalog {
	return New(Config{
		Providers: []Provider{
			{Name: "openai", Default: "gpt-4o-mini", Patterns: []string{"gpt-*"}},
			{Name: "router", Patterns: []string{"openai/gpt-4o", "gpt-4o-mini", "meta/*"}},
			{Name: "vllm"},
		},
		Aliases: map[string]string{"fast": "router/meta/llama", "cheap": "gpt-4o-mini"},
		Logger:  slog.New(slog.DiscardHandler),
	})
}

func TestRoute(t *testing.T) {
	u := routed()
	everyone := &fairlead.App{ID: "everyone"}
	narrow := &fairlead.App{ID: "narrow", Models: []string{"router/meta/*", "gpt-4o-mini"}}
	for _, c := range []struct {
		app   *fairlead.App
		model string
		want  string // provider:model of each target, or the error's kind
	}{
		{everyone, "gpt-4o-mini", "openai:gpt-4o-mini router:gpt-4o-mini"},
		{everyone, "", "openai:gpt-4o-mini"},
		{everyone, "openai/gpt-4.1", "openai:gpt-4.1"},
		{everyone, "router/openai/gpt-4o", "router:openai/gpt-4o"},
		{everyone, "openai/gpt-4o", "openai:gpt-4o"},
		{everyone, "meta/llama", "router:meta/llama"},
		{everyone, "fast", "router:meta/llama"},
		{everyone, "cheap", "openai:gpt-4o-mini router:gpt-4o-mini"},
		{everyone, "vllm/anything", "vllm:anything"},
		{everyone, "anything", "not_found"},
		{everyone, "openai/o3", "not_found"},
		{everyone, "nobody/gpt-4o", "not_found"},
		{everyone, "openai/", "not_found"},
		{everyone, "vllm/", "not_found"},
		{&fairlead.App{Models: []string{"openai/*"}}, "router/openai/gpt-4o", "forbidden"},
		{&fairlead.App{Models: []string{"openai/*"}}, "openai/gpt-4o", "openai:gpt-4o"},
		{&fairlead.App{Models: []string{"*"}}, "router/openai/gpt-4o", "router:openai/gpt-4o"},
		{narrow, "gpt-4o-mini", "openai:gpt-4o-mini router:gpt-4o-mini"},
		{narrow, "fast", "router:meta/llama"},
		{narrow, "gpt-4o", "forbidden"},
		{narrow, "nothing", "not_found"},
	} {
		targets, err := u.Route(c.app, c.model)
		var got []string
		for _, target := range targets {
			got = append(got, target.Provider+":"+target.Model)
		}
		if err != nil {
			got = []string{fairlead.AsError(err).Kind.String()}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s asks for %q: %v, want %s", c.app.ID, c.model, got, c.want)
		}
	}
}

func TestUnknownModelOffersWhatTheAppMayUse(t *testing.T) {
	_, err := routed().Route(&fairlead.App{ID: "narrow", Models: []string{"router/*"}}, "nope")
	e := fairlead.AsError(err)
	if want := "this app may use router/openai/gpt-4o, router/gpt-4o-mini, cheap, fast"; e.Detail != want || e.Param != "model" {
		t.Errorf("detail %q, param %q; want %q, model", e.Detail, e.Param, want)
	}
}

func TestLongNamesAreCut(t *testing.T) {
	_, err := routed().Route(&fairlead.App{}, strings.Repeat("x", 10_000))
	if e := fairlead.AsError(err); len(e.Message) > 300 {
		t.Errorf("the message has %d characters", len(e.Message))
	}
}

func TestModelsAreListedFromTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		u := New(Config{
			Providers: []Provider{{Name: "p", Patterns: nil, List: func(context.Context) ([]string, error) {
				calls++
				if calls == 1 {
					return nil, errors.New("not yet")
				}
				return []string{"b", "a", "family-*"}, nil
			}}},
			Logger: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- u.Run(ctx) }()
		synctest.Wait()
		if _, err := u.Route(&fairlead.App{}, "a"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("before the list came: %v, want not found", err)
		}
		if targets, err := u.Route(&fairlead.App{}, "p/a"); err != nil || targets[0].Model != "a" {
			t.Errorf("provider/model must work before the list came: %v, %v", targets, err)
		}
		<-time.After(listRetry + time.Second)
		if _, err := u.Route(&fairlead.App{}, "a"); err != nil {
			t.Errorf("after the list came: %v", err)
		}
		if _, err := u.Route(&fairlead.App{}, "p/c"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("a model that is not in the list: %v, want not found", err)
		}
		if _, err := u.Route(&fairlead.App{}, "p/family-c"); err != nil {
			t.Errorf("a model of a listed family: %v", err)
		}
		var ids []string
		for _, m := range u.Models(&fairlead.App{}) {
			ids = append(ids, m.ID)
		}
		if want := []string{"p/b", "p/a"}; !slices.Equal(ids, want) {
			t.Errorf("models %v, want %v", ids, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestFallbacks(t *testing.T) {
	c := New(Config{
		Providers: []Provider{
			{Name: "openai", Default: "gpt-4o-mini", Patterns: []string{"gpt-*"}},
			{Name: "router", Patterns: []string{"gpt-4o-mini", "meta/*"}},
			{Name: "groq", Patterns: []string{"llama"}},
		},
		Aliases: map[string]string{"fast": "openai/gpt-4o-mini", "spare": "groq/llama"},
		Fallbacks: map[string][]string{
			"gpt-4o-mini": {"spare", "router/meta/x", "gpt-4o-mini", "gone/x"}, "openai/gpt-5": {"llama"}, "llama": {"gpt-5"},
		},
	})
	everyone := &fairlead.App{}
	for _, tt := range []struct {
		app   *fairlead.App
		model string
		want  string
	}{
		{everyone, "gpt-4o-mini", "openai:gpt-4o-mini router:gpt-4o-mini groq:llama router:meta/x"},
		{everyone, "", "openai:gpt-4o-mini groq:llama router:meta/x router:gpt-4o-mini"}, // the default model
		{everyone, "fast", "openai:gpt-4o-mini groq:llama router:meta/x router:gpt-4o-mini"},
		{everyone, "openai/gpt-4o-mini", "openai:gpt-4o-mini"}, // that one and no other
		{everyone, "openai/gpt-5", "openai:gpt-5 groq:llama"},
		{everyone, "gpt-5", "openai:gpt-5"},
		{everyone, "spare", "groq:llama openai:gpt-5"},
		{&fairlead.App{Models: []string{"gpt-*", "router/*"}}, "gpt-4o-mini", "openai:gpt-4o-mini router:gpt-4o-mini router:meta/x"},
		{&fairlead.App{Models: []string{"llama"}}, "gpt-4o-mini", "forbidden"},
	} {
		targets, err := c.Route(tt.app, tt.model)
		var got []string
		for _, target := range targets {
			got = append(got, target.Provider+":"+target.Model)
		}
		if err != nil {
			got = []string{fairlead.AsError(err).Kind.String()}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%v asks for %q: %v, want %s", tt.app.Models, tt.model, got, tt.want)
		}
	}
}
