package budget

import (
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Account is what one call has of the budget. It implements fairlead.Memory. The
// zero Account has nothing and can only be opened or closed; one that is in use must
// not be copied.
type Account struct {
	budget   *Budget
	app      fairlead.AppID
	busyWait func() time.Duration
	reserved atomic.Int64
	body     []byte // goes back at the end
}

// Account returns an account of app's, for a call without an exchange. It must be
// closed when the call has ended. busyWait tells how long one whom there is no room
// for should wait.
func (b *Budget) Account(app fairlead.AppID, busyWait func() time.Duration) *Account {
	a := new(Account)
	a.Open(b, app, busyWait)
	return a
}

// Open is Budget.Account in place.
func (a *Account) Open(b *Budget, app fairlead.AppID, busyWait func() time.Duration) {
	a.budget, a.app, a.busyWait = b, app, busyWait
}

// Reserve implements fairlead.Memory.
func (a *Account) Reserve(bytes int64) error {
	if !a.budget.reserve(a.app, bytes) {
		return fairlead.NewBusy("memory_pressure", "The bodies in flight fill the memory set aside for them", a.busyWait())
	}
	a.reserved.Add(bytes)
	return nil
}

// Return implements fairlead.Memory.
func (a *Account) Return(bytes int64) {
	a.reserved.Add(-bytes)
	a.budget.release(a.app, bytes)
}

// Buffer is an empty buffer for size bytes, with room for one more to see the end:
// a kept one, if the budget has room for what that is larger. An error, of Kind Busy,
// says that there is no room.
func (a *Account) Buffer(size int64) ([]byte, error) {
	if room := roomFor(size + 1); a.Reserve(room-1) == nil {
		return a.budget.buffer(room), nil
	}
	if err := a.Reserve(size); err != nil {
		return nil, err
	}
	return make([]byte, 0, size+1), nil
}

// Grow returns a buffer that has room for so many bytes more, with what is in buf,
// which is another's then. With an error, of Kind Busy, buf is as it was.
func (a *Account) Grow(buf []byte, more int64) ([]byte, error) {
	if err := a.Reserve(more); err != nil {
		return buf, err
	}
	// Exactly what was reserved: append and slices.Grow would take more.
	grown := make([]byte, len(buf), cap(buf)+int(more))
	copy(grown, buf)
	a.budget.recycle(buf)
	return grown, nil
}

// Hold has the account keep body, which came from Buffer or Grow, until its end.
func (a *Account) Hold(body []byte) { a.body = body }

// HandOver moves all that the account has to another one, which is returned and must
// be closed. Nobody may use the account meanwhile.
func (a *Account) HandOver() *Account {
	to := a.budget.Account(a.app, a.busyWait)
	to.reserved.Store(a.reserved.Swap(0))
	to.body, a.body = a.body, nil
	return to
}

// Close gives back what the account has: its body is another's then.
func (a *Account) Close() {
	if a.budget == nil {
		return
	}
	a.budget.release(a.app, a.reserved.Swap(0))
	a.budget.recycle(a.body)
	a.body = nil
}
