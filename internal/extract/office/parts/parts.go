// Package parts is what the parts of an office document have in common, of whichever
// kind it is: how one refers to another, and what a document says of itself. A
// reference to something outside of the document is no reference.
//
// Start with Open.
package parts

import (
	"path"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/archive"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// Package is an office document as a set of parts, each XML.
type Package struct {
	archive *archive.Archive
	out     *outlet.Outlet
}

// Open opens the document in src, of which the text goes to out. Errors are those of
// archive.Open.
func Open(src *extract.Source, out *outlet.Outlet) (*Package, error) {
	a, err := archive.Open(src)
	if err != nil {
		return nil, err
	}
	return &Package{archive: a, out: out}, nil
}

// Has reports whether there is a part of that name.
func (p *Package) Has(name string) bool { return p.archive.Has(name) }

// Walk calls look for every token of a part, with the Reader, of which it may read on.
// Errors are those of reading the part and those of look.
func (p *Package) Walk(name string, look func(r *xmlstream.Reader, t xmlstream.Token) error) error {
	member, err := p.archive.Member(name)
	if err != nil {
		return err
	}
	defer member.Close()
	r := xmlstream.New(p.out.Reader(member))
	return r.Walk(func(t xmlstream.Token) error { return look(r, t) })
}

// Relation is a reference of one part to another.
type Relation struct {
	ID string
	// Kind is the last word of its type, such as "slide" or "notesSlide".
	Kind string
	Part string
}

// maxRelations is how many references of a part are looked at.
const maxRelations = 100_000

// Relations returns the references of a part, "" for those of the whole; none if it
// has none.
func (p *Package) Relations(name string) ([]Relation, error) {
	dir, base := path.Split(name)
	list := dir + "_rels/" + base + ".rels"
	if !p.Has(list) {
		return nil, nil
	}
	var relations []Relation
	err := p.Walk(list, func(_ *xmlstream.Reader, t xmlstream.Token) error {
		if t.Kind != xmlstream.Start || t.Name != "Relationship" || t.Attr("TargetMode") == "External" {
			return nil
		}
		if len(relations) >= maxRelations {
			return &extract.LimitError{Limit: "relations", Most: maxRelations}
		}
		relations = append(relations, Relation{ID: t.Attr("Id"), Kind: path.Base(t.Attr("Type")), Part: resolve(dir, t.Attr("Target"))})
		return nil
	})
	return relations, err
}

// resolve is the name of the part that a part in dir refers to as target.
func resolve(dir, target string) string {
	if !strings.HasPrefix(target, "/") {
		target = dir + target
	}
	return strings.TrimPrefix(path.Clean("/"+target), "/")
}

// Main returns the name of the part with which a document of Office Open XML begins,
// and fallback if it does not say.
func (p *Package) Main(fallback string) (string, error) {
	relations, err := p.Relations("")
	for _, r := range relations {
		if r.Kind == "officeDocument" && p.Has(r.Part) {
			return r.Part, err
		}
	}
	return fallback, err
}

// About returns what a document of Office Open XML says of itself.
func (p *Package) About() (fairlead.About, error) {
	relations, err := p.Relations("")
	if err != nil {
		return fairlead.About{}, err
	}
	name := "docProps/core.xml"
	for _, r := range relations {
		if r.Kind == "core-properties" {
			name = r.Part
		}
	}
	return p.AboutIn(name)
}

// AboutIn returns what a part with elements of Dublin Core says of the document;
// nothing if there is no such part.
func (p *Package) AboutIn(name string) (fairlead.About, error) {
	var about fairlead.About
	if !p.Has(name) {
		return about, nil
	}
	err := p.Walk(name, func(r *xmlstream.Reader, t xmlstream.Token) error {
		if t.Kind != xmlstream.Start || t.Name != "title" || about.Title != "" {
			return nil
		}
		text, err := r.Text()
		about.Title = Title(text)
		return err
	})
	return about, err
}

// Title is text as a title: in one line, and not too long.
func Title(text string) string {
	const longest = 300 // characters
	title := []rune(strings.Join(strings.Fields(text), " "))
	return string(title[:min(len(title), longest)])
}
