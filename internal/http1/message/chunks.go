package message

import "math"

const (
	// maxSizeDigits is the most digits of a chunk's size.
	maxSizeDigits = 16
	// maxExtensions is the most bytes of all chunk extensions of an answer.
	maxExtensions = 4 << 10
	// maxTrailers is the most bytes of its trailers.
	maxTrailers = 4 << 10
)

// chunkState is what the next byte of a chunked body belongs to.
type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF // the \n after a chunk's size
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart // of a line
	trailerName
	trailerValue
	trailerLF
	lastLF
	chunksDone
)

// chunks decodes the chunked coding: RFC 9112, section 7.1. It goes on from
// any byte, so it is all the same how the bytes come.
type chunks struct {
	state chunkState
	// last says that the chunk of size 0 was seen.
	last       bool
	digits     int   // of the size so far
	left       int64 // bytes of data still to come in the chunk
	extensions int   // bytes of extensions so far
	trailers   int   // bytes of trailers so far
}

// strip moves the payload in p to its start. n is how much payload there is,
// also beside a reason; used is less than len(p) when the body ended before.
func (c *chunks) strip(p []byte) (n, used int, reason Reason) {
	for used < len(p) && c.state != chunksDone {
		if c.state != chunkData {
			reason = c.step(p[used])
			used++
			if reason != "" {
				return n, used, reason
			}
			continue
		}
		size := int(min(c.left, int64(len(p)-used)))
		if n != used {
			copy(p[n:], p[used:used+size])
		}
		n, used = n+size, used+size
		if c.left -= int64(size); c.left == 0 {
			c.state = chunkDataCR
		}
	}
	return n, used, ""
}

// step takes one byte that is not data.
func (c *chunks) step(b byte) Reason {
	switch c.state {
	case chunkSize:
		return c.size(b)
	case chunkExtension:
		return c.extension(b)
	case chunkSizeLF:
		if b == '\n' && c.last {
			c.state = trailerStart
			return ""
		}
		return c.must(b, '\n', chunkData)
	case chunkDataCR:
		return c.must(b, '\r', chunkDataLF)
	case chunkDataLF:
		c.digits = 0
		return c.must(b, '\n', chunkSize)
	case trailerStart, trailerName, trailerValue, trailerLF, lastLF:
		return c.trailer(b)
	case chunkData, chunksDone: // never given here
	}
	return BadChunkEnd
}

// must takes a byte that can only be want.
func (c *chunks) must(b, want byte, then chunkState) Reason {
	if b != want {
		return BadChunkEnd
	}
	c.state = then
	return ""
}

func (c *chunks) size(b byte) Reason {
	digit := int64(-1)
	switch {
	case '0' <= b && b <= '9':
		digit = int64(b - '0')
	case 'a' <= lower(b) && lower(b) <= 'f':
		digit = int64(lower(b)-'a') + 10
	}
	switch {
	case digit >= 0:
		if c.digits++; c.digits > maxSizeDigits || c.left > math.MaxInt64>>4 {
			return BadChunkSize
		}
		c.left = c.left<<4 | digit
		return ""
	case c.digits == 0:
		return BadChunkSize
	}
	c.last = c.left == 0
	switch b {
	case '\r':
		c.state = chunkSizeLF
		return ""
	case ';':
		c.state = chunkExtension
		return ""
	case '\n':
		return BadChunkEnd
	}
	return BadChunkSize
}

func (c *chunks) extension(b byte) Reason {
	c.extensions++
	switch {
	case b == '\r':
		c.state = chunkSizeLF
		return ""
	case b == '\n':
		return BadChunkEnd
	case !isValueByte(b) || c.extensions > maxExtensions:
		return BadExtension
	}
	return ""
}

func (c *chunks) trailer(b byte) Reason {
	if c.trailers++; c.trailers > maxTrailers {
		return BadTrailer
	}
	switch {
	case c.state == lastLF:
		return c.trailerEnd(b, chunksDone)
	case c.state == trailerLF:
		return c.trailerEnd(b, trailerStart)
	case c.state == trailerStart && b == '\r':
		c.state = lastLF
	case c.state == trailerValue && b == '\r':
		c.state = trailerLF
	case c.state == trailerName && b == ':':
		c.state = trailerValue
	case c.state == trailerValue && isValueByte(b):
	case c.state != trailerValue && isTokenByte(b):
		c.state = trailerName
	default:
		return BadTrailer
	}
	return ""
}

func (c *chunks) trailerEnd(b byte, then chunkState) Reason {
	if b != '\n' {
		return BadTrailer
	}
	c.state = then
	return ""
}
