// Package documenttest is the contract of the stores of documents: what the root's
// interfaces of documents, their jobs, texts, chunks and vectors promise beyond their
// signatures, as tests that each implementation runs over itself. Start with Run.
package documenttest

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// Run runs the contract. newPlace makes an empty place for the data of one test and
// returns what opens a store there, whose clock is now. Opened twice, the two stores
// share the data as two processes do. newPlace sees to it that stores are closed when the
// test ends; closing one twice must do no harm.
func Run(t *testing.T, newPlace func(t *testing.T) (open func(now func() time.Time) sample.Store)) {
	t.Helper()
	sample.Run(t, newPlace, []sample.Test{
		{Name: "Document", Run: testDocument},
		{Name: "Dedupe", Run: testDedupe},
		{Name: "Room", Run: testRoom},
		{Name: "RoomConcurrent", Run: testRoomConcurrent},
		{Name: "NumbersAreNotUsedAgain", Run: testNumbersAreNotUsedAgain},
		{Name: "DocumentLists", Run: testDocumentLists},
		{Name: "Selections", Run: testSelections},
		{Name: "Counts", Run: testCounts},
		{Name: "Jobs", Run: testJobs},
		{Name: "JobsInTurn", Run: testJobsInTurn},
		{Name: "JobsReleased", Run: testJobsReleased},
		{Name: "LeaseEnds", Run: testLeaseEnds},
		{Name: "JobOfDeletedDocument", Run: testJobOfDeletedDocument},
		{Name: "StatusesOfJobs", Run: testStatusesOfJobs},
		{Name: "ClockGoesBack", Run: testClockGoesBack},
		{Name: "ClaimsConcurrent", Run: testClaimsConcurrent},
		{Name: "Content", Run: testContent},
		{Name: "ContentIsSeenWhenReady", Run: testContentIsSeenWhenReady},
		{Name: "ContentInOrder", Run: testContentInOrder},
		{Name: "TextSpans", Run: testTextSpans},
		{Name: "ManyChunks", Run: testManyChunks},
		{Name: "Embeddings", Run: testEmbeddings},
		{Name: "PendingEmbeddings", Run: testPendingEmbeddings},
		{Name: "AppsApart", Run: testAppsApart},
		{Name: "Swept", Run: testSwept},
		{Name: "Canceled", Run: testCanceled},
		{Name: "Model", Run: testModel},
	})
}
