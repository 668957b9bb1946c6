// Package nonblock reads from sockets that do not block, and writes to them, without
// telling Go's scheduler.
//
// Around a system call that may block, the scheduler makes ready to give the processor
// to another goroutine, and wakes its monitor if that sleeps. The monitor then looks at
// everything each 20 µs for a millisecond: beside streams that leave the processor idle
// now and then it took an eighth of the service's time. A call that can't block needs
// none of it.
//
// Each function does what the system call of its name does: it returns EAGAIN where it
// would have to wait, and is interrupted by nothing. At most 256 KiB are copied by one
// call, so that nobody waits long for the goroutine that makes it. On systems other than
// Linux, and under the race detector, which learns from package syscall what happened
// before what, they are the calls of that package.
package nonblock

// most is how many bytes one call moves: about 30 µs of copying.
const most = 256 << 10

func bounded(p []byte) []byte { return p[:min(len(p), most)] }

// boundedBoth is bounded for two parts of one call.
func boundedBoth(head, body []byte) (first, second []byte) {
	head = bounded(head)
	return head, body[:min(len(body), most-len(head))]
}
