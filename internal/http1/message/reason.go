package message

// Reason is why an answer is refused. It is a constant: nothing of the answer
// is in it.
type Reason string

// The reasons.
const (
	// BadVersion is a version other than HTTP/1.0 and HTTP/1.1.
	BadVersion Reason = "version"
	// BadStatus is a status that is not three digits from 100 to 999 after one
	// space, or a reason phrase with control characters.
	BadStatus Reason = "status line"
	// BadLineEnd is a line of the head that does not end in \r\n.
	BadLineEnd Reason = "line end"
	// BadName is a line without a colon, or with anything but token characters
	// before it.
	BadName Reason = "header name"
	// BadValue is a control character in a header's value.
	BadValue Reason = "header value"
	// FoldedLine is a header that goes on in the next line.
	FoldedLine Reason = "folded header"
	// LongHead is a head of more than MaxHead bytes.
	LongHead Reason = "long head"
	// ManyInterim is too many informational answers before the answer.
	ManyInterim Reason = "too many informational answers"
	// Switched is a 101: nobody asked for another protocol.
	Switched Reason = "switched protocols"
	// BadLength is a Content-Length that is not a plain number below 2^63.
	BadLength Reason = "content length"
	// TwoLengths is several Content-Lengths that differ.
	TwoLengths Reason = "differing content lengths"
	// LengthAndCoding is Content-Length beside Transfer-Encoding.
	LengthAndCoding Reason = "content length and transfer encoding"
	// BadCoding is a Transfer-Encoding other than "chunked" once, or any in
	// HTTP/1.0.
	BadCoding Reason = "transfer encoding"
	// BadChunkSize is a chunk size that is not 1 to 16 hexadecimal digits and
	// below 2^63, or that has anything but an extension after it.
	BadChunkSize Reason = "chunk size"
	// BadChunkEnd is a chunk, or a chunk's line, that does not end in \r\n.
	BadChunkEnd Reason = "chunk end"
	// BadExtension is chunk extensions of more than 4 KiB in one answer, or
	// with control characters.
	BadExtension Reason = "chunk extensions"
	// BadTrailer is trailers of more than 4 KiB, or that are no header lines.
	BadTrailer Reason = "trailer"
)
