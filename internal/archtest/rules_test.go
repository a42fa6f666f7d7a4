package archtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/archtest"
)

// A ruleCase is a module and what a rule finds in it.
type ruleCase struct {
	name  string
	files map[string]string
	want  []string
}

func runRule(t *testing.T, cases []ruleCase, rule func(*archtest.Module) []archtest.Finding) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := archtest.Parse("example.com/game", c.files)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range rule(m) {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportsPointDown(t *testing.T) {
	ranks := []archtest.Rank{
		{Level: 2, Packages: []string{"cmd/*"}, Why: "programs"},
		{Level: 1, Packages: []string{"party", "match"}, Why: "features"},
		{Level: 0, Packages: []string{"internal/..."}, Why: "leaves"},
	}
	runRule(t, []ruleCase{
		{
			name: "down is fine",
			files: map[string]string{
				"cmd/game/main.go":       "package main\nimport _ \"example.com/game/party\"",
				"party/party.go":         "package party\nimport _ \"example.com/game/internal/text/utf\"",
				"internal/text/utf/u.go": "package utf\nimport _ \"strings\"",
			},
		},
		{
			name: "up is found",
			files: map[string]string{
				"internal/text/u.go": "package text\nimport _ \"example.com/game/party\"",
			},
			want: []string{"internal/text/u.go:2: internal/text (rank 0: leaves) imports party (rank 1)"},
		},
		{
			name:  "the same rank is found",
			files: map[string]string{"party/p.go": "package party\n\nimport \"example.com/game/match\""},
			want:  []string{"party/p.go:3: party (rank 1: features) imports match (rank 1)"},
		},
		{
			name:  "a package without a rank is found",
			files: map[string]string{"util/u.go": "package util"},
			want:  []string{"util: has no rank; add it to Ranks in internal/archtest/ranks.go"},
		},
		{
			name: "tests may import upwards",
			files: map[string]string{
				"party/p.go":      "package party",
				"party/p_test.go": "package party_test\nimport _ \"example.com/game/match\"",
			},
		},
	}, func(m *archtest.Module) []archtest.Finding { return archtest.ImportsPointDown(m, ranks) })
}

func TestLibrariesAreGranted(t *testing.T) {
	libs := []archtest.Library{
		{Path: "example.org/socket", In: []string{"net/..."}, Why: "frames"},
		{Path: "example.org/cmp", Why: "differences"},
	}
	runRule(t, []ruleCase{
		{
			name: "a granted library and its parts are fine",
			files: map[string]string{
				"net/ws/a.go": "package ws\nimport (\n_ \"example.org/socket\"\n_ \"example.org/socket/frame\"\n)",
			},
		},
		{
			name:  "a library that is not on the list is found",
			files: map[string]string{"net/ws/a.go": "package ws\nimport _ \"example.org/socketplus\""},
			want:  []string{"net/ws/a.go:2: library example.org/socketplus is not on the list in internal/archtest/libraries.go"},
		},
		{
			name:  "a library of others is found",
			files: map[string]string{"party/a.go": "package party\nimport _ \"example.org/socket\""},
			want:  []string{"party/a.go:2: party may not import example.org/socket; it is there for frames"},
		},
		{
			name: "a test may use the whole list and nothing else",
			files: map[string]string{
				"party/a_test.go": "package party_test\nimport (\n_ \"example.org/cmp\"\n_ \"example.org/assert\"\n)",
			},
			want: []string{"party/a_test.go:4: library example.org/assert is not on the list in internal/archtest/libraries.go"},
		},
		{
			name:  "the standard library and the module are not libraries",
			files: map[string]string{"party/a.go": "package party\nimport (\n_ \"go/ast\"\n_ \"example.com/game/net\"\n)"},
		},
	}, func(m *archtest.Module) []archtest.Finding { return archtest.LibrariesAreGranted(m, libs) })
}

func TestTestingStaysInTests(t *testing.T) {
	ranks := []archtest.Rank{
		{Level: archtest.SuiteRank, Packages: []string{"storetest"}},
		{Level: 0, Packages: []string{"store"}},
	}
	runRule(t, []ruleCase{
		{
			name:  "code that ships is found",
			files: map[string]string{"store/s.go": "package store\nimport (\n_ \"testing\"\n_ \"testing/synctest\"\n)"},
			want: []string{
				"store/s.go:3: only tests and packages of rank 10 import testing",
				"store/s.go:4: only tests and packages of rank 10 import testing/synctest",
			},
		},
		{
			name:  "tests are fine",
			files: map[string]string{"store/s_test.go": "package store_test\nimport _ \"testing\""},
		},
		{
			name:  "suites are fine",
			files: map[string]string{"storetest/s.go": "package storetest\nimport _ \"testing\""},
		},
	}, func(m *archtest.Module) []archtest.Finding { return archtest.TestingStaysInTests(m, ranks) })
}

func TestNoInit(t *testing.T) {
	runRule(t, []ruleCase{
		{
			name:  "in code that ships",
			files: map[string]string{"party/p.go": "package party\nfunc init() {}"},
			want:  []string{"party/p.go:2: init runs before anyone chose it; let main pass what is needed"},
		},
		{
			name:  "in tests",
			files: map[string]string{"party/p_test.go": "package party\nfunc init() {}"},
			want:  []string{"party/p_test.go:2: init runs before anyone chose it; let main pass what is needed"},
		},
		{
			name:  "a method of that name is fine",
			files: map[string]string{"party/p.go": "package party\ntype p int\nfunc (p) init() {}"},
		},
	}, archtest.NoInit)
}

func TestVariablesAreConstant(t *testing.T) {
	one := func(body string) map[string]string { return map[string]string{"p/p.go": "package p\n" + body} }
	runRule(t, []ruleCase{
		{name: "error sentinels", files: one(`var ErrFull = errors.New("full")`)},
		{name: "tables", files: one(`var names = map[int]string{1: "one"}`)},
		{name: "compiled expressions", files: one(`var re = regexp.MustCompile("a+")`)},
		{name: "values computed once", files: one(`var key = sync.OnceValue(load)`)},
		{name: "interface guards", files: one(`var _ io.Reader = (*file)(nil)`)},
		{name: "embedded files", files: one("//go:embed *.sql\nvar migrations embed.FS")},
		{
			name:  "a variable without a value",
			files: one(`var count int`),
			want:  []string{"p/p.go:2: package variable count has no value, so something must set it later"},
		},
		{
			name:  "an empty map",
			files: one(`var seen = make(map[string]bool)`),
			want:  []string{"p/p.go:2: package variable seen is made empty, so something must fill it later"},
		},
		{
			name:  "a lock or a pool",
			files: one(`var pool = &sync.Pool{New: newBuffer}`),
			want:  []string{"p/p.go:2: package variable pool is shared state"},
		},
		{
			name:  "an assignment",
			files: one("var debug = false\nfunc Debug() { debug = true }"),
			want:  []string{"p/p.go:3: package variable debug is written; keep it in a struct"},
		},
		{
			name: "an assignment in another file",
			files: map[string]string{
				"p/a.go": "package p\nvar hits = 0",
				"p/b.go": "package p\nfunc hit() { hits++ }",
			},
			want: []string{"p/b.go:2: package variable hits is written; keep it in a struct"},
		},
		{
			name:  "an assignment to a part",
			files: one("var table = map[string]t{}\nfunc f() { (*table[`a`].p).q = 1 }"),
			want:  []string{"p/p.go:3: package variable table is written; keep it in a struct"},
		},
		{
			name:  "a range that assigns",
			files: one("var last = 0\nfunc f() { for _, last = range xs {} }"),
			want:  []string{"p/p.go:3: package variable last is written; keep it in a struct"},
		},
		{
			name:  "a variable of another package",
			files: one("import \"net/http\"\nfunc f() { http.DefaultClient.Timeout = 0 }"),
			want:  []string{"p/p.go:3: a variable of package http is written"},
		},
		{
			name:  "local names hide package names",
			files: one("var n, m, k = 1, 2, 3\nfunc f(n int) { m := 0; n++; m++; for k := range 3 { k++ } }"),
		},
	}, archtest.VariablesAreConstant)
}

func TestExportedIsDocumented(t *testing.T) {
	runRule(t, []ruleCase{
		{
			name: "everything without a comment is found",
			files: map[string]string{"p/p.go": `package p
const A = 1
var B = 2
func C() {}
type D struct{}
func (*D) E() {}
type F[K, V any] interface{ G(); h() }
func (D) i() {}
type j struct{}
func (j) K() {}
type L[T, U any] struct{}
func (L[T, U]) M() {}
`},
			want: []string{
				"p/p.go:2: exported A has no comment",
				"p/p.go:3: exported B has no comment",
				"p/p.go:4: exported C has no comment",
				"p/p.go:5: exported D has no comment",
				"p/p.go:6: exported D.E has no comment",
				"p/p.go:7: exported F has no comment",
				"p/p.go:7: exported F.G has no comment",
				"p/p.go:11: exported L has no comment",
				"p/p.go:12: exported L.M has no comment",
			},
		},
		{
			name: "a comment above a group serves its values but not its types",
			files: map[string]string{"p/p.go": `package p
// Colours.
const (
	Red  = 1
	Blue = 2
)
// Shapes.
type (
	// Round has no corners.
	Round int
	Square int // has four
	Odd int
)
`},
			want: []string{"p/p.go:12: exported Odd has no comment"},
		},
		{
			name:  "a directive is no comment",
			files: map[string]string{"p/p.go": "package p\n//go:noinline\nfunc F() {}"},
			want:  []string{"p/p.go:3: exported F has no comment"},
		},
		{
			name: "internal packages, programs and tests are not public",
			files: map[string]string{
				"internal/p/p.go": "package p\nfunc F() {}",
				"cmd/x/main.go":   "package main\nfunc F() {}",
				"p/p_test.go":     "package p_test\nfunc F() {}",
			},
		},
	}, archtest.ExportedIsDocumented)
}

func TestPackagesAreDocumented(t *testing.T) {
	runRule(t, []ruleCase{
		{
			name: "packages and programs with a comment are fine",
			files: map[string]string{
				"p/doc.go":          "// Package p does things.\npackage p",
				"p/p.go":            "package p",
				"cmd/serve/main.go": "// Command serve serves.\npackage main",
			},
		},
		{
			name:  "a missing comment is found, in internal packages too",
			files: map[string]string{"internal/p/p.go": "package p"},
			want:  []string{"internal/p: has no package comment"},
		},
		{
			name:  "another first sentence is found",
			files: map[string]string{"p/p.go": "// The p package.\npackage p", "cmd/x/x.go": "// Package main runs x.\npackage main"},
			want:  []string{`cmd/x: package comment does not start with "Command x "`, `p: package comment does not start with "Package p "`},
		},
		{
			name:  "a second comment is found",
			files: map[string]string{"p/a.go": "// Package p is a.\npackage p", "p/b.go": "// Package p is b.\npackage p"},
			want:  []string{"p: has 2 package comments; go doc would print them all"},
		},
		{
			name:  "a directory with tests only needs none",
			files: map[string]string{"p/p_test.go": "package p_test"},
		},
	}, archtest.PackagesAreDocumented)
}
