package files_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/files"
	"github.com/fairleadhq/fairlead/internal/api/library/librarytest"
	"github.com/fairleadhq/fairlead/internal/api/upload"
	"github.com/fairleadhq/fairlead/internal/places"
)

// A batch is there, and counts its files, whatever becomes of these: SDKs cancel and then
// retrieve.
func TestBatchesStay(t *testing.T) {
	t.Parallel()
	s := start(t)
	ready := s.file("ready\n")
	s.library.End(fairlead.DocumentReady, "")
	bad := s.file("bad\n")
	s.library.End(fairlead.DocumentNoText, "It has no text")
	waiting := s.file("waiting\n")
	store := "/v1/vector_stores/" + s.store(`{}`)
	path := store + "/file_batches"
	batch := func(files ...string) string {
		t.Helper()
		body := `{"files":[`
		for i, file := range files {
			if i > 0 {
				body += ","
			}
			body += `{"file_id":"` + file + `"}`
		}
		return path + "/" + fmt.Sprint(s.do(http.MethodPost, path, body+`],"attributes":null}`)["id"])
	}
	want := func(batch, status, counts string) {
		t.Helper()
		got := s.do(http.MethodGet, batch, "")
		if got["status"] != status || fmt.Sprint(got["file_counts"]) != "map["+counts+"]" {
			t.Errorf("got %v, want %s, %s", got, status, counts)
		}
	}
	one, two, all := batch(waiting), batch(waiting), batch(ready, bad, waiting)
	want(one, "in_progress", "cancelled:0 completed:0 failed:0 in_progress:1 total:1")
	want(two, "in_progress", "cancelled:0 completed:0 failed:0 in_progress:1 total:1")
	want(all, "in_progress", "cancelled:0 completed:1 failed:1 in_progress:1 total:3")
	if got := s.do(http.MethodPost, one+"/cancel", ""); got["status"] != "cancelled" {
		t.Errorf("got %v", got)
	}
	want(one, "cancelled", "cancelled:1 completed:0 failed:0 in_progress:0 total:1")
	want(two, "in_progress", "cancelled:0 completed:0 failed:0 in_progress:1 total:1")
	s.do(http.MethodGet, store+"/files/"+waiting, "") // another batch has it
	if list := s.do(http.MethodGet, one+"/files", ""); len(data(list)) != 0 {
		t.Errorf("got %v", list)
	}
	s.do(http.MethodDelete, store+"/files/"+waiting, "")
	want(two, "completed", "cancelled:1 completed:0 failed:0 in_progress:0 total:1")
	s.do(http.MethodDelete, "/v1/files/"+ready, "")
	s.do(http.MethodDelete, store+"/files/"+bad, "")
	want(all, "completed", "cancelled:1 completed:1 failed:1 in_progress:0 total:3")
	if got := s.do(http.MethodPost, all+"/cancel", ""); got["status"] != "completed" {
		t.Errorf("cancelled too late: %v", got)
	}
	s.do(http.MethodDelete, store, "")
	s.refused(http.MethodGet, all, "", 404, "vector_store_not_found")
}

// What neither has nothing to say is no contradiction: null and an empty list are not there.
func TestBatchWithNulls(t *testing.T) {
	t.Parallel()
	s := start(t)
	file := s.file("text\n")
	path := "/v1/vector_stores/" + s.store(`{}`) + "/file_batches"
	for _, body := range []string{
		`{"file_ids":["` + file + `"],"files":null,"attributes":{"a":1}}`, `{"file_ids":null,"files":[{"file_id":"` + file + `"}],"attributes":{}}`,
	} {
		if got := s.do(http.MethodPost, path, body); got["status"] != "in_progress" {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// leaving takes a file out of its store when it has been looked at.
type leaving struct{ *librarytest.Library }

func (l leaving) VectorStoreFile(
	ctx context.Context, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID,
) (fairlead.VectorStoreFile, bool, error) {
	f, ok, err := l.Library.VectorStoreFile(ctx, app, store, id)
	if ok {
		_, err = l.RemoveVectorStoreFile(ctx, app, store, id)
	}
	return f, ok, err
}

// A file that is taken out of its store while its attributes are changed stays out.
func TestChangeOfFileThatLeaves(t *testing.T) {
	t.Parallel()
	s := start(t)
	file := s.file("text\n")
	id := s.store(`{"file_ids":["` + file + `"]}`)
	face := files.New(files.Config{
		Gateway: s.gateway, Stores: s.library, Members: s.library, Contents: leaving{s.library}, Batches: s.library,
		Docks: upload.NewDocks(places.New(4, nil), 2),
	})
	raced := *s
	raced.url = librarytest.Serve(t, time.Second, api.Face(face))
	path := "/v1/vector_stores/" + id + "/files"
	raced.refused(http.MethodPost, path+"/"+file, `{"attributes":{"a":1}}`, 404, "vector_store_file_not_found")
	s.refused(http.MethodGet, path+"/"+file, "", 404, "vector_store_file_not_found")
	if got := data(s.do(http.MethodGet, path, "")); !reflect.DeepEqual(got, []string(nil)) {
		t.Errorf("the store has %v", got)
	}
}
