//go:build !interleave

package fairqueue

import "sync"

// mutex is the queue's mutex.
type mutex = sync.Mutex

// parkPlaces is how many slots a lane keeps ready for itself.
const parkPlaces = 4

// step marks what happens outside the mutex, or beside those who do not hold it,
// one atomic operation at a time. It is nothing here; built with the tag
// interleave, a test decides there who goes on.
func (q *Queue) step(string) {}
