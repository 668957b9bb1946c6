// Package estimate foretells what a call will cost, in tokens and in time,
// from the calls before it. A window of tokens must decide before the answer is
// written; what it decides on has to come from somewhere.
//
// Tokens says what one call will cost: the prompt's tokens from the length of
// its body and the ratio of tokens to bytes seen lately, the answer's from the
// mean of the same app and model. Single calls differ from that by their own
// size, but a window holds many, and their sum is what counts.
//
// Outstanding is therefore about the sum: it keeps the calls of one window whose
// cost is not known yet, and says how much room to leave so that their sum does
// not turn out to be more than the window admits. It knows how long each has
// run, because that tells most about it: the short answers are over first, and
// those that are left are the long ones. Judging the calls that run by those
// that have ended would be wrong by a fifth of the window in its first minute.
//
// Service foretells how long an attempt upstream takes, by quantiles.
//
// All memory is bounded: what is learned is kept for the names that were used
// last. Nothing here knows a clock: a time is a duration since a start of the
// caller's choosing. Start with Tokens.Estimate and Outstanding.Margin.
package estimate
