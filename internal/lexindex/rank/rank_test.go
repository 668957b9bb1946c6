package rank

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// TestScoresAreMonotonous: a higher frequency or a shorter document never scores less,
// and scores are those of the formula.
func TestScoresAreMonotonous(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		f := Formula{K1: 3 * r.Float64(), B: r.Float64()}
		mean := 500 * r.Float64()
		c := f.curve(mean)
		weight := float32(bestScore * r.Float64())
		for range 2000 {
			frequency, code := 1+r.IntN(1<<r.IntN(20)), uint8(r.UintN(256))
			got := score(weight, float32(frequency), c[code])
			if frequency > 1 && score(weight, float32(frequency-1), c[code]) > got || code < 255 && score(weight, float32(frequency), c[code+1]) > got {
				t.Fatalf("%d times in length %d scores %d, which is too little", frequency, code, got)
			}
			relative := float64(segment.Length(code)) / mean
			want := float64(weight) * float64(frequency) / (float64(frequency) + f.K1*(1-f.B+f.B*relative))
			if math.Abs(float64(got)-want) > 1+float64(weight)*1e-6 {
				t.Fatalf("%d times in length %d scores %d, want %v", frequency, code, got, want)
			}
			if most := bound(postings.Peaks(uint64(min(frequency, postings.MostFrequent))|uint64(code)<<8), weight, c); most < got {
				t.Fatalf("%d is more than the bound of %d", got, most)
			}
		}
	}
}

// TestBest keeps what sorting all would.
func TestBest(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		b := best{most: 1 + r.IntN(20), least: r.Uint32N(10)}
		var all []Found
		for _, id := range r.Perm(r.IntN(200)) {
			f := Found{ID: int64(id), Score: r.Uint32N(30)}
			if f.Score >= b.least {
				all = append(all, f)
			}
			if f.Score >= b.threshold() { // as a Scorer does
				b.offer(f)
			}
		}
		want := (&best{found: all}).sorted()
		want = want[:min(len(want), b.most)]
		if got := b.sorted(); !slices.Equal(got, want) {
			t.Fatalf("kept %v, want %v", got, want)
		}
	}
}

// TestRare: what few documents have is worth more, and never less than nothing.
func TestRare(t *testing.T) {
	t.Parallel()
	for n := range 100 {
		if idf := IDF(n+1, 100); idf <= 0 || idf >= IDF(n, 100) {
			t.Errorf("%d of 100 are worth %v", n+1, idf)
		}
	}
}
