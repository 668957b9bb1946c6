package api

import (
	"net/http"

	"github.com/fairleadhq/fairlead"
)

// statusClientLeft is never sent: nobody is there to read it.
const statusClientLeft = 499

// Codes of errors that HTTP has a status of its own for.
const (
	codeURLTooLong      = "url_too_long"
	codeHeadersTooLarge = "headers_too_large"
	codeBodyTimeout     = "body_timeout"
	codeUpgradeRequired = "upgrade_required"
	codeStorageFull     = "storage_full"
)

// Status is what an error is called in HTTP.
func Status(e *fairlead.Error) int {
	switch e.Code {
	case codeURLTooLong:
		return http.StatusRequestURITooLong
	case codeHeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case codeBodyTimeout:
		return http.StatusRequestTimeout
	case codeUpgradeRequired:
		return http.StatusUpgradeRequired
	case codeStorageFull:
		return http.StatusInsufficientStorage
	}
	switch e.Kind {
	case fairlead.Invalid, fairlead.Unsupported:
		return http.StatusBadRequest
	case fairlead.Unauthenticated:
		return http.StatusUnauthorized
	case fairlead.Forbidden:
		return http.StatusForbidden
	case fairlead.NotFound:
		return http.StatusNotFound
	case fairlead.Gone:
		return http.StatusGone
	case fairlead.NotAllowed:
		return http.StatusMethodNotAllowed
	case fairlead.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fairlead.WrongType:
		return http.StatusUnsupportedMediaType
	case fairlead.Limited:
		return http.StatusTooManyRequests
	case fairlead.Busy:
		return http.StatusServiceUnavailable
	case fairlead.Late:
		return http.StatusGatewayTimeout
	case fairlead.Upstream:
		return http.StatusBadGateway
	case fairlead.Canceled:
		return statusClientLeft
	case fairlead.Internal:
	}
	return http.StatusInternalServerError
}
