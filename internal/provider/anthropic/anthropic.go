// Package anthropic is the adapter to any upstream that speaks Anthropic's API:
// messages, whole or as an event stream, and the counting of a prompt's tokens.
// How such an upstream is spoken to, and what is made of its answers, is the
// business of package remote; here is what is Anthropic's own.
//
// Start with New.
package anthropic

import (
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/content"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
)

const (
	// version is that of the API, for clients that name none.
	version = "2023-06-01"
	// modelsPath lists all models: a page holds up to 1,000.
	modelsPath = "/v1/models?limit=1000"
	// statusOverloaded is not of RFC 9110.
	statusOverloaded = 529
)

// New makes a provider; it opens no connection. config.Language is set here.
// BaseURL ends before /v1, as in https://api.anthropic.com; with /v1 it means the
// same. Errors are those of remote.New.
func New(config remote.Config) (*remote.Provider, error) {
	config.BaseURL = strings.TrimSuffix(strings.TrimRight(config.BaseURL, "/"), "/v1")
	config.Language = language()
	return remote.New(config)
}

// language is Anthropic's API.
func language() remote.Language {
	return remote.Language{
		KeyHeader:  "X-Api-Key",
		Header:     map[string]string{"Anthropic-Version": version},
		ModelsPath: modelsPath,
		ReadError:  dialect.ReadAnthropicError,
		StatusOf:   statusOf,
		Kept: []remote.Kept{
			{Name: "Request-Id", As: "X-Upstream-Request-Id"},
		},
		Ways: []remote.Way{
			{
				Operation: fairlead.Chat, Dialect: fairlead.AnthropicMessages, Path: "/v1/messages",
				Whole:  dialect.ReadMessagesAnswer,
				Watch:  func(dialect.Outgoing) remote.Watch { return dialect.NewMessagesWatch() },
				Begins: content.Messages,
				Tail: remote.Tail{
					Input:  []string{"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"},
					Output: "output_tokens", Finish: "stop_reason",
				},
			},
			{
				Operation: fairlead.CountTokens, Dialect: fairlead.AnthropicMessages, Path: "/v1/messages/count_tokens",
				Whole: dialect.ReadCountAnswer,
			},
		},
	}
}

// statusOf is the status that a type of error stands for. What is in between, or
// Anthropic itself, may give it with another one: an account without credit is
// told with 400.
func statusOf(kind string) int {
	switch kind {
	case "authentication_error":
		return http.StatusUnauthorized
	case "billing_error":
		return http.StatusPaymentRequired
	case "permission_error":
		return http.StatusForbidden
	case "not_found_error":
		return http.StatusNotFound
	case "request_too_large":
		return http.StatusRequestEntityTooLarge
	case "rate_limit_error":
		return http.StatusTooManyRequests
	case "overloaded_error":
		return statusOverloaded
	}
	return 0
}
