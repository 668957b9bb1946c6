package rank

import (
	"math"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// Formula are the parameters of BM25.
type Formula struct {
	// K1 is how slowly a term's further occurrences lose weight, above 0; B is how much
	// long documents are marked down, from 0 to 1.
	K1, B float64
}

// bestScore is about the highest score that a document can have.
const bestScore = 1 << 30

// IDF is what it is worth to have a term that n of total documents have.
func IDF(n, total int) float64 {
	return math.Log1p((float64(total-n) + 0.5) / (float64(n) + 0.5))
}

// curve is, for each length code, by what a frequency is multiplied. A score is then
// weight - weight/(1 + frequency × that): as exact as a division, and no step of it can
// put a higher frequency or a shorter document below another, rounding included.
type curve [256]float32

func (f Formula) curve(mean float64) *curve {
	var c curve
	for code := range c {
		relative := 1.0
		if mean > 0 {
			relative = float64(segment.Length(uint8(code))) / mean
		}
		c[code] = float32(1 / max(f.K1*(1-f.B+f.B*relative), 1e-9))
	}
	return &c
}

// score is what a term of that weight adds.
func score(weight, frequency, factor float32) uint32 {
	product := float32(frequency * factor) // not fused with what follows: bounds must round the same
	return uint32(weight - weight/(1+product))
}

// bound is the most that one of the postings below the peaks adds.
func bound(p postings.Peaks, weight float32, c *curve) uint32 {
	var most uint32
	for i := range postings.PeakCount {
		frequency, length := p.At(i)
		if frequency == 0 {
			break
		}
		f := float32(frequency)
		if frequency == postings.MostFrequent {
			f = math.MaxUint32
		}
		most = max(most, score(weight, f, c[length]))
	}
	return most
}
