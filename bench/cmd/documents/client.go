package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// idleLimit is less than the 5 s after which the service closes an idle connection: a
// request must not be begun on one that is being closed.
const idleLimit = 3 * time.Second

// client calls the service.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(port int, key string) *client {
	transport := &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256, IdleConnTimeout: idleLimit}
	return &client{fmt.Sprintf("http://127.0.0.1:%d", port), key, &http.Client{Transport: transport}}
}

// document is what the service tells of one.
type document struct {
	ID     string `json:"document_id"`
	Status string `json:"status"`
	Code   string `json:"code"`
	Pages  int    `json:"pages"`
	Done   int    `json:"pages_done"`
	Chunks int    `json:"chunks"`
	Bytes  int64  `json:"bytes"`
}

// settled reports whether nothing more will become of it.
func (d *document) settled() bool {
	return d.Status != "queued" && d.Status != "extracting" && d.Status != "indexing"
}

// hit is a result of a search.
type hit struct {
	ID    string `json:"document_id"`
	Start int64  `json:"start"`
	End   int64  `json:"end"`
	Text  string `json:"text"`
}

// refused is an answer that is not a good one.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.text) }

// call sends a body, if it is not nil, and reads the answer's JSON into to, if that is
// not nil.
func (c *client) call(ctx context.Context, method, path string, body []byte, to any) error {
	text, err := c.bytes(ctx, method, path, body)
	if err != nil || to == nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// bytes is call for an answer that is taken as it comes. JSON is told by its first byte.
func (c *client) bytes(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-API-Key", c.key)
	if body != nil {
		kind := "application/octet-stream"
		if body[0] == '{' {
			kind = "application/json"
		}
		request.Header.Set("Content-Type", kind)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, &refused{answer.StatusCode, string(text[:min(len(text), 500)])}
	}
	return text, nil
}

// upload uploads a file, and waits so many seconds for the document to be ready.
func (c *client) upload(ctx context.Context, name string, data []byte, wait int) (*document, error) {
	var d document
	path := fmt.Sprintf("/documents/upload?name=%s&wait=%d", url.QueryEscape(name), wait)
	if wait == 0 {
		path = "/documents/upload?name=" + url.QueryEscape(name)
	}
	return &d, c.call(ctx, http.MethodPost, path, data, &d)
}

// read asks for a document's state.
func (c *client) read(ctx context.Context, id string) (*document, error) {
	var d document
	return &d, c.call(ctx, http.MethodGet, "/documents/"+id, nil, &d)
}

// find searches, in the documents of these ids if there are any.
func (c *client) find(ctx context.Context, query string, ids []string) ([]hit, error) {
	body, err := json.Marshal(struct {
		Query string   `json:"query"`
		IDs   []string `json:"document_ids,omitempty"`
	}{query, ids})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []hit `json:"results"`
	}
	err = c.call(ctx, http.MethodPost, "/documents/search", body, &answer)
	return answer.Results, err
}

// chat makes one small chat.
func (c *client) chat(ctx context.Context) error {
	body := []byte(`{"model":"mock/mock+tokens=20","messages":[{"role":"user","content":"How does a ship find its way into the harbour at night?"}]}`)
	return c.call(ctx, http.MethodPost, "/v1/chat/completions", body, nil)
}
