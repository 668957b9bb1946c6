package flow_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/flow"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// script is a reader of a small language: each letter tells a Flow of a beginning or an
// end, digits are text.
type script struct{}

// Extract implements extract.Extractor.
func (script) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	text, err := io.ReadAll(io.NewSectionReader(src, 0, src.Size))
	if err != nil {
		return fairlead.About{}, err
	}
	out := outlet.New(ctx, src, emit)
	f := flow.New(out)
	if err := out.NextPage(); err != nil {
		return fairlead.About{}, err
	}
	for _, b := range text {
		if err := step(f, b&0x7F); err != nil {
			return fairlead.About{}, err
		}
	}
	if err := f.Close(); err != nil {
		return fairlead.About{}, err
	}
	return fairlead.About{}, out.Close()
}

func step(f *flow.Flow, b byte) error {
	switch b {
	case 'p':
		return f.Paragraph()
	case 'P':
		return f.EndParagraph()
	case 'h':
		f.Heading(2)
	case 'i':
		f.Item(1)
	case 't':
		return f.Table()
	case 'T':
		return f.EndTable()
	case 'r':
		return f.Row()
	case 'R':
		return f.EndRow()
	case 'H':
		f.HeadsPages()
	case 'c':
		return f.Cell(flow.Span{})
	case 's':
		return f.Cell(flow.Span{Columns: 2, Rows: 2})
	case 'w':
		return f.Cell(flow.Span{Columns: 500})
	case 'C':
		return f.EndCell()
	case 'b':
		f.Box()
	case 'a':
		f.Aside()
	case 'B':
		return f.EndBox()
	case 'n':
		return f.Page()
	case 'N':
		return f.PageShown()
	default:
		return f.Collapsed([]byte{b})
	}
	return nil
}

func TestFlow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ script, want string }{
		{"p1P2p3", "1\n2\n3\n"},
		{"ph1pi2", "## 1\n- 2\n"},
		{"trc1C2c3rc4c5T6", "2\n1 | 3\n4 | 5\n6\n"},
		{"p1bp2P3B4P5", "14\n2\n3\n5\n"},
		{"p1ap9PB2Pp3", "12\n3\n9\n"},
		{"btrc1c2Tp3B", "1 | 2\n3\n"},
		{"trc1trc2c3TT4", "1\n2 | 3\n4\n"},
		{"tcph1Pp2P3c4T", "## 1\n2\n3\n4\n"},
		{"trHc1c2rc3c4nrc5c6T", "! 1 | 2\n3 | 4\n== 2\n! 1 | 2\n5 | 6\n"},
		{"p1n2", "1\n== 2\n2\n"},
		{"NNp1NN2", "1\n== 2\n2\n"},
		{"trs1c2rc3c4T", "1 |  | 2\n |  | 3 | 4\n"},
		{"trw1c2rw3c4rc5c6T", "1 |  | 2\n3 |  | 4\n5 | 6\n"},
		{"TRCBP1", "1\n"},
	} {
		want := "== 1\n" + tt.want
		if got := extracttest.Shown(t, script{}, tt.script, []byte(tt.script)); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.script, got, want)
		}
	}
}

// FuzzFlow: whatever begins and ends, each character comes out once, but for rows that
// head pages.
func FuzzFlow(f *testing.F) {
	for _, seed := range []string{"p1bp2P3B4", "trc1trc2c3TT4", "btcatc1BBT", "tcph1Pp2Ptrs3c4TnN5"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		extracttest.Hold(t, script{}, "x", text)
		src := extracttest.Source("x", text)
		blocks, _, err := extracttest.Read(t.Context(), script{}, src)
		if err != nil || strings.ContainsAny(string(text), "H") || bytes.IndexByte(text, 'H'|0x80) >= 0 {
			return
		}
		got := 0
		for _, b := range blocks {
			got += strings.Count(b.Text, "7")
			for _, row := range b.Rows {
				got += strings.Count(strings.Join(row, ""), "7")
			}
		}
		if want := strings.Count(string(text), "7") + strings.Count(string(text), "\xB7"); got != want {
			t.Errorf("%q: %d of %d characters came out: %s", text, got, want, extracttest.Show(blocks))
		}
	})
}
