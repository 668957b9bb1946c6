//go:build !linux

package child

import (
	"os"
	"syscall"
)

// OwnProgram is not known by a path here.
const OwnProgram = ""

// Attributes are none here.
func Attributes() *syscall.SysProcAttr { return nil }

// KillAll kills a child.
func KillAll(child *os.Process) error { return child.Kill() }

// WasKilled is not known here: there is no limit that the system would kill for.
func WasKilled(*os.ProcessState) bool { return false }

// Resident is not known here: memory is not watched.
func Resident(int) int64 { return 0 }

// Confine does nothing here: what a parent holds a child to is all.
func Confine(Bounds) error { return nil }
