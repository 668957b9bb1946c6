package documenttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// naive is what a store of documents should do, told in the plainest way.
type naive struct {
	documents map[fairlead.AppID][]fairlead.Document // in the order of adding
}

// add is AddDocument.
func (n *naive) add(d fairlead.Document, room int) (added bool) {
	for _, there := range n.documents[d.App] {
		if there.SHA256 == d.SHA256 && there.Status != fairlead.DocumentFailed {
			return false
		}
	}
	if len(n.documents[d.App]) >= room {
		return false
	}
	n.documents[d.App] = append(n.documents[d.App], d)
	return true
}

// Programs of random operations come to what the naive model says.
func testModel(t *testing.T, p sample.Place) {
	s := p.Open()
	random := rand.New(rand.NewPCG(11, 13))
	model := naive{documents: make(map[fairlead.AppID][]fairlead.Document)}
	for step := range 400 {
		app := fairlead.AppID("ab"[random.IntN(2):][:1])
		documents := model.documents[app]
		switch operation := random.IntN(10); {
		case operation < 5:
			d := sample.Document(app, random.IntN(12))
			d.ID = sample.DocumentID(app, 1000+step)
			_, added, err := s.AddDocument(t.Context(), d, fairlead.DocumentRoom{Documents: 8})
			if err != nil && !fairlead.IsKind(err, fairlead.Limited) {
				t.Fatal(err)
			}
			if want := model.add(d, 8); added != want {
				t.Fatalf("step %d: added %v, want %v", step, added, want)
			}
		case operation < 7 && len(documents) > 0:
			at := random.IntN(len(documents))
			_, ok, err := s.DeleteDocument(t.Context(), app, documents[at].ID)
			if !ok || err != nil {
				t.Fatalf("step %d: deleted %v, %v", step, ok, err)
			}
			model.documents[app] = slices.Delete(documents, at, at+1)
		case operation < 9:
			model.finish(t, s, random)
		default:
			p.Clock.Add(sample.Lease)
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		model.check(t, s, app, step)
	}
}

// finish ends a job, or leaves it to its fate.
func (n *naive) finish(t *testing.T, s sample.Store, random *rand.Rand) {
	job, err := s.ClaimJob(t.Context(), "model", sample.Lease)
	if err != nil {
		t.Fatal(err)
	}
	if job == nil || random.IntN(4) == 0 {
		return
	}
	ends := []fairlead.DocumentStatus{fairlead.DocumentReady, fairlead.DocumentFailed, fairlead.DocumentNoText}
	job.Document.Status = ends[random.IntN(len(ends))]
	if err := s.FinishJob(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for i := range n.documents[job.Document.App] {
		if d := &n.documents[job.Document.App][i]; d.ID == job.Document.ID {
			d.Status = job.Document.Status
		}
	}
}

func (n *naive) check(t *testing.T, s sample.Store, app fairlead.AppID, step int) {
	t.Helper()
	list, err := s.ListDocuments(t.Context(), app, fairlead.After{Limit: 100}, "")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	byStatus, bytes := make(map[fairlead.DocumentStatus]int), int64(0)
	for i := range list {
		got = append(got, fmt.Sprint(list[i].ID, list[i].Status))
	}
	for _, d := range n.documents[app] {
		want = append(want, fmt.Sprint(d.ID, d.Status))
		byStatus[d.Status]++
		bytes += d.Bytes
	}
	if !slices.Equal(got, want) {
		t.Fatalf("step %d: got  %v\nwant %v", step, got, want)
	}
	census, err := s.CountDocuments(t.Context(), app)
	if err != nil || census.Bytes != bytes || fmt.Sprint(census.ByStatus) != fmt.Sprint(byStatus) {
		t.Fatalf("step %d: counted %+v, %v, want %v and %d", step, census, err, byStatus, bytes)
	}
}
