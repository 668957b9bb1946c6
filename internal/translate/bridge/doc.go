// Package bridge puts a model of one dialect at the service of clients of another.
//
// A Bridge stands around a model. A request in the model's own dialect passes
// untouched, and so does one that is in no dialect that could be translated. Any
// other is translated, scanned anew and given to the model, and the answer is
// translated back, as it comes if it is a stream. What the translation lost is
// named in a header of the answer.
//
// An answer that breaks off breaks off here too: the frames that end a stream are
// only made when the model has said that its answer is whole.
//
// Start with New.
package bridge
