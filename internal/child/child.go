// Package child is what the child processes of the service have in common. They are this
// program itself, started again for work that must not be felt, or that may do harm: a
// child has the lowest priority, dies with its parent, and limits itself before it begins.
// On Linux that is its processor time and memory, the files it may write, and where the
// system has filters for calls (amd64 and arm64) no sockets, no other programs, and no file
// opened but for reading. On other systems nothing is limited.
//
// Start with Confine, the child's side, and Start, the parent's.
package child

import (
	"os/exec"
	"runtime"
	"strconv"
)

// Bounds are what a child may have. What is 0 is not limited, but for File.
type Bounds struct {
	CPU  uint64 // processor time, in seconds
	Data uint64 // memory that it may reserve, in bytes
	File uint64 // the largest file that it may write, in bytes; 0 has it write none
}

// Environment is all that a child gets, whose memory is not to be much over that many
// bytes: its collector works the harder the closer it comes.
func Environment(memory int64) []string {
	return []string{
		"GOMAXPROCS=1", "GOTRACEBACK=none", "LC_ALL=C.UTF-8", "TZ=UTC",
		"GOMEMLIMIT=" + strconv.FormatInt(memory, 10),
	}
}

// Start starts a child on a thread of its own, as a child is killed when the thread that
// started it ends. end must be called when the child has ended: then the thread may.
func Start(cmd *exec.Cmd) (end func(), err error) {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- cmd.Start()
		<-ended
	}()
	if err := <-started; err != nil {
		close(ended)
		return nil, err
	}
	return func() { close(ended) }, nil
}
