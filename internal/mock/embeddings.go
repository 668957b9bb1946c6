package mock

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/fnv"
	"math"
	"net/http"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

const (
	defaultDimensions = 8
	maxDimensions     = 4096
	maxInputs         = 2048
)

// readEmbeddings reads the body of an embeddings request.
func readEmbeddings(header http.Header, body []byte) (ask, error) {
	var wire struct {
		Model          string          `json:"model"`
		Input          json.RawMessage `json:"input"`
		Dimensions     int             `json:"dimensions"`
		EncodingFormat string          `json:"encoding_format"`
	}
	if err := plainjson.Decode(header, body, &wire); err != nil {
		return ask{}, err
	}
	a := ask{model: wire.Model, dimensions: wire.Dimensions, base64: wire.EncodingFormat == "base64"}
	if a.model == "" {
		return a, errors.New("you must provide a model parameter")
	}
	if a.dimensions == 0 {
		a.dimensions = defaultDimensions
	}
	if a.dimensions < 1 || a.dimensions > maxDimensions {
		return a, errors.New("dimensions is out of range")
	}
	if wire.EncodingFormat != "" && wire.EncodingFormat != "float" && wire.EncodingFormat != "base64" {
		return a, errors.New("encoding_format must be float or base64")
	}
	var err error
	a.inputs, err = inputs(wire.Input)
	for _, input := range a.inputs {
		a.size += len(input)
	}
	return a, err
}

// inputs splits "input": a string, a list of token numbers, or a list of
// either.
func inputs(raw json.RawMessage) ([][]byte, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return [][]byte{raw}, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list) > maxInputs {
		return nil, errors.New("input must be a string, or a list of 1 to 2048 strings or token lists")
	}
	var tokens []int
	if json.Unmarshal(raw, &tokens) == nil {
		return [][]byte{raw}, nil
	}
	all := make([][]byte, 0, len(list))
	for _, item := range list {
		if json.Unmarshal(item, &one) != nil && json.Unmarshal(item, &tokens) != nil {
			return nil, errors.New("input must hold strings or token lists")
		}
		all = append(all, item)
	}
	return all, nil
}

// answerEmbeddings answers with a vector for each input that depends on the
// input alone.
func answerEmbeddings(ctx context.Context, p *reply) error {
	data := make([]object, 0, len(p.ask.inputs))
	for i, input := range p.ask.inputs {
		values := vector(input, p.ask.dimensions)
		spelled := any(values)
		if p.ask.base64 {
			spelled = littleEndian(values)
		}
		data = append(data, object{"object": "embedding", "index": i, "embedding": spelled})
	}
	body := object{"object": "list", "model": p.ask.model, "data": data}
	if !p.how.nousage {
		n := p.inputTokens()
		body["usage"] = object{"prompt_tokens": n, "total_tokens": n}
	}
	return p.json(ctx, body)
}

// vector derives a vector of length 1 from the bytes of the input.
func vector(input []byte, dimensions int) []float32 {
	values := make([]float32, dimensions)
	h := fnv.New64a()
	// Writing to a hash never fails.
	_, _ = h.Write(input)
	var sum float64
	for i := range values {
		_, _ = h.Write([]byte{byte(i), byte(i >> 8)})
		v := float64(h.Sum64()>>11)/(1<<52) - 1 // in [-1, 1)
		values[i] = float32(v)
		sum += v * v
	}
	scale := float32(1 / math.Sqrt(max(sum, math.SmallestNonzeroFloat32)))
	for i := range values {
		values[i] *= scale
	}
	return values
}

func littleEndian(values []float32) string {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(b)
}
