// Package field is what the translations of requests have in common: the rule of
// each field, how a field that is lost is reported, and how one that can't be
// translated is refused. It knows neither API.
//
// Start with Rule and Job.
package field
