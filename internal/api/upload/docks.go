package upload

import (
	"sync"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/places"
)

// Docks are the places in which uploads are received: so many of the service, and so
// many of each app. It is safe for concurrent use, and doesn't block.
type Docks struct {
	all    *places.Places
	perApp int

	mu      sync.Mutex
	apps    map[fairlead.AppID]int // those that have a place
	refused int64                  // for what their app has
}

// Stats is how many uploads are being received, and how many found no place since the
// start, of the service or of their app.
type Stats struct {
	Taken   int
	Refused int64
}

// NewDocks returns docks of that many places, of which one app may have perApp; 0 is no
// limit.
func NewDocks(all *places.Places, perApp int) *Docks {
	return &Docks{all: all, perApp: perApp, apps: make(map[fairlead.AppID]int)}
}

// Enter takes a place, which is to be given back by Leave. An error, of Kind Busy, says
// that there is none.
func (d *Docks) Enter(app fairlead.AppID) error {
	if !d.take(app) {
		return fairlead.NewBusy("too_many_uploads", "Your app has as many uploads under way as it may have", d.all.Wait())
	}
	if !d.all.Take() {
		d.drop(app)
		return fairlead.NewBusy("too_many_uploads", "There are too many uploads under way at the moment", d.all.Wait())
	}
	return nil
}

// Leave gives a place back.
func (d *Docks) Leave(app fairlead.AppID) {
	d.all.Give()
	d.drop(app)
}

func (d *Docks) take(app fairlead.AppID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.perApp > 0 && d.apps[app] >= d.perApp {
		d.refused++
		return false
	}
	d.apps[app]++
	return true
}

func (d *Docks) drop(app fairlead.AppID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.apps[app]--; d.apps[app] == 0 {
		delete(d.apps, app)
	}
}

// Stats tells how the docks stand.
func (d *Docks) Stats() Stats {
	all := d.all.Stats()
	d.mu.Lock()
	defer d.mu.Unlock()
	return Stats{Taken: all.Taken, Refused: all.Refused + d.refused}
}
