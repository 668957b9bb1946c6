package archtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The tests below hold the checks themselves to made-up trees, so that each is
// seen to fail.

const sampleRules = `
# a comment
.                 -
internal/ring     -
internal/core     internal/ring
internal/reader   - internal/ring | example.org/yaml
internal/store    | example.org/db/v2 example.org/other   # a remark
internal/empty
`

// comment is long enough for a package comment.
const comment = "// Package x is here to be looked at by a test. It has no other purpose, and says so at length.\n"

// sample makes a tree of the files, given as path and source without its
// package comment, and of a root package.
func sample(t *testing.T, files map[string]string) tree {
	t.Helper()
	fsys := fstest.MapFS{
		"go.mod":  {Data: []byte("module example.com/house\n\ngo 1.26\n")},
		"root.go": {Data: []byte(comment + "package house\n")},
	}
	for name, source := range files {
		if strings.HasSuffix(name, ".go") {
			source = comment + source
		}
		fsys[name] = &fstest.MapFile{Data: []byte(source)}
	}
	house, err := readTree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return house
}

// expect compares problems with the beginnings of those wanted, in order.
func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %q, want it to begin with %q", got[i], want[i])
		}
	}
}

func TestLatticeIsRead(t *testing.T) {
	rules, problems := parseLattice(sampleRules)
	expect(t, problems)
	want := []string{".", "internal/core", "internal/empty", "internal/reader", "internal/ring", "internal/store"}
	if got := slices.Sorted(maps.Keys(rules)); !slices.Equal(got, want) {
		t.Errorf("got packages %q, want %q", got, want)
	}
	if !rules["internal/ring"].mechanism || !rules["internal/reader"].mechanism || rules["internal/empty"].mechanism {
		t.Error("got a wrong package for a mechanism")
	}
	if got, want := rules["internal/store"].foreign, []string{"example.org/db/v2", "example.org/other"}; !slices.Equal(got, want) {
		t.Errorf("got modules %q, want %q", got, want)
	}
}

func TestLatticeThatContradictsItself(t *testing.T) {
	for text, want := range map[string]string{
		"a\na":              "imports.txt:2: a is listed twice",
		"a - b\nb":          `imports.txt: a is marked "-" and may import b, which is not`,
		"a b":               "imports.txt: a may import b, which has no line",
		"a b -\nb":          "imports.txt: a may import -, which has no line",
		"\n| example.org/m": "imports.txt:2: modules without a package",
	} {
		_, problems := parseLattice(text)
		expect(t, problems, want)
	}
}

func TestImports(t *testing.T) {
	rules, _ := parseLattice(sampleRules)
	for name, test := range map[string]struct {
		file, source string
		want         []string
	}{
		"the standard library":   {"internal/ring/a.go", `package x; import "net/http"`, nil},
		"the root":               {"internal/core/a.go", `package x; import "example.com/house"`, nil},
		"a listed package":       {"internal/core/a.go", `package x; import "example.com/house/internal/ring"`, nil},
		"a listed module":        {"internal/store/a.go", `package x; import ("example.org/db/v2"; "example.org/other/part")`, nil},
		"anything in a test":     {"internal/ring/a_test.go", `package x_test; import ("example.com/house"; "example.com/house/internal/core"; "pgregory.net/rapid")`, nil},
		"what a mechanism lists": {"internal/reader/a.go", `package x; import ("example.com/house/internal/ring"; "example.org/yaml/v4")`, nil},
		"the root in a mechanism that lists others": {
			"internal/reader/a.go", `package x; import "example.com/house"`, []string{"internal/reader/a.go imports example.com/house: a package marked"},
		},
		"a package that is not listed": {
			"internal/new/a.go", `package x`, []string{"internal/new is not in"},
		},
		"the root in a mechanism": {
			"internal/ring/a.go", `package x; import "example.com/house"`, []string{"internal/ring/a.go imports example.com/house: a package marked"},
		},
		"a package of the module": {
			"internal/core/a.go", `package x; import "example.com/house/internal/store"`,
			[]string{"internal/core/a.go imports example.com/house/internal/store: it may not know"},
		},
		"a package below a listed one": {
			"internal/core/a.go", `package x; import "example.com/house/internal/ring/deep"`,
			[]string{"internal/core/a.go imports example.com/house/internal/ring/deep: it may not know"},
		},
		"another module": {
			"internal/core/a.go", `package x; import "example.org/db/v2"`, []string{"internal/core/a.go imports example.org/db/v2: third-party"},
		},
		"a module whose name begins alike": {
			"internal/store/a.go", `package x; import "example.org/db/v22"`, []string{"internal/store/a.go imports example.org/db/v22: third-party"},
		},
		"a test's library outside a test": {
			"internal/core/a.go", `package x; import "pgregory.net/rapid"`, []string{"internal/core/a.go imports pgregory.net/rapid: third-party"},
		},
		"another module in a test": {
			"internal/core/a_test.go", `package x; import "example.org/assert"`, []string{"internal/core/a_test.go imports example.org/assert: third-party"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, checkImports(rules, sample(t, map[string]string{test.file: test.source})), test.want...)
		})
	}
}

