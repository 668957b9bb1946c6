package vectors

import "math/bits"

// encode sets a bit for each number above 0.
func encode(code []uint64, values []float32) {
	for i, v := range values {
		if v > 0 {
			code[i>>6] |= 1 << (i & 63)
		}
	}
}

// distances counts, for each of the codes that stand one behind the other, the bits in
// which it differs from code.
func distances(to []int32, code, codes []uint64) {
	for i := range to {
		row := codes[i*len(code):]
		row = row[:len(code)]
		n := 0
		for j, word := range code {
			n += bits.OnesCount64(word ^ row[j])
		}
		to[i] = int32(n)
	}
}

// dot is the scalar product of two vectors of one length.
func dot(a, b []float32) float64 {
	var s, t, u, v float64
	for len(a) >= 4 && len(b) >= 4 {
		s += float64(a[0]) * float64(b[0])
		t += float64(a[1]) * float64(b[1])
		u += float64(a[2]) * float64(b[2])
		v += float64(a[3]) * float64(b[3])
		a, b = a[4:], b[4:]
	}
	for i := range min(len(a), len(b)) {
		s += float64(a[i]) * float64(b[i])
	}
	return s + t + u + v
}
