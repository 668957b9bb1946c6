package sqlite_test

import (
	"bytes"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
)

// BenchmarkResponse is what a stored response costs its call: a row before the first
// event, and its body before the last.
func BenchmarkResponse(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), sqlite.FileName))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	items, body := bytes.Repeat([]byte("x"), 40<<10), bytes.Repeat([]byte("y"), 8<<10)
	for n := 0; b.Loop(); n++ {
		r := fairlead.Response{
			App: "a", ID: "resp_" + strconv.Itoa(n), Status: fairlead.ResponseInProgress, Items: items, Body: body,
		}
		if err := s.PutResponse(b.Context(), r, fairlead.ResponseRoom{Rows: 1000, Bytes: 1 << 30}); err != nil {
			b.Fatal(err)
		}
		r.Status = fairlead.ResponseCompleted
		if err := s.UpdateResponse(b.Context(), r, fairlead.ResponseRoom{Rows: 1000, Bytes: 1 << 30}); err != nil {
			b.Fatal(err)
		}
	}
}
