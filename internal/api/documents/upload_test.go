package documents_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/library/librarytest"
)

const (
	file   = "file"
	report = "report.txt"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, parts := range map[string][]part{
		"fields behind the file": {{file, report, "one\n"}, {"name", "", "Report"}, {"metadata", "", `{"year":2024,"final":true,"by":"me"}`}},
		"and before it":          {{"metadata", "", `{"year":2024,"final":true,"by":"me"}`}, {"name", "", "Report"}, {file, report, "two\n"}},
	} {
		status, text := s.send("a", "", parts...)
		got := object(t, text)
		if status != http.StatusCreated || got["success"] != true || got["name"] != "Report" || got["status"] != "queued" ||
			got["pages"] != nil || got["chunks"] != nil || got["bytes"] != 4.0 || len(fmt.Sprint(got["sha256"])) != 64 ||
			fmt.Sprint(got["metadata"]) != "map[by:me final:true year:2024]" || !strings.HasPrefix(fmt.Sprint(got["request_id"]), "req_") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	status, text := s.send("a", "", part{file, `C:\dir\..\evil.txt`, "three\n"})
	if status != http.StatusCreated || object(t, text)["name"] != "evil.txt" {
		t.Errorf("a path as its name: %d %s", status, text)
	}
	status, text = s.send("a", "", part{file, report, "one\n"})
	if status != http.StatusOK || object(t, text)["name"] != "Report" {
		t.Errorf("the same bytes: %d %s", status, text)
	}
	if status, _ = s.send("b", "", part{file, report, "one\n"}); status != http.StatusCreated {
		t.Errorf("another app's same bytes: %d", status)
	}
	if runs, _ := s.gateway.Counts(); runs[fairlead.Upload] != 5 {
		t.Errorf("%d runs of 5 uploads", runs[fairlead.Upload])
	}
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	large := strings.Repeat("x", maxFile+1)
	for name, test := range map[string]struct {
		parts  []part
		status int
		code   string
	}{
		"no file":                   {[]part{{"name", "", "x"}}, 400, "missing_field"},
		"no part":                   {nil, 400, "missing_field"},
		"two files":                 {[]part{{file, report, "x"}, {file, report, "y"}}, 400, "duplicate_key"},
		"two names":                 {[]part{{"name", "", "x"}, {"name", "", "y"}, {file, report, "x"}}, 400, "duplicate_key"},
		"an unknown part":           {[]part{{"colour", "", "x"}, {file, report, "x"}}, 400, "unknown_field"},
		"an unknown part behind":    {[]part{{file, report, "x"}, {"colour", "", "x"}}, 400, "unknown_field"},
		"a file too large":          {[]part{{file, report, large}}, 413, "file_too_large"},
		"a field too large":         {[]part{{"name", "", large}, {file, report, "x"}}, 413, "body_too_large"},
		"a field not UTF-8":         {[]part{{"name", "", "\xff"}, {file, report, "x"}}, 400, "invalid_form"},
		"metadata that is none":     {[]part{{file, report, "x"}, {"metadata", "", "[]"}}, 400, "invalid_type"},
		"metadata that nests":       {[]part{{file, report, "x"}, {"metadata", "", `{"a":{}}`}}, 400, "invalid_type"},
		"metadata with a key twice": {[]part{{file, report, "x"}, {"metadata", "", `{"a":1,"a":2}`}}, 400, "duplicate_key"},
	} {
		status, text := s.send("a", "", test.parts...)
		if status != test.status || !strings.Contains(text, `"code":"`+test.code+`"`) {
			t.Errorf("%s: %d %s, want %d %s", name, status, text, test.status, test.code)
		}
	}
	for _, wait := range []string{"-1", "x", "61"} {
		status, text := s.send("a", "?wait="+wait, part{file, report, "x"})
		wantCode(t, status, text, 400, "invalid_value")
	}
	for contentType, code := range map[string]int{
		"application/json": 415, "": 415, "multipart/form-data": 400, "multipart/form-data; boundary=" + strings.Repeat("x", 80): 400,
		"application/x-www-form-urlencoded": 415,
	} {
		answer, text := librarytest.Do(t, librarytest.Request{
			App: "a", Method: http.MethodPost, URL: s.url + "/documents/upload", Type: contentType, Body: strings.NewReader("x"),
		})
		if answer.StatusCode != code {
			t.Errorf("%q: %d %s, want %d", contentType, answer.StatusCode, text, code)
		}
	}
	if n := len(s.json(http.MethodGet, "/documents", "", 200)["documents"].([]any)); n != 0 { //nolint:errcheck,forcetypeassert // as answered
		t.Errorf("%d documents were left behind", n)
	}
}

func TestBareUpload(t *testing.T) {
	t.Parallel()
	s := start(t)
	answer, text := librarytest.Do(t, librarytest.Request{
		App: "a", Method: http.MethodPost, URL: s.url + "/documents/upload?name=bare.pdf&metadata=" + `{"a":1}`, Type: "application/pdf",
		Body: iotest.OneByteReader(strings.NewReader("bytes")),
	})
	got := object(t, text)
	if answer.StatusCode != http.StatusCreated || got["name"] != "bare.pdf" || got["bytes"] != 5.0 || fmt.Sprint(got["metadata"]) != "map[a:1]" {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

// exchange sends raw bytes and returns what comes back until the connection is closed.
func exchange(t *testing.T, url, head, body string) string {
	t.Helper()
	return exchangeThen(t, url, head, body, func(*net.TCPConn) error { return nil })
}

// exchangeThen is exchange by a client that does something when it has sent its bytes.
func exchangeThen(t *testing.T, url, head, body string, then func(*net.TCPConn) error) string {
	t.Helper()
	t.Helper()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "POST /documents/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nConnection: close\r\n"+head+"\r\n\r\n"+body)
	_ = then(connection.(*net.TCPConn)) //nolint:errcheck,forcetypeassert // it is one
	answer, _ := io.ReadAll(connection)
	return string(answer)
}

// A body that is cut anywhere, or longer or shorter than it was said to be, leaves nothing.
func TestCutUploads(t *testing.T) {
	t.Parallel()
	s := start(t)
	body, contentType := form(part{"name", "", "n"}, part{file, report, "some text"}, part{"metadata", "", "{}"})
	whole := body.String()
	for cut := range len(whole) - 4 { // the last line end may be missing, and two dashes make the end
		head := "Content-Type: " + contentType + "\r\nContent-Length: "
		for name, answer := range map[string]string{
			"cut":       exchangeThen(t, s.url, head+strconv.Itoa(len(whole)), whole[:cut], (*net.TCPConn).CloseWrite),
			"too short": exchange(t, s.url, head+strconv.Itoa(cut), whole[:cut]),
		} {
			if !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
				t.Fatalf("%s at %d of %d: %q", name, cut, len(whole), answer)
			}
		}
	}
	if n := len(s.json(http.MethodGet, "/documents", "", 200)["documents"].([]any)); n != 0 { //nolint:errcheck,forcetypeassert // as answered
		t.Errorf("%d documents were left behind", n)
	}
	answer := exchange(t, s.url, "Content-Type: "+contentType+fmt.Sprintf("\r\nContent-Length: %d", len(whole)), whole)
	if !strings.HasPrefix(answer, "HTTP/1.1 201 ") {
		t.Errorf("whole: %q", answer)
	}
}

// What a body is said to be too large for is told before it is sent.
func TestTooLargeIsToldFirst(t *testing.T) {
	t.Parallel()
	s := start(t)
	answer := exchange(t, s.url, "Content-Type: multipart/form-data; boundary=b\r\nExpect: 100-continue\r\nContent-Length: 9000000", "")
	if !strings.HasPrefix(answer, "HTTP/1.1 413 ") {
		t.Errorf("got %q", answer)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	s := start(t)
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	body, contentType := form(part{file, report, "some text"})
	fmt.Fprintf(connection, "POST /documents/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nExpect: 100-continue\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, body.Len())
	from := bufio.NewReader(connection)
	if line, err := from.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%v %q", err, line)
	}
	_, _ = from.ReadString('\n')
	_, _ = connection.Write(body.Bytes())
	if line, err := from.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 201 ") {
		t.Fatalf("%v %q", err, line)
	}
}

// There are so many uploads at a time, of all apps and of each.
func TestDocks(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, app := range []string{"a", "b"} {
		if err := s.docks.Enter(fairlead.AppID(app)); err != nil {
			t.Fatal(err)
		}
	}
	for _, app := range []string{"a", "c"} {
		status, text := s.send(app, "", part{file, report, "x"})
		wantCode(t, status, text, 503, "too_many_uploads")
	}
	s.docks.Leave("a")
	if status, text := s.send("a", "", part{file, report, "x"}); status != http.StatusCreated {
		t.Errorf("%d %s", status, text)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := start(t)
	if status, text := s.send("a", "?wait=1", part{file, report, "never ready"}); status != 201 || object(t, text)["status"] != "queued" {
		t.Errorf("%d %s", status, text)
	}
	ended := make(chan string)
	go func() {
		_, text := s.send("a", "?wait=50", part{file, report, "one\ntwo\n"})
		ended <- text
	}()
	for len(s.json(http.MethodGet, "/documents", "", 200)["documents"].([]any)) < 2 { //nolint:errcheck,forcetypeassert // as answered
	}
	s.library.End(fairlead.DocumentReady, "")
	if got := object(t, <-ended); got["status"] != "ready" || got["pages"] != 2.0 || got["chunks"] != 1.0 {
		t.Errorf("got %v", got)
	}
}
