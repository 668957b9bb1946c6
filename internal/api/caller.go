package api

import (
	"net/http"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/credential"
)

// socketCaller finds the app of a request for a WebSocket, by its key or by a ticket.
func (rt *Router) socketCaller(r *http.Request) (*fairlead.App, error) {
	key, ticket, err := credential.Socket(r)
	if err != nil {
		return nil, err
	}
	if ticket == "" {
		return rt.config.Keys.Authenticate(key)
	}
	if rt.config.Tickets != nil {
		if app := rt.config.Tickets.Redeem(ticket); app != nil {
			return app, nil
		}
	}
	return nil, &fairlead.Error{
		Kind: fairlead.Unauthenticated, Code: "invalid_ticket", Message: "The ticket is not valid, was used or has expired",
	}
}
