package documents_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mostGrowth is by how much the service's memory may grow, whatever it is sent.
const mostGrowth = 64 << 20

// growth remembers the service's memory; the func that it returns fails the test if it was
// ever much more since.
func (s *service) growth(t *testing.T) (check func()) {
	t.Helper()
	before := s.memory(t, "VmRSS")
	// From here on the most is counted anew, where that is permitted.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0)
	return func() {
		t.Helper()
		most := s.memory(t, "VmHWM")
		t.Logf("the service had %d MiB, and at most %d MiB", before>>20, most>>20)
		if most-before > mostGrowth {
			t.Errorf("the service's memory grew by %d MiB", (most-before)>>20)
		}
	}
}

// TestLargeUpload: the size of a file costs no memory, on its way in and on its way out.
func TestLargeUpload(t *testing.T) {
	t.Parallel()
	largeUpload(t, 100<<20)
}

// TestProofLargeUpload: the same with 1 GB.
func TestProofLargeUpload(t *testing.T) {
	if !proof() {
		t.Skip("left out: set FAIRLEAD_PROOF=1")
	}
	largeUpload(t, 1<<30)
}

func largeUpload(t *testing.T, size int64) {
	t.Helper()
	s := newService(t, "documents: {max_file: 2GiB}\n")
	s.ready(t, keyA, "small.md", prose("ibex", 5_000)) // what is begun once is begun
	check := s.growth(t)
	hash := sha256.New()
	data := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), hash)
	began := time.Now()
	a, err := s.try(t.Context(), request{http.MethodPost, "/documents/upload?name=large.bin&wait=60", keyA, "application/octet-stream", data})
	if err != nil || a.status != http.StatusCreated {
		t.Fatal(err, a)
	}
	t.Logf("%d MiB were taken, and judged, in %v", size>>20, time.Since(began).Round(time.Millisecond))
	var d struct {
		ID     string `json:"document_id"`
		SHA256 string `json:"sha256"`
		Status string `json:"status"`
		Bytes  int64  `json:"bytes"`
	}
	if err := json.Unmarshal(a.body, &d); err != nil {
		t.Fatal(err)
	}
	if want := hex.EncodeToString(hash.Sum(nil)); d.SHA256 != want || d.Bytes != size || d.Status == "ready" {
		t.Errorf("got %s, want %d bytes of %s", a.body, size, want)
	}
	if got := s.download(t, "/v1/files/"+d.ID+"/content"); got != d.SHA256 {
		t.Errorf("what comes back has the hash %s, want %s", got, d.SHA256)
	}
	check()
}

// download is the hash of what a path answers with.
func (s *service) download(t *testing.T, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", keyA)
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", path, resp.StatusCode, err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// stored is how many bytes are in the folder of files.
func (s *service) stored(t *testing.T) (size int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "files"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return size
}

// raw sends the beginning of an upload by hand.
func (s *service) raw(t *testing.T, headers, body string) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	head := "POST /documents/upload?name=cut.txt HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + keyA + "\r\n" + headers + "\r\n\r\n"
	if _, err := io.WriteString(conn, head+body); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestCutUpload: of an upload that breaks off nothing stays, however it is sent.
func TestCutUpload(t *testing.T) {
	t.Parallel()
	s := newService(t, "")
	half := strings.Repeat("half a file\n", 100_000)
	part := "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n" + half
	for name, c := range map[string]struct{ headers, body string }{
		"a length":      {"Content-Type: text/plain\r\nContent-Length: 5000000", half},
		"chunks":        {"Content-Type: text/plain\r\nTransfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", len(half), half)},
		"half a chunk":  {"Content-Type: text/plain\r\nTransfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s", 2*len(half), half)},
		"a form":        {"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 5000000", part},
		"an ended body": {fmt.Sprintf("Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: %d", len(part)), part},
	} {
		conn := s.raw(t, c.headers, c.body)
		if name == "an ended body" {
			answer := make([]byte, 4096)
			if n, err := conn.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 400 ") {
				t.Errorf("%s: %v %q, want 400", name, err, answer[:n])
			}
		} else {
			await(t, "some of the file to arrive", func() bool { return s.stored(t) > 0 })
		}
		conn.Close()
		await(t, "nothing to stay of "+name, func() bool { return s.stored(t) == 0 })
		if all := s.list(t); len(all) > 0 {
			t.Errorf("%s: %d documents are listed", name, len(all))
		}
	}
	s.ready(t, keyA, "whole.txt", []byte(half[:10_000]))
}

// TestTrickle: a client that sends ever so slowly is cut, and told why.
func TestTrickle(t *testing.T) {
	t.Parallel()
	s := newService(t, "")
	conn := s.raw(t, "Content-Type: text/plain\r\nContent-Length: 100000", "slow")
	ended := make(chan string, 1)
	go func() {
		answer := make([]byte, 4096)
		n, err := conn.Read(answer)
		ended <- fmt.Sprint(string(answer[:n]), err)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case answer := <-ended:
			if !strings.HasPrefix(answer, "HTTP/1.1 408 ") || !strings.Contains(answer, "body_timeout") {
				t.Errorf("got %q, want 408 and body_timeout", answer)
			}
			t.Logf("it was cut after %v", time.Since(began).Round(time.Second))
			await(t, "nothing to stay", func() bool { return s.stored(t) == 0 })
			return
		case <-tick.C:
			if time.Since(began) > patience {
				t.Fatal("it is not cut")
			}
			_, _ = conn.Write([]byte("x")) // it may be cut by now
		}
	}
}
