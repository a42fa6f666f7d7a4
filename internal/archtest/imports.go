package archtest

import (
	"go/ast"
	"iter"
	"strconv"
	"strings"
)

// ImportsPointDown finds packages without a rank and imports within the module
// that do not point to a lower one. Tests may import what they like.
func ImportsPointDown(m *Module, ranks []Rank) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		if len(p.Files) == 0 {
			continue
		}
		from, ok := RankOf(ranks, p.Path)
		if !ok {
			found = append(found, p.finding("has no rank; add it to Ranks in internal/archtest/ranks.go"))
			continue
		}
		for spec, path := range imports(p.Files) {
			target, local := m.local(path)
			if !local {
				continue
			}
			if to, ok := RankOf(ranks, target); ok && to.Level >= from.Level {
				found = append(found, m.at(spec, "%s (rank %d: %s) imports %s (rank %d)", p.Path, from.Level, from.Why, target, to.Level))
			}
		}
	}
	return found
}

// LibrariesAreGranted finds imports of libraries which are not on the list, or
// not for this package.
func LibrariesAreGranted(m *Module, libs []Library) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		for spec, path := range m.foreign(p.Files) {
			l, ok := libraryOf(libs, path)
			switch {
			case !ok:
				found = append(found, m.at(spec, "library %s is not on the list in internal/archtest/libraries.go", path))
			case !matchesAny(l.In, p.Path):
				found = append(found, m.at(spec, "%s may not import %s; it is there for %s", p.Path, path, l.Why))
			}
		}
		for spec, path := range m.foreign(p.Tests) {
			if _, ok := libraryOf(libs, path); !ok {
				found = append(found, m.at(spec, "library %s is not on the list in internal/archtest/libraries.go", path))
			}
		}
	}
	return found
}

// TestingStaysInTests finds imports of package testing, and of what lies below
// it, in code that ships. Suites may have it.
func TestingStaysInTests(m *Module, ranks []Rank) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		if isSuite(ranks, p.Path) {
			continue
		}
		for spec, path := range imports(p.Files) {
			if path == "testing" || strings.HasPrefix(path, "testing/") {
				found = append(found, m.at(spec, "only tests and packages of rank %d import %s", SuiteRank, path))
			}
		}
	}
	return found
}

// imports yields the import declarations of files and the paths they name.
func imports(files []*ast.File) iter.Seq2[*ast.ImportSpec, string] {
	return func(yield func(*ast.ImportSpec, string) bool) {
		for _, f := range files {
			for _, spec := range f.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					continue // the parser has refused it already
				}
				if !yield(spec, path) {
					return
				}
			}
		}
	}
}

// foreign yields the imports from outside both the module and the standard library.
func (m *Module) foreign(files []*ast.File) iter.Seq2[*ast.ImportSpec, string] {
	return func(yield func(*ast.ImportSpec, string) bool) {
		for spec, path := range imports(files) {
			if _, local := m.local(path); local || !thirdParty(path) {
				continue
			}
			if !yield(spec, path) {
				return
			}
		}
	}
}
