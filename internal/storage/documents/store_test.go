package documents_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/storage/documents"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/documenttest"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

func TestContract(t *testing.T) {
	t.Parallel()
	documenttest.Run(t, newPlace)
}

func newPlace(t *testing.T) func(now func() time.Time) sample.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), documents.FileName)
	return func(now func() time.Time) sample.Store { return open(t, path, documents.Options{Now: now}) }
}

func open(t *testing.T, path string, options documents.Options) *documents.Store {
	t.Helper()
	s, err := documents.Open(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
