// Package block passes over the inside of a JSON string in blocks of 64 bytes, for
// package jsonscan, where that is most of the work. It judges a block by masks: words
// with a bit for each of its bytes. What a byte means depends on its neighbours only
// by a few shifts of such masks, so prose with escapes, and text in other scripts,
// costs little more than plain letters.
//
// It never decides what is wrong. It stops before what ends the string, before what
// may be wrong, and before what is left when no whole block is; the caller reads on
// there a unit at a time. That is also what it does on processors without AVX2, and
// when built with the tag purego: it passes nothing.
//
// Start with Pass; pass_amd64.s is how.
package block

// Size is how many bytes are looked at together.
const Size = 64

// Pass returns how many bytes text begins with that are whole units of a string's
// inside: characters of ASCII that stand for themselves, escapes, and runes in UTF-8.
// text begins with a unit, or with what is none. Pass reads nothing behind text, and
// need not come as far as it could.
//
// It stops within Size bytes of what begins no unit, or of the end of text.
func Pass(text []byte) int {
	if !usable {
		return 0
	}
	return pass(text)
}
