package upstream

import "bytes"

// flag looks for "stream": true in a body that comes in pieces, in its first
// and its last KB: before the messages or after them, where gateways that write
// bodies anew like to have it. To look through a long prompt would cost more
// than to receive it.
type flag struct {
	found bool
	seen  int64
	// last are the end of what has come, where a needle may have begun.
	last   [needleLength - 1]byte
	length int
}

// needleLength is that of the longer needle.
const needleLength = len(`"stream": true`)

// look takes in a piece of the body, after which left bytes are to come; 0 if
// that is not known.
func (f *flag) look(piece []byte, left int64) {
	const edge = 1 << 10
	length := int64(len(piece))
	from := min(max(edge-f.seen, 0), length)
	to := min(max(length+left-edge, 0), length)
	f.seen += length
	if from >= to {
		f.search(piece)
		return
	}
	f.search(piece[:from])
	f.length = 0 // what follows is not next to it
	f.search(piece[to:])
}

// search looks through a piece that follows the one before.
func (f *flag) search(piece []byte) {
	if f.found || len(piece) == 0 {
		return
	}
	if f.length > 0 {
		var seam [2 * len(f.last)]byte
		n := copy(seam[:], f.last[:f.length])
		n += copy(seam[n:], piece[:min(len(piece), len(f.last))])
		f.found = holds(seam[:n])
	}
	f.found = f.found || holds(piece)
	if len(piece) >= len(f.last) {
		f.length = copy(f.last[:], piece[len(piece)-len(f.last):])
		return
	}
	keep := min(f.length, len(f.last)-len(piece))
	copy(f.last[:], f.last[f.length-keep:f.length])
	f.length = keep + copy(f.last[keep:], piece)
}

func holds(text []byte) bool {
	return bytes.Contains(text, []byte(`"stream":true`)) || bytes.Contains(text, []byte(`"stream": true`))
}
