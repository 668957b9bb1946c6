package postings

import (
	"encoding/binary"
	"math/bits"
)

// Numbers are packed eight at a time, the lowest bits first, so that eight of width w
// take w bytes.
const lane = 8

// low8, low32 keep the lower bits; word is for numbers that are known to fit.
func low8(v uint64) uint8   { return uint8(v) }  //nolint:gosec // G115: meant
func low32(v uint64) uint32 { return uint32(v) } //nolint:gosec // G115: meant
func word(n int) uint32     { return uint32(n) } //nolint:gosec // G115: less than 1<<32
func word64(n int) uint64   { return uint64(n) } //nolint:gosec // G115: never negative

// lanes is how many lanes n numbers take.
func lanes(n int) int { return (n + lane - 1) / lane }

// widthOf is how many bits the largest needs.
func widthOf(numbers []uint32) int {
	var all uint32
	for _, v := range numbers {
		all |= v
	}
	return bits.Len32(all)
}

// pack appends numbers of at most width bits; a last lane that is not full is filled up
// with zeros.
func pack(dst []byte, numbers []uint32, width int) []byte {
	var pending uint64
	held := 0
	for i := range lanes(len(numbers)) * lane {
		var v uint64
		if i < len(numbers) {
			v = uint64(numbers[i])
		}
		pending |= v << held
		held += width
		for held >= 8 {
			dst = append(dst, low8(pending))
			pending >>= 8
			held -= 8
		}
	}
	return dst
}

// unpack reads so many lanes. Of src it reads up to Slack bytes more than they take.
func unpack(dst *[Block]uint32, src []byte, lanes, width int) {
	mask := uint64(1)<<width - 1
	w := width & 63
	switch {
	case width == 0:
		clear(dst[:lanes*lane])
	case width <= 7: // a lane in one word
		for i := range lanes {
			v := binary.LittleEndian.Uint64(src[i*width:])
			d := (*[lane]uint32)(dst[i*lane:])
			d[0] = low32(v & mask)
			d[1] = low32(v >> w & mask)
			d[2] = low32(v >> (2 * w & 63) & mask)
			d[3] = low32(v >> (3 * w & 63) & mask)
			d[4] = low32(v >> (4 * w & 63) & mask)
			d[5] = low32(v >> (5 * w & 63) & mask)
			d[6] = low32(v >> (6 * w & 63) & mask)
			d[7] = low32(v >> (7 * w & 63) & mask)
		}
	case width <= 14: // half a lane in a word
		second, shift := 4*width>>3, 4*width&7
		for i := range lanes {
			from := src[i*width:]
			v, u := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[second:])>>shift
			d := (*[lane]uint32)(dst[i*lane:])
			d[0] = low32(v & mask)
			d[1] = low32(v >> w & mask)
			d[2] = low32(v >> (2 * w & 63) & mask)
			d[3] = low32(v >> (3 * w & 63) & mask)
			d[4] = low32(u & mask)
			d[5] = low32(u >> w & mask)
			d[6] = low32(u >> (2 * w & 63) & mask)
			d[7] = low32(u >> (3 * w & 63) & mask)
		}
	default:
		for i := range lanes * lane {
			bit := i * width
			dst[i] = low32(binary.LittleEndian.Uint64(src[bit>>3:]) >> (bit & 7) & mask)
		}
	}
}

// pick reads the number at i.
func pick(src []byte, i, width int) uint32 {
	bit := i * width
	return low32(binary.LittleEndian.Uint64(src[bit>>3:]) >> (bit & 7) & (uint64(1)<<width - 1))
}
