// Package credential finds the one key that a request carries, wherever it stands:
// in a header, or, in a request for a WebSocket, in a subprotocol.
//
// Start with Key and Socket.
package credential

import (
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead"
)

// Key finds the key of a request. X-API-Key, api-key and Authorization:
// Bearer are the same thing; two different keys are an error of Kind Invalid,
// no key one of Kind Unauthenticated.
func Key(h http.Header) (string, error) {
	var s search
	s.headers(h)
	return s.result()
}

// search gathers the keys of a request, which should be one.
type search struct {
	key             string
	found, conflict bool
}

func (s *search) add(key string) {
	if key = strings.TrimSpace(key); key == "" {
		return
	}
	s.conflict = s.conflict || s.found && key != s.key
	s.key, s.found = key, true
}

func (s *search) headers(h http.Header) {
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

func (s *search) result() (string, error) {
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

// Socket finds the key of a request that may be for a WebSocket, or the ticket that
// stands for one where there is no key. Only a request for an upgrade may carry either
// elsewhere than in the usual headers: others can be made by a link.
func Socket(r *http.Request) (key, ticket string, err error) {
	var s search
	s.headers(r.Header)
	if IsUpgrade(r) {
		for _, offered := range Subprotocols(r.Header) {
			if key, ok := strings.CutPrefix(offered, KeyProtocol); ok {
				s.add(key)
			}
		}
		if ticket := r.URL.Query().Get("ticket"); ticket != "" && !s.found {
			return "", ticket, nil
		}
	}
	key, err = s.result()
	return key, "", err
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
