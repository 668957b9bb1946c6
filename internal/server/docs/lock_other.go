//go:build !unix

package docs

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockFile is held by the service that works on the documents of a data directory.
const lockFile = "documents.lock"

// lock keeps the file open. On this system that keeps nobody else from it.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, fileMode) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("lock the documents: %w", err)
	}
	return f, nil
}
