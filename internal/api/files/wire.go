package files

import (
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
)

// file is OpenAI's file object.
type file struct {
	ID       fairlead.DocumentID `json:"id"`
	Object   string              `json:"object"`
	Bytes    int64               `json:"bytes"`
	Created  int64               `json:"created_at"`
	Expires  *int64              `json:"expires_at"`
	Filename string              `json:"filename"`
	Purpose  string              `json:"purpose"`
	Status   string              `json:"status"`
	Details  *string             `json:"status_details"`
}

func fileObject(d *fairlead.Document) file {
	f := file{
		ID: d.ID, Object: "file", Bytes: d.Bytes, Created: d.Created.Unix(), Filename: d.Name, Purpose: d.Purpose, Status: "uploaded",
	}
	switch {
	case d.Status == fairlead.DocumentReady:
		f.Status = "processed"
	case d.Status.Ended():
		f.Status, f.Details = "error", &d.Reason
	}
	return f
}

// deleted says that something is not there any more.
type deleted struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// list is a page of OpenAI's lists.
type list[T any] struct {
	Object  string  `json:"object"`
	Data    []T     `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

// listOf makes a page of items; id is that of one.
func listOf[T any](items []T, more bool, id func(item *T) string) list[T] {
	l := list[T]{Object: "list", Data: items, HasMore: more}
	if len(items) > 0 {
		first, last := id(&items[0]), id(&items[len(items)-1])
		l.FirstID, l.LastID = &first, &last
	} else {
		l.Data = []T{}
	}
	return l
}

// counts is how many files there are in each state.
type counts struct {
	InProgress int `json:"in_progress"`
	Completed  int `json:"completed"`
	Failed     int `json:"failed"`
	Cancelled  int `json:"cancelled"`
	Total      int `json:"total"`
}

func countsOf(byStatus map[fairlead.DocumentStatus]int) (c counts) {
	for status, n := range byStatus {
		c.Total += n
		switch {
		case status == fairlead.DocumentReady:
			c.Completed += n
		case status.Ended():
			c.Failed += n
		default:
			c.InProgress += n
		}
	}
	return c
}

// status of what has such files.
func (c counts) status() string {
	if c.InProgress > 0 {
		return inProgress
	}
	return completed
}

const (
	inProgress = "in_progress"
	completed  = "completed"
	failed     = "failed"
	cancelled  = "cancelled"
)

// store is OpenAI's vector store object.
type store struct {
	ID           fairlead.VectorStoreID `json:"id"`
	Object       string                 `json:"object"`
	Created      int64                  `json:"created_at"`
	Name         string                 `json:"name"`
	UsageBytes   int64                  `json:"usage_bytes"`
	FileCounts   counts                 `json:"file_counts"`
	Status       string                 `json:"status"`
	ExpiresAfter *expiry                `json:"expires_after"`
	ExpiresAt    *int64                 `json:"expires_at"`
	LastActive   int64                  `json:"last_active_at"`
	Metadata     map[string]string      `json:"metadata"`
}

// expiry is when a vector store expires.
type expiry struct {
	Anchor string `json:"anchor"`
	Days   int    `json:"days"`
}

const (
	anchor = "last_active_at"
	day    = 24 * time.Hour
)

func storeObject(s *fairlead.VectorStore, census fairlead.DocumentCensus) store {
	o := store{
		ID: s.ID, Object: "vector_store", Created: s.Created.Unix(), Name: s.Name, UsageBytes: census.Bytes,
		FileCounts: countsOf(census.ByStatus), LastActive: s.Active.Unix(), Metadata: s.Metadata,
	}
	if o.Metadata == nil {
		o.Metadata = map[string]string{}
	}
	o.Status = o.FileCounts.status()
	if s.ExpiresAfter > 0 {
		at := s.Active.Add(s.ExpiresAfter).Unix()
		o.ExpiresAfter, o.ExpiresAt = &expiry{anchor, int(s.ExpiresAfter / day)}, &at
	}
	if s.Expired(time.Now()) {
		o.Status = "expired"
	}
	return o
}

// member is OpenAI's vector store file object.
type member struct {
	ID         fairlead.DocumentID    `json:"id"`
	Object     string                 `json:"object"`
	Created    int64                  `json:"created_at"`
	UsageBytes int64                  `json:"usage_bytes"`
	Store      fairlead.VectorStoreID `json:"vector_store_id"`
	Status     string                 `json:"status"`
	LastError  *lastError             `json:"last_error"`
	Chunking   chunking               `json:"chunking_strategy"`
	Attributes map[string]any         `json:"attributes"`
}

// chunking is how a file was cut: a document is cut once, whatever stores it is in, so
// no store has a strategy of its own.
type chunking struct {
	Type string `json:"type"`
}

// lastError is why a file can't be searched.
type lastError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func memberObject(f *fairlead.VectorStoreFile) member {
	d := &f.Document
	m := member{
		ID: d.ID, Object: "vector_store.file", Created: f.Added.Unix(), UsageBytes: d.Bytes, Store: f.Store,
		Status: statusOf(d.Status), Chunking: chunking{"other"}, Attributes: f.Attributes,
	}
	if m.Attributes == nil {
		m.Attributes = map[string]any{}
	}
	if m.Status == failed {
		m.LastError = &lastError{errorCode(d.Status), d.Reason}
		if d.Code != "" {
			m.LastError.Message = strings.TrimSpace(d.Reason + " (" + d.Code + ")")
		}
	}
	return m
}

// statusOf is what OpenAI calls a document's status in a vector store.
func statusOf(s fairlead.DocumentStatus) string {
	switch {
	case s == fairlead.DocumentReady:
		return completed
	case s.Ended():
		return failed
	}
	return inProgress
}

// errorCode is what OpenAI calls the reason why a document is not ready.
func errorCode(s fairlead.DocumentStatus) string {
	switch s {
	case fairlead.DocumentUnsupported:
		return "unsupported_file"
	case fairlead.DocumentFailed:
		return "server_error"
	case fairlead.DocumentQueued, fairlead.DocumentExtracting, fairlead.DocumentIndexing, fairlead.DocumentReady,
		fairlead.DocumentNoText, fairlead.DocumentLimitHit, fairlead.DocumentEncrypted:
	}
	return "invalid_file"
}

// statusesOf are the statuses of documents that OpenAI calls so; ok is false if it calls
// none so.
func statusesOf(filter string) (statuses []fairlead.DocumentStatus, ok bool) {
	switch filter {
	case inProgress:
		return []fairlead.DocumentStatus{fairlead.DocumentQueued, fairlead.DocumentExtracting, fairlead.DocumentIndexing}, true
	case completed:
		return []fairlead.DocumentStatus{fairlead.DocumentReady}, true
	case failed:
		return []fairlead.DocumentStatus{
			fairlead.DocumentNoText, fairlead.DocumentLimitHit, fairlead.DocumentUnsupported, fairlead.DocumentEncrypted, fairlead.DocumentFailed,
		}, true
	}
	return nil, false
}

// batch is OpenAI's object of files that were added together.
type batch struct {
	ID         string                 `json:"id"`
	Object     string                 `json:"object"`
	Created    int64                  `json:"created_at"`
	Store      fairlead.VectorStoreID `json:"vector_store_id"`
	Status     string                 `json:"status"`
	FileCounts counts                 `json:"file_counts"`
}

func batchObject(b *fairlead.VectorStoreBatch) batch {
	o := batch{
		ID: b.ID, Object: "vector_store.file_batch", Created: b.Created.Unix(), Store: b.Store, FileCounts: countsOf(b.ByStatus),
	}
	o.FileCounts.Cancelled = b.Withdrawn
	o.FileCounts.Total += b.Withdrawn
	o.Status = o.FileCounts.status()
	if b.Cancelled {
		o.Status = cancelled
	}
	return o
}
