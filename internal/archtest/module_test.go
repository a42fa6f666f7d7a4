package archtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/archtest"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadReadsWhatTheGoToolSees(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"go.mod":              "module example.com/game\n\ngo 1.26\n",
		"root.go":             "package game",
		"party/party.go":      "package party",
		"party/plan9.go":      "//go:build plan9\n\npackage party",
		"party/gen.go":        "//go:build ignore\n\npackage main",
		"party/party_test.go": "package party_test",
		"tools/go.mod":        "module example.com/game/tools\n\ngo 1.26\n",
		"tools/t.go":          "package tools",
	})
	m, err := archtest.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Path, "example.com/game"; got != want {
		t.Errorf("Path = %q, want %q", got, want)
	}
	got := make(map[string][2]int)
	for _, p := range m.Packages {
		got[p.Path+" "+p.Name] = [2]int{len(p.Files), len(p.Tests)}
	}
	want := map[string][2]int{". game": {1, 0}, "party party": {2, 1}} // without gen.go and the nested module
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages and their files (-want +got):\n%s", diff)
	}
}

func TestLoadNamesTheFileItCannotParse(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"go.mod":     "module example.com/game\n\ngo 1.26\n",
		"party/p.go": "package party\n\nfunc {",
	})
	_, err := archtest.Load(dir)
	if err == nil || !strings.Contains(err.Error(), "party/p.go") {
		t.Errorf("Load = %v, want an error about party/p.go", err)
	}
}

func TestLoadOutsideAModuleFails(t *testing.T) {
	t.Setenv("GOFLAGS", "")
	if _, err := archtest.Load(t.TempDir()); err == nil {
		t.Error("Load of an empty directory succeeded")
	}
}

func TestPublicMeansImportableFromOutside(t *testing.T) {
	for _, c := range []struct {
		path, name string
		want       bool
	}{
		{"party", "party", true},
		{"pragma/store", "store", true},
		{"internal/wire", "wire", false},
		{"examples/skirmish/internal/bots", "bots", false},
		{"internals", "internals", true},
		{"cmd/pragma", "main", false},
	} {
		p := archtest.Package{Path: c.path, Name: c.name}
		if got := p.Public(); got != c.want {
			t.Errorf("Public() of %s = %t, want %t", c.path, got, c.want)
		}
	}
}
