package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// Sizes are the figures of a module that a review talks about.
type Sizes struct {
	FileP90    int // lines; nine of ten production files are no longer
	FuncP95    int // lines; nineteen of twenty production functions are no longer
	Documented int // exported identifiers with a comment, in percent
	Packages   int // packages with a package comment, in percent
	Inits      int
	Production int // lines
	Tests      int // lines

	NoExample []string // public packages without an Example function
	FewTests  []string // packages with fewer lines of tests than of production
	LongFiles []Length // the longest, longest first
	LongFuncs []Length
}

// A Length is a file or a function and how many lines it has.
type Length struct {
	Name  string
	Lines int
}

// Measure returns the sizes of m.
func Measure(m *Module) Sizes {
	var s Sizes
	var files, funcs []Length
	var packages, withDoc, names, documented int
	for _, p := range m.Packages {
		s.countLines(m, p)
		s.Inits += len(inits(p))
		if len(p.Files) == 0 {
			continue
		}
		packages++
		withDoc += min(1, len(packageDocs(p)))
		for _, e := range exported(p) {
			names++
			if e.documented {
				documented++
			}
		}
		if p.Public() && !hasExample(p) {
			s.NoExample = append(s.NoExample, p.Path)
		}
		for _, f := range p.Files {
			files = append(files, m.length(f))
			funcs = append(funcs, m.functions(p, f)...)
		}
	}
	s.FileP90, s.LongFiles = summary(files, 90)
	s.FuncP95, s.LongFuncs = summary(funcs, 95)
	s.Documented = percent(documented, names)
	s.Packages = percent(withDoc, packages)
	return s
}

func (s *Sizes) countLines(m *Module, p *Package) {
	production, tests := 0, 0
	for _, f := range p.Files {
		production += m.length(f).Lines
	}
	for _, f := range p.Tests {
		tests += m.length(f).Lines
	}
	if isSuite(Ranks(), p.Path) { // a suite is a test that ships
		production, tests = 0, production+tests
	}
	s.Production += production
	s.Tests += tests
	if tests < production {
		s.FewTests = append(s.FewTests, fmt.Sprintf("%s (%d/%d)", p.Path, tests, production))
	}
}

func (m *Module) length(f *ast.File) Length {
	file := m.fset.File(f.FileStart)
	return Length{Name: file.Name(), Lines: file.LineCount()}
}

func (m *Module) functions(p *Package, f *ast.File) []Length {
	var out []Length
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			lines := m.fset.Position(fn.End()).Line - m.fset.Position(fn.Pos()).Line + 1
			name := fn.Name.Name
			if fn.Recv != nil {
				name = receiver(fn.Recv.List[0].Type) + "." + name
			}
			out = append(out, Length{Name: p.Path + ": " + name, Lines: lines})
		}
	}
	return out
}

func hasExample(p *Package) bool {
	for _, f := range p.Tests {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example") {
				return true
			}
		}
	}
	return false
}

// summary returns the percentile by nearest rank and the five longest.
func summary(all []Length, percentile int) (int, []Length) {
	if len(all) == 0 {
		return 0, nil
	}
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b Length) int { return cmp.Compare(b.Lines, a.Lines) })
	above := len(sorted) * (100 - percentile) / 100
	return sorted[above].Lines, sorted[:min(5, len(sorted))]
}

func percent(part, whole int) int {
	if whole == 0 {
		return 100
	}
	return 100 * part / whole
}

// String returns the report that make sizes prints.
func (s Sizes) String() string {
	var b strings.Builder
	line := func(name, aim, format string, args ...any) {
		fmt.Fprintf(&b, "%-32s %-8s %s\n", name, aim, fmt.Sprintf(format, args...))
	}
	line("", "aim", "now")
	line("file p90, lines", "<= 400", "%d", s.FileP90)
	line("function p95, lines", "<= 40", "%d", s.FuncP95)
	line("exported documented", "100 %", "%d %%", s.Documented)
	line("packages with doc", "100 %", "%d %%", s.Packages)
	line("init functions", "0", "%d", s.Inits)
	line("test / production lines", ">= 1", "%.2f (%d / %d)", float64(s.Tests)/float64(max(1, s.Production)), s.Tests, s.Production)
	line("public packages without example", "none", "%s", list(s.NoExample))
	line("fewer test than production lines", "", "%s", list(s.FewTests))
	for _, l := range s.LongFiles {
		line("long file", "", "%4d %s", l.Lines, l.Name)
	}
	for _, l := range s.LongFuncs {
		line("long function", "", "%4d %s", l.Lines, l.Name)
	}
	return b.String()
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
