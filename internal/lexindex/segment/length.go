package segment

import "math/bits"

// Length codes: lengths below 64 are exact; above, each octave has 16 steps, of which
// the lower end counts; 1<<18 - 1 is the last that differs from those above it.
const (
	exactLengths = 64
	exactBits    = 6
	stepBits     = 4
	steps        = 1 << stepBits
	mostLength   = 1<<18 - 1
)

// LengthCode is the code of a document's length in terms. Longer ones have no smaller code.
func LengthCode(length uint64) uint8 {
	n := min(length, mostLength)
	if n < exactLengths {
		return uint8(n)
	}
	octave := bits.Len64(n) - 1 - exactBits
	step := count(n>>(octave+exactBits-stepBits)) - steps
	return short(exactLengths + octave*steps + step)
}

// Length is the least length with that code.
func Length(code uint8) int {
	if code < exactLengths {
		return int(code)
	}
	octave, step := int(code-exactLengths)/steps, int(code-exactLengths)%steps
	return (steps + step) << (octave + exactBits - stepBits)
}
