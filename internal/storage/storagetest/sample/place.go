// Package sample is what the contract suites of the stores of documents are made of: the
// store that they test, places and clocks for it, documents and books to store, and
// checks of what is there. Start with Run.
package sample

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Store is what is tested.
type Store interface {
	documentStore
	contentStore
	vectorStores
	upkeep
}

type documentStore interface {
	fairlead.DocumentStore
	fairlead.DocumentSelector
	fairlead.DocumentJobs
	fairlead.DocumentCounts
}

type contentStore interface {
	fairlead.DocumentText
	fairlead.DocumentChunks
	fairlead.Embeddings
}

type vectorStores interface {
	fairlead.VectorStores
	fairlead.VectorStoreFiles
	fairlead.VectorStoreContents
	fairlead.VectorStoreBatches
}

type upkeep interface {
	// Sweep clears what was deleted, of which nobody sees anything.
	Sweep(ctx context.Context) error
	Close() error
}

// Clock is a clock that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Place is where one test's data is.
type Place struct {
	Clock *Clock
	// Open opens a store there. Opened twice, the two share the data as two processes do.
	Open func() Store
}

// Test is one promise.
type Test struct {
	Name string
	Run  func(t *testing.T, p Place)
}

// Run runs the tests, each in an empty place that newPlace makes: it returns what opens a
// store there, whose clock is now.
func Run(t *testing.T, newPlace func(t *testing.T) (open func(now func() time.Time) Store), tests []Test) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.Name, func(t *testing.T) {
			open, clock := newPlace(t), &Clock{now: Moment(0)}
			tt.Run(t, Place{Clock: clock, Open: func() Store { return open(clock.Now) }})
		})
	}
}

// Moment is a fixed time, to the microsecond, that stores must keep.
func Moment(seconds int) time.Time {
	return time.Date(2031, 5, 17, 13, 45, 0, 123456000, time.UTC).Add(time.Duration(seconds) * time.Second)
}
