// Package restraint holds back from an upstream that has trouble. What a caller
// sends on top of what it was asked for, and what it sends to somebody who
// fails, makes an outage longer; each of the three types here bounds one of
// these:
//
//   - Budget bounds extra attempts by a share of the requests of the last
//     seconds, so that an outage is not met by several times the load;
//   - Breaker stops calls to whoever fails most of them, and lets a few through
//     now and then to see whether that is over;
//   - Limit lowers the number of calls at the same time while the upstream
//     refuses some of them as too many, and raises it again.
//
// Breaker and Limit judge many parties' calls together. Where all that went
// wrong is one party's, though another calls at the same time, it is likely that
// party's calls that are wrong and not the upstream: then nothing is changed for
// the others.
//
// Times are given by the caller and may go back by a little, as they do among
// goroutines. All types are safe for concurrent use, and their memory is fixed.
// Start with Breaker.
package restraint
