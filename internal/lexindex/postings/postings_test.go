package postings

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type posting struct {
	document, frequency uint32
	length              uint8
}

// draw draws a list whose documents are less than the number it returns.
func draw(t *rapid.T) ([]posting, int) {
	n := rapid.OneOf(rapid.IntRange(1, 2*Short), rapid.IntRange(1, 5*Block)).Draw(t, "n")
	gap := rapid.SampledFrom([]uint32{1, 2, 100, 5000, 1 << 20}).Draw(t, "gap")
	most := rapid.SampledFrom([]uint32{1, 3, 300, 1 << 31}).Draw(t, "most")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	list := make([]posting, n)
	next := uint32(0)
	for i := range list {
		next += r.Uint32N(gap)
		list[i] = posting{next, 1 + r.Uint32N(most), uint8(r.UintN(256))}
		next++
	}
	return list, int(next) + rapid.IntRange(0, 3).Draw(t, "more")
}

func encode(e *Encoder, list []posting) []byte {
	for _, p := range list {
		e.Add(p.document, p.frequency, p.length)
	}
	return e.Finish(nil)
}

func read(l *List) ([]posting, error) {
	var all []posting
	var b Buffer
	for block := range l.Blocks() {
		if err := l.Read(block, &b); err != nil {
			return nil, err
		}
		for i, d := range b.Documents[:b.Count] {
			all = append(all, posting{document: d, frequency: b.Frequency(i)})
		}
		for i, f := range b.Frequencies() {
			if got := b.Frequency(i); got != f+1 {
				return nil, errors.New("a frequency is another when it is read with all")
			}
		}
	}
	return all, nil
}

// TestWhatIsWrittenIsRead, and the peaks bound it.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var e Encoder
		for range 2 { // an Encoder can be used again
			want, documents := draw(t)
			bytes := encode(&e, want)
			l, err := Parse(append(bytes, make([]byte, Slack)...), len(bytes), len(want), documents)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(&l)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, want, func(a, b posting) bool {
				return a.document == b.document && a.frequency == b.frequency
			}) {
				t.Fatalf("read %v, want %v", got, want)
			}
			checkPeaks(t, &l, want)
			checkSeek(t, &l, want)
		}
	})
}

func checkPeaks(t *rapid.T, l *List, list []posting) {
	for i, p := range list {
		if l.Short() {
			return
		}
		peaks, bounded := l.Peaks(i/Block), false
		for j := range PeakCount {
			frequency, length := peaks.At(j)
			bounded = bounded || (uint32(frequency) >= p.frequency || frequency == MostFrequent) && length <= p.length
		}
		if !bounded {
			t.Fatalf("%v is not bounded by %x", p, uint64(peaks))
		}
	}
}

func checkSeek(t *rapid.T, l *List, list []posting) {
	for range 20 {
		from := rapid.IntRange(0, l.Blocks()).Draw(t, "from")
		to := list[rapid.IntRange(0, len(list)-1).Draw(t, "to")].document + rapid.Uint32Range(0, 2).Draw(t, "behind")
		want := from
		for want < l.Blocks() && l.Last(want) < to {
			want++
		}
		if got := l.Seek(from, to); got != want {
			t.Fatalf("seek from %d to %d: block %d, want %d", from, to, got, want)
		}
	}
}

// FuzzRead reads any bytes as a list: it may say that they are damaged, and must not
// panic or give documents that there are not.
func FuzzRead(f *testing.F) {
	var e Encoder
	for _, n := range []int{1, Short, Short + 1, Block, 3*Block + 5} {
		var list []posting
		for i := range n {
			list = append(list, posting{uint32(i * 3), uint32(1 + i%5), uint8(i)})
		}
		f.Add(encode(&e, list), n, 3*n)
	}
	f.Fuzz(func(t *testing.T, bytes []byte, count, documents int) {
		l, err := Parse(append(slices.Clip(bytes), make([]byte, Slack)...), len(bytes), count, documents)
		if err != nil {
			return
		}
		var b Buffer
		for block := range min(l.Blocks(), 1000) {
			if l.Read(block, &b) != nil {
				continue
			}
			for i, d := range b.Documents[:b.Count] {
				if int(d) >= documents || i > 0 && d <= b.Documents[i-1] {
					t.Fatalf("document %d of %d behind another", d, documents)
				}
			}
			b.Frequencies()
		}
		l.Seek(0, uint32(documents))
	})
}

func BenchmarkRead(b *testing.B) {
	for _, gap := range []uint32{2, 100, 10000} {
		b.Run(map[uint32]string{2: "dense", 100: "middle", 10000: "sparse"}[gap], func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			var e Encoder
			next, n := uint32(0), 100*Block
			for range n {
				next += r.Uint32N(gap)
				e.Add(next, 1+r.Uint32N(1+r.Uint32N(4)), 1)
				next++
			}
			bytes := e.Finish(nil)
			l, err := Parse(append(bytes, make([]byte, Slack)...), len(bytes), n, int(next))
			if err != nil {
				b.Fatal(err)
			}
			var buffer Buffer
			for b.Loop() {
				for i := range l.Blocks() {
					if err := l.Read(i, &buffer); err != nil {
						b.Fatal(err)
					}
					buffer.Frequencies()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/posting")
			b.ReportMetric(float64(len(bytes))/float64(n), "bytes/posting")
		})
	}
}
