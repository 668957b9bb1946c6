package documents

import (
	"encoding/hex"
	"time"

	"github.com/fairleadhq/fairlead"
)

// object is a document as the native API tells of it.
type object struct {
	ID       fairlead.DocumentID     `json:"document_id"`
	Name     string                  `json:"name"`
	Status   fairlead.DocumentStatus `json:"status"`
	Code     string                  `json:"code,omitempty"`
	Reason   string                  `json:"reason,omitempty"`
	Pages    *int                    `json:"pages"`
	Done     int                     `json:"pages_done"`
	Chunks   *int                    `json:"chunks"`
	Bytes    int64                   `json:"bytes"`
	Text     *int64                  `json:"text_bytes"`
	Type     *string                 `json:"media_type"`
	SHA256   string                  `json:"sha256"`
	Created  string                  `json:"created"`
	Purpose  string                  `json:"purpose,omitempty"`
	Metadata map[string]any          `json:"metadata"`
	About    about                   `json:"about"`
	Pending  bool                    `json:"embedding_pending"`
}

type about struct {
	Title    string `json:"title,omitempty"`
	Language string `json:"language,omitempty"`
	Company  string `json:"company,omitempty"`
	Period   string `json:"period,omitempty"`
}

// told is d as its app is told of it; what is not known yet is null.
func told(d *fairlead.Document) object {
	o := object{
		ID: d.ID, Name: d.Name, Status: d.Status, Code: d.Code, Reason: d.Reason, Done: d.PagesDone, Bytes: d.Bytes,
		SHA256: hex.EncodeToString(d.SHA256[:]), Created: d.Created.UTC().Format(time.RFC3339), Purpose: d.Purpose,
		Metadata: d.Metadata, About: about(d.About), Pending: d.EmbeddingPending,
	}
	if o.Metadata == nil {
		o.Metadata = map[string]any{}
	}
	if d.Pages > 0 {
		o.Pages = &d.Pages
	}
	if d.MediaType != "" {
		o.Type = &d.MediaType
	}
	if d.Status == fairlead.DocumentReady {
		o.Chunks, o.Text = &d.Chunks, &d.TextBytes
	}
	return o
}

// one is the answer that is about one document.
type one struct {
	Success bool `json:"success"`
	object

	RequestID string `json:"request_id,omitempty"`
}

// page is a page of a list.
type page struct {
	Success   bool     `json:"success"`
	Documents []object `json:"documents"`
	HasMore   bool     `json:"has_more"`
	LastID    *string  `json:"last_id"`
}
