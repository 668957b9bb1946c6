package charge

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/estimate"
)

// Margin is what would have to be free beside the cost of a call that came now.
func (k *Tokens) Margin(at time.Duration, cost estimate.Cost) int {
	lock := k.lock()
	lock.Lock()
	defer lock.Unlock()
	open, margin := k.outstanding.Open(at, cost)
	k.outstanding.Drop(open)
	return margin
}
