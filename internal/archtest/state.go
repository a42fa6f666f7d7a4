package archtest

import (
	"go/ast"
	"go/token"
	"strings"
)

// NoInit finds init functions, in tests too.
func NoInit(m *Module) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		for _, fn := range inits(p) {
			found = append(found, m.at(fn, "init runs before anyone chose it; let main pass what is needed"))
		}
	}
	return found
}

func inits(p *Package) []*ast.FuncDecl {
	var out []*ast.FuncDecl
	for _, f := range append(p.Files[:len(p.Files):len(p.Files)], p.Tests...) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, fn)
			}
		}
	}
	return out
}

// VariablesAreConstant finds package variables that are state. A package
// variable is allowed where it is a constant for which Go has no syntax: it has
// its value from its declaration, that value is not made to be changed (make,
// new, sync, sync/atomic), and no code of the package assigns to it or to a part
// of it. Writing another package's variable is found as well.
func VariablesAreConstant(m *Module) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		names := make(map[string]bool)
		for _, v := range packageVars(p) {
			names[v.name.Name] = true
			if why := bornMutable(v); why != "" {
				found = append(found, m.at(v.name, "package variable %s %s", v.name.Name, why))
			}
		}
		for _, f := range p.Files {
			found = append(found, m.writes(f, names)...)
		}
	}
	return found
}

// A packageVar is one variable outside functions.
type packageVar struct {
	name  *ast.Ident
	value ast.Expr // nil if it has none
	embed bool     // filled by a go:embed directive
}

func packageVars(p *Package) []packageVar {
	var vars []packageVar
	for _, f := range p.Files {
		for _, d := range f.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, s := range decl.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					v := packageVar{name: name, embed: embeds(decl.Doc) || embeds(spec.Doc)}
					if len(spec.Values) > 0 {
						v.value = spec.Values[min(i, len(spec.Values)-1)]
					}
					if name.Name != "_" {
						vars = append(vars, v)
					}
				}
			}
		}
	}
	return vars
}

func embeds(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// bornMutable says why the declaration of v promises that somebody writes it.
func bornMutable(v packageVar) string {
	if v.embed {
		return ""
	}
	if v.value == nil {
		return "has no value, so something must set it later"
	}
	value := v.value
	if amp, ok := value.(*ast.UnaryExpr); ok {
		value = amp.X
	}
	switch x := value.(type) {
	case *ast.CallExpr:
		if fn, ok := x.Fun.(*ast.Ident); ok && (fn.Name == "make" || fn.Name == "new") {
			return "is made empty, so something must fill it later"
		}
	case *ast.CompositeLit:
		if sel, ok := x.Type.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && (pkg.Name == "sync" || pkg.Name == "atomic") {
				return "is shared state"
			}
		}
	}
	return ""
}

// writes finds assignments in f to vars and to variables of imported packages.
func (m *Module) writes(f *ast.File, vars map[string]bool) []Finding {
	imported := importNames(f)
	var found []Finding
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		own := declaredIn(fn)
		for _, target := range assigned(fn.Body) {
			root := rootOf(target)
			if root == nil || own[root.Name] {
				continue
			}
			if vars[root.Name] {
				found = append(found, m.at(root, "package variable %s is written; keep it in a struct", root.Name))
			} else if imported[root.Name] && root != target {
				found = append(found, m.at(root, "a variable of package %s is written", root.Name))
			}
		}
	}
	return found
}

// assigned returns the left sides of all assignments below n.
func assigned(n ast.Node) []ast.Expr {
	var out []ast.Expr
	ast.Inspect(n, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				out = append(out, s.Lhs...)
			}
		case *ast.IncDecStmt:
			out = append(out, s.X)
		case *ast.RangeStmt:
			if s.Tok == token.ASSIGN {
				out = append(out, s.Key, s.Value)
			}
		}
		return true
	})
	return out
}

// rootOf returns the variable at the start of an expression such as v.f[i].
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// declaredIn returns the names that fn declares anywhere: a name that is both
// local and a package variable counts as local.
func declaredIn(fn *ast.FuncDecl) map[string]bool {
	names := make(map[string]bool)
	add := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok {
			names[id.Name] = true
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.Field:
			for _, id := range s.Names {
				add(id)
			}
		case *ast.ValueSpec:
			for _, id := range s.Names {
				add(id)
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				for _, e := range s.Lhs {
					add(e)
				}
			}
		case *ast.RangeStmt:
			if s.Tok == token.DEFINE {
				add(s.Key)
				add(s.Value)
			}
		}
		return true
	})
	return names
}

// importNames returns the names under which f knows the packages it imports.
func importNames(f *ast.File) map[string]bool {
	names := make(map[string]bool)
	for spec, path := range imports([]*ast.File{f}) {
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = true
	}
	return names
}
