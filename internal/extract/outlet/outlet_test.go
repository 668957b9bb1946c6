package outlet_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// let lets tables out, each a list of rows, and returns the blocks that come of them.
func let(t *testing.T, tables ...[][]string) (blocks []extract.Block) {
	t.Helper()
	out := outlet.New(t.Context(), extracttest.Source("x", make([]byte, 1<<20)), func(b extract.Block) error {
		blocks = append(blocks, b)
		return nil
	})
	for _, rows := range tables {
		for _, row := range rows {
			if err := out.Row(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.EndTable(); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return blocks
}

// cell is the text in a column.
type cell struct {
	column int
	text   string
}

// rowOf is a row of these cells, in order, and blank ones before and between.
func rowOf(cells ...cell) (row []string) {
	for _, c := range cells {
		row = append(append(row, make([]string, c.column-len(row))...), c.text)
	}
	return row
}

// TestEmptyColumns: those that are empty in all rows are left out where there are many
// side by side, and every cell stays below its head.
func TestEmptyColumns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		tables [][][]string
		want   string
	}{
		{"a few", [][][]string{{rowOf(cell{2, "a"}, cell{35, "b"}), rowOf(cell{0, "1"}, cell{35, "2"})}}, " |  | a" + strings.Repeat(" | ", 33) + "b\n1" + strings.Repeat(" | ", 35) + "2\n"},
		{"many between", [][][]string{{rowOf(cell{0, "a"}, cell{34, "b"}), rowOf(cell{34, "1"}), rowOf(cell{0, "2"}, cell{34, "3"})}}, "a |  | b\n |  | 1\n2 |  | 3\n"},
		{"many in front", [][][]string{{rowOf(cell{16383, "a"}), rowOf(cell{16383, "1"})}}, " | a\n | 1\n"},
		{"two gaps", [][][]string{{rowOf(cell{100, "a"}, cell{200, "b"}, cell{201, "c"}), rowOf(cell{200, "1"})}}, " | a |  | b | c\n |  |  | 1\n"},
		{"heads alone", [][][]string{{rowOf(cell{0, "a"}, cell{1, "b"}, cell{50, "c"}), {"1"}, {"2", "3"}}}, "a | b |  | c\n1\n2 | 3\n"},
		{"filled later", [][][]string{{rowOf(cell{0, "a"}, cell{100, "b"}), rowOf(cell{0, "1"}, cell{50, "2"}, cell{100, "3"})}}, "a |  | b\n1 |  | 2 |  | 3\n"},
		{"another table", [][][]string{{rowOf(cell{0, "a"}, cell{100, "b"})}, {rowOf(cell{0, "a"}, cell{10, "b"})}}, "a |  | b\na" + strings.Repeat(" | ", 10) + "b\n"},
	} {
		var kept [][]string
		for _, rows := range tt.tables {
			for _, row := range rows {
				kept = append(kept, slices.Clone(row))
			}
		}
		if got := extracttest.Show(let(t, tt.tables...)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
		for i, row := range slices.Concat(tt.tables...) {
			if !slices.Equal(row, kept[i]) {
				t.Errorf("%s: row %d was changed", tt.name, i)
			}
		}
	}
}

// TestEmptyColumnsOfAnyTable: of random tables whose first row fills all columns that the
// others fill, no text is lost, cells stay below their heads, and a table that has no long
// gap is as it was.
func TestEmptyColumnsOfAnyTable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		var columns []int
		widest := 0 // gap
		for at := 0; len(columns) < 1+random.IntN(20); {
			gap := random.IntN(5) * random.IntN(20)
			at, widest = at+gap, max(widest, gap)
			columns = append(columns, at)
			at++
		}
		var rows [][]string
		for n := range 1 + random.IntN(10) {
			var cells []cell
			for _, column := range columns {
				if n == 0 || random.IntN(3) == 0 {
					cells = append(cells, cell{column, strconv.Itoa(column)})
				}
			}
			if len(cells) > 0 {
				rows = append(rows, rowOf(cells...))
			}
		}
		got := slices.Concat(rowsOf(let(t, rows))...)
		if want := slices.Concat(rows...); widest <= 32 && !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %q, want %q", seed, got, want)
		}
		checkBelow(t, rowsOf(let(t, rows)), rows)
	}
}

func rowsOf(blocks []extract.Block) (rows [][]string) {
	for _, b := range blocks {
		rows = append(rows, b.Rows...)
	}
	return rows
}

// checkBelow checks that the rows have the texts of want, each below the same one in the
// first row, and no long run of blanks in that.
func checkBelow(t *testing.T, rows, want [][]string) {
	t.Helper()
	if len(rows) != len(want) {
		t.Fatalf("got %d rows, want %d", len(rows), len(want))
	}
	run := 0
	for _, text := range rows[0] {
		if run++; text != "" {
			run = 0
		}
		if run > 32 {
			t.Fatalf("got %q, with a long gap", rows[0])
		}
	}
	for i, row := range rows {
		for column, text := range row {
			if text != "" && text != rows[0][column] {
				t.Fatalf("got %q below %q", row, rows[0])
			}
		}
		if strings.Join(row, "") != strings.Join(want[i], "") {
			t.Fatalf("got %q, want the texts of %q", row, want[i])
		}
	}
}

// TestPartsOfOneTable: what is left out stays so in all parts of a table.
func TestPartsOfOneTable(t *testing.T) {
	t.Parallel()
	rows := [][]string{rowOf(cell{0, "a"}, cell{100, "b"}, cell{200, "c"})}
	for range 2500 {
		rows = append(rows, rowOf(cell{100, "1"}))
	}
	blocks := let(t, rows)
	if len(blocks) < 3 {
		t.Fatalf("got %d parts", len(blocks))
	}
	checkBelow(t, rowsOf(blocks)[1:], slices.Repeat([][]string{{"1"}}, 2500))
	for _, row := range rowsOf(blocks)[1:] {
		if len(row) != 3 {
			t.Fatalf("got %q", row)
		}
	}
}
