package api

import (
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead"
)

// callerKey finds the key of a request. X-API-Key, api-key and Authorization:
// Bearer are the same thing; two different keys are an error of Kind Invalid,
// no key one of Kind Unauthenticated.
func callerKey(h http.Header) (string, error) {
	var search keySearch
	search.headers(h)
	return search.result()
}

// keySearch gathers the keys of a request, which should be one.
type keySearch struct {
	key             string
	found, conflict bool
}

func (s *keySearch) add(key string) {
	if key = strings.TrimSpace(key); key == "" {
		return
	}
	s.conflict = s.conflict || s.found && key != s.key
	s.key, s.found = key, true
}

func (s *keySearch) headers(h http.Header) {
	for _, name := range []string{"X-Api-Key", "Api-Key", "Authorization"} {
		for _, value := range h[name] {
			if name == "Authorization" {
				scheme, token, _ := strings.Cut(value, " ")
				if !strings.EqualFold(scheme, "Bearer") {
					continue
				}
				value = token
			}
			s.add(value)
		}
	}
}

func (s *keySearch) result() (string, error) {
	switch {
	case s.conflict:
		return "", &fairlead.Error{
			Kind: fairlead.Invalid, Code: "conflicting_api_keys",
			Message: "The request carries two different API keys",
		}
	case !s.found:
		return "", &fairlead.Error{
			Kind: fairlead.Unauthenticated, Code: "missing_api_key", Message: "The request carries no API key",
			Detail: "send it as X-API-Key or as Authorization: Bearer",
		}
	}
	return s.key, nil
}

// KeyProtocol begins the subprotocol by which a browser's WebSocket carries a key.
const KeyProtocol = "openai-insecure-api-key."

// socketCaller finds the app of a request for a WebSocket. Only a request for an
// upgrade may carry its key elsewhere than in the usual headers: others can be made
// by a link.
func (rt *Router) socketCaller(r *http.Request) (*fairlead.App, error) {
	var search keySearch
	search.headers(r.Header)
	if IsUpgrade(r) {
		for _, offered := range Subprotocols(r.Header) {
			if key, ok := strings.CutPrefix(offered, KeyProtocol); ok {
				search.add(key)
			}
		}
		if ticket := r.URL.Query().Get("ticket"); ticket != "" && !search.found && rt.config.Tickets != nil {
			return rt.redeem(ticket)
		}
	}
	key, err := search.result()
	if err != nil {
		return nil, err
	}
	return rt.config.Keys.Authenticate(key)
}

func (rt *Router) redeem(ticket string) (*fairlead.App, error) {
	if app := rt.config.Tickets.Redeem(ticket); app != nil {
		return app, nil
	}
	return nil, &fairlead.Error{
		Kind: fairlead.Unauthenticated, Code: "invalid_ticket", Message: "The ticket is not valid, was used or has expired",
	}
}

// IsUpgrade reports whether a request asks for a WebSocket.
func IsUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && hasToken(r.Header["Upgrade"], "websocket") && hasToken(r.Header["Connection"], "upgrade")
}

// Subprotocols are those that a request for a WebSocket offers, in its order.
func Subprotocols(h http.Header) []string { return tokens(h["Sec-Websocket-Protocol"]) }

func hasToken(values []string, token string) bool {
	for _, t := range tokens(values) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// tokens are the elements of lists that are separated by commas.
func tokens(values []string) []string {
	var all []string
	for _, value := range values {
		for t := range strings.SplitSeq(value, ",") {
			if t = strings.TrimSpace(t); t != "" {
				all = append(all, t)
			}
		}
	}
	return all
}
