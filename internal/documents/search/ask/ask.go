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

var (
	// ErrAnswer is the error of an answer that is not one to what was asked.
	ErrAnswer = errors.New("the model's answer is not what was asked for")
	// errTooLong ends the reading of an answer.
	errTooLong = fmt.Errorf("%w: it is too long", ErrAnswer)
)

// Client asks a Model. It is safe for concurrent use. Its methods block until the answer
// has come or ctx ends; errors are the Model's, and ErrAnswer.
type Client struct{ Model fairlead.Model }

// answer asks and returns the body of the answer.
func (c Client) answer(ctx context.Context, call *fairlead.Call, in fairlead.Dialect, request body) ([]byte, error) {
	var answer bytes.Buffer
	err := c.Model.Answer(ctx, call, &fairlead.Request{Dialect: in, Body: request.bytes, Envelope: request.envelope},
		func(e fairlead.Event) error {
			if answer.Len()+len(e.Data) > mostAnswer {
				return errTooLong
			}
			answer.Write(e.Data)
			return nil
		})
	if answer.Len()+1 > mostAnswer {
		return nil, errTooLong
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
// anyhow.
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
		return nil, fmt.Errorf("%w: no vector for each text", ErrAnswer)
	}
	vectors := make([][]float32, len(texts))
	for _, d := range answer.Data {
		if d.Index < 0 || d.Index >= len(vectors) || vectors[d.Index] != nil {
			return nil, fmt.Errorf("%w: vectors of other texts", ErrAnswer)
		}
		vectors[d.Index] = d.Embedding
	}
	if dimensions == 0 {
		dimensions = len(vectors[0])
	}
	for _, v := range vectors {
		if len(v) != dimensions || !hasDirection(v) {
			return nil, fmt.Errorf("%w: a vector of %d numbers, not %d, or without a direction", ErrAnswer, len(v), dimensions)
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