func TestUnused(t *testing.T) {
	rules, _ := parseLattice(sampleRules)
	// internal/reader does not exist: what it may import is no fault yet.
	expect(t, checkUnused(rules, sample(t, map[string]string{
		"internal/core/a.go":       `package x; import "example.com/house/internal/ring"`,
		"internal/store/a.go":      `package x; import "example.org/db/v2/part"`,
		"internal/store/a_test.go": `package x; import "example.org/other"`,
	})))
	expect(t, checkUnused(rules, sample(t, map[string]string{
		"internal/core/a.go":      `package x; import "example.com/house/internal/ring/deep"`,
		"internal/core/a_test.go": `package x; import "example.com/house/internal/ring"`,
		"internal/store/a.go":     `package x; import "example.org/db/v22"`,
		"internal/reader/a.go":    `package x; import "example.com/house/internal/ring"`,
	})),
		"imports.txt: internal/core may import internal/ring and does not",
		"imports.txt: internal/reader may use the module example.org/yaml and does not",
		"imports.txt: internal/store may use the module example.org/db/v2 and does not",
		"imports.txt: internal/store may use the module example.org/other and does not")
}

func TestOtherModulesAreNotPartOfTheTree(t *testing.T) {
	house := sample(t, map[string]string{
		"tools/go.mod":             "module example.com/house/tools",
		"tools/a.go":               "package tools",
		"tools/deep/a.go":          "package deep",
		"internal/core/testdata/a": "not Go",
		"internal/testdata/a.go":   "package a",
		".hidden/a.go":             "package a",
		"_old/a.go":                "package a",
		"internal/core/a.go":       "package core",
	})
	var dirs []string
	for _, p := range house.packages {
		dirs = append(dirs, p.dir)
	}
	if want := []string{".", "internal/core"}; !slices.Equal(dirs, want) {
		t.Errorf("got packages in %q, want %q", dirs, want)
	}
}

func TestTreeThatCannotBeRead(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"no go.mod": {"a.go": {Data: []byte("package a")}},
		"no module": {"go.mod": {Data: []byte("go 1.26\n")}},
		"broken source": {
			"go.mod": {Data: []byte("module a\n")},
			"a.go":   {Data: []byte("package")},
		},
	} {
		if _, err := readTree(fsys); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestSize(t *testing.T) {
	lines := func(n int) string { return "package x\n" + strings.Repeat("\n", n-2) } // one more is the comment
	expect(t, checkSize(sample(t, map[string]string{
		"a/fits.go":       lines(maxLines),
		"a/fits_test.go":  lines(maxTestLines),
		"b/large.go":      lines(maxLines + 1),
		"b/large_test.go": lines(maxTestLines + 1),
	})), "b/large.go has 501 lines", "b/large_test.go has 801 lines")
}

func TestPackageSize(t *testing.T) {
	file := func(lines int) sourceFile { return sourceFile{lines: lines} }
	tests := sourceFile{lines: 10 * maxPackageLines, test: true}
	allowed := map[string]exception{"excused": {lines: 2000}, "grown": {lines: 2000}, "gone": {lines: 2000}, "shrunk": {lines: 2000}}
	expect(t, checkPackageSize(tree{packages: []sourcePackage{
		{dir: "fits", files: []sourceFile{file(maxPackageLines - 1), file(1), tests}},
		{dir: "large", files: []sourceFile{file(maxPackageLines), file(1)}},
		{dir: "excused", files: []sourceFile{file(2000)}},
		{dir: "grown", files: []sourceFile{file(2000), file(1)}},
		{dir: "shrunk", files: []sourceFile{file(maxPackageLines)}},
	}}, allowed),
		"large has 1501 lines without its tests, more than 1500", "grown has 2001 lines without its tests, more than 2000",
		"gone needs no exception", "shrunk needs no exception")
}

func TestComments(t *testing.T) {
	bare := func(source string) sourceFile { return sourceFile{name: "x", comment: source} }
	long := strings.Repeat("é", minComment)
	expect(t, checkComments(tree{packages: []sourcePackage{
		{dir: "good", files: []sourceFile{bare(""), bare(long)}},
		{dir: "tests", files: []sourceFile{{name: "x", test: true}}},
		{dir: "none", files: []sourceFile{bare(""), {name: "x", test: true, comment: long}}},
		{dir: "short", files: []sourceFile{bare(long[2:])}},
	}}), "none has a package comment of 0 characters", "short has a package comment of 79 characters")
	house := sample(t, map[string]string{"a/a.go": "package x"})
	expect(t, checkComments(house)) // read from the source
}

func TestInit(t *testing.T) {
	expect(t, checkInit(sample(t, map[string]string{
		"a/a.go":      "package x\n\ntype s struct{}\n\nfunc (s) init() {}\n\nfunc start() {}\n",
		"b/b.go":      "package x\n\nfunc init() {}\n",
		"b/b_test.go": "package x\n\nfunc init() {}\n",
	})), "b/b.go:4 has an init", "b/b_test.go:4 has an init")
}

func TestNames(t *testing.T) {
	expect(t, checkNames(sample(t, map[string]string{
		"internal/helpers/a.go":    "package fine",
		"internal/fine/a.go":       "package util",
		"internal/modeling/a.go":   "package modeling",
		"internal/types/a_test.go": "package types_test",
	})), "internal/fine is package util", "internal/helpers is package fine", "internal/types is package types")
}

func TestRoot(t *testing.T) {
	expect(t, checkRoot(sample(t, map[string]string{
		"a.go":      `package house; import ("context"; "net/url"; "net/netip"; "io/fs")`,
		"a_test.go": `package house; import "os"`,
		"in/b.go":   `package in; import "os"`,
		"c.go":      `package house; import ("net"; "net/http"; "net/http/httptrace"; "os"; "os/exec"; "syscall"; "database/sql")`,
	})), "c.go imports net:", "c.go imports net/http:", "c.go imports net/http/httptrace:", "c.go imports os:",
		"c.go imports os/exec:", "c.go imports syscall:", "c.go imports database/sql:")
}
