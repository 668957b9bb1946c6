package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// codesOf finds the codes of errors in the program's source, each with a file
// that uses it. A code is a text
//   - that is the value of a field or a variable called Code,
//   - that is the value of a constant whose name begins with code,
//   - or that is passed to a function as its parameter code.
//
// Tests, and the packages of which no error reaches a caller, are left out.
func codesOf(fsys fs.FS) (map[string]string, error) {
	c := codeSearch{takers: make(map[string]int), found: make(map[string]string)}
	var files []*ast.File
	var names []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if outside(fsys, name) || speaksForOthers(name) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		files, names = append(files, file), append(names, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, pass := range []func(ast.Node) bool{c.noteTaker, c.look} {
		for i, file := range files {
			c.file = names[i]
			ast.Inspect(file, pass)
		}
	}
	return c.found, nil
}

// speaksForOthers reports whether the errors made in a folder are not the
// service's.
func speaksForOthers(dir string) bool {
	return slices.Contains([]string{
		"client", "examples", "internal/mock", "internal/provider/providertest", "internal/storage/storagetest", "internal/quota/quotatest",
		"internal/api/library/librarytest",
	}, dir)
}

// codeSearch is a search in progress.
type codeSearch struct {
	// takers are the functions with a parameter code, by folder and name, and
	// which parameter it is.
	takers map[string]int
	found  map[string]string
	file   string
}

func (c *codeSearch) noteTaker(n ast.Node) bool {
	f, ok := n.(*ast.FuncDecl)
	if !ok {
		return true
	}
	at := 0
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			if name.Name == "code" {
				c.takers[path.Dir(c.file)+"."+f.Name.Name] = at
			}
			at++
		}
	}
	return true
}

func (c *codeSearch) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if nameOf(n.Key) == "Code" {
			c.add(n.Value)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if nameOf(left) == "Code" && len(n.Rhs) == len(n.Lhs) {
				c.add(n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if regexp.MustCompile(`^[cC]ode[A-Z]`).MatchString(name.Name) && i < len(n.Values) {
				c.add(n.Values[i])
			}
		}
	case *ast.CallExpr:
		if at, ok := c.takers[c.folderOf(n.Fun)+"."+nameOf(n.Fun)]; ok && at < len(n.Args) {
			c.add(n.Args[at])
		}
	}
	return true
}

// folderOf is the folder of a function that is called: the root's, or else the
// caller's own.
func (c *codeSearch) folderOf(function ast.Expr) string {
	if called, ok := function.(*ast.SelectorExpr); ok && nameOf(called.X) == "fairlead" {
		return "."
	}
	return path.Dir(c.file)
}

// nameOf is the name of an identifier, or the last one of a selector.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func (c *codeSearch) add(e ast.Expr) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	if code, err := strconv.Unquote(literal.Value); err == nil && code != "" {
		c.found[code] = c.file
	}
}

func TestCodesAreFound(t *testing.T) {
	found, err := codesOf(fstest.MapFS{
		"go.mod": {Data: []byte("module example.com/house\n")},
		"a/a.go": {Data: []byte(`package a

const codeOne = "one"

type failure struct{ Code, other string }

func fail(kind int, code, text string) failure { return failure{Code: code} }

func f() {
	e := failure{Code: "two", other: "not"}
	e.Code, e.other = "three", "not"
	fail(1, "four", "not")
}
`)},
		// of the same name as the one that takes a code
		"b/b.go":             {Data: []byte("package b\n\nfunc fail(kind int, text string) {}\n\nfunc f() { fail(1, \"not\") }\n")},
		"a/a_test.go":        {Data: []byte("package a\n\nconst codeTest = \"not\"\n")},
		"internal/mock/m.go": {Data: []byte("package mock\n\nconst codeMock = \"not\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"one", "two", "three", "four"}
	for _, code := range want {
		if found[code] != "a/a.go" {
			t.Errorf("code %s: found in %q, want a/a.go", code, found[code])
		}
	}
	if len(found) != len(want) {
		t.Errorf("found %v, want %v", found, want)
	}
}
