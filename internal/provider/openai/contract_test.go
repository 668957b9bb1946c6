package openai

import (
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/provider/providertest"
)

func TestContract(t *testing.T) {
	providertest.Run(t, func(t *testing.T, upstream providertest.Upstream) fairlead.Model {
		t.Helper()
		p, err := New(Config{Name: "acme", BaseURL: upstream.URL, APIKey: providertest.Key})
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		return p
	})
}
