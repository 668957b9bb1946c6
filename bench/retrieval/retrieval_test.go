package retrieval

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

func TestFigures(t *testing.T) {
	var f Figures
	f.judge([]string{"x", "a", "y", "b"}, map[string]int{"a": 2, "b": 1, "c": 1, "x": 0})
	want := (2/math.Log2(3) + 1/math.Log2(5)) / (2 + 1/math.Log2(3) + 1/math.Log2(4))
	if math.Abs(f.NDCG10-want) > 1e-9 || math.Abs(f.Recall10-2.0/3) > 1e-9 || f.Hit10 != 1 || f.MRR != .5 || f.Questions != 1 {
		t.Errorf("got %+v, want an nDCG of %v", f, want)
	}
	f.judge(nil, map[string]int{"a": 0})
	if f.Questions != 1 {
		t.Error("a question without an answer counts")
	}
}

func TestShapes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("corpus.jsonl", `{"_id":"d1","title":"One","text":"first text"}`+"\n"+`{"_id":"d2","title":"","text":"second text"}`+"\n")
	beir := Files{dir, write("queries.jsonl", `{"_id":"q1","text":"first"}`+"\n"+`{"_id":"q2","text":"not judged"}`), write("test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")}
	smart := Files{
		write("cran.all", ".I 1\n.T\none\n.A\nnobody\n.W\nfirst\ntext\n.I 2\n.W\nsecond text\n"),
		write("cran.qry", ".I 001\n.W\nfirst\n"), write("cran.rel", "1 0 1 1\n"),
	}
	for name, files := range map[string]Files{"BEIR": beir, "SMART": smart} {
		c, err := Read(files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Documents) != 2 || len(c.Questions) != 1 || !strings.EqualFold(c.Documents[0].Title, "one") || !strings.HasPrefix(c.Documents[0].Text, "first") {
			t.Errorf("%s: got %+v", name, c)
		}
		s, err := NewShelf(shelf.NoSynonyms)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, system := range []System{s, &Plain{}} {
			f, err := Measure(t.Context(), system, c)
			if err != nil || f.NDCG10 != 1 || f.Recall100 != 1 || f.MRR != 1 {
				t.Errorf("%s: got %+v %v", name, f, err)
			}
		}
		if err := c.Write(t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

func TestPage(t *testing.T) {
	question, text := parsePage(".TH LS 1\n.SH NAME\nls \\- list \\fBdirectory\\fR contents\n.SH SYNOPSIS\n.B ls\n.\\\" a remark\n.SH DESCRIPTION\nIt \\(em lists.\n")
	if question != "list directory contents" || !strings.Contains(text, "ls\n") || strings.Contains(text, "remark") || strings.Contains(text, "list directory") {
		t.Errorf("got %q, %q", question, text)
	}
	if question, _ = parsePage(".Sh NAME\n.Nm cat\n.Nd concatenate and print files\n.Sh SYNOPSIS\n"); question != "concatenate and print files" {
		t.Errorf("got %q", question)
	}
}
