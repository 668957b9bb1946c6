package fields

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
)

// codeOf is the code and the parameter of an error.
func codeOf(err error) string {
	e := fairlead.AsError(err)
	if e == nil {
		return ""
	}
	return strings.TrimSuffix(e.Code+" "+e.Param, " ")
}

func TestMembers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`: "", `{"t":null,"n":null,"f":null,"l":null,"m":null,"x":null,"s":null,"o":null}`: "",
		`{"t":"ä","n":3,"f":true,"l":["a"],"m":{"k":"v"},"s":0.5,"o":[{"t":"x"}]}`: "",
		`[]`: "invalid_json", ``: "invalid_json", `{"t":"a"`: "invalid_json", `{} {}`: "invalid_json",
		`{"t":1}`: "invalid_type t", `{"t":"12345"}`: "invalid_value t", `{"u":1}`: "unknown_field u", `{"u and v":1}`: "unknown_field",
		`{"t":"a","t":"b"}`: "duplicate_key t", `{"t":"a","\u0074":"b"}`: "duplicate_key t",
		`{"n":"1"}`: "invalid_type n", `{"n":1.5}`: "invalid_type n", `{"n":0}`: "invalid_value n", `{"n":1e99}`: "invalid_type n", `{"n":10}`: "invalid_value n",
		`{"f":"true"}`: "invalid_type f", `{"l":"a"}`: "invalid_type l", `{"l":[1]}`: "invalid_type l", `{"l":["a","b","c"]}`: "invalid_value l",
		`{"m":[]}`: "invalid_type m", `{"m":{"k":null}}`: "invalid_type m", `{"m":{"k":1e999}}`: "invalid_type m", `{"m":{"k":1,"k":2}}`: "duplicate_key m",
		`{"m":{"` + strings.Repeat("ä", 65) + `":1}}`: "invalid_value m", `{"m":{"k":"` + strings.Repeat("ä", 513) + `"}}`: "invalid_value m",
		`{"m":{"` + strings.Repeat("ä", 64) + `":"` + strings.Repeat("ä", 512) + `"}}`: "",
		`{"x":1}`: "not_available x", `{"s":2}`: "invalid_value s", `{"s":"1"}`: "invalid_type s",
		`{"o":[{"t":1}]}`: "invalid_type o[0].t", `{"o":[{},{"u":1}]}`: "unknown_field o[1].u", `{"o":{}}`: "invalid_type o", `{"o":[1]}`: "invalid_type o[0]",
	} {
		r := New([]byte(body), "t", "n", "f", "l", "m", "x", "s", "o")
		r.Text("t", 4)
		r.Int("n", Bounds{Least: 1, Most: 9, Default: 5})
		r.Flag("f")
		r.Texts("l", 2)
		r.Metadata("m")
		r.Unavailable("x", "")
		r.Share("s")
		r.Objects("o", 2, func(o *Reader) { o.Text("t", 4) }, "t")
		if got := codeOf(r.Err()); got != want {
			t.Errorf("%s: got %q (%v), want %q", body, got, r.Err(), want)
		}
	}
	many := make(map[string]int)
	for n := range 17 {
		many[fmt.Sprint(n)] = n
	}
	text, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Metadata(text); codeOf(err) != "invalid_value" {
		t.Errorf("17 keys: %v", err)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	leaf := `{"type":"eq","key":"a","value":1}`
	nested := func(levels int) string {
		return strings.Repeat(`{"type":"or","filters":[`, levels-1) + leaf + strings.Repeat(`]}`, levels-1)
	}
	list := func(n int, of string) string { return strings.TrimSuffix(strings.Repeat(of+",", n), ",") }
	for filter, want := range map[string]string{
		leaf: "", `{"type":"ne","key":"a","value":false}`: "", `{"type":"gt","key":"a","value":"2024"}`: "", `{"type":"nin","key":"a","value":[]}`: "",
		nested(8): "", nested(9): "invalid_value",
		`{"type":"and","filters":[` + list(255, leaf) + `]}`: "", `{"type":"and","filters":[` + list(256, leaf) + `]}`: "invalid_value",
		`{"type":"in","key":"a","value":[` + list(10_000, "1") + `]}`: "", `{"type":"in","key":"a","value":[` + list(10_001, "1") + `]}`: "invalid_value",
		`{"type":"and","filters":[]}`: "invalid_value", `{"type":"and"}`: "missing_field", `{"type":"and","key":"a","filters":[` + leaf + `]}`: "unknown_field",
		`{"type":"eq","filters":[],"key":"a","value":1}`: "unknown_field", `{"type":"eq","value":1}`: "missing_field", `{"type":"eq","key":"a"}`: "missing_field",
		`{"type":"eq","key":"","value":1}`: "invalid_value", `{"type":"eq","key":"a","value":[1]}`: "invalid_type", `{"type":"gt","key":"a","value":true}`: "invalid_type",
		`{"type":"in","key":"a","value":1}`: "invalid_type", `{"type":"in","key":"a","value":[[]]}`: "invalid_type", `{"type":"like","key":"a","value":1}`: "invalid_value",
		`{"key":"a","value":1}`: "missing_field", `{"type":"eq","key":"a","value":null}`: "missing_field", `[]`: "invalid_type", `{"type":"eq","key":"a","value":1,"app":"other"}`: "unknown_field",
	} {
		r := New([]byte(`{"filters":`+filter+`}`), "filters")
		got := r.Filter("filters")
		code, _, _ := strings.Cut(codeOf(r.Err()), " ")
		if code != want || want == "" != (got != nil) {
			t.Errorf("%.80s: got %q (%v), want %q", filter, code, r.Err(), want)
		}
	}
}

// FuzzFilter: what is taken says the same as the JSON that it was read from.
func FuzzFilter(f *testing.F) {
	f.Add(`{"type":"and","filters":[{"type":"eq","key":"a","value":1},{"type":"in","key":"b","value":["x",2.5]}]}`)
	f.Add(`{"type":"eq","key":"\u0000","value":"\ud83d\ude00"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := New([]byte(`{"f":`+text+`}`), "f")
		filter := r.Filter("f")
		if r.Err() != nil || filter == nil {
			return
		}
		var naive any
		if err := json.Unmarshal([]byte(text), &naive); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if got := plain(filter); !reflect.DeepEqual(got, naive) && !strings.Contains(text, "null") {
			t.Errorf("%q: got %v, want %v", text, got, naive)
		}
	})
}

