//go:build unix

package socket

import "github.com/fairleadhq/fairlead/internal/nonblock"

func writeNow(fd uintptr, p []byte) (int, error) { return nonblock.Write(fd, p) }
