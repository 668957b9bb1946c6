package local

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

const (
	// maxDimensions is how many dimensions an embedding has, unless fewer are
	// asked for; a power of two.
	maxDimensions = 256
	// maxInputs is how many texts one request may hold, as with OpenAI.
	maxInputs = 2048
	// pieceSize is how much of an answer is gathered before it is emitted.
	pieceSize = 64 << 10
)

// embedding is what is asked for.
type embedding struct {
	texts      []string
	dimensions int
	base64     bool
}

func answerEmbeddings(ctx context.Context, req *fairlead.Request, out output) error {
	e, err := readEmbedding(req.Body)
	if err != nil {
		return notJSON(err)
	}
	if err := out.head(ctx, "application/json", false); err != nil {
		return err
	}
	usage := 0
	b := []byte(`{"object":"list","data":[`)
	for i, text := range e.texts {
		if err := ended(ctx); err != nil {
			return err
		}
		usage += countWords(text)
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = append(strconv.AppendInt(b, int64(i), 10), `,"embedding":`...)
		b = append(e.appendVector(b, vector(ctx, text, e.dimensions)), '}')
		if len(b) >= pieceSize {
			if err := out.data(ctx, b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	b = append(b, `],"model":"`+ModelName+`","usage":{"prompt_tokens":`...)
	b = append(strconv.AppendInt(b, int64(usage), 10), `,"total_tokens":`...)
	b = append(strconv.AppendInt(b, int64(usage), 10), "}}"...)
	if err := out.data(ctx, b); err != nil {
		return err
	}
	return out.end(ctx, fairlead.End{Usage: fairlead.Usage{Input: usage}})
}

func readEmbedding(body []byte) (embedding, error) {
	e := embedding{dimensions: maxDimensions}
	err := readBody(body, func(name string, raw []byte) error {
		switch name {
		case "input":
			return e.readInput(raw)
		case "dimensions":
			return e.readDimensions(raw)
		case "encoding_format":
			switch string(raw) {
			case `"base64"`:
				e.base64 = true
			case `"float"`, "null":
			default:
				return invalid("encoding_format", "encoding_format must be float or base64")
			}
		}
		return nil
	})
	if err == nil && len(e.texts) == 0 {
		err = invalid("input", "input must hold at least one text")
	}
	return e, err
}

func (e *embedding) readInput(raw []byte) error {
	if jsonscan.KindOf(raw) != jsonscan.ArrayKind {
		return e.addText(raw)
	}
	return jsonscan.Array(raw, func(at jsonscan.Span) error { return e.addText(raw[at.Start:at.End]) })
}

func (e *embedding) addText(raw []byte) error {
	if kind := jsonscan.KindOf(raw); kind == jsonscan.NumberKind || kind == jsonscan.ArrayKind {
		return unsupported("input", "The offline provider has no tokens: input must be a string or an array of strings")
	}
	text, err := jsonscan.String(raw)
	if err != nil || text == "" {
		return invalid("input", "input must be a string or an array of strings, none of them empty")
	}
	if len(e.texts) == maxInputs {
		return invalid("input", "input holds more than "+strconv.Itoa(maxInputs)+" texts")
	}
	e.texts = append(e.texts, text)
	return nil
}

func (e *embedding) readDimensions(raw []byte) error {
	if jsonscan.KindOf(raw) == jsonscan.NullKind {
		return nil
	}
	n, ok := jsonscan.Int(raw)
	if !ok || n < 1 || n > maxDimensions {
		return invalid("dimensions", "dimensions must be an integer from 1 to "+strconv.Itoa(maxDimensions))
	}
	e.dimensions = n
	return nil
}

// appendVector writes a vector as numbers, or as base64 of little-endian
// 32-bit floats.
func (e *embedding) appendVector(dst []byte, v []float32) []byte {
	if e.base64 {
		raw := make([]byte, 0, 4*len(v))
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), raw)
		return append(dst, '"')
	}
	dst = append(dst, '[')
	for i, x := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, float64(x), 'g', -1, 32)
	}
	return append(dst, ']')
}

// vector hashes the words of a text into so many dimensions: the FNV-1a hash
// of a word chooses the dimension and the sign, so that words which meet by
// chance cancel out as often as they add up (Weinberger et al., Feature Hashing
// for Large Scale Multitask Learning, 2009). Its length is 1. The same text has
// the same vector in every version; a text without words counts as one word. A
// vector made while ctx ends is worth nothing.
func vector(ctx context.Context, text string, dimensions int) []float32 {
	sums := make([]float64, dimensions)
	add := func(word string) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(word))
		sum := h.Sum64()
		sign := 1.0
		if sum>>63 == 1 {
			sign = -1
		}
		sums[int(sum&(maxDimensions-1))%dimensions] += sign
	}
	for word := range words(ctx, text) {
		add(word)
	}
	length := norm(sums)
	if length == 0 {
		add(text)
		length = norm(sums)
	}
	v := make([]float32, dimensions)
	for i, x := range sums {
		v[i] = float32(x / length)
	}
	return v
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}
