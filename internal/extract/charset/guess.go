package charset

import "unicode/utf8"

// guess returns the encoding in which sample, which is not UTF-8, looks most like
// writing.
func guess(sample []byte) Charset {
	best, name := least, nameWindows1252
	for _, candidate := range []struct {
		name  string
		score func(string) float64
	}{
		{nameShiftJIS, japaneseScore},
		{nameEUCJP, japaneseScore},
		{nameGB18030, simplifiedScore},
		{nameBig5, traditionalScore},
		{nameEUCKR, koreanScore},
		{nameWindows1252, latinScore},
		{nameWindows1251, cyrillicScore},
		{nameKOI8R, cyrillicScore},
	} {
		if s := candidate.score(trimCut(named(candidate.name).Decode(sample))); s > best {
			best, name = s, candidate.name
		}
	}
	if name == nameWindows1252 {
		name = latinName(sample)
	}
	return named(name)
}

// least is the score of a text that can't be in an encoding. A text that is ordinary
// writing scores about 1.
const least = -2.0

// trimCut takes off the half character at the end that cutting a sample may leave.
func trimCut(text string) string {
	if r, size := utf8.DecodeLastRuneInString(text); r == utf8.RuneError {
		return text[:len(text)-size]
	}
	return text
}

// latinName tells the encodings of western Europe: bytes 80 to 9F are letters and
// quotes in Windows-1252 alone, and ISO-8859-15 has letters and the sign of the euro
// where the others have signs that are rare.
func latinName(sample []byte) string {
	euro := 0
	for i, b := range sample {
		switch {
		case b >= 0x80 && b < 0xA0:
			return nameWindows1252
		case b == 0xA4:
			euro++
		case b == 0xA6, b == 0xA8, b == 0xB4, b == 0xB8, b == 0xBC, b == 0xBD, b == 0xBE:
			// A letter stands beside letters.
			if i > 0 && i+1 < len(sample) && isASCIILetter(sample[i-1]) && isASCIILetter(sample[i+1]) {
				euro++
			}
		}
	}
	if euro > 0 {
		return nameISO885915
	}
	return nameWindows1252
}

func isASCIILetter(b byte) bool {
	b |= 0x20
	return b >= 'a' && b <= 'z'
}

// mean keeps the mean of what the characters of a text are worth, each weighted by the
// bytes that it took.
type mean struct{ sum, weight float64 }

func (m *mean) add(worth float64, bytes int) {
	m.sum += worth * float64(bytes)
	m.weight += float64(bytes)
}

func (m *mean) score() float64 {
	if m.weight == 0 {
		return least
	}
	return m.sum / m.weight
}
