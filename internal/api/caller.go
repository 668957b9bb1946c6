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
	key, found := "", false
	for _, name := range []string{"X-Api-Key", "Api-Key", "Authorization"} {
		for _, value := range h[name] {
			if name == "Authorization" {
				scheme, token, _ := strings.Cut(value, " ")
				if !strings.EqualFold(scheme, "Bearer") {
					continue
				}
				value = token
			}
			value = strings.TrimSpace(value)
			if value == "" {
				continue
			}
			if found && value != key {
				return "", &fairlead.Error{
					Kind: fairlead.Invalid, Code: "conflicting_api_keys",
					Message: "The request carries two different API keys",
				}
			}
			key, found = value, true
		}
	}
	if !found {
		return "", &fairlead.Error{
			Kind: fairlead.Unauthenticated, Code: "missing_api_key", Message: "The request carries no API key",
			Detail: "send it as X-API-Key or as Authorization: Bearer",
		}
	}
	return key, nil
}
