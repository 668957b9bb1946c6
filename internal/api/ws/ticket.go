package ws

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// ticketLife is how long a ticket is good.
	ticketLife = time.Minute
	// ticketsPerApp is how many of an app's are good at one time: the oldest give way.
	ticketsPerApp = 1000
)

// tickets let in browsers, which cannot send a key with the request for a WebSocket.
// Each is good once, for a minute. It is safe for concurrent use.
type tickets struct {
	mu   sync.Mutex
	good map[digest]*fairlead.App
	apps map[fairlead.AppID][]issued // oldest first, those that were used included
}

// digest is what is kept of a ticket.
type digest [sha256.Size]byte

// issued is a ticket, until its end.
type issued struct {
	digest digest
	ends   time.Time
}

// newTickets returns no tickets.
func newTickets() *tickets {
	return &tickets{good: make(map[digest]*fairlead.App), apps: make(map[fairlead.AppID][]issued)}
}

// issue makes a ticket for the app.
func (t *tickets) issue(app *fairlead.App) string {
	ticket := rand.Text() + rand.Text() // 260 bits
	d := digest(sha256.Sum256([]byte(ticket)))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(app.ID, ticketsPerApp-1)
	t.good[d] = app
	t.apps[app.ID] = append(t.apps[app.ID], issued{d, time.Now().Add(ticketLife)})
	return ticket
}

// Redeem implements api.Tickets.
func (f *Face) Redeem(ticket string) *fairlead.App { return f.tickets.redeem(ticket) }

// redeem returns the app that the ticket is for, once; nil if it is no good.
func (t *tickets) redeem(ticket string) *fairlead.App {
	d := digest(sha256.Sum256([]byte(ticket)))
	t.mu.Lock()
	defer t.mu.Unlock()
	app := t.good[d]
	if app == nil {
		return nil
	}
	t.sweep(app.ID, ticketsPerApp)
	app = t.good[d] // nil if its time was over
	delete(t.good, d)
	return app
}

// sweep forgets the app's tickets that have ended, and the oldest beyond so many. The
// caller holds the mutex.
func (t *tickets) sweep(app fairlead.AppID, most int) {
	all, now := t.apps[app], time.Now()
	for len(all) > 0 && (len(all) > most || !now.Before(all[0].ends)) {
		delete(t.good, all[0].digest)
		all = all[1:]
	}
	if len(all) == 0 {
		delete(t.apps, app)
		return
	}
	t.apps[app] = all
}
