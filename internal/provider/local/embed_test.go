package local

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
)

// embed asks for embeddings and decodes them.
func embed(t *testing.T, body string) [][]float64 {
	t.Helper()
	got, err := ask(t, fairlead.Embed, body)
	if err != nil {
		t.Fatal(err)
	}
	end, err := dialect.ReadEmbeddingsAnswer([]byte(got.body))
	if err != nil || end != got.end || end.Usage.Input == 0 {
		t.Errorf("the answer says %+v, %v, the event %+v", end, err, got.end)
	}
	var list struct {
		Object, Model string
		Data          []struct {
			Object    string
			Index     int
			Embedding json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(got.body), &list); err != nil {
		t.Fatal(err)
	}
	if list.Object != "list" || list.Model != "offline" {
		t.Errorf("got %s of %s", list.Object, list.Model)
	}
	var vectors [][]float64
	for i, d := range list.Data {
		if d.Object != "embedding" || d.Index != i {
			t.Errorf("got %s %d, want embedding %d", d.Object, d.Index, i)
		}
		var v []float64
		if d.Embedding[0] == '[' {
			err = json.Unmarshal(d.Embedding, &v)
		} else {
			v, err = fromBase64(d.Embedding)
		}
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	return vectors
}

func fromBase64(raw []byte) (v []float64, err error) {
	b, err := base64.StdEncoding.DecodeString(strings.Trim(string(raw), `"`))
	for ; len(b) >= 4; b = b[4:] {
		v = append(v, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	return v, err
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func TestEmbeddings(t *testing.T) {
	v := embed(t, `{"input":["Acme's revenue rose","the REVENUE of Acme","bananas are yellow","!!!"],"model":"offline"}`)
	if len(v) != 4 {
		t.Fatalf("got %d vectors", len(v))
	}
	for i := range v {
		if len(v[i]) != 256 || math.Abs(dot(v[i], v[i])-1) > 1e-6 {
			t.Errorf("vector %d has %d dimensions and length %f", i, len(v[i]), dot(v[i], v[i]))
		}
	}
	if near, far := dot(v[0], v[1]), dot(v[0], v[2]); near < 0.4 || near < far+0.3 {
		t.Errorf("shared words are %f near, others %f", near, far)
	}
	if again := embed(t, `{"input":"acme S Revenue rose"}`); !slices.Equal(again[0], v[0]) {
		t.Error("the same words have another vector")
	}
}

func TestEmbeddingsAreTheSameForEver(t *testing.T) {
	// Worked out apart from this code; stored vectors depend on it.
	v := vector(t.Context(), "Fairlead: queue", 8)
	if want := []float32{-0.70710678, 0, 0, 0, 0, -0.70710678, 0, 0}; !slices.Equal(v, want) {
		t.Errorf("got %v, want %v", v, want)
	}
}

func TestEmbeddingsFormats(t *testing.T) {
	floats := embed(t, `{"input":"some words of it","dimensions":16,"encoding_format":"float"}`)
	packed := embed(t, `{"input":["some words of it"],"dimensions":16,"encoding_format":"base64"}`)
	if len(floats[0]) != 16 || len(packed[0]) != 16 {
		t.Fatalf("got %d and %d dimensions", len(floats[0]), len(packed[0]))
	}
	for i := range floats[0] {
		if float32(floats[0][i]) != float32(packed[0][i]) {
			t.Errorf("dimension %d: got %g and %g", i, floats[0][i], packed[0][i])
		}
	}
}

func TestManyEmbeddingsComeInPieces(t *testing.T) {
	body := []byte(`{"input":["a"` + strings.Repeat(`,"word two"`, 500) + `]}`)
	largest, pieces := 0, 0
	err := New().Answer(t.Context(), &fairlead.Call{Operation: fairlead.Embed}, &fairlead.Request{Body: body}, func(e fairlead.Event) error {
		if e.Data != nil {
			largest = max(largest, len(e.Data))
			pieces++
		}
		return nil
	})
	if err != nil || pieces < 2 || largest > 2*pieceSize {
		t.Errorf("got %d pieces of at most %d bytes, %v", pieces, largest, err)
	}
	if got := embed(t, string(body)); len(got) != 501 {
		t.Errorf("got %d vectors", len(got))
	}
}
