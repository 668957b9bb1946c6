//go:build unix

package disk

import (
	"os"
	"syscall"
	"time"
)

// lock takes the file for this process, or fails at once where another open file has it.
// It goes when the file is closed, however that comes.
func lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// abandoned is how old a file must be that nobody has locked, to be nobody's.
const abandoned time.Duration = 0
