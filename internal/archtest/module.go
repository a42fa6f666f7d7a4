package archtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Module is the parsed source of a Go module.
type Module struct {
	Path     string // as in go.mod
	Packages []*Package

	fset *token.FileSet
}

// A Package is one directory of a module.
type Package struct {
	Path  string // below the module, such as "pragma/store"
	Name  string // as in the package clause
	Files []*ast.File
	Tests []*ast.File // files whose names end in _test.go
}

// Public reports whether code outside the module can import p.
func (p *Package) Public() bool {
	return p.Name != "main" && !slices.Contains(strings.Split(p.Path, "/"), "internal")
}

// A Finding is one place that breaks a rule.
type Finding struct {
	Pos  token.Position // below the module; a whole package has no line
	Text string
}

func (f Finding) String() string { return f.Pos.String() + ": " + f.Text }

func (m *Module) at(n ast.Node, format string, args ...any) Finding {
	pos := m.fset.Position(n.Pos())
	pos.Column, pos.Offset = 0, 0
	return Finding{Pos: pos, Text: fmt.Sprintf(format, args...)}
}

func (p *Package) finding(format string, args ...any) Finding {
	return Finding{Pos: token.Position{Filename: p.Path}, Text: fmt.Sprintf(format, args...)}
}

// local returns the path below the module of an import of one of its packages.
func (m *Module) local(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, m.Path+"/")
}

// Load parses the module whose root is dir. Files for other systems are part of
// it; modules nested in it are not.
func Load(dir string) (*Module, error) {
	name, err := goList(dir, "-m")
	if err != nil {
		return nil, err
	}
	out, err := goList(dir, "-find", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, err
	}
	m := &Module{Path: strings.TrimSpace(string(name)), fset: token.NewFileSet()}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return m, nil
		case err != nil:
			return nil, fmt.Errorf("decode go list output: %w", err)
		}
		if err := m.add(p); err != nil {
			return nil, err
		}
	}
}

// Parse returns a module of files in memory. The keys of files are their paths
// below the module.
func Parse(module string, files map[string]string) (*Module, error) {
	m := &Module{Path: module, fset: token.NewFileSet()}
	packages := make(map[string]*Package)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir := path.Dir(name)
		p, ok := packages[dir]
		if !ok {
			p = &Package{Path: dir}
			packages[dir] = p
			m.Packages = append(m.Packages, p)
		}
		if err := m.parse(p, name, []byte(files[name])); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Name, Dir                                        string
	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
}

func goList(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w: %s", strings.Join(args, " "), err, &stderr)
	}
	return out, nil
}

func (m *Module) add(l listed) error {
	rel, ok := m.local(l.ImportPath)
	if !ok {
		rel = "."
	}
	p := &Package{Path: rel, Name: l.Name}
	for _, name := range slices.Concat(l.GoFiles, l.CgoFiles, l.IgnoredGoFiles, l.TestGoFiles, l.XTestGoFiles) {
		src, err := os.ReadFile(filepath.Join(l.Dir, name))
		if err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		if err := m.parse(p, path.Join(rel, name), src); err != nil {
			return err
		}
	}
	m.Packages = append(m.Packages, p)
	return nil
}

// parse adds a file to p; name is its path below the module.
func (m *Module) parse(p *Package, name string, src []byte) error {
	f, err := parser.ParseFile(m.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse %s: %w", name, err)
	}
	if strings.HasSuffix(name, "_test.go") {
		p.Tests = append(p.Tests, f)
		return nil
	}
	p.Name = cmp.Or(p.Name, f.Name.Name)
	if f.Name.Name == p.Name { // else it is a program for go run beside the package
		p.Files = append(p.Files, f)
	}
	return nil
}
