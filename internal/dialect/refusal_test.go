package dialect

import (
	"errors"
	"testing"

	"github.com/fairleadhq/fairlead"
)

// wantRefusal checks kind, code and param of an error.
func wantRefusal(t *testing.T, what string, err error, want fairlead.Error) {
	t.Helper()
	var e *fairlead.Error
	if !errors.As(err, &e) {
		t.Errorf("%.200s: got %v, want an error with code %s", what, err, want.Code)
		return
	}
	if e.Kind != want.Kind || e.Code != want.Code || e.Param != want.Param {
		t.Errorf("%.200s: got %s %s %q, want %s %s %q", what, e.Kind, e.Code, e.Param, want.Kind, want.Code, want.Param)
	}
	if e.Message == "" {
		t.Errorf("%.200s: no message", what)
	}
}
