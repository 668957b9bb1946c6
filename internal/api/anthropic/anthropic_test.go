package anthropic

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fairleadhq/fairlead"
)

// TestAside: the query and Anthropic's headers go along, whatever their number, and
// nothing else, the keys least of all.
func TestAside(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/messages?beta=true&x=%C3%A9", nil)
	for _, h := range [][2]string{
		{"anthropic-version", "2023-06-01"},
		{"anthropic-beta", "a,b"},
		{"anthropic-beta", "c"},
		{"Anthropic-Next-Week", "1"},
		{"x-api-key", "k"},
		{"api-key", "k"},
		{"authorization", "Bearer k"},
		{"cookie", "c"},
		{"x-anthropic-y", "1"},
		{"openai-beta", "1"},
	} {
		r.Header.Add(h[0], h[1])
	}
	got := aside(r)
	want := fairlead.Aside{Query: "beta=true&x=%C3%A9", Header: map[string][]string{
		"Anthropic-Version": {"2023-06-01"}, "Anthropic-Beta": {"a,b", "c"}, "Anthropic-Next-Week": {"1"},
	}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := aside(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/messages", nil)); got.Query != "" || got.Header != nil {
		t.Errorf("got %v of a request that says nothing", got)
	}
}
