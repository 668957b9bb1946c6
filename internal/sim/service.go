package sim

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// Service is the part of a configuration that decides who waits and who is
// refused. 0 turns a limit off.
type Service struct {
	Slots          int
	MaxQueue       int
	MaxQueuePerApp int
	// Headroom is how many slots are kept for apps that hold none.
	Headroom int
	// TokensPerSlot is how many tokens of a prompt one slot is for.
	TokensPerSlot int
	// An app with more than BurstPerSecond arrivals within a second is blocked
	// for BurstBlock.
	BurstPerSecond int
	BurstBlock     time.Duration
	// Timeout is the most time that a call may take, its wait included.
	Timeout time.Duration
	// Hopeful lets calls wait even if they will be late as far as one knows.
	Hopeful bool
	// Apps are those that have limits of their own, and Default is what every
	// other app has.
	Apps    []App
	Default App
	// Providers are those that there are; calls go to the first unless the
	// traffic says otherwise.
	Providers []Provider
}

// App is what an app may have. 0 turns a limit off; a weight of 0 means 1.
type App struct {
	Name              string
	Class             string // Interactive or Batch
	Weight            int
	MinSlots          int
	MaxSlots          int
	RequestsPerMinute int
	TokensPerMinute   int
}

// The classes, as configuration and traffic spell them.
const (
	Interactive = "interactive"
	Batch       = "batch"
)

// Weights of the classes; they are those of package admission.
const (
	interactiveWeight = 8
	batchWeight       = 1
)

// Provider is what a provider bears. 0 turns a limit off.
type Provider struct {
	Name              string
	Slots             int
	RequestsPerMinute int
	TokensPerMinute   int
}

// LocalProvider is whom calls go to where no provider is configured; it has no
// limits.
const LocalProvider = "local"

// LimitsOf returns what the app called name has. One of many like apps that is
// not configured itself has what is configured for all of them, under stem.
func (s *Service) LimitsOf(name, stem string) App {
	found := s.Default
	for _, a := range s.Apps {
		if a.Name == name {
			found = a
			break
		}
		if a.Name == stem {
			found = a
		}
	}
	found.Name = name
	found.Weight = max(found.Weight, 1)
	return found
}

// weight is the share of the app's calls of a class.
func (a *App) weight(class string) int {
	if class == Batch {
		return a.Weight * batchWeight
	}
	return a.Weight * interactiveWeight
}

// mostWidth is the largest part of the slots, or where they have no limit of the
// provider's, that one call takes: one in so many, as in package admission.
const mostWidth = 4

// width is how many slots a prompt of that many tokens takes at a provider.
func (s *Service) width(tokens int, p *Provider) int {
	slots := s.Slots
	if slots <= 0 {
		slots = p.Slots
	}
	if s.TokensPerSlot <= 0 || tokens <= 0 {
		return 1
	}
	return max(min((tokens-1)/s.TokensPerSlot+1, slots/mostWidth), 1)
}

// Policy is who is served when slots are scarce.
type Policy int

// The policies. Only Fair is the service's own; the others are small
// re-implementations, there to be compared with.
const (
	Fair Policy = iota
	// FIFO serves the calls to a provider in the order in which they came,
	// whoever made them.
	FIFO
	// VirtualTime serves the app that has had the least service for its weight,
	// as estimated when it is served and corrected afterwards.
	VirtualTime
)

// String is the policy's name in tables and plots.
func (p Policy) String() string {
	switch p {
	case Fair:
		return "Fairlead"
	case FIFO:
		return "FIFO"
	case VirtualTime:
		return "virtual time"
	}
	return "unknown"
}

// Scenario is what is to be simulated.
type Scenario struct {
	Service Service
	// Sources are who calls; Recorded are calls that a log has. Either may be
	// empty.
	Sources  []traffic.Source
	Recorded []traffic.Recorded
	Duration time.Duration
	// Seed is where chance begins: the same seed, the same run.
	Seed   uint64
	Policy Policy
	// JainOver is the time over which Jain's index compares the apps; 0 means
	// 30 s.
	JainOver time.Duration
}
