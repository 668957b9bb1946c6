//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package segment

import (
	"fmt"
	"os"
	"syscall"
)

// mapFile maps a file into memory; release ends that.
func mapFile(path string) (data []byte, release func() error, err error) {
	f, err := os.Open(path) //nolint:gosec // G304: a name of the index's own
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Size() < headerSize || int64(int(info.Size())) != info.Size() {
		return nil, nil, fmt.Errorf("%w: a segment of %d bytes", ErrDamaged, info.Size())
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping a segment: %w", err)
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
