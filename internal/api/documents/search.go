package documents

import (
	"context"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
)

// The bounds of a search.
const (
	maxQuery     = 32 << 10 // bytes
	maxDocuments = 10_000
	maxResults   = 50
	usualResults = 10
)

// result is a passage as a search tells it.
type result struct {
	ID       fairlead.DocumentID `json:"document_id"`
	Name     string              `json:"name"`
	Score    float64             `json:"score"`
	Text     string              `json:"text"`
	Page     int                 `json:"page"`
	Section  string              `json:"section"`
	Start    int64               `json:"start"`
	End      int64               `json:"end"`
	Context  string              `json:"context,omitempty"`
	Metadata map[string]any      `json:"metadata,omitempty"`
}

// search answers POST /documents/search.
func (f *Face) search(x *api.Exchange) error {
	call := x.Call()
	return x.Answer(call, api.Shape{}, func(emit fairlead.Emit) error {
		return f.config.Gateway.Run(x.Context(), call, fairlead.Search, func(ctx context.Context) error {
			body, err := x.ReadJSON(ctx)
			if err != nil {
				return err
			}
			query, err := readSearch(body)
			if err != nil {
				return err
			}
			passages, err := f.config.Searcher.Search(ctx, call, query)
			if err != nil {
				return err
			}
			found := struct {
				Success   bool     `json:"success"`
				Results   []result `json:"results"`
				RequestID string   `json:"request_id"`
			}{true, make([]result, 0, len(passages)), x.ID}
			for _, p := range passages {
				found.Results = append(found.Results, result{
					ID: p.Document, Name: p.Name, Score: p.Score, Text: p.Text, Page: p.Page, Section: p.Section,
					Start: p.Start, End: p.End, Context: p.Context, Metadata: p.Metadata,
				})
			}
			return library.Answer(emit, found)
		})
	})
}

// readSearch reads {query, document_ids?, limit?, filters?}.
func readSearch(body []byte) (fairlead.Query, error) {
	r := fields.New(body, "query", "document_ids", "limit", "filters")
	query := fairlead.Query{
		Texts: []string{needText(r, "query", maxQuery)},
		Limit: r.Int("limit", fields.Bounds{Least: 1, Most: maxResults, Default: usualResults}),
		Within: fairlead.Within{
			Documents: documentIDs(r.Texts("document_ids", maxDocuments)), Filter: r.Filter("filters"),
		},
	}
	return query, r.Err()
}

// needText is a text that must be there and not be empty.
func needText(r *fields.Reader, name string, most int) string {
	r.Need(name)
	text := r.Text(name, most)
	if text == "" {
		r.Refuse(name, "must not be empty")
	}
	return text
}

// documentIDs are texts as ids; nil stays nil.
func documentIDs(texts []string) []fairlead.DocumentID {
	if texts == nil {
		return nil
	}
	ids := make([]fairlead.DocumentID, len(texts))
	for i, text := range texts {
		ids[i] = fairlead.DocumentID(text)
	}
	return ids
}
