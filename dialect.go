package fairlead

// Dialect is the language of a request's body and of its answer.
type Dialect string

// The dialects. A request keeps the body in the dialect in which it came.
const (
	OpenAIChat        Dialect = "openai-chat"
	OpenAIEmbeddings  Dialect = "openai-embeddings"
	OpenAIResponses   Dialect = "openai-responses"
	AnthropicMessages Dialect = "anthropic-messages"
	// RerankRequests are those of the /rerank API that Cohere and Jina have.
	RerankRequests Dialect = "rerank"
)

// Span is a half-open range of bytes [Start, End) of a body. The zero Span
// means that there is none.
type Span struct{ Start, End int }

// Present reports whether the span names any bytes.
func (s Span) Present() bool { return s.End > s.Start }

// Envelope is what admission and routing need to know of a body. It is scanned
// from the raw bytes once; everything else in the body goes through unread.
type Envelope struct {
	Model  string
	Stream bool
	// IncludeUsage says that the client of a stream asked for its usage.
	IncludeUsage bool
	// MaxTokens is the most output tokens of each choice that the client asked
	// for; 0 if it did not say. Choices is how many it asked for; 0 means one.
	MaxTokens, Choices int
	// ModelAt and StreamOptionsAt are where the values of "model" and
	// "stream_options" stand in the body.
	ModelAt         Span
	StreamOptionsAt Span
	// CloseAt is the offset of the body's closing brace, where members may be
	// added.
	CloseAt int
	// Flat says that a chat body is known to hold no image: no member of a message is
	// an array or an object, and none of the body but its messages and stream options.
	Flat bool
}

// Request is a model operation in the caller's own bytes. Body must not be
// changed: an edit is a splice into a copy.
type Request struct {
	Dialect  Dialect
	Body     []byte
	Envelope Envelope
	// Aside is what goes along with the body to a provider of the same dialect.
	Aside Aside
	// Past is what came before the body, in the dialect OpenAIResponses alone.
	Past Past
	// AnswerID is the id that an answer that is made here is to have, in the dialect
	// OpenAIResponses alone.
	AnswerID string
	// Prepared is what a Preparer keeps of the request. Only it sets and reads it.
	Prepared any
}

// Past is the conversation that a request continues, which its body names by the id
// of the response before. The zero Past is none.
type Past struct {
	// Maker is who made that response, if it knows it by that id itself: the request
	// goes there and nowhere else, as it is. Where Maker is zero, the Items stand for
	// the id.
	Maker Maker
	// Items are the items of the conversation so far, oldest first, as they stand in
	// a JSON array without its brackets.
	Items []byte
}

// Maker is who made an answer: a provider, by one of its keys. Its Key tells the
// provider's keys apart, over restarts too, and gives none away.
type Maker struct{ Provider, Key string }

// Aside is what a client of a dialect says beside the body. Its face lets pass
// only what that dialect is known for, and never a key.
type Aside struct {
	// Query is the query of the URL, without the question mark.
	Query string
	// Header holds headers under their canonical names.
	Header map[string][]string
}
