//go:build linux

package front

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// lists are headers of answers: each name before its value.
func lists() [][]string {
	return [][]string{
		{"X-B", "1", "Content-Type", "text/plain", "X-A", "2"},
		{"X-B", "3", "Content-Type", "text/html", "X-A", "4"}, // the same names
		{"X-A", "5", "X-B", "6", "Content-Type", "text/plain"},
		{"X-A", "5", "X-B", "6", "X-A", "7"}, // twice
		{},
		{"Content-Length", "4", "X-Z", " a\r\nb ", "not a name", "1", "Date", "today"},
		{"Content-Length", "4", "X-Z", "", "not a name", "2", "Date", "tomorrow"},
		{"X-A", "5", "Connection", "close"},
	}
}

// headWriter takes headers that are no map.
type headWriter interface {
	WriteHead(status int, names, values []string)
}

// writeList writes a head with the headers of a list, if w takes one, or else of the
// map that they make.
func writeList(w http.ResponseWriter, status int, list []string) {
	var names, values []string
	for pair := range slices.Chunk(list, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	if head, ok := w.(headWriter); ok {
		head.WriteHead(status, names, values)
		clear(names) // it keeps neither slice
		clear(values)
		return
	}
	for i, name := range names {
		w.Header()[name] = []string{values[i]}
	}
	w.WriteHeader(status)
}

// TestWriteHeadIsLikeAMap: answers one after the other on a connection, whose headers
// are handed over as a list, are those that net/http makes of the same in a map.
func TestWriteHeadIsLikeAMap(t *testing.T) {
	var input []byte
	for i := range lists() {
		input = fmt.Appendf(input, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i)
	}
	for _, status := range []int{http.StatusOK, http.StatusNoContent, http.StatusNotModified, http.StatusTeapot} {
		for _, before := range []string{"", "X-A", "X-C"} {
			b := newBoth(t, func(w http.ResponseWriter, r *http.Request) {
				if before != "" {
					w.Header()[before] = []string{"of the map", "and more"}
				}
				writeList(w, status, lists()[r.URL.Path[1]-'0'])
				_, _ = w.Write([]byte("body"))
			})
			b.same(t, input, nil)
			if b.served.Load() == 0 {
				t.Error("the lane has served nothing")
			}
		}
	}
}
