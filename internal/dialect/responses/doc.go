// Package responses knows OpenAI's Responses API as providers speak it: what a
// body becomes on its way to one, what a whole response must be to pass, and how
// the stream of its events is watched.
//
// It is as in package dialect: bytes pass, and are watched, not decoded. An event
// that says the same as the one before in other words is compared with that. What
// the Responses API has of its own is that the provider may keep a response and
// be asked to continue it: a request that goes to another provider takes the
// conversation so far along instead.
//
// Start with ForUpstream for requests, ReadAnswer and Watch for answers. The
// functions keep no state, but for the watch, and do no I/O.
package responses
