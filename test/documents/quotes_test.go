package documents_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// place is any object of an answer that gives words of a document.
type place struct {
	document, words, page string
	start, end            int64
}

// places are all that an answer gives, however deep.
func places(v any, found []place) []place {
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			found = places(inner, found)
		}
	case map[string]any:
		for _, inner := range v {
			found = places(inner, found)
		}
		words, ok := v["quote"].(string)
		if !ok {
			words, ok = v["text"].(string)
		}
		document, named := v["document_id"].(string)
		start, from := v["start"].(float64)
		end, to := v["end"].(float64)
		if ok && named && from && to {
			found = append(found, place{document, words, fmt.Sprint(v["page"]), int64(start), int64(end)})
		}
	}
	return found
}

// library is documents, and what their texts and pages are.
type library struct {
	*service

	texts map[string]string
	spans map[string][2]int64 // of pages, by document and number
}

// check asks, and looks up every place that the answer gives. It returns how many.
func (l *library) check(t *testing.T, path, body string) int {
	t.Helper()
	var v any
	l.want(t, keyA, "POST "+path, body, &v)
	found := places(v, nil)
	for _, p := range found {
		if _, known := l.texts[p.document]; !known {
			l.texts[p.document] = l.content(t, keyA, p.document)
		}
		text := l.texts[p.document]
		if p.start < 0 || p.start >= p.end || p.end > int64(len(text)) || text[p.start:p.end] != p.words {
			t.Errorf("%s %s: %+v is not in the text", path, body, p)
			continue
		}
		span := l.span(t, p)
		// A passage may run on to the next page; a quote does not.
		if p.start < span[0] || p.start >= span[1] || path != "/documents/search" && path != "/chat/completion" && p.end > span[1] {
			t.Errorf("%s %s: %+v is not on its page, which is %v", path, body, p, span)
		}
	}
	return len(found)
}

// span is where the page of a place stands in the text.
func (l *library) span(t *testing.T, p place) [2]int64 {
	t.Helper()
	path := "/documents/" + p.document + "/pages/" + p.page
	if span, known := l.spans[path]; known {
		return span
	}
	var page struct {
		Start, End int64
		Text       string
	}
	l.want(t, keyA, "GET "+path, "", &page)
	if text := l.texts[p.document]; text[page.Start:page.End] != page.Text {
		t.Errorf("%s is not a part of the text", path)
	}
	l.spans[path] = [2]int64{page.Start, page.End}
	return l.spans[path]
}

// realDocuments are those of this module, and PDFs of the system if there are any.
func realDocuments(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"report.pdf": pdftest.Report(12), "prose.md": prose("ocelot", 30_000)}
	for _, pattern := range []string{"../../docs/*.md", "../../LICENSE", "../../ARCHITECTURE.md", "/usr/share/doc/*/*.pdf", "/usr/share/doc/*/*.pdf.gz"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if !proof() {
			names = names[:min(len(names), 5)]
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".gz") {
				data = unpacked(t, name)
			}
			all[filepath.Base(name)] = data
		}
	}
	return all
}

func unpacked(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestQuotes: whatever words an answer gives, they are the text's bytes where it says, and
// on the page that it says.
func TestQuotes(t *testing.T) {
	t.Parallel()
	l := &library{newService(t, ""), make(map[string]string), make(map[string][2]int64)}
	count, analyses := 0, 0
	var ids []string
	for name, data := range realDocuments(t) {
		d := l.ready(t, keyA, name, data)
		ids = append(ids, d.ID)
		for _, kind := range []string{`"summary"`, `"investment"`, `"risk"`, `"financial"`, `"custom", "question": "What is promised, and what does it cost?"`} {
			count += l.check(t, "/documents/analyze", fmt.Sprintf(`{"document_id": %q, "analysis_type": %s}`, d.ID, kind))
			analyses++
		}
	}
	found := 0
	for _, query := range []string{
		"risk", "What are the risk factors?", "limits of an app", "license and warranty", "sales in region 7", "how long may a call take",
		"0", "a the of", "Widerruf", "報告", "revenue 2023 $1,577", "queue", "|", "\\\"",
	} {
		found += l.check(t, "/documents/search", fmt.Sprintf(`{"query": "%s", "limit": 50}`, query))
		for i := 0; i < len(ids); i += 10 {
			some, err := json.Marshal(ids[i:min(i+10, len(ids))])
			if err != nil {
				t.Fatal(err)
			}
			ask := fmt.Sprintf(`{"document_ids": %s, "messages": [{"role": "user", "content": "%s"}]}`, some, query)
			found += l.check(t, "/chat/completion", ask)
			if i == 0 {
				count += l.check(t, "/investment/insights", fmt.Sprintf(`{"document_ids": %s, "focus": "%s"}`, some, query))
			}
		}
	}
	t.Logf("%d documents: %d quotes of %d analyses and of insights, %d passages and citations", len(ids), count, analyses, found)
	if count < 5*len(ids) || found < 100 {
		t.Error("that is too little to have shown anything")
	}
}
