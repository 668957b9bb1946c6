package estimate

import "bytes"

// ImageBytes is what an image in a body counts for, whatever its size: about a
// thousand tokens of text.
const ImageBytes = 3500

// PromptBytes is how many bytes of text a body has, about. An image counts for a
// thousand tokens. Files that stand in it in base64 cost no tokens by their length;
// in mode Hard they are taken for text, since a caller could write text so that it
// looks like one.
//
// It reads a body twice at most, at the speed of memory: it looks for the bytes in
// its marks that text seldom has. Most bodies it reads once.
func PromptBytes(body []byte, mode Mode) int {
	images, files, excess := links(body), 0, 0
	if images == 0 && (mode == Hard || !mayHoldFile(body)) {
		return len(body) // a file in it, if any, counts for all its bytes
	}
	for rest := body; ; files++ {
		n, after, ok := nextFile(rest)
		if !ok {
			break
		}
		excess += max(n-ImageBytes, 0)
		rest = after
	}
	n := len(body) + max(images-files, 0)*ImageBytes
	if mode == Hard {
		return n
	}
	return n - excess
}

// TextBytes is PromptBytes of a body that is known to hold no image: a body of usual
// length is not read.
func TextBytes(body []byte, mode Mode) int {
	if mode == Hard || !mayHoldFile(body) {
		return len(body)
	}
	return PromptBytes(body, mode)
}

// links counts the images of a body, those in base64 included: each has a type of
// that name and a member of that name.
func links(body []byte) int {
	const before, after = `"image`, `_url"`
	marks := 0
	for from := 0; ; {
		at := bytes.Index(body[from:], []byte(after))
		if at < 0 {
			return marks / 2 //nolint:mnd // see above
		}
		at += from
		if bytes.HasSuffix(body[:at], []byte(before)) {
			marks++
		}
		from = at + len(after)
	}
}

// nextFile finds the next file in base64, says how long it is, and what comes after
// it.
func nextFile(body []byte) (n int, after []byte, ok bool) {
	_, after, ok = bytes.Cut(body, []byte(";base64,"))
	if !ok {
		return 0, nil, false
	}
	n = bytes.IndexByte(after, '"')
	if n < 0 {
		return 0, nil, false
	}
	return n, after[n:], true
}

// mayHoldFile reports whether a body has more than ImageBytes bytes in a row without
// a quote; only in such is a file of that size. In so many bytes is one of those that
// are visited; around it, prose has a quote soon.
func mayHoldFile(body []byte) bool {
	const long = ImageBytes + 1
	for at := long - 1; at < len(body); at += long {
		behind := body[at:min(len(body), at+long)]
		n := bytes.IndexByte(behind, '"')
		if n < 0 {
			n = len(behind)
		}
		if n > 0 && bytes.IndexByte(body[at+n-long:at], '"') < 0 {
			return true
		}
	}
	return false
}