// plain is a filter as JSON has it.
func plain(f *fairlead.Filter) any {
	if f.Op == fairlead.FilterAnd || f.Op == fairlead.FilterOr {
		filters := []any{}
		for i := range f.Filters {
			filters = append(filters, plain(&f.Filters[i]))
		}
		return map[string]any{"type": string(f.Op), "filters": filters}
	}
	return map[string]any{"type": string(f.Op), "key": f.Key, "value": f.Value}
}

// listed is what a store of the numbers 0 to 6 returns.
func listed(after fairlead.After) (got []int) {
	const all = 7
	begun := after.ID == ""
	for n := range all {
		if after.Newest {
			n = all - 1 - n
		}
		if begun && len(got) < after.Limit {
			got = append(got, n)
		}
		begun = begun || strconv.Itoa(n) == after.ID
	}
	return got
}

// pagesFrom are the pages of that query, from an item on.
func pagesFrom(t *testing.T, query url.Values, direction, from string, next func(page []int) int) (pages [][]int) {
	t.Helper()
	for more := true; more; {
		query.Set(direction, from)
		c, err := Page(query, Bounds{Most: 9, Default: 3})
		if err != nil {
			t.Fatal(err)
		}
		var page []int
		page, more = Cut(c, listed(c.Ask()))
		pages = append(pages, page)
		from = strconv.Itoa(next(page))
	}
	return pages
}

// TestPagesAreTheList: page after page is the whole list, in both directions.
func TestPagesAreTheList(t *testing.T) {
	t.Parallel()
	for limit := 1; limit < 9; limit++ {
		for order, want := range map[string][]int{"asc": {0, 1, 2, 3, 4, 5, 6}, "desc": {6, 5, 4, 3, 2, 1, 0}} {
			query := func() url.Values { return url.Values{"limit": {strconv.Itoa(limit)}, "order": {order}} }
			forth := slices.Concat(pagesFrom(t, query(), "after", "", func(page []int) int { return page[len(page)-1] })...)
			last := strconv.Itoa(want[6])
			behind := pagesFrom(t, query(), "before", last, func(page []int) int { return page[0] })
			slices.Reverse(behind)
			if back := slices.Concat(behind...); !slices.Equal(forth, want) || !slices.Equal(back, want[:6]) {
				t.Errorf("limit %d, %s: forth %v, back %v", limit, order, forth, back)
			}
		}
	}
	if _, err := Page(url.Values{"after": {strings.Repeat("x", 129)}}, Bounds{Most: 9, Default: 3}); codeOf(err) != "invalid_value after" {
		t.Errorf("a long cursor: %v", err)
	}
}
