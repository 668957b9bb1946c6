package api

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/header"
)

// Refusal is the answer to a request that is turned away before it is served: e, as
// the face tells it that speaks to the request's path. It is counted by its code.
func (rt *Router) Refusal(r *http.Request, e *fairlead.Error) *http.Response {
	rt.config.Refused("none", e.Code)
	id, path := rt.newID(time.Now()), ""
	if r.URL != nil {
		path = r.URL.Path
	}
	face := rt.config.Faces[rt.speaker(path)]
	var fields header.Fields
	fields.Reset()
	fields.Add("X-Request-Id", id)
	if labelled, ok := face.(Labelled); ok {
		fields.Add(labelled.RequestIDHeader(), id)
	}
	fields.Add("Content-Type", "application/json")
	fields.Add("X-Content-Type-Options", "nosniff")
	fields.AddRetry(e)
	h, body := make(http.Header), face.ErrorBody(e, id)
	fields.Set(h)
	return &http.Response{
		StatusCode: Status(e), Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
