package search

import (
	"runtime"
	"syscall"
)

// niceness is how much less urgent than others a thread of low priority is, of 19.
const niceness = 10

// atLowPriority calls work on a thread of its own, which the system lets run when others
// leave it time, and which ends with the work.
func atLowPriority(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: so the thread ends with the goroutine
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness)
		work()
	}()
	<-done
}
