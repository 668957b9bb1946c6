package telemetry

import "github.com/fairleadhq/fairlead"

// Gauges ask the owners of numbers that change by themselves. Each function is
// called at every scrape, from any goroutine, and must not block; one that is
// nil leaves its metrics out.
type Gauges struct {
	Slots     func() Slots
	Apps      func() []AppUse
	Providers func() []ProviderUse
	// BodyBytes is how many bytes of request bodies, and of answers held back,
	// are in memory.
	BodyBytes func() int64
	// Active is how many calls are on their way.
	Active func() int
}

// Slots tells of the slots that all apps share. A Limit of 0 means no limit.
type Slots struct {
	Limit, InUse, MostInUse, Waiting int
	// DoubleReleases is how often a slot was given back that had been given
	// back already. Above 0 is a bug of the service.
	DoubleReleases uint64
}

// AppUse tells of an app's slots and of its calls that wait for one.
type AppUse struct {
	App            fairlead.AppID
	InUse, Waiting int
}

// ProviderUse tells of a provider's slots and of the calls that wait for one.
// A Limit of 0 means no limit.
type ProviderUse struct {
	Provider              string
	Limit, InUse, Waiting int
}
