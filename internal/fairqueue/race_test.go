//go:build race

package fairqueue_test

// underRace says that the race detector is on. Then sync.Pool forgets at random.
const underRace = true
