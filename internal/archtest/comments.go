package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"strings"
)

// ExportedIsDocumented finds exported identifiers of public packages without a
// comment. One comment on a group of constants or variables is enough for all.
func ExportedIsDocumented(m *Module) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		for _, e := range exported(p) {
			if !e.documented {
				found = append(found, m.at(e.node, "exported %s has no comment", e.name))
			}
		}
	}
	return found
}

// PackagesAreDocumented finds packages without exactly one package comment that
// starts in the usual way.
func PackagesAreDocumented(m *Module) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		docs := packageDocs(p)
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + path.Base(p.Path) + " "
		}
		switch {
		case len(p.Files) == 0:
		case len(docs) == 0:
			found = append(found, p.finding("has no package comment"))
		case len(docs) > 1:
			found = append(found, p.finding("has %d package comments; go doc would print them all", len(docs)))
		case !strings.HasPrefix(docs[0], want):
			found = append(found, p.finding("package comment does not start with %q", want))
		}
	}
	return found
}

func packageDocs(p *Package) []string {
	var docs []string
	for _, f := range p.Files {
		if text := f.Doc.Text(); text != "" {
			docs = append(docs, text)
		}
	}
	return docs
}

// An identifier is something that go doc shows.
type identifier struct {
	name       string
	node       ast.Node
	documented bool
}

// exported returns what a public package exports: functions, types, methods
// (of interfaces too), constants and variables. Struct fields are left to review.
func exported(p *Package) []identifier {
	if !p.Public() {
		return nil
	}
	var out []identifier
	for _, f := range p.Files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				out = append(out, exportedFunc(d)...)
			case *ast.GenDecl:
				out = append(out, exportedGroup(d)...)
			}
		}
	}
	return out
}

func exportedFunc(fn *ast.FuncDecl) []identifier {
	name := fn.Name.Name
	if fn.Recv != nil {
		recv := receiver(fn.Recv.List[0].Type)
		if !ast.IsExported(recv) {
			return nil
		}
		name = recv + "." + name
	}
	if !fn.Name.IsExported() {
		return nil
	}
	return []identifier{{name: name, node: fn.Name, documented: fn.Doc.Text() != ""}}
}

// receiver returns the name of the type in *T, T[K] and so on.
func receiver(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	default:
		if id := rootOf(e); id != nil {
			return id.Name
		}
		return ""
	}
}

func exportedGroup(d *ast.GenDecl) []identifier {
	group := d.Doc.Text() != ""
	var out []identifier
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			alone := group && d.Lparen == token.NoPos
			out = append(out, exportedType(s, alone)...)
		case *ast.ValueSpec:
			for _, id := range s.Names {
				if id.IsExported() {
					out = append(out, identifier{id.Name, id, group || commented(s.Doc, s.Comment)})
				}
			}
		}
	}
	return out
}

func exportedType(s *ast.TypeSpec, documented bool) []identifier {
	if !s.Name.IsExported() {
		return nil
	}
	out := []identifier{{s.Name.Name, s.Name, documented || commented(s.Doc, s.Comment)}}
	iface, ok := s.Type.(*ast.InterfaceType)
	if !ok {
		return out
	}
	for _, method := range iface.Methods.List {
		for _, id := range method.Names {
			if id.IsExported() {
				out = append(out, identifier{s.Name.Name + "." + id.Name, id, commented(method.Doc, method.Comment)})
			}
		}
	}
	return out
}

func commented(above, beside *ast.CommentGroup) bool {
	return above.Text() != "" || beside.Text() != ""
}
