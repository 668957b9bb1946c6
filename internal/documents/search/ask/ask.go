// Package ask asks models what a search wants of them: vectors of texts, an order of
// passages, other ways to put a question. Requests are in the dialects that the gateway
// speaks, and go wherever it sends them.
//
// What a model answers is not believed before it was checked: a vector has to have a
// length and finite numbers, an order may name only what was asked about. Passages are
// given to a chat model as data, between marks that nobody who wrote them could know.
//
// Start with Client.
package ask

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/fairleadhq/fairlead"
)

// mostAnswer is how many bytes an answer may have.
const mostAnswer = 32 << 20

// MostNumbers is how many numbers a vector may have.
const MostNumbers = 1 << 16

// errTooLong ends the reading of an answer.
var errTooLong = errors.New("the answer is too long")

// Unfit is the error of an answer that is not one to what was asked, which is as the
// provider's failure. why is for the log, and has nothing of the answer.
func Unfit(why string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: "upstream_invalid_answer", Message: "The model's answer is not what was asked for", Err: errors.New(why),
	}
}

// Client asks a Model. It is safe for concurrent use. Its methods block until the answer
// has come or ctx ends; errors are the Model's, those of Unfit, and of Kind Upstream with
// Code upstream_answer_too_long.
type Client struct{ Model fairlead.Model }

// answer asks and returns the body of the answer.
func (c Client) answer(ctx context.Context, call *fairlead.Call, in fairlead.Dialect, request body) ([]byte, error) {
	var answer bytes.Buffer
	tooLong := false
	err := c.Model.Answer(ctx, call, &fairlead.Request{Dialect: in, Body: request.bytes, Envelope: request.envelope},
		func(e fairlead.Event) error {
			if tooLong = answer.Len()+len(e.Data) > mostAnswer; tooLong {
				return errTooLong
			}
			answer.Write(e.Data)
			return nil
		})
	if tooLong { // whatever the model makes of it
		return nil, &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_answer_too_long", Message: "The model's answer is too long", Err: errTooLong}
	}
	return answer.Bytes(), err
}

// body is the body of a request with its envelope.
type body struct {
	bytes    []byte
	envelope fairlead.Envelope
}

// member is a member of a JSON object.
type member struct {
	name  string
	value any
}

// newBody is a JSON object that names the model first.
func newBody(model string, members ...member) (body, error) {
	var b body
	b.bytes = append(b.bytes, `{"model":`...)
	for i, m := range append([]member{{value: model}}, members...) {
		value, err := json.Marshal(m.value)
		if err != nil {
			return body{}, fmt.Errorf("write a request: %w", err)
		}
		if i > 0 {
			b.bytes = append(append(append(b.bytes, `,"`...), m.name...), `":`...)
		}
		at := len(b.bytes)
		b.bytes = append(b.bytes, value...)
		if i == 0 {
			b.envelope.ModelAt = fairlead.Span{Start: at, End: len(b.bytes)}
		}
	}
	b.envelope.Model, b.envelope.CloseAt = model, len(b.bytes)
	b.bytes = append(b.bytes, '}')
	return b, nil
}

// Vectors asks an embedding model for the vectors of texts, one for each. Where dimensions
// is not 0, it asks for vectors of that length and takes no others; they are of one length
// anyhow, of at most MostNumbers.
func (c Client) Vectors(ctx context.Context, call *fairlead.Call, model string, dimensions int, texts []string) ([][]float32, error) {
	members := []member{{"input", texts}, {"encoding_format", "float"}}
	if dimensions > 0 {
		members = append(members, member{"dimensions", dimensions})
	}
	request, err := newBody(model, members...)
	if err != nil {
		return nil, err
	}
	text, err := c.answer(ctx, call, fairlead.OpenAIEmbeddings, request)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data []struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if json.Unmarshal(text, &answer) != nil || len(answer.Data) != len(texts) {
		return nil, Unfit("no vector for each text")
	}
	vectors := make([][]float32, len(texts))
	for _, d := range answer.Data {
		if d.Index < 0 || d.Index >= len(vectors) || vectors[d.Index] != nil {
			return nil, Unfit("vectors of other texts")
		}
		vectors[d.Index] = d.Embedding
	}
	if dimensions == 0 {
		dimensions = len(vectors[0])
	}
	for _, v := range vectors {
		switch {
		case len(v) != dimensions:
			return nil, Unfit(fmt.Sprintf("a vector of %d numbers, not %d", len(v), dimensions))
		case len(v) > MostNumbers:
			return nil, Unfit(fmt.Sprintf("a vector of %d numbers, more than %d", len(v), MostNumbers))
		case !hasDirection(v):
			return nil, Unfit("a vector without a direction")
		}
	}
	return vectors, nil
}

// hasDirection reports whether a vector has a length that is finite and not 0.
func hasDirection(v []float32) bool {
	square := 0.0
	for _, n := range v {
		square += float64(n) * float64(n)
	}
	return square > 0 && !math.IsInf(square, 0) && !math.IsNaN(square)
}
