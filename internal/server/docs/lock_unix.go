//go:build unix

package docs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockFile is held by the service that works on the documents of a data directory.
const lockFile = "documents.lock"

// errShared is why a second service does not start.
var errShared = errors.New("another service works on this data directory; each needs one of its own")

// lock makes sure that nobody else works on the directory's documents, until the file is
// closed or the process has ended, however it ends.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, fileMode) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("lock the documents: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errShared
		}
		return nil, errors.Join(fmt.Errorf("lock the documents: %w", err), f.Close())
	}
	return f, nil
}
