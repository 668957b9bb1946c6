package ask

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
)

// Described is a passage with what stands above it, as models are given it.
func Described(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}

// Shortened is the beginning of a text, of at most so many bytes.
func Shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// Code names an error of a model for the log: its text may be the provider's.
func Code(err error) string {
	e, ok := errors.AsType[*fairlead.Error](err)
	switch {
	case ok && e.Code != "":
		return e.Code
	case errors.Is(err, context.DeadlineExceeded):
		return "too_slow"
	}
	return "failed"
}
