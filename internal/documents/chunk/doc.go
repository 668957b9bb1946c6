// Package chunk splits documents into the pieces that are searched, while their text is
// being made.
//
// The idea: the text goes through a short buffer in which every place where it could be
// parted has a rank (paragraph, row, sentence, line, word, any rune) and an estimate of
// the tokens up to it. When the buffer holds enough, or a page or section ends, a cut is
// made at the best of these places near the size that is wanted. A chunk is then counted
// once, if there is who counts; one that has too many tokens after all is cut earlier,
// and the estimate learns from each count.
//
// Chunks end with their page and section, but for small ones, which are put together:
// sections beside each other, and what little a page holds with the next one. Within a
// section a chunk begins with the last sentences of the one before. A table is kept whole
// where it fits; else it is parted between rows, and the chunks behind the first one have
// its head as their Context.
//
// Start with Builder, which makes of blocks all that is stored; splitter is the inside.
package chunk
