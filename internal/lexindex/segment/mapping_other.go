//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package segment

import "os"

// mapFile reads a file into memory.
func mapFile(path string) (data []byte, release func() error, err error) {
	data, err = os.ReadFile(path) //nolint:gosec // G304: a name of the index's own
	return data, func() error { return nil }, err
}
