// Package openai is the adapter to any upstream that speaks OpenAI's API: chat
// completions, the Responses API, embeddings and the /rerank path that some have, over HTTP, whole or as an event
// stream. How such an
// upstream is spoken to, and what is made of its answers, is the business of
// package remote; here is what is OpenAI's own.
//
// Start with New.
package openai

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/content"
	"github.com/fairleadhq/fairlead/internal/dialect/responses"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
)

// maxResponse is the longest event of the Responses API, in bytes: the last one of a
// stream has the whole response in it, and so each image that was made.
const maxResponse = 8 << 20

// New makes a provider; it opens no connection. config.Language is set here.
// BaseURL ends where the paths of the API begin, as in https://api.openai.com/v1.
// Errors are those of remote.New.
func New(config remote.Config) (*remote.Provider, error) {
	config.Language = language()
	return remote.New(config)
}

// language is OpenAI's API.
func language() remote.Language {
	return remote.Language{
		KeyHeader: "Authorization", KeyPrefix: "Bearer ",
		ModelsPath: "/models",
		ReadError:  dialect.ReadOpenAIError,
		Kept: []remote.Kept{
			{Name: "Openai-Processing-Ms", As: "Openai-Processing-Ms"},
			{Name: "Openai-Version", As: "Openai-Version"},
			{Name: "X-Request-Id", As: "X-Upstream-Request-Id"},
		},
		Ways: []remote.Way{
			{
				Operation: fairlead.Chat, Dialect: fairlead.OpenAIChat, Path: "/chat/completions",
				Whole:  dialect.ReadChatAnswer,
				Watch:  func(out dialect.Outgoing) remote.Watch { return dialect.NewStreamWatch(out) },
				Begins: content.Chat,
				Tail:   remote.Tail{Input: []string{"prompt_tokens"}, Output: "completion_tokens", Finish: "finish_reason"},
			},
			{
				Operation: fairlead.Chat, Dialect: fairlead.OpenAIResponses, Path: "/responses",
				Outgoing: responses.ForUpstream,
				MaxFrame: maxResponse,
				Whole:    responses.ReadAnswer,
				Watch:    func(dialect.Outgoing) remote.Watch { return responses.NewWatch() },
				Begins:   content.Responses,
				Tail:     remote.Tail{Input: []string{"input_tokens"}, Output: "output_tokens", Finish: "status"},
			},
			{
				Operation: fairlead.Embed, Dialect: fairlead.OpenAIEmbeddings, Path: "/embeddings",
				Whole: dialect.ReadEmbeddingsAnswer,
				Tail:  remote.Tail{Input: []string{"prompt_tokens"}, Output: "completion_tokens"},
			},
			{
				Operation: fairlead.Rerank, Dialect: fairlead.RerankRequests, Path: "/rerank",
				Whole: dialect.ReadRerankAnswer,
				Tail:  remote.Tail{Input: []string{"total_tokens"}},
			},
		},
	}
}
