package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tree is the source of a module: every package, whatever its build tags.
type tree struct {
	module   string
	packages []sourcePackage // by folder
}

// sourcePackage is the files of one folder, those of tests included.
type sourcePackage struct {
	dir   string // "." for the root
	files []sourceFile
}

// sourceFile is what the rules need to know of a file.
type sourceFile struct {
	path    string
	test    bool
	name    string // of the package
	comment string // the package comment
	lines   int
	imports []string
	inits   []int // lines at which init functions begin
}

// readTree reads the module at the root of fsys. Modules inside it, hidden
// folders and testdata are not part of it.
func readTree(fsys fs.FS) (tree, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return tree{}, fmt.Errorf("reading the module's name: %w", err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	module, ok := strings.CutPrefix(first, "module ")
	if !ok {
		return tree{}, fmt.Errorf("reading the module's name: go.mod begins with %q", first)
	}
	files := make(map[string][]sourceFile)
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if outside(fsys, name) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go":
			return nil
		}
		file, err := readFile(fsys, name)
		files[path.Dir(name)] = append(files[path.Dir(name)], file)
		return err
	})
	if err != nil {
		return tree{}, fmt.Errorf("reading the source: %w", err)
	}
	t := tree{module: strings.TrimSpace(module)}
	for dir, list := range files {
		t.packages = append(t.packages, sourcePackage{dir: dir, files: list})
	}
	slices.SortFunc(t.packages, func(a, b sourcePackage) int { return strings.Compare(a.dir, b.dir) })
	return t, nil
}

// outside reports whether the folder is no part of the module.
func outside(fsys fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func readFile(fsys fs.FS, name string) (sourceFile, error) {
	source, err := fs.ReadFile(fsys, name)
	if err != nil {
		return sourceFile{}, err
	}
	positions := token.NewFileSet()
	syntax, err := parser.ParseFile(positions, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	file := sourceFile{
		path:    name,
		test:    strings.HasSuffix(name, "_test.go"),
		name:    syntax.Name.Name,
		comment: strings.TrimSpace(syntax.Doc.Text()),
		lines:   bytes.Count(source, []byte("\n")),
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return sourceFile{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		file.imports = append(file.imports, imported)
	}
	for _, decl := range syntax.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			file.inits = append(file.inits, positions.Position(f.Pos()).Line)
		}
	}
	return file, nil
}
