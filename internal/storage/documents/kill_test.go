package documents_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/blob/disk"
	"github.com/fairleadhq/fairlead/internal/storage/documents"
)

// killVariable tells the test binary that it is to be killed; it holds the directory and
// the round.
const killVariable = "FAIRLEAD_TEST_KILL"

func TestMain(m *testing.M) {
	order := os.Getenv(killVariable)
	if order == "" {
		os.Exit(m.Run())
	}
	dir, round, _ := strings.Cut(order, "#")
	n, err := strconv.Atoi(round)
	if err == nil {
		err = toil(context.Background(), dir, n)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// home is the documents and the files of one data directory.
type home struct {
	store *documents.Store
	blobs *disk.Store
}

// openHome opens the directory with a clock that is an hour later in each round, so that
// whoever was killed has no lease any more.
func openHome(ctx context.Context, dir string, round int) (home, error) {
	now := func() time.Time { return time.Now().Add(time.Duration(round) * time.Hour) }
	store, err := documents.Open(ctx, filepath.Join(dir, documents.FileName), documents.Options{Now: now})
	if err != nil {
		return home{}, err
	}
	blobs, err := disk.Open(filepath.Join(dir, "files"), disk.Options{Grace: -1})
	return home{store: store, blobs: blobs}, err
}

func (h home) close() error { return errors.Join(h.store.Close(), h.blobs.Close()) }

// tale is the text of the document with that id, and no other's.
func tale(id fairlead.DocumentID) []byte {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, string(id))
	random := rand.New(rand.NewPCG(hash.Sum64(), 1))
	var text []byte
	for size := 1000 + random.IntN(30_000); len(text) < size; {
		text = fmt.Appendf(text, "%s %d %x\n", id, len(text), random.Uint64())
	}
	return text
}

// child is a process that is killed: it says what it has done when that is done.
type child struct {
	home

	round int
	mu    sync.Mutex // for what it says, and the documents that it has added
	added []fairlead.DocumentID
}

func (c *child) say(did string, id fairlead.DocumentID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Println(did, id)
	if did == "added" {
		c.added = append(c.added, id)
	}
}

// toil adds, ingests, deletes and sweeps documents until it is killed.
func toil(ctx context.Context, dir string, round int) error {
	h, err := openHome(ctx, dir, round)
	if err != nil {
		return err
	}
	c := &child{home: h, round: round}
	failed := make(chan error)
	for worker := range 5 {
		go func() {
			work := []func(context.Context, int) error{c.add, c.ingest, c.ingest, c.delete, c.sweep}[worker]
			for n := 0; ; n++ {
				if err := work(ctx, n); err != nil {
					failed <- fmt.Errorf("worker %d: %w", worker, err)
				}
			}
		}()
	}
	return <-failed
}

func (c *child) add(ctx context.Context, n int) error {
	id := fairlead.DocumentID(fmt.Sprintf("file-round%dnumber%d", c.round, n))
	text := tale(id)
	for _, id := range []fairlead.DocumentID{id, id + "again"} { // the second is the same file
		sum, err := c.blobs.PutBlob(ctx, id, bytes.NewReader(text))
		if err != nil {
			return err
		}
		d := fairlead.Document{ID: id, App: "a", Bytes: sum.Bytes, SHA256: sum.SHA256, Created: time.Now()}
		_, added, err := c.store.AddDocument(ctx, d, fairlead.DocumentRoom{})
		if err != nil {
			return err
		}
		if added {
			c.say("added", id)
		} else if err := c.blobs.DeleteBlob(ctx, id); err != nil {
			return err
		}
		if n%7 != 0 {
			break
		}
	}
	return nil
}

func (c *child) ingest(ctx context.Context, n int) error {
	job, err := c.store.ClaimJob(ctx, "child", time.Minute)
	if err != nil {
		return err
	}
	if job == nil {
		<-time.After(time.Millisecond)
		return nil
	}
	err = c.read(ctx, job)
	switch {
	case fairlead.IsKind(err, fairlead.Gone): // it was deleted
		return nil
	case err != nil:
		return err
	case n%9 == 0:
		err = c.store.ReleaseJob(ctx, job, fairlead.JobRelease{})
	default:
		job.Document.Status = fairlead.DocumentReady
		if err = c.store.FinishJob(ctx, job); err == nil {
			c.say("ready", job.Document.ID)
		}
	}
	if fairlead.IsKind(err, fairlead.Gone) {
		return nil
	}
	return err
}

// read adds the document's text, in parts.
func (c *child) read(ctx context.Context, job *fairlead.DocumentJob) error {
	text := tale(fairlead.DocumentID(strings.TrimSuffix(string(job.Document.ID), "again")))
	for at := 0; at < len(text); {
		end := min(at+5000, len(text))
		err := c.store.AddContent(ctx, job, fairlead.DocumentContent{
			Text: text[at:end], Offset: int64(at), Pages: []fairlead.Page{{Number: at/5000 + 1, Start: int64(at), End: int64(end)}},
			Chunks: []fairlead.Chunk{{Seq: at / 5000, Start: int64(at), End: int64(end)}},
		})
		if err != nil {
			return err
		}
		at = end
		job.Document.Chunks++
		job.Document.Status = fairlead.DocumentIndexing
		if err := c.store.RenewJob(ctx, job, time.Minute); err != nil {
			return err
		}
	}
	job.Document.TextBytes = int64(len(text))
	return nil
}

func (c *child) delete(ctx context.Context, n int) error {
	<-time.After(time.Duration(2+n%5) * time.Millisecond)
	c.mu.Lock()
	var id fairlead.DocumentID
	if len(c.added) > 0 {
		at := rand.IntN(len(c.added))
		id = c.added[at]
		c.added = append(c.added[:at:at], c.added[at+1:]...)
	}
	c.mu.Unlock()
	if id == "" || n%3 != 0 {
		return nil
	}
	c.say("deleting", id)
	if _, _, err := c.store.DeleteDocument(ctx, "a", id); err != nil {
		return err
	}
	c.say("deleted", id)
	return c.blobs.DeleteBlob(ctx, id)
}

func (c *child) sweep(ctx context.Context, n int) error {
	<-time.After(5 * time.Millisecond)
	return c.store.Sweep(ctx)
}

// TestProofKill kills a process that works on documents, again and again: what it said that
// it has done is done, once, and of the rest nothing is half done.
func TestProofKill(t *testing.T) {
	t.Parallel()
	rounds := 8
	if os.Getenv("FAIRLEAD_PROOF") != "" {
		rounds = 100
	}
	dir := t.TempDir()
	promised := make(map[fairlead.DocumentID]string) // what was said of it last
	done := 0
	for round := range rounds {
		done += killed(t, dir, round, promised)
		check(t, dir, round, promised)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d things done by %d processes, %d documents", done, rounds, len(promised))
	drain(t, dir, rounds, promised)
}

// killed runs a child, kills it at some point, and notes what it has said by then.
func killed(t *testing.T, dir string, round int, promised map[fairlead.DocumentID]string) (done int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), killVariable+"="+dir+"#"+strconv.Itoa(round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for enough := 1 + rand.IntN(80); lines.Scan(); done++ {
		did, id, _ := strings.Cut(lines.Text(), " ")
		// "ready" may come behind "deleting", and takes nothing back.
		if before := promised[fairlead.DocumentID(id)]; !strings.HasPrefix(before, "delet") || did == "deleted" {
			promised[fairlead.DocumentID(id)] = did
		}
		if done == enough {
			go func() {
				<-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond)
				_ = cmd.Process.Kill()
			}()
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return done
}

// check compares what is stored with what was promised.
func check(t *testing.T, dir string, round int, promised map[fairlead.DocumentID]string) {
	t.Helper()
	h, err := openHome(t.Context(), dir, round)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	list, err := h.store.ListDocuments(t.Context(), "a", fairlead.After{Limit: 1 << 30}, "")
	if err != nil {
		t.Fatal(err)
	}
	byStatus, underWay, sums := make(map[fairlead.DocumentStatus]int), 0, make(map[[32]byte]bool)
	there := make(map[fairlead.DocumentID]fairlead.Document)
	for _, d := range list {
		if _, twice := there[d.ID]; twice || sums[d.SHA256] {
			t.Errorf("%s is there twice", d.ID)
		}
		there[d.ID], sums[d.SHA256] = d, true
		if byStatus[d.Status]++; !d.Status.Ended() {
			underWay++
		}
		if strings.HasPrefix(string(d.ID), fmt.Sprintf("file-round%dn", round)) || round%20 == 19 {
			h.check(t, d)
		}
	}
	compare(t, there, promised)
	census, err := h.store.CountDocuments(t.Context(), "a")
	if err != nil || fmt.Sprint(census.ByStatus) != fmt.Sprint(byStatus) {
		t.Errorf("counted %v, %v, there are %v", census.ByStatus, err, byStatus)
	}
	waiting, running, err := h.store.CountJobs(t.Context())
	if err != nil || waiting+running != underWay {
		t.Errorf("%d and %d jobs, %v, for %d documents", waiting, running, err, underWay)
	}
}

// compare compares the documents that are there with what was promised.
func compare(t *testing.T, there map[fairlead.DocumentID]fairlead.Document, promised map[fairlead.DocumentID]string) {
	t.Helper()
	for id, did := range promised {
		d, ok := there[id]
		switch {
		case did == "deleted" && ok:
			t.Errorf("%s was deleted and is there", id)
		case (did == "added" || did == "ready") && !ok:
			t.Errorf("%s was added and is gone", id)
		case did == "ready" && d.Status != fairlead.DocumentReady:
			t.Errorf("%s was ready and is %s", id, d.Status)
		}
	}
}

// check checks that one document is there whole, or not to be seen.
func (h home) check(t *testing.T, d fairlead.Document) {
	t.Helper()
	want := tale(fairlead.DocumentID(strings.TrimSuffix(string(d.ID), "again")))
	blob, err := h.blobs.OpenBlob(t.Context(), d.ID)
	if err != nil {
		// The file goes after its document, and comes before it.
		t.Errorf("the file of %s: %v", d.ID, err)
		return
	}
	defer blob.Close()
	if got, err := io.ReadAll(blob); err != nil || sha256.Sum256(got) != d.SHA256 || !bytes.Equal(got, want) {
		t.Errorf("the file of %s has %d bytes, %v", d.ID, len(got), err)
	}
	text, ok, err := h.store.Text(t.Context(), "a", d.ID, fairlead.TextSpan{End: 1 << 30})
	if d.Status != fairlead.DocumentReady {
		if ok || err != nil {
			t.Errorf("%s is %s and can be read: %v", d.ID, d.Status, err)
		}
		return
	}
	if !ok || err != nil || !bytes.Equal(text, want) {
		t.Errorf("%s has a text of %d bytes, %v, %v, want %d", d.ID, len(text), ok, err, len(want))
	}
	chunks, err := h.store.Chunks(t.Context(), "a", d.ID, 0, 1000)
	if err != nil || len(chunks) != d.Chunks {
		t.Errorf("%s has %d chunks, %v, want %d", d.ID, len(chunks), err, d.Chunks)
	}
	var all strings.Builder
	for _, c := range chunks {
		all.WriteString(c.Text)
	}
	if all.String() != string(want) {
		t.Errorf("%s has other chunks", d.ID)
	}
}

// drain ends all jobs, clears what was left, and looks at everything.
func drain(t *testing.T, dir string, round int, promised map[fairlead.DocumentID]string) {
	t.Helper()
	h, err := openHome(t.Context(), dir, round)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	c := &child{home: h}
	for {
		job, err := h.store.ClaimJob(t.Context(), "drain", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if job == nil {
			break
		}
		job.Document.Chunks = 0
		if err := c.read(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		job.Document.Status = fairlead.DocumentReady
		if err := h.store.FinishJob(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = h.blobs.SweepBlobs(t.Context(), func(ids []fairlead.DocumentID) ([]bool, error) {
		found, err := h.store.DocumentsByID(t.Context(), "a", ids)
		there := make(map[fairlead.DocumentID]bool)
		for i := range found {
			there[found[i].ID] = true
		}
		kept := make([]bool, len(ids))
		for i, id := range ids {
			kept[i] = there[id]
		}
		return kept, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "files", "incoming")); err != nil || len(left) != 0 {
		t.Errorf("%d files are left under passing names, %v", len(left), err)
	}
	list, err := h.store.ListDocuments(t.Context(), "a", fairlead.After{Limit: 1 << 30}, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		h.check(t, list[i])
	}
	check(t, dir, round, promised)
}
