package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
)

// TestResponseNotKept: whoever is told that a response could not be written is told not
// to try again, since its answer may have been paid for, and what to do instead.
func TestResponseNotKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), sqlite.FileName))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, background := range []bool{false, true} {
		r := fairlead.Response{App: "a", ID: "resp_1", Status: fairlead.ResponseCompleted, Background: background}
		for doing, err := range map[string]error{
			"put":    s.PutResponse(t.Context(), r, fairlead.ResponseRoom{}),
			"update": s.UpdateResponse(t.Context(), r, fairlead.ResponseRoom{}),
		} {
			e := fairlead.AsError(err)
			if e == nil || e.Kind != fairlead.Internal || e.Code != "storage_failed" || !e.NoRetry || e.Err == nil {
				t.Errorf("%s, background %v: %+v", doing, background, e)
				continue
			}
			if said := e.Detail != ""; said == background {
				t.Errorf("%s, background %v: the detail is %q", doing, background, e.Detail)
			}
		}
	}
	if _, _, err := s.Response(t.Context(), "a", "resp_1"); err == nil || fairlead.AsError(err).NoRetry {
		t.Errorf("to read: %v, want an error that may pass", err)
	}
}
