package telemetry

import (
	"time"

	"github.com/fairleadhq/fairlead"
)

// Gauges ask the owners of numbers that change by themselves. Each function is
// called at every scrape, from any goroutine, and must not block; one that is
// nil leaves its metrics out.
type Gauges struct {
	Admission func() Admission
	// Pools are the service's own slots, called "all", and each provider's.
	Pools func() []PoolUse
	Apps  func() []AppUse
	// Shadowed tells of each limit in shadow how often it would have refused a
	// call, or made it wait.
	Shadowed func() map[string]int64
	Alerts   func() Alerts
	// Deployments are the providers by their keys, and Parked is how many calls wait
	// for the end of a provider's pause.
	Deployments func() []DeploymentUse
	Parked      func() int
	// Connections are those to the providers, by their keys.
	Connections func() []ConnectionUse
	// Places are the clients that are connected, by what there may be only so many
	// of.
	Places func() []PlaceUse
	// WebSockets are those of clients.
	WebSockets func() WebSocketUse
	// Resume tells of the answers that can be resumed.
	Resume func() ResumeUse
	// Documents tells of those that are to be read.
	Documents func() DocumentUse
	// BodyBytes is how many bytes of request bodies, and of answers held back,
	// are in memory.
	BodyBytes func() int64
	// Active is how many calls are on their way.
	Active func() int
}

// Admission tells of the slots as a whole.
type Admission struct {
	MostInUse int
	// Jain is Jain's index of fairness over the last minute, at most 1.
	Jain float64
	// StaleSlots counts slots held past their operation's time, DoubleReleases
	// how often a slot was given back that had been given back already. Above 0
	// either is a bug of the service.
	StaleSlots     int
	DoubleReleases uint64
}

// PoolUse tells of a pool's slots and of the calls that wait for one. A Limit of
// 0 means no limit.
type PoolUse struct {
	Pool                  string
	Limit, InUse, Waiting int
}

// DeploymentUse tells of a provider by one of its keys: the tries that run there,
// how many of its models the breaker leaves alone (open) or tries (half open), and
// how many are in a pause.
type DeploymentUse struct {
	Provider                          string
	Number                            int
	Running, Open, HalfOpen, InAPause int
}

// ConnectionUse tells of the connections to a provider by one of its keys, and of
// the calls that wait for one. What follows is counted since the start: connections
// opened, calls that began on one that was open, calls sent again because that was
// dead, and the waits for one: how many have ended, how long they took together,
// how many of them were too long, and how many calls found too many waiting.
type ConnectionUse struct {
	Provider                      string
	Number                        int
	Opening, InUse, Idle, Waiting int
	Opened, Reused, Replaced      int64
	Waits, TimedOut, Refused      int64
	Waited                        time.Duration
}

// PlaceUse tells of the connections of clients, or of a kind of them: how many are
// open, the most there were, and how many found no place since the start. A Limit of
// 0 means no limit.
type PlaceUse struct {
	Kind              string
	Limit, Open, Most int
	Refused           int64
}

// AppUse tells of an app's slots, of its calls that wait for one, by class, and
// of how much of its windows is used.
type AppUse struct {
	App                        fairlead.AppID
	Classes                    map[fairlead.Class]ClassUse
	UsedRequests, UsedTokens   int
	LimitRequests, LimitTokens int
}

// ClassUse tells of the slots and waiting calls of one class.
type ClassUse struct{ InUse, Waiting int }

// Alerts tells of the notices to the operators.
type Alerts struct {
	Sent, Failed, Dropped int64
	// Firing is how many apps are in alert.
	Firing int
}
