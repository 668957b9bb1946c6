package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// String decodes raw, which must be exactly one string literal. The error is
// an *Error.
func String(raw []byte) (string, error) {
	s := NewScanner(raw)
	if err := s.nameText(); err != nil {
		return "", err
	}
	if s.at < len(raw) {
		return "", s.fail(reasonAfter)
	}
	body := raw[1 : len(raw)-1]
	if !isEscaped(body) {
		return string(body), nil
	}
	return string(unescape(make([]byte, 0, len(body)), body)), nil
}

// isEscaped reports whether the inside of a string literal has an escape.
func isEscaped(body []byte) bool { return bytes.IndexByte(body, '\\') >= 0 }

// unescape appends to dst what body, the inside of a valid string literal,
// stands for.
func unescape(dst, body []byte) []byte {
	for len(body) > 0 {
		if body[0] != '\\' {
			dst = append(dst, body[0])
			body = body[1:]
			continue
		}
		switch c := body[1]; c {
		case 'u':
			r, size := unescapeRune(body)
			dst = utf8.AppendRune(dst, r)
			body = body[size:]
			continue
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		default: // '"', '\\', '/'
			dst = append(dst, c)
		}
		body = body[2:]
	}
	return dst
}

// unescapeRune decodes the \u escape, or the pair of surrogates, that body
// starts with.
func unescapeRune(body []byte) (r rune, size int) {
	r, _ = hex4(body[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if rest := body[6:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
		low, _ := hex4(rest[2:])
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads the four hexadecimal digits that text starts with.
func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		var digit byte
		switch {
		case isDigit(c):
			digit = c - '0'
		case c >= 'a' && c <= 'f':
			digit = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			digit = c - 'A' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// AppendString appends s to dst as a JSON string literal. Only what must be
// escaped is; bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
