package search

import (
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
)

func invalid(param, message, detail string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_value", Param: param, Message: message, Detail: detail}
}

func tooMany(param string, most int) error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "too_many_items", Param: param, Message: "The list is too long", Detail: fmt.Sprintf("at most %d", most),
	}
}

// documentNotFound says that there is no such document for the app; what another app has
// is not told from what nobody has.
func documentNotFound(id fairlead.DocumentID) error {
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "document_not_found", Param: "document_ids", Message: fairlead.NoDocument, Detail: shown(string(id)),
	}
}

func storeNotFound(id fairlead.VectorStoreID) error {
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "vector_store_not_found", Param: "vector_store_ids",
		Message: "Vector store with id '" + shown(string(id)) + "' not found.",
	}
}

func storeExpired(id fairlead.VectorStoreID) error {
	return &fairlead.Error{
		Kind: fairlead.Gone, Code: "vector_store_expired", Param: "vector_store_ids", Message: "Vector store with id '" + shown(string(id)) + "' is expired.",
	}
}

// shown is an id as an error may repeat it: what does not look like one is not.
func shown(id string) string {
	const longest = 64
	if len(id) > longest {
		return "…"
	}
	for _, c := range id {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return "…"
		}
	}
	return id
}

// notReady says that a document is still being read, and when that will be done, judged
// by how far it has come.
func notReady(d *fairlead.Document, now time.Time) error {
	const (
		unknown = 2 * time.Second
		longest = time.Minute
	)
	wait := unknown
	if d.PagesDone > 0 && d.Pages >= d.PagesDone && now.After(d.Created) {
		wait = time.Duration(float64(now.Sub(d.Created)) / float64(d.PagesDone) * float64(d.Pages-d.PagesDone))
	}
	return &fairlead.Error{
		Kind: fairlead.Busy, Code: "document_not_ready", Param: "document_ids", Message: "Document with id '" + shown(string(d.ID)) + "' is still being read.",
		Detail: "its status is " + string(d.Status), RetryAfter: min(max(wait, time.Second), longest),
	}
}

func rebuilding(wait time.Duration) error {
	return &fairlead.Error{
		Kind: fairlead.Busy, Code: "search_index_rebuilding", Message: "The search index is being rebuilt", RetryAfter: max(wait, time.Second),
	}
}
