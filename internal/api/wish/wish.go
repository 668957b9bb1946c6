// Package wish reads the headers by which a request tells how it wishes to be
// treated.
//
// Start with Apply.
package wish

import (
	"net/http"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The headers by which a request tells how it wishes to be treated.
const (
	// headerTimeout is in seconds, or a duration with its unit. It is ours, so a
	// value that is none is the caller's mistake.
	headerTimeout = "X-Request-Timeout"
	// headerStainlessTimeout is what the SDKs of OpenAI and Anthropic send on
	// their own: whole seconds, rounded down (JavaScript, Go), so that 0 is less
	// than a second or no limit at all, or with a fraction (Python). A value that
	// is none was not the caller's idea, and says nothing.
	//
	// X-Stainless-Read-Timeout, which the Python SDKs send, is not read: it bounds
	// the silence between two pieces, which a heartbeat breaks, not the answer.
	headerStainlessTimeout = "X-Stainless-Timeout"
	// headerClass lowers the class of one call.
	headerClass = "X-Fairlead-Class"
)

// Apply sets what the headers ask for: Patience, the smaller of the two
// timeouts, and Class, which they can lower and not raise. Errors are of Kind
// Invalid and name the header.
func Apply(call *fairlead.Call, h http.Header) error {
	for _, name := range [...]string{headerTimeout, headerClass} {
		if len(h[name]) > 1 {
			return invalidHeader(name, "send it once")
		}
	}
	if limit, ok := parseTimeout(h.Get(headerStainlessTimeout)); ok {
		call.Patience = limit
	}
	if value := h.Get(headerTimeout); value != "" {
		limit, ok := parseTimeout(value)
		if !ok {
			return invalidHeader(headerTimeout, "send seconds above 0, such as 30 or 1.5, or a duration such as 500ms")
		}
		if call.Patience == 0 || limit < call.Patience {
			call.Patience = limit
		}
	}
	value := h.Get(headerClass)
	switch {
	case value == "", strings.EqualFold(value, fairlead.Interactive.String()):
	case strings.EqualFold(value, fairlead.Batch.String()):
		call.Class = fairlead.Batch
	default:
		return invalidHeader(headerClass, "send batch or interactive")
	}
	return nil
}

// parseTimeout reads a time above 0: seconds as a number, or a duration with its
// unit.
func parseTimeout(value string) (time.Duration, bool) {
	if value == "" {
		return 0, false
	}
	if last := value[len(value)-1]; last >= '0' && last <= '9' {
		value += "s"
	}
	limit, err := time.ParseDuration(value)
	return limit, err == nil && limit > 0
}

func invalidHeader(name, detail string) error {
	name = strings.ToLower(name)
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "invalid_value", Param: name,
		Message: "The header " + name + " has a value that is not understood", Detail: detail,
	}
}
