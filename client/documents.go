package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/client/filter"
)

// Document is a file that was uploaded, and what is known of it.
type Document struct {
	ID   string `json:"document_id"`
	Name string `json:"name"`
	// Status is queued, extracting or indexing while it is read, then ready, or why it
	// can't be searched: no_text, limit_hit, unsupported, encrypted or failed, of which
	// Code and Reason tell more.
	Status string `json:"status"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
	// Pages and Chunks are how many there are, 0 until that is known; PagesDone is how
	// many have been read.
	Pages     int `json:"pages"`
	PagesDone int `json:"pages_done"`
	Chunks    int `json:"chunks"`
	// Bytes is the length of the file, TextBytes that of its text.
	Bytes     int64          `json:"bytes"`
	TextBytes int64          `json:"text_bytes"`
	MediaType string         `json:"media_type"`
	SHA256    string         `json:"sha256"`
	Created   time.Time      `json:"created"`
	Metadata  map[string]any `json:"metadata"`
	// About is what the document says of itself.
	About struct {
		Title    string `json:"title"`
		Language string `json:"language"`
		Company  string `json:"company"`
		Period   string `json:"period"`
	} `json:"about"`
	// EmbeddingPending says that it is found by its words, and not yet by its meaning.
	EmbeddingPending bool `json:"embedding_pending"`
	// Raw is the whole answer, or the document's part of it.
	Raw json.RawMessage `json:"-"`
}

// Ended reports whether the document has been read, for better or worse.
func (d *Document) Ended() bool {
	return d.Status != "queued" && d.Status != "extracting" && d.Status != "indexing"
}

// document makes a call whose answer is a document.
func (c *Client) document(ctx context.Context, what call) (*Document, error) {
	var raw json.RawMessage
	header, err := c.fetch(ctx, what, &raw)
	if err != nil {
		return nil, err
	}
	d, err := readDocument(raw)
	if err != nil {
		return nil, &BrokenError{RequestID: requestID(header, ""), Err: err}
	}
	return d, nil
}

func readDocument(raw json.RawMessage) (*Document, error) {
	d := &Document{Raw: raw}
	if err := json.Unmarshal(raw, d); err != nil {
		return nil, err
	}
	if d.ID == "" {
		return nil, errors.New("the answer is no document")
	}
	return d, nil
}

// Document asks for a document. It costs nothing of the app's window, as nothing does
// that reads, lists or deletes documents.
func (c *Client) Document(ctx context.Context, id string) (*Document, error) {
	return c.document(ctx, call{method: http.MethodGet, path: documentPath(id), accept: "application/json"})
}

func documentPath(id string) string { return "/documents/" + url.PathEscape(id) }

// DocumentList says which documents are listed.
type DocumentList struct {
	// After is the ID of the document behind which the page begins; "" is the first page.
	After string
	// Limit is how many a page has; 0 is the service's own number.
	Limit int
	// OldestFirst turns the order round, which is newest first.
	OldestFirst bool
}

// DocumentPage is a page of a list. LastID is where the next one begins, if there is one.
type DocumentPage struct {
	Documents []Document
	HasMore   bool
	LastID    string
}

// Documents lists the app's documents, a page at a time.
func (c *Client) Documents(ctx context.Context, list DocumentList) (*DocumentPage, error) {
	query := url.Values{}
	if list.After != "" {
		query.Set("after", list.After)
	}
	if list.Limit > 0 {
		query.Set("limit", strconv.Itoa(list.Limit))
	}
	if list.OldestFirst {
		query.Set("order", "asc")
	}
	path := "/documents"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var wire struct {
		Documents []json.RawMessage `json:"documents"`
		HasMore   bool              `json:"has_more"`
		LastID    string            `json:"last_id"`
	}
	header, err := c.fetch(ctx, call{method: http.MethodGet, path: path, accept: "application/json"}, &wire)
	if err != nil {
		return nil, err
	}
	page := &DocumentPage{HasMore: wire.HasMore, LastID: wire.LastID}
	for _, raw := range wire.Documents {
		d, err := readDocument(raw)
		if err != nil {
			return nil, &BrokenError{RequestID: requestID(header, ""), Err: err}
		}
		page.Documents = append(page.Documents, *d)
	}
	return page, nil
}

// DeleteDocument deletes a document, with all that was made of it.
func (c *Client) DeleteDocument(ctx context.Context, id string) error {
	var gone struct {
		Deleted bool `json:"deleted"`
	}
	header, err := c.fetch(ctx, call{method: http.MethodDelete, path: documentPath(id), accept: "application/json"}, &gone)
	if err == nil && !gone.Deleted {
		err = &BrokenError{RequestID: requestID(header, ""), Err: errors.New("the answer does not say that it was deleted")}
	}
	return err
}

// DocumentContent writes the text of a document to w: the text in which the offsets of
// passages and citations count bytes. If the error is a *BrokenError, or one of w, what
// was written is not the whole text.
func (c *Client) DocumentContent(ctx context.Context, id string, w io.Writer) error {
	answer, err := c.do(ctx, call{method: http.MethodGet, path: documentPath(id) + "/content", accept: "text/plain"})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	to := &writer{to: w}
	if _, err = io.Copy(to, answer.Body); err != nil && to.err == nil {
		return &BrokenError{RequestID: requestID(answer.Header, ""), Err: err}
	}
	return err
}

// writer knows which errors are of writing.
type writer struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (n int, err error) {
	n, err = w.to.Write(p)
	w.err = err
	return n, err
}

// SearchRequest asks for passages.
type SearchRequest struct {
	Query string
	// Documents are the IDs of those that are searched; nil is all of the app's.
	Documents []string
	// Limit is the most passages; 0 is the service's own number.
	Limit int
	// Filter, if not nil, bounds the search to documents with such metadata.
	Filter *filter.Filter
	// Class is the call's class; "" is the client's (WithClass).
	Class Class
}

// Passage is what a search found: bytes [Start, End) of a document's text.
type Passage struct {
	DocumentID string         `json:"document_id"`
	Name       string         `json:"name"`
	Score      float64        `json:"score"`
	Text       string         `json:"text"`
	Page       int            `json:"page"`
	Section    string         `json:"section"`
	Start      int64          `json:"start"`
	End        int64          `json:"end"`
	Context    string         `json:"context"`
	Metadata   map[string]any `json:"metadata"`
}

// Search finds passages in the app's documents, the best first.
func (c *Client) Search(ctx context.Context, r SearchRequest) ([]Passage, error) {
	members := map[string]any{"query": r.Query}
	if r.Documents != nil {
		members["document_ids"] = r.Documents
	}
	if r.Limit > 0 {
		members["limit"] = r.Limit
	}
	if r.Filter != nil {
		members["filters"] = r.Filter
	}
	what, err := c.post("/documents/search", r.Class, members)
	if err != nil {
		return nil, err
	}
	var wire struct {
		Success bool      `json:"success"`
		Results []Passage `json:"results"`
	}
	header, err := c.fetch(ctx, what, &wire)
	if err == nil && !wire.Success {
		err = &BrokenError{RequestID: requestID(header, ""), Err: errors.New("the answer does not say that it is a success")}
	}
	return wire.Results, err
}

// post is a call with a JSON body.
func (c *Client) post(path string, class Class, members map[string]any) (call, error) {
	body, err := json.Marshal(members)
	if err != nil {
		return call{}, fmt.Errorf("client: encoding the request: %w", err)
	}
	if class == "" {
		class = c.class
	}
	return call{method: http.MethodPost, path: path, accept: "application/json", class: class, body: body}, nil
}
