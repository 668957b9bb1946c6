package files

import (
	"context"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/api/library"
)

// The bounds of a search.
const (
	maxQueries   = 16
	maxQuery     = 32 << 10 // bytes
	maxResults   = 50
	usualResults = 10
)

// result is a passage as OpenAI's search tells it.
type result struct {
	File       fairlead.DocumentID `json:"file_id"`
	Filename   string              `json:"filename"`
	Score      float64             `json:"score"`
	Attributes map[string]any      `json:"attributes"`
	Content    []content           `json:"content"`
}

// results is the answer to a search.
type results struct {
	Object   string   `json:"object"`
	Query    []string `json:"search_query"`
	Data     []result `json:"data"`
	HasMore  bool     `json:"has_more"`
	NextPage *string  `json:"next_page"`
}

// search answers POST /v1/vector_stores/{store}/search.
func (f *Face) search(x *api.Exchange) error {
	call := x.Call()
	return x.Answer(call, api.Shape{}, func(emit fairlead.Emit) error {
		return f.config.Gateway.Run(x.Context(), call, fairlead.Search, func(ctx context.Context) error {
			body, err := x.ReadJSON(ctx)
			if err != nil {
				return err
			}
			query, rewrite, err := readSearch(body)
			if err != nil {
				return err
			}
			if err := f.useStore(ctx, x.App.ID, storeOf(x)); err != nil {
				return err
			}
			query.Within.Stores = []fairlead.VectorStoreID{storeOf(x)}
			if rewrite {
				query.Texts = f.config.Rewriter.Rewrite(ctx, call, query.Texts)
			}
			passages, err := f.config.Searcher.Search(ctx, call, query)
			if err != nil {
				return err
			}
			return library.Answer(emit, told(query.Texts, passages))
		})
	})
}

// told are passages as OpenAI's search tells them.
func told(texts []string, passages []fairlead.Passage) results {
	page := results{Object: "vector_store.search_results.page", Query: texts, Data: make([]result, 0, len(passages))}
	for _, p := range passages {
		r := result{File: p.Document, Filename: p.Name, Score: p.Score, Attributes: p.Metadata, Content: []content{{"text", p.Text}}}
		if r.Attributes == nil {
			r.Attributes = map[string]any{}
		}
		page.Data = append(page.Data, r)
	}
	return page
}

// readSearch reads a search's body; rewrite says that other ways to ask are wanted.
func readSearch(body []byte) (query fairlead.Query, rewrite bool, err error) {
	r := fields.New(body, "query", "max_num_results", "filters", "ranking_options", "rewrite_query")
	query = fairlead.Query{
		Texts:  r.Queries("query", maxQueries, maxQuery),
		Limit:  r.Int("max_num_results", fields.Bounds{Least: 1, Most: maxResults, Default: usualResults}),
		Within: fairlead.Within{Filter: r.Filter("filters")},
	}
	rewrite = r.Flag("rewrite_query")
	r.Object("ranking_options", func(o *fields.Reader) {
		query.Rank.Ranker = o.Text("ranker", maxName)
		if query.Rank.Ranker == "default-2024-11-15" { // what OpenAI calls its own
			query.Rank.Ranker = "auto"
		}
		query.Rank.Threshold = o.Share("score_threshold")
	}, "ranker", "score_threshold")
	return query, rewrite, r.Err()
}
