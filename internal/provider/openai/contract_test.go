package openai

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/provider/providertest"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	for _, in := range []fairlead.Dialect{fairlead.OpenAIChat, fairlead.OpenAIResponses} {
		t.Run(string(in), func(t *testing.T) {
			providertest.Run(t, in, func(t *testing.T, upstream providertest.Upstream) fairlead.Model {
				t.Helper()
				p, err := New(remote.Config{Name: "acme", BaseURL: upstream.URL, APIKey: providertest.Key})
				if err != nil {
					t.Fatalf("New: %v", err)
				}
				return p
			})
		})
	}
}
