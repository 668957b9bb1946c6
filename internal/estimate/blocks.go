package estimate

import "bytes"

// nearData is how far behind its type the data of a file in base64 begins, at
// most: its media type stands between them.
const nearData = 128

// BlockExcess is how many bytes of the files in a body of Anthropic's messages
// count for nothing, beyond what each counts for as an image. A file there is
// {"type": "base64", "media_type": …, "data": …}. One that is put in another order
// counts as text.
func BlockExcess(body []byte) int {
	// The type is looked for by its end: texts are full of quotes, and of
	// letters, but not of this digit.
	const before, end, data = `"base`, `64"`, `"data"`
	if !mayHoldFile(body) {
		return 0
	}
	excess := 0
	for {
		name, after, ok := bytes.Cut(body, []byte(end))
		if !ok {
			return excess
		}
		body = after
		if !bytes.HasSuffix(name, []byte(before)) {
			continue
		}
		at := bytes.Index(after[:min(len(after), nearData)], []byte(data))
		if at < 0 {
			continue
		}
		value, isText := bytes.CutPrefix(bytes.TrimLeft(after[at+len(data):], " \t\r\n:"), []byte(`"`))
		n := bytes.IndexByte(value, '"')
		if !isText || n < 0 {
			continue
		}
		excess += max(n-ImageBytes, 0)
		body = value[n:]
	}
}
