package jsonscan

// Edit replaces the bytes [Start, End) of a text by With. Start == End inserts,
// an empty With removes.
type Edit struct {
	Start, End int
	With       []byte
}

// Splice returns a copy of data with the edits made. They must be in ascending
// order and not overlap; offsets are those of data.
func Splice(data []byte, edits ...Edit) []byte {
	size := len(data)
	for _, e := range edits {
		size += len(e.With) - (e.End - e.Start)
	}
	out := make([]byte, 0, size)
	at := 0
	for _, e := range edits {
		out = append(out, data[at:e.Start]...)
		out = append(out, e.With...)
		at = e.End
	}
	return append(out, data[at:]...)
}
