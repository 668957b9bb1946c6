// Package filesearch is the tool file_search of the Responses API over the app's own
// vector stores, whichever provider answers: no provider needs to know of it.
//
// The question is searched for before the model is asked. What was found goes into the
// request as numbered sources, in place of the tool; the answer gets an item
// file_search_call before the model's own, and an annotation for each source that the
// model names. A tool whose vector stores are not the app's is none of its business,
// whatever else it says: it goes on as it came.
//
// Start with Tool.Ground.
package filesearch

import (
	"context"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/fields"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/sources"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Bounds of the tool, as the API has them.
const (
	mostStores    = 32
	mostResults   = 50
	usualResults  = 8
	maxRankerName = 64
)

// resultsWanted is what a request includes to be told what was found.
const resultsWanted = "file_search_call.results"

// Stores knows an app's vector stores.
type Stores interface {
	VectorStore(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (s fairlead.VectorStore, ok bool, err error)
}

// Tool searches files for answers.
type Tool struct {
	grounder *grounding.Grounder
	stores   Stores
}

// New returns the tool. A nil Tool grounds nothing.
func New(grounder *grounding.Grounder, stores Stores) *Tool {
	return &Tool{grounder: grounder, stores: stores}
}

// Ground makes, of a request of the Responses API that has the tool, one without it and
// with what was found. A request that has none over the app's own vector stores is
// returned as it is, with a nil Answer. It blocks on the search, in call's name; errors
// are of Kind Invalid, and those of the search.
func (t *Tool) Ground(ctx context.Context, call *fairlead.Call, req *fairlead.Request) (*fairlead.Request, *Answer, error) {
	if t == nil || !mayHave(req.Body) {
		return req, nil, nil
	}
	body, err := rawjson.ReadObject(req.Body)
	if err != nil {
		return nil, nil, err
	}
	tools, err := rawjson.ReadArray(body.Get("tools"))
	if err != nil {
		return req, nil, nil //nolint:nilerr // it has no tools; what else is wrong is told by who reads them
	}
	rest, asked, err := t.split(ctx, call.App.ID, tools)
	if err != nil || asked == nil {
		return req, nil, err
	}
	asked.Texts = []string{question(body.Get("input"))}
	found, err := t.grounder.Find(ctx, call, *asked)
	if err != nil {
		return nil, nil, err
	}
	grounded, err := rewritten(req, body, rest, found)
	if err != nil {
		return nil, nil, err
	}
	return grounded, newAnswer(call, found, body), nil
}

// mayHave reports whether a body may have the tool, at little cost.
func mayHave(body []byte) bool {
	return contains(body, "file_search") && contains(body, "vector_store_ids")
}

// split parts the tools: rest are the others, query is what the tool asks for, nil if it
// is not among them or its stores are not the app's.
func (t *Tool) split(ctx context.Context, app fairlead.AppID, tools []rawjson.Value) (rest []rawjson.Value, query *fairlead.Query, err error) {
	for _, raw := range tools {
		o, err := rawjson.ReadObject(raw)
		if err != nil || !o.Get("type").Is("file_search") {
			rest = append(rest, raw)
			continue
		}
		named := named(o.Get("vector_store_ids"))
		own, err := t.own(ctx, app, named)
		if err != nil {
			return nil, nil, err
		}
		if own == 0 { // a provider's, who knows what else the tool may say
			rest = append(rest, raw)
			continue
		}
		if query != nil {
			return nil, nil, &fairlead.Error{
				Kind: fairlead.Invalid, Code: "invalid_value", Param: "tools", Message: "tools has file_search more than once",
			}
		}
		if query, err = read(raw); err != nil {
			return nil, nil, err
		}
		if own < len(named) {
			return nil, nil, mixed()
		}
	}
	return rest, query, nil
}

// named are the vector stores that a tool names, as far as they can be told: a list may
// be one that this service would refuse.
func named(ids rawjson.Value) (stores []fairlead.VectorStoreID) {
	list, err := rawjson.ReadArray(ids)
	if err != nil {
		list = []rawjson.Value{ids}
	}
	for _, id := range list[:min(len(list), mostStores)] {
		if id.Kind() == jsonscan.StringKind {
			stores = append(stores, fairlead.VectorStoreID(id.Text()))
		}
	}
	return stores
}

// own counts the stores that are the app's.
func (t *Tool) own(ctx context.Context, app fairlead.AppID, ids []fairlead.VectorStoreID) (n int, err error) {
	for _, id := range ids {
		_, ok, err := t.stores.VectorStore(ctx, app, id)
		if err != nil {
			return 0, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

func mixed() *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "vector_store_not_found", Param: "tools", Message: "One of the vector stores is not there",
	}
}

// read reads the tool.
func read(raw []byte) (*fairlead.Query, error) {
	r := fields.New(raw, "type", "vector_store_ids", "max_num_results", "filters", "ranking_options")
	q := &fairlead.Query{}
	r.Need("vector_store_ids")
	for _, id := range r.Texts("vector_store_ids", mostStores) {
		q.Within.Stores = append(q.Within.Stores, fairlead.VectorStoreID(id))
	}
	q.Limit = r.Int("max_num_results", fields.Bounds{Least: 1, Most: mostResults, Default: usualResults})
	q.Within.Filter = r.Filter("filters")
	r.Object("ranking_options", func(o *fields.Reader) {
		q.Rank.Ranker = o.Text("ranker", maxRankerName)
		q.Rank.Threshold = o.Share("score_threshold")
		o.Unavailable("hybrid_search", "words and meaning are weighed by the service")
	}, "ranker", "score_threshold", "hybrid_search")
	return q, r.Err()
}

// question is the text of the user's last message in an input.
func question(input rawjson.Value) string {
	if input.Kind() == jsonscan.StringKind {
		return input.Text()
	}
	items, err := rawjson.ReadArray(input)
	if err != nil {
		return ""
	}
	for _, raw := range slices.Backward(items) {
		if item, err := rawjson.ReadObject(raw); err == nil && item.Get("role").Is("user") {
			return grounding.TextOf(raw)
		}
	}
	return ""
}

// rewritten is the request without the tool and with the sources.
func rewritten(req *fairlead.Request, body rawjson.Object, rest []rawjson.Value, found *grounding.Sources) (*fairlead.Request, error) {
	if len(rest) == 0 {
		body = object.Without(object.Without(body, "tools"), "parallel_tool_calls")
	} else {
		body = object.With(body, "tools", array(rest))
	}
	if choice := body.Get("tool_choice"); choice.Given() && (len(rest) == 0 || names(choice)) {
		body = object.Without(body, "tool_choice") // the search has been made
	}
	if include := included(body.Get("include")); include != nil {
		body = object.With(body, "include", include)
	}
	body = object.With(body, "input", withSources(body.Get("input"), sources.Text(found.Passages)))
	text := object.Encode(body)
	asked, err := envelope.Responses(text)
	if err != nil {
		return nil, err
	}
	grounded := *req
	grounded.Body, grounded.Envelope, grounded.Prepared = text, asked.Envelope, nil
	return &grounded, nil
}

// names reports whether a choice is that of this tool.
func names(choice rawjson.Value) bool {
	o, err := rawjson.ReadObject(choice)
	return err == nil && o.Get("type").Is("file_search")
}

// included is the list without what is of this tool; nil if it has nothing of it.
func included(include rawjson.Value) rawjson.Value {
	list, err := rawjson.ReadArray(include)
	if err != nil {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(list), func(v rawjson.Value) bool { return v.Is(resultsWanted) })
	if len(rest) == len(list) {
		return nil
	}
	return array(rest)
}

// withSources puts a message with the sources before the input's last message of the
// user.
func withSources(input rawjson.Value, text string) rawjson.Value {
	w := rawjson.NewWriter(len(input) + len(text) + 128) //nolint:mnd // the members' names
	message := func() {
		w.Open('{')
		w.TextMember("type", "message")
		w.TextMember("role", "developer")
		w.TextMember("content", text)
		w.Close('}')
	}
	items, err := rawjson.ReadArray(input)
	if err != nil { // a string: the user's message
		items = nil
	}
	last := -1
	for i, raw := range items {
		if item, err := rawjson.ReadObject(raw); err == nil && item.Get("role").Is("user") {
			last = i
		}
	}
	w.Open('[')
	for i, raw := range items {
		if i == last {
			message()
		}
		w.Raw(raw)
	}
	if last < 0 {
		message()
	}
	if input.Kind() == jsonscan.StringKind {
		w.Open('{')
		w.TextMember("type", "message")
		w.TextMember("role", "user")
		w.Member("content", input)
		w.Close('}')
	}
	w.Close(']')
	return w.Bytes()
}

func array(values []rawjson.Value) rawjson.Value {
	w := rawjson.NewWriter(len(values) << 8) //nolint:mnd // about that much
	w.Open('[')
	for _, v := range values {
		w.Raw(v)
	}
	w.Close(']')
	return w.Bytes()
}
