package remote

import (
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/provider/providertest"
)

// The adapters run the contract over HTTP/1.1; here it is over what else there is.
func TestContractOverTLS(t *testing.T) {
	for name, c := range map[string]struct {
		asked  bool // for HTTP/2
		spoken int
	}{
		"HTTP/2": {true, 2}, "HTTP/1.1 though HTTP/2 was asked for": {true, 1}, "HTTP/1.1": {false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.RunTLS(t, fairlead.OpenAIChat, c.spoken, func(t *testing.T, upstream providertest.Upstream) fairlead.Model {
				t.Helper()
				p, err := New(Config{
					Name: "acme", BaseURL: upstream.URL, APIKey: providertest.Key, Language: testLanguage(), HTTP2: c.asked, roots: upstream.Roots,
				})
				if err != nil {
					t.Fatalf("New: %v", err)
				}
				return p
			})
		})
	}
}
