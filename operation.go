package fairlead

// Operation is what a call asks the service to do. Each has a time limit of
// its own.
type Operation uint8

// The operations.
const (
	Chat Operation = iota + 1
	Embed
	// CountTokens asks how many tokens a prompt has. It uses none.
	CountTokens
	// Upload receives a document; it holds no slot.
	Upload
	// Analyze and Insights read documents by way of a model.
	Analyze
	Search
	Insights
	// Rerank puts passages in order by how well they answer a question.
	Rerank
)

// String returns the operation's name as configuration, metrics and logs
// spell it.
func (o Operation) String() string {
	switch o {
	case Chat:
		return "chat"
	case Embed:
		return "embed"
	case CountTokens:
		return "count_tokens"
	case Upload:
		return "upload"
	case Analyze:
		return "analyze"
	case Search:
		return "search"
	case Insights:
		return "insights"
	case Rerank:
		return "rerank"
	}
	return "unknown"
}
