//go:build !unix

package disk

import (
	"os"
	"time"
)

// lock does nothing where there are no locks.
func lock(*os.File) error { return nil }

// abandoned is how old a file must be to be nobody's: older than any upload may last.
const abandoned = time.Hour
