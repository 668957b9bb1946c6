package toolbox_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// job takes what is dropped.
type job struct{ dropped []string }

func (j *job) Drop(name string) { j.dropped = append(j.dropped, name) }

func (j *job) DropRest(prefix string, o rawjson.Object, known ...string) {
	for _, m := range o {
		if !slices.Contains(known, m.Name) {
			j.Drop(prefix + m.Name)
		}
	}
}

func boxOf(t *testing.T, tools ...string) (*toolbox.Box, *job) {
	t.Helper()
	b, j := &toolbox.Box{}, &job{}
	for _, tool := range tools {
		if err := b.Add(rawjson.Value(tool), j); err != nil {
			t.Fatal(err)
		}
	}
	b.Settle()
	return b, j
}

func namespace(name string, functions ...string) string {
	var inner []string
	for _, f := range functions {
		inner = append(inner, fmt.Sprintf(`{"type":"function","name":%q}`, f))
	}
	return fmt.Sprintf(`{"type":"namespace","name":%q,"tools":[%s]}`, name, strings.Join(inner, ","))
}

// TestNames: whatever tools are called, each has a name of its own that chat
// completions take, and a call of that name comes back to it.
func TestNames(t *testing.T) {
	long := strings.Repeat("long", 20)
	b, _ := boxOf(t,
		namespace("a", "b__c", "x"), namespace("a__b", "c"), namespace("a__", "x"), namespace("sp ace", "d.ot", "d_ot"), namespace(long, long, long+"2"),
		`{"type":"function","name":"a__x"}`, `{"type":"custom","name":"f"}`, `{"type":"function","name":"f"}`, `{"type":"function","name":"f"}`, `{"type":"custom","name":"über"}`)
	valid := regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	seen := make(map[string]bool)
	for _, tool := range b.Tools() {
		if !valid.MatchString(tool.Flat) || seen[tool.Flat] {
			t.Errorf("%s of %s is called %s", tool.Name, tool.Namespace, tool.Flat)
		}
		seen[tool.Flat] = true
		if back := b.Called(tool.Flat); back.Name != tool.Name || back.Namespace != tool.Namespace || back.Kind != tool.Kind {
			t.Errorf("%s comes back as %+v", tool.Flat, back)
		}
		if flat := b.Flat(tool.Kind, tool.Namespace, tool.Name); flat != tool.Flat {
			t.Errorf("%s is called %s in the conversation", tool.Flat, flat)
		}
	}
	if len(seen) != 12 {
		t.Errorf("got %d tools", len(seen))
	}
	for _, plain := range []string{"a__x", "f"} {
		if got := b.Called(plain); got.Namespace != "" || got.Kind != toolbox.Function {
			t.Errorf("the function %s is %+v", plain, got)
		}
	}
}

// TestUnknownNames: what a box does not know is a function, or was one.
func TestUnknownNames(t *testing.T) {
	b, _ := boxOf(t)
	if got := b.Called("any.thing"); got.Name != "any.thing" || got.Kind != toolbox.Function {
		t.Errorf("got %+v", got)
	}
	var none *toolbox.Box
	if got := none.Called("f"); got.Name != "f" {
		t.Errorf("got %+v", got)
	}
	if got := b.Flat(toolbox.Function, "", "any.thing"); got != "any.thing" {
		t.Errorf("got %s", got)
	}
	if got := b.Flat(toolbox.Function, "mcp__docs__", "find"); got != "mcp__docs__find" {
		t.Errorf("got %s", got)
	}
}

func TestHosted(t *testing.T) {
	b, j := boxOf(t, `{"type":"web_search"}`, `{"type":"s3cr3t"}`, `{"type":"namespace","name":"n","description":"d","tools":[{"type":"mcp"}],"odd":1}`)
	if want := []string{"tools[].web_search", "tools[].type", "tools[].odd", "tools[].description", "tools[].mcp"}; !slices.Equal(j.dropped, want) || len(b.Tools()) > 0 {
		t.Errorf("dropped %q, want %q", j.dropped, want)
	}
}

func TestTooMany(t *testing.T) {
	b, j := &toolbox.Box{}, &job{}
	for n := range toolbox.MaxTools {
		if err := b.Add(fmt.Appendf(nil, `{"type":"function","name":"f%d"}`, n), j); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(rawjson.Value(`{"type":"function","name":"f0"}`), j); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := b.Add(rawjson.Value(`{"type":"function","name":"one more"}`), j); err == nil {
		t.Error("one more is taken")
	}
}
